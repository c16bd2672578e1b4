"""The CUDA kernels, run by Triton's interpreter on the CPU, against the plain form on the same uniform draws."""

from __future__ import annotations

import importlib.util
import json
import subprocess
import sys
from pathlib import Path

import pytest
import torch

ROOT = Path(__file__).parents[2]
OBJECTS = 37  # no multiple of a block

# A process of its own: the interpreter is chosen before Triton is imported. It has none of libdevice's functions, so
# SciPy's stand in for them.
PROGRAM = """
import json, warnings
import numpy as np, torch
from scipy import special
import triton.language as tl
from triton.language.extra import libdevice
from triton.runtime.interpreter import TensorHandle

warnings.simplefilter("ignore")  # numbers of the branches that are not taken
def stand_in(function):
    def call(x):
        return tl.tensor(TensorHandle(function(x.handle.data).astype(np.float32), x.handle.dtype), x.type)
    return call
for name, function in {"erf": special.erf, "erfc": special.erfc, "log1p": np.log1p, "expm1": np.expm1}.items():
    setattr(libdevice, name, stand_in(function))

from sbp.distributions import fast, fused
from sbp.distributions.accuracy import random_points

points = torch.tensor(random_points(450, 0)).float()
points = torch.cat([points, torch.tensor([[0.0, float(np.exp(-5.0)), -20.0, 0.0]])])  # a unit at initialisation
loc, scale, low, high = points.T.contiguous()
by_theta, by_kl = torch.rand(37, len(loc)), torch.rand(len(loc))
found = {}
for name, both in {"plain": fast.theta_and_kl, "fused": fused.noise}.items():
    mu, log_sigma = loc.clone().requires_grad_(), scale.log().requires_grad_()
    theta, kl = both(mu, log_sigma, low, high, 37, torch.Generator().manual_seed(3))
    theta_mu, theta_sigma = torch.autograd.grad((theta * by_theta).sum(), (mu, log_sigma), retain_graph=True)
    kl_mu, kl_sigma = torch.autograd.grad((kl * by_kl).sum(), (mu, log_sigma))
    parts = dict(theta=theta.detach(), kl=kl.detach(), theta_mu=theta_mu, theta_sigma=theta_sigma, kl_mu=kl_mu,
                 kl_sigma=kl_sigma)
    found[name] = {key: value.tolist() for key, value in parts.items()}
alone = fused.kl_and_gradient(loc, scale, low, high)  # the derivatives in mu and sigma, not log sigma
found["alone"] = dict(kl=alone[0].tolist(), kl_mu=(alone[1] * by_kl).tolist(),
                      kl_sigma=(alone[2] * scale * by_kl).tolist())
print(json.dumps({**found, "scale": scale.tolist()}))
"""


@pytest.fixture(scope="module")
def found() -> dict[str, dict[str, torch.Tensor]]:
    if importlib.util.find_spec("triton") is None:
        pytest.skip("needs triton, which is there for Linux on x86-64 alone")
    environment = {"PYTHONPATH": str(ROOT), "PATH": "/usr/bin:/bin", "TRITON_INTERPRET": "1", "HOME": "/tmp"}
    environment["SBP_NATIVE"] = "0"  # the compiled form has draws of its own
    done = subprocess.run([sys.executable, "-c", PROGRAM], env=environment, capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    values = json.loads(done.stdout)
    scale = torch.tensor(values.pop("scale"))
    return {name: {k: torch.tensor(v) for k, v in part.items()} | {"scale": scale} for name, part in values.items()}


@pytest.mark.parametrize("what", ["theta", "theta_mu", "theta_sigma", "kl_sigma"])
def test_the_kernels_equal_the_plain_form(found: dict[str, dict[str, torch.Tensor]], what: str) -> None:
    plain, fused = found["plain"][what], found["fused"][what]
    assert len(plain) in (OBJECTS, 451)
    torch.testing.assert_close(fused, plain, rtol=3e-4, atol=1e-6)


def test_the_kl_equals_the_plain_form_to_the_rounding_that_a_sum_does_not_feel(
    found: dict[str, dict[str, torch.Tensor]],
) -> None:
    torch.testing.assert_close(found["fused"]["kl"], found["plain"]["kl"], rtol=1e-5, atol=5e-6)


@pytest.mark.parametrize("what", ["kl", "kl_mu", "kl_sigma"])
def test_the_kl_alone_is_that_of_the_draw(found: dict[str, dict[str, torch.Tensor]], what: str) -> None:
    torch.testing.assert_close(found["alone"][what], found["fused"][what], rtol=1e-6, atol=0.0)


def test_the_kls_slope_in_mu_equals_the_plain_form_in_units_of_sigma(
    found: dict[str, dict[str, torch.Tensor]],
) -> None:
    """dKL/dmu sigma is of the order of 1 and rounds at 1e-7; where mu is well inside it is 0 but for that."""
    plain, fused = (found[name]["kl_mu"] * found[name]["scale"] for name in ("plain", "fused"))
    torch.testing.assert_close(fused, plain, rtol=1e-4, atol=2e-6)

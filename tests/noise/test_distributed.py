"""Two processes under DistributedDataParallel learn as one process with all their examples."""

from __future__ import annotations

from pathlib import Path

import torch
from safetensors.torch import load_file

from sbp import elbo_loss
from tests.machine.two_ranks import run_ranks
from tests.noise.small import joint, noisy
from tests.noise.two_processes import N_TRAIN, batch


def test_two_processes_agree_and_count_the_kl_once(tmp_path: Path) -> None:
    run_ranks("tests.noise.two_processes", str(tmp_path))
    first, second = (load_file(tmp_path / f"{rank}.safetensors") for rank in (0, 1))
    assert first.keys() == second.keys()
    for name in first.keys() - {"drawn"}:
        assert torch.equal(first[name], second[name]), name
    assert not torch.equal(first["drawn"], second["drawn"]), "each process draws its own theta"

    model, _ = noisy("residual")
    noise = joint(model)
    (x1, theta1), (x2, theta2) = batch(0, 0), batch(1, 0)
    with noise.using(theta=torch.cat([theta1, theta2]) * noise.loc.exp()):
        elbo_loss(model(torch.cat([x1, x2])).square().mean(), noise, N_TRAIN).backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None
        torch.testing.assert_close(first[f"grad.{name}"], parameter.grad, msg=name)
    by_kl = torch.autograd.grad(noise.kl() / N_TRAIN, noise.loc)[0]
    assert by_kl.abs().max() > 0.05 * first[f"grad.{name}"].abs().max(), "a KL counted twice or never would show"

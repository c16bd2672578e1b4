"""The noise of a training step on a CPU as compiled code: native.c, built once by the machine's own C compiler.

Built when it is first asked for, in a second, and kept in the user's cache folder under a name that tells of what
source, for what processor and by which flags it was made. No compiler, or SBP_NATIVE=0: `library` is None, and the
Python forms serve, slower and with the same distribution.
"""

from __future__ import annotations

import contextlib
import ctypes
import hashlib
import os
import platform
import shlex
import shutil
import subprocess
import tempfile
from functools import cache
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torch.autograd import Function
from torch.autograd.function import once_differentiable

from sbp.distributions import moments

SOURCE = Path(__file__).with_name("native.c")
FLAGS = ("-std=c11", "-O3", "-fno-math-errno", "-fno-trapping-math", "-shared", "-fPIC")
# Tried in turn: a compiler may not know the processor it runs on by the first name.
MACHINE = (("-march=native",), ("-mcpu=native",), ())
# Below this many numbers a call costs as much as what it saves, and nobody waits for either.
SMALLEST = 8192


@cache
def library() -> ctypes.CDLL | None:
    """The compiled functions, or None where they cannot be had."""
    compiler = os.environ.get("CC") or shutil.which("cc") or shutil.which("gcc") or shutil.which("clang")
    if os.environ.get("SBP_NATIVE") == "0" or not compiler:
        return None
    name = f"noise-{_key(compiler)}.so"
    with contextlib.suppress(OSError):  # a cache that cannot be used is no reason not to build
        folder = _cache_folder()
        if not (folder / name).exists() and not _build(compiler, folder / name):
            return None
        return ctypes.CDLL(str(folder / name))
    with contextlib.suppress(OSError), tempfile.TemporaryDirectory() as passing:
        if _build(compiler, Path(passing) / name):
            return ctypes.CDLL(str(Path(passing) / name))
    return None


def serves(loc: Tensor, examples: int) -> bool:
    """Whether a draw of this many examples, or for 0 the KL, is to be made by the compiled functions."""
    if loc.device.type != "cpu" or loc.dtype != torch.float32 or loc.dim() != 1:
        return False
    return loc.numel() * (examples or 24) >= SMALLEST and library() is not None


class Theta(Function):
    """theta [examples, units] from mu and sigma [units], as `fast.sample_theta`, with the derivatives made on the way.

    u: the uniforms to use, [examples, units]; without them they are drawn from `seed`.
    """

    @staticmethod
    def forward(
        ctx: Any, loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, examples: int, seed: int, u: Tensor | None
    ) -> Tensor:
        """loc, scale, low and high: contiguous float32 [units]."""
        theta = loc.new_empty(examples, len(loc))
        wanted = any(ctx.needs_input_grad)
        made = (torch.empty_like(theta), torch.empty_like(theta)) if wanted else (None, None)
        threads = torch.get_num_threads()
        _call("sbp_draw", examples, len(loc), loc, scale, low, high, seed, u, theta, *made, threads)
        ctx.save_for_backward(*made)
        return theta

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *grads: Tensor) -> tuple[Tensor | None, ...]:
        """Sums over the examples."""
        by_loc, by_scale = ctx.saved_tensors
        loc, scale = (by_loc.new_empty(by_loc.shape[1]) for _ in range(2))
        _call("sbp_sums", *by_loc.shape, grads[0].contiguous(), by_loc, by_scale, loc, scale)
        return loc, scale, None, None, None, None, None


def sample_theta(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor, examples: int, seed: int) -> Tensor:
    """Draws theta [examples, units] from loc, scale [units] and low, high, scalars or [units].

    The same for a seed, however many threads there are.
    """
    ends = (end.detach().expand_as(loc).contiguous() for end in (low, high))
    theta: Tensor = Theta.apply(loc.contiguous(), scale.contiguous(), *ends, examples, seed, None)
    return theta


def kl_and_gradient(loc: Tensor, scale: Tensor, low: Tensor, high: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """What `moments.kl_and_gradient` gives, each [units]."""
    loc, scale, low, high = (q.detach().expand_as(loc).contiguous() for q in (loc, scale, low, high))
    value, by_loc, by_scale = (torch.empty_like(loc) for _ in range(3))
    nodes, weights = moments.legendre(moments.NODES["float32"], torch, loc)
    reach = ctypes.c_float(moments.REACH["float32"])
    _call("sbp_kl", len(loc), loc, scale, low, high, len(nodes), nodes, weights, reach, value, by_loc, by_scale)
    return value, by_loc, by_scale


def _call(name: str, *arguments: Any) -> None:
    found = library()
    assert found is not None
    getattr(found, name)(*(_plain(argument) for argument in arguments))


def _plain(argument: Any) -> Any:
    """A tensor as the address of its numbers, a whole number as 64 bits, None as a null pointer."""
    if isinstance(argument, Tensor):
        return ctypes.c_void_p(argument.data_ptr())
    return ctypes.c_int64(argument) if isinstance(argument, int) else argument


def _build(compiler: str, target: Path) -> bool:
    """Compiles into a file beside the target and renames it, so that nobody loads half a library."""
    for machine in MACHINE:
        made = target.with_name(f".{os.getpid()}-{target.name}")
        try:
            command = [*shlex.split(compiler), *FLAGS, *machine, "-o", str(made), str(SOURCE), "-lm"]
            with contextlib.suppress(OSError, subprocess.CalledProcessError):
                subprocess.run(command, check=True, capture_output=True, timeout=60)
                os.replace(made, target)
                return True
        except (subprocess.TimeoutExpired, ValueError):  # one that hangs will hang again; CC with an open quote
            return False
    return False


def _cache_folder() -> Path:
    """The user's own, readable by nobody else; raises OSError where there is none."""
    base = os.environ.get("XDG_CACHE_HOME") or os.path.join(os.path.expanduser("~"), ".cache")
    folder = Path(base) / "sbp"
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    if folder.stat().st_uid != os.getuid():
        raise PermissionError(f"{folder} belongs to somebody else.")
    return folder


def _key(compiler: str) -> str:
    """Of source, compiler, flags and processor: a home folder may serve machines of several kinds."""
    facts = [SOURCE.read_text(), compiler, *FLAGS, platform.machine(), _processor()]
    return hashlib.sha256("\n".join(facts).encode()).hexdigest()[:16]


def _processor() -> str:
    with contextlib.suppress(OSError):
        lines = Path("/proc/cpuinfo").read_text().splitlines()
        return "\n".join(sorted({line for line in lines if line.startswith(("model name", "flags", "Features"))}))
    return platform.processor()

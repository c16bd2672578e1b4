"""Which device trains: asked for by name, believed after one tiny step. Torch is imported only when asked."""

from __future__ import annotations

import platform
import shutil
import subprocess
import warnings
from pathlib import Path

from sbp.spec import DEVICES

_AUTO_ORDER = ("cuda", "mps", "cpu")


class DeviceError(RuntimeError):
    """The device asked for is missing or does not compute; the message says what to choose instead."""


def resolve(device: str = "auto") -> str:
    """The device to train on: "cpu", "cuda" or "mps"; "auto" takes the first of cuda, mps, cpu that works.

    Before a device is believed it runs one tiny step: a matrix product, its gradient, a look at the numbers.
    Raises `DeviceError` when the device asked for is missing or fails that step. With "auto" a device that is
    there but fails is passed over with a warning.

    >>> resolve("cpu")
    'cpu'
    """
    if device not in DEVICES:
        raise DeviceError(f"Expected one of the devices {', '.join(DEVICES)}, got {device!r}.")
    if device != "auto":
        problem = why_missing(device) or why_broken(device)
        if problem:
            raise DeviceError(f"{device} was asked for, but {problem}. Choose auto or cpu.")
        return device
    for candidate in _AUTO_ORDER:
        if why_missing(candidate):
            continue
        problem = why_broken(candidate)
        if not problem:
            return candidate
        warnings.warn(f"{candidate} is passed over: {problem}.", RuntimeWarning, stacklevel=2)
    raise DeviceError("No device computes, not even the CPU: torch is broken here. Reinstall it.")


def is_surely_cpu(device: str) -> bool:
    """Whether `resolve` can only give the CPU, found out without torch: by name, or as the machine shows nothing else.

    >>> is_surely_cpu("cpu"), is_surely_cpu("cuda")
    (True, False)
    """
    apple = platform.system() == "Darwin" and platform.machine() == "arm64"
    signs = any(Path("/dev").glob("nvidia*")) or any(Path("/dev", name).exists() for name in ("kfd", "dxg"))
    return device == "cpu" or (device == "auto" and not (apple or signs or shutil.which("nvidia-smi")))


def why_missing(device: str) -> str:
    """Why there is no such device, or "" when torch sees one."""
    import torch

    if device == "cpu":
        return ""
    backend = torch.backends.cuda if device == "cuda" else torch.backends.mps
    if not backend.is_built():
        return f"torch {torch.__version__} is built without {device}"
    # With a driver that does not fit, is_available() warns and says no; the warning is the reason to give.
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        available = torch.cuda.is_available() if device == "cuda" else torch.backends.mps.is_available()
    if available:
        return ""
    reason = f": {seen[0].message}" if seen else ""
    return f"torch {torch.__version__} sees none on this machine{reason}"


def why_broken(device: str) -> str:
    """Why a device fails one tiny step, or "" when it computes rightly.

    The step: X = ones [8, 8], y = sum(X X), whose gradient is 16 everywhere.
    """
    import torch

    try:
        x = torch.ones(8, 8, device=device, requires_grad=True)
        (x @ x).sum().backward()
        gradient = torch.zeros(()) if x.grad is None else x.grad.cpu()
    except Exception as error:  # a broken driver may raise anything; whatever it is, the device is not usable
        first_line = str(error).strip().partition("\n")[0]
        return f"its first step failed ({type(error).__name__}: {first_line})"
    if not torch.equal(gradient, torch.full((8, 8), 16.0)):
        return "its first step came out wrong (the gradient of a known sum is not what it must be)"
    return ""


def describe(device: str) -> str:
    """The hardware's name for a report, as "NVIDIA H200" or "AMD EPYC 9R14, 2 threads"."""
    import torch

    if device == "cuda":
        return str(torch.cuda.get_device_name(torch.cuda.current_device()))
    if device == "mps":
        return f"{cpu_name()} GPU"
    threads = torch.get_num_threads()
    return f"{cpu_name()}, {threads} thread{'' if threads == 1 else 's'}"


def cpu_name() -> str:
    """The processor's name as the system gives it; its architecture where the system gives none."""
    if platform.system() == "Darwin":
        command = ["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]
        try:
            answer = subprocess.run(command, capture_output=True, text=True, timeout=5, check=True)
            name = answer.stdout.strip()
        except (OSError, subprocess.SubprocessError):
            name = ""
    else:
        name = _cpuinfo_name(Path("/proc/cpuinfo"))
    return name or platform.processor() or platform.machine() or "unknown processor"


def _cpuinfo_name(path: Path) -> str:
    """The first "model name" line of /proc/cpuinfo; ARM kernels write none."""
    try:
        lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    except OSError:
        return ""
    names = (line.partition(":")[2].strip() for line in lines if line.startswith("model name"))
    return next(names, "")

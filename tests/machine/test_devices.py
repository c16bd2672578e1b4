"""Devices: none is believed before it has computed, and a missing one is answered with a sentence."""

from __future__ import annotations

import subprocess
import warnings
from pathlib import Path
from types import SimpleNamespace

import pytest
import torch

from sbp.machine import devices
from sbp.machine.devices import DeviceError, describe, resolve


def with_devices(monkeypatch: pytest.MonkeyPatch, present: set[str], failing: set[str] = frozenset()) -> None:  # type: ignore[assignment]
    """A machine on which torch sees `present`, of which `failing` do not compute."""
    monkeypatch.setattr(devices, "why_missing", lambda device: "" if device in present else "torch sees none")
    monkeypatch.setattr(
        devices, "why_broken", lambda device: "its first step failed (no kernel)" if device in failing else ""
    )


@pytest.mark.parametrize(
    ("present", "failing", "expected"),
    [
        ({"cpu"}, set(), "cpu"),
        ({"cpu", "mps"}, set(), "mps"),
        ({"cpu", "cuda"}, set(), "cuda"),
        ({"cpu", "cuda", "mps"}, set(), "cuda"),
        ({"cpu", "cuda", "mps"}, {"cuda"}, "mps"),
        ({"cpu", "cuda"}, {"cuda"}, "cpu"),
    ],
)
def test_auto_takes_the_first_that_computes(
    monkeypatch: pytest.MonkeyPatch, present: set[str], failing: set[str], expected: str
) -> None:
    with_devices(monkeypatch, present, failing)
    with warnings.catch_warnings(record=True) as seen:
        warnings.simplefilter("always")
        assert resolve("auto") == expected
    assert [str(warning.message) for warning in seen] == [
        f"{device} is passed over: its first step failed (no kernel)." for device in sorted(failing)
    ]


def test_what_is_asked_for_by_name_is_taken_or_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with_devices(monkeypatch, {"cpu", "cuda", "mps"}, {"mps"})
    assert resolve("cpu") == "cpu"
    assert resolve("cuda") == "cuda"
    with pytest.raises(
        DeviceError, match=r"mps was asked for, but its first step failed \(no kernel\). Choose auto or cpu."
    ):
        resolve("mps")
    with_devices(monkeypatch, {"cpu"})
    with pytest.raises(DeviceError, match="cuda was asked for, but torch sees none. Choose auto or cpu."):
        resolve("cuda")


def test_an_unknown_device_is_answered_with_the_names() -> None:
    with pytest.raises(DeviceError, match="Expected one of the devices auto, cpu, cuda, mps, got 'tpu'"):
        resolve("tpu")


def test_a_machine_on_which_nothing_computes(monkeypatch: pytest.MonkeyPatch) -> None:
    with_devices(monkeypatch, {"cpu"}, {"cpu"})
    with (
        pytest.warns(RuntimeWarning, match="cpu is passed over"),
        pytest.raises(DeviceError, match="torch is broken here"),
    ):
        resolve("auto")


def test_the_cpu_computes_and_no_seed_is_touched() -> None:
    torch.manual_seed(0)
    state = torch.random.get_rng_state()
    assert resolve("cpu") == "cpu"
    assert devices.why_broken("cpu") == ""
    assert torch.equal(torch.random.get_rng_state(), state)


def test_a_device_that_raises_is_broken() -> None:
    reason = devices.why_broken("meta")  # tensors without storage: the step runs, the numbers cannot be looked at
    assert reason.startswith("its first step failed (NotImplementedError: ")
    assert "\n" not in reason


def test_a_device_that_computes_wrongly_is_broken(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.Tensor, "__matmul__", lambda x, y: x * y)
    assert (
        devices.why_broken("cpu")
        == "its first step came out wrong (the gradient of a known sum is not what it must be)"
    )


def test_missing_says_whether_torch_was_built_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    assert devices.why_missing("cpu") == ""
    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: False)
    assert devices.why_missing("cuda") == f"torch {torch.__version__} is built without cuda"


def test_missing_passes_the_drivers_own_reason_on(monkeypatch: pytest.MonkeyPatch) -> None:
    def unavailable() -> bool:
        warnings.warn("CUDA initialization: the driver is too old", UserWarning, stacklevel=2)
        return False

    monkeypatch.setattr(torch.backends.cuda, "is_built", lambda: True)
    monkeypatch.setattr(torch.cuda, "is_available", unavailable)
    assert devices.why_missing("cuda") == (
        f"torch {torch.__version__} sees none on this machine: CUDA initialization: the driver is too old"
    )
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    assert devices.why_missing("cuda") == ""


def test_the_cpu_is_described_with_its_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "cpu_name", lambda: "AMD EPYC 9R14")
    monkeypatch.setattr(torch, "get_num_threads", lambda: 2)
    assert describe("cpu") == "AMD EPYC 9R14, 2 threads"
    monkeypatch.setattr(torch, "get_num_threads", lambda: 1)
    assert describe("cpu") == "AMD EPYC 9R14, 1 thread"
    assert describe("mps") == "AMD EPYC 9R14 GPU"


def test_cuda_is_described_by_its_name(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "current_device", lambda: 0)
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda index: "NVIDIA H200")
    assert describe("cuda") == "NVIDIA H200"


@pytest.mark.skipif(not torch.cuda.is_available(), reason="Needs a CUDA GPU.")
def test_a_real_gpu_is_believed_and_named() -> None:
    assert resolve("cuda") == resolve("auto") == "cuda"
    assert describe("cuda")


def test_the_processors_name_is_read_from_the_system(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    info = tmp_path / "cpuinfo"
    info.write_text("processor\t: 0\nmodel name\t: AMD EPYC 9R14\n\nprocessor\t: 1\nmodel name\t: AMD EPYC 9R14\n")
    assert devices._cpuinfo_name(info) == "AMD EPYC 9R14"
    info.write_text("processor\t: 0\nBogoMIPS\t: 50.00\n")
    assert devices._cpuinfo_name(info) == ""
    assert devices._cpuinfo_name(tmp_path / "none") == ""
    assert devices.cpu_name()


def test_the_processors_name_on_a_mac(monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[list[str]] = []

    def sysctl(command: list[str], **kwargs: object) -> SimpleNamespace:
        asked.append(command)
        return SimpleNamespace(stdout="Apple M2 Pro\n")

    monkeypatch.setattr(devices.platform, "system", lambda: "Darwin")
    monkeypatch.setattr(subprocess, "run", sysctl)
    assert devices.cpu_name() == "Apple M2 Pro"
    assert asked == [["/usr/sbin/sysctl", "-n", "machdep.cpu.brand_string"]]

    def absent(command: list[str], **kwargs: object) -> SimpleNamespace:
        raise FileNotFoundError(command[0])

    monkeypatch.setattr(subprocess, "run", absent)
    monkeypatch.setattr(devices.platform, "processor", lambda: "")
    monkeypatch.setattr(devices.platform, "machine", lambda: "arm64")
    assert devices.cpu_name() == "arm64"

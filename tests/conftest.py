"""What all tests share: one thread, a folder of runs of their own, the real MNIST where it is."""

from __future__ import annotations

import os
from pathlib import Path

import hypothesis
import pytest

# Before torch is imported: the networks of the tests are too small to share between threads,
# and the same number of threads everywhere keeps the sums the same. Workers inherit it.
for variable in ("OMP_NUM_THREADS", "MKL_NUM_THREADS", "OPENBLAS_NUM_THREADS"):
    os.environ.setdefault(variable, "1")

# The same examples in every run: what fails here fails everywhere. Shared cores make deadlines meaningless.
hypothesis.settings.register_profile("sbp", deadline=None, derandomize=True, database=None)
hypothesis.settings.load_profile("sbp")


@pytest.fixture(autouse=True)
def runs_root(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder of runs of this test's own, which $SBP_RUNS names; no test writes into ./runs."""
    root = tmp_path / "runs"
    monkeypatch.setenv("SBP_RUNS", str(root))
    return root


@pytest.fixture(autouse=True)
def no_waiting_for_the_disk(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing here is to outlive a power cut; `tests/faults/test_power_cut.py` has a disk of its own for that."""
    monkeypatch.setattr(os, "fsync", lambda descriptor: None)


@pytest.fixture(scope="session")
def mnist_root() -> Path:
    """The folder that holds mnist/ with its four real files; the test is skipped where there is none."""
    from sbp.data.datasets import data_root, default_dataset

    root = data_root().resolve()
    if default_dataset(root)[0] != "mnist":
        pytest.skip(f"Needs the real MNIST in {root / 'mnist'}: set SBP_DATA to the folder that holds mnist/.")
    return root


@pytest.fixture(scope="session")
def cifar_root() -> Path:
    """The folder under which CIFAR-10 lies; the test is skipped where there is none."""
    from sbp.data.cifar import FOLDER, here
    from sbp.data.datasets import data_root

    root = data_root().resolve()
    if not here(root):
        pytest.skip(f"Needs CIFAR-10 in {root / FOLDER}: set SBP_DATA to the folder that holds {FOLDER}/.")
    return root

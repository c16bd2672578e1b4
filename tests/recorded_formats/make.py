"""Writes the files of format-1 afresh: `python -m tests.recorded_formats.make FOLDER`.

They are kept as they were written once. A later format gets a folder beside it; this one stays.
"""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import torch
from torch import nn

import sbp
from sbp.compaction.weights import network_of
from sbp.evaluation.latency import measure, variants
from sbp.export.files import export_run
from sbp.runs import noise_file, store
from sbp.runs.filenames import LOCK, RECORDS
from sbp.runs.speed import write_speed
from sbp.runs.states import State
from sbp.runs.view import RunView
from sbp.spec import RunConfig
from sbp.worker.worker import Worker

# A LeNet-5-Caffe has no unit for each pixel, and so a row of its noise has a few hundred bytes.
CONFIG = RunConfig.flat(
    network="lenet-5-caffe",
    dataset="digits",
    widths=(3, 4, 8),
    device="cpu",
    threads=1,
    epochs=8,
    batch_size=50,
    train_size=400,
    validation_size=50,
    lr=0.01,
    noise_lr=0.2,
)


def make(root: Path) -> None:
    """A run that has finished, one that was stopped, a tracked one, a file of noise and a compact network."""
    work = root / ".made"
    finished = _trained(work, CONFIG, "finished", stop=False)
    _trained(work, CONFIG, "stopped", stop=True)
    networks = variants(network_of(finished.config, finished.model_path))
    write_speed(finished, measure(networks, threads=1, batches=(1,), rounds=3).to_dict())
    for name in ("finished", "stopped"):
        shutil.copytree(work / name, root / name, ignore=shutil.ignore_patterns(LOCK))
    (root / "noise.safetensors").write_bytes(noise_file.of_run(finished))
    path = export_run(finished, work)
    shutil.copy(path, root / "compact.safetensors")
    model = own_network()
    noise = sbp.attach(model, torch.zeros(2, 6))
    optimiser = torch.optim.Adam(sbp.parameter_groups(model, lr=1e-3, noise_lr=0.1))
    with sbp.track(model, root / "tracked", torch.zeros(2, 6), optimiser, n_train=64, epochs=2) as run:
        for _ in range(2):
            noise.loc.data -= 0.5
            run.log(nll=1.25, train_error_percent=10.0)
    (root / "tracked" / LOCK).unlink()
    shutil.rmtree(work)


def own_network() -> nn.Module:
    """The network of the tracked run."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(6, 5), nn.ReLU(), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 2))


def _trained(root: Path, config: RunConfig, name: str, stop: bool) -> RunView:
    """A run that has finished, or was stopped after its first epoch."""
    with store.create(config, root) as folder:
        worker, recorded = Worker(folder), folder.path / RECORDS
        worker.stop_asked = lambda: stop and worker.state is State.RUNNING and recorded.exists()  # type: ignore[method-assign]
        worker.run()
    return RunView(folder.path.rename(root / name))


if __name__ == "__main__":
    make(Path(sys.argv[1]))

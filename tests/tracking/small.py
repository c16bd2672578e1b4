"""A small network with noise on scikit-learn's digits, and two epochs of a loop that is nobody's."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import torch
from sklearn.datasets import load_digits
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

import sbp
from sbp.noise.install import joint_noise_of
from sbp.runs import store
from sbp.runs.view import RunView

N, BATCH, EPOCHS = 512, 64, 2
STEPS = N // BATCH
# 8 filters of 3 x 3 at 6 x 6 places, then 8 x 36 inputs of 16 neurons, then 10 classes.
DENSE = 9 * 36 * 8 + 8 * 36 * 16 + 16 * 10


def digits(n: int = N) -> tuple[Tensor, Tensor]:
    """Images [n, 1, 8, 8] in [0, 1] and labels [n]."""
    found = load_digits()
    return torch.tensor(found.images[:n, None] / 16, dtype=torch.float32), torch.tensor(found.target[:n])


def network() -> nn.Module:
    """A convolution and two dense layers, with noise."""
    torch.manual_seed(0)
    model = nn.Sequential(
        nn.Conv2d(1, 8, 3), nn.ReLU(), nn.Flatten(), nn.Linear(8 * 36, 16), nn.ReLU(), nn.Linear(16, 10)
    )
    sbp.attach(model, digits(2)[0])
    return model


def adam(model: nn.Module, noise_lr: float = 0.4) -> torch.optim.Optimizer:
    return torch.optim.Adam(sbp.parameter_groups(model, lr=1e-3, noise_lr=noise_lr))


def batches(n: int = N) -> Iterator[tuple[Tensor, Tensor]]:
    images, labels = digits(n)
    yield from zip(images.split(BATCH), labels.split(BATCH), strict=True)


def loss_of(model: nn.Module, x: Tensor, y: Tensor) -> tuple[Tensor, Tensor]:
    """The negative bound and the NLL of a batch."""
    nll = cross_entropy(model(x).float(), y)
    return sbp.elbo_loss(nll, joint_noise_of(model), n_train=N), nll.detach()


def read_back(folder: Path, epochs: int = EPOCHS, steps: int = STEPS) -> RunView:
    """The run of `network` in this folder, having checked all that every such run has."""
    view = RunView(folder)
    assert (view.problem, view.state.value) == ("", "finished")
    records, snapshots = view.records(), view.snapshots()
    assert [record.epoch for record in records] == list(range(1, epochs + 1))
    assert [record.step for record in records] == [steps * epoch for epoch in range(1, epochs + 1)]
    assert snapshots.epochs.tolist() == list(range(epochs + 1))
    assert [(group.kind, group.units) for group in view.layers] == [("channel", 8), ("neuron", 16)]
    assert view.description.dense_macs() == DENSE
    last = records[-1]
    assert last.macs == view.description.macs(last.kept) <= DENSE
    assert (last.lr, last.noise_lr) == (1e-3, 0.4)
    for group in view.layers:  # gradients reached the noise
        loc = snapshots.loc[group.name]
        assert np.abs(loc[-1] - loc[0]).min() > 0.01, group.name
    assert store.open_run(view.id, folder.parent).id == view.id
    return view

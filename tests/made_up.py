"""Runs that never trained: folders written by the store's own writer with made-up numbers, for tests of readers.

Every unit starts at mu = 0, log sigma = -5. Those to be pruned drift to log sigma near 3 from an epoch of their own
on; the others settle near an SNR between 2 and 10.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sbp.distributions import moments
from sbp.runs import store
from sbp.runs.states import State
from sbp.spec import RunConfig
from sbp.spec.layout import Group
from sbp.spec.networks import SPECS, description_of
from sbp.spec.ranges import Phase
from sbp.spec.records import Progress, Record, Snapshot, StepRecord, StepSnapshot

KEPT_SHARE = {"input": 0.31, "conv1": 0.25, "conv2": 0.3, "features": 0.2, "dense1": 0.35, "dense2": 0.2}
OTHER_SHARE = 0.3


def config(**changes: Any) -> RunConfig:
    """A small run: LeNet-500-300 on digits, 12 epochs."""
    colour = SPECS[str(changes.get("network", "lenet-500-300"))].image[0] == 3
    reads = {"network": changes["network"], "dataset": "cifar-10"} if colour else {}
    return RunConfig.flat(**{"dataset": "digits", "epochs": 12, "preset": "quick", **reads}).replace(**changes)


def write_run(
    root: Path,
    state: State | str = State.FINISHED,
    epochs_done: int | None = None,
    hold: bool = False,
    message: str = "",
    log: str = "",
    early: bool = False,
    **changes: Any,
) -> Any:
    """Writes a run's folder as a worker would have, in this state; returns its view, or with `hold` its writer.

    The writer holds the lock, as a living worker does; without it an active state shows as lost. A method without
    noise writes no snapshots, and fine-tuning none after the last of the main phase. early: whether steps 3, 6 and 9
    of its 12 an epoch have snapshots too, in the first epoch.
    """
    asked = config(**changes)
    done = asked.schedule.last_epoch if epochs_done is None else epochs_done
    folder = store.create(asked, root)
    layers = description_of(asked.network).groups
    folder.write_meta(
        {
            "network": asked.network.name,
            "device": "cpu",
            "hardware": "2 cores",
            "created": 1.7e9,
            "n_train": 1297,
            "data_source": "scikit-learn's digits, upscaled to 28 x 28",
        }
    )
    path, steps = trajectory(layers, asked), 12
    for epoch in range(done + 1):
        loc, log_scale = path(min(epoch, asked.schedule.epochs))
        if asked.has_noise and epoch <= asked.schedule.epochs:
            folder.append_snapshot(Snapshot(epoch, loc, log_scale))
        if epoch == 1 and early:
            for step in (3, 6, 9):
                folder.append_step(step_snapshot(asked, layers, step, *path(step / steps)))
        if epoch:
            folder.append_record(record(asked, layers, epoch, loc, log_scale))
    epochs = asked.schedule.epochs
    progress = Progress(
        "sbp",
        min(done + 1, epochs),
        epochs,
        done * steps,
        epochs * steps,
        1.5 * done,
        1.5 * max(epochs - done, 0),
        0.0 if done > 4 else 3.0,
        0.3,
    )
    if log:
        (folder.path / "log.txt").write_text(log)
    folder.write_status(state, message, progress)
    if hold:
        return folder
    folder.close()
    return store.open_run(folder.id, root)


def trajectory(layers: tuple[Group, ...], asked: RunConfig) -> Any:
    """A function of the epoch that gives (loc, log_scale) of every unit by layer."""
    random = np.random.default_rng(asked.seed + 1)
    fates = {}
    for layer in layers:
        n = layer.units
        pruned = random.random(n) > KEPT_SHARE.get(layer.name, OTHER_SHARE)
        if layer.kind == "pixel":  # the border of the image goes first
            row, column = np.mgrid[0 : layer.shape[0], 0 : layer.shape[1]]
            middle = (layer.shape[0] - 1) / 2
            distance = np.hypot(row - middle, column - middle).ravel() + random.normal(0, 1.2, n)
            pruned = distance > 8
            onset = np.clip(0.55 - 0.035 * (distance - 8), 0.02, 0.6)
        else:
            onset = random.beta(2, 4, n) * 0.8
        onset *= asked.schedule.epochs
        fates[layer.name] = (pruned, onset, random.uniform(-2.2, -0.9, n), random.normal(0, 1, (n, 2)))

    def at(epoch: float) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
        loc, log_scale = {}, {}
        for name, (pruned, onset, settled, wobble) in fates.items():
            pace = 14 / asked.schedule.epochs
            noisy = -5 + 8 / (1 + np.exp(-pace * (epoch - onset) + 2.2)) - 8 / (1 + np.exp(pace * onset + 2.2))
            life = settled + (-5 - settled) * np.exp(-pace * epoch / 3)
            shake = 0.06 * np.sin(epoch * (1 + wobble[:, 0])) * min(epoch, 4)
            log_scale[name] = (np.where(pruned, noisy, life) + shake).astype(np.float32)
            loc[name] = (
                (np.where(pruned, -0.25 * pace * np.maximum(epoch - onset, 0), -0.05) * (1 + 0.2 * wobble[:, 1]))
                .clip(-6, 0)
                .astype(np.float32)
            )
        return loc, log_scale

    return at


def step_snapshot(
    asked: RunConfig,
    layers: tuple[Group, ...],
    step: int,
    loc: dict[str, np.ndarray],
    log_scale: dict[str, np.ndarray],
) -> StepSnapshot:
    """Plausible scalars after one of the first steps; without noise the NLL alone."""
    told, nll = record(asked, layers, 1, loc, log_scale), 2.3 - step / 10
    if not asked.has_noise:
        return StepSnapshot(StepRecord(step, step / 12, "sbp", nll, 0.0, 0.0, nll, None), {}, {})
    loss = nll + told.kl / 50000
    return StepSnapshot(StepRecord(step, step / 12, "sbp", nll, told.kl, told.kl, loss, told.kept), loc, log_scale)


def record(
    asked: RunConfig,
    layers: tuple[Group, ...],
    epoch: int,
    loc: dict[str, np.ndarray],
    log_scale: dict[str, np.ndarray],
) -> Record:
    """Plausible scalars for these snapshots."""
    kept = tuple(int((moments.snr(loc[x.name], log_scale[x.name]) >= 1).sum()) for x in layers)
    kl = sum(float(moments.kl(loc[x.name], log_scale[x.name]).sum()) for x in layers)
    nll = 0.03 + 0.5 * float(np.exp(-4 * epoch / asked.schedule.epochs))
    error = 1.4 + 9 * float(np.exp(-6 * epoch / asked.schedule.epochs))
    phase: Phase = "sbp" if epoch <= asked.schedule.epochs else "finetune"
    macs = description_of(asked.network).macs(kept)
    return Record(
        epoch,
        epoch * 12,
        phase,
        1.5 * epoch,
        nll,
        kl,
        kl,
        nll + kl / 50000,
        error / 2,
        error,
        kept,
        macs,
        asked.optimisation.lr,
        asked.optimisation.noise_lr,
    )

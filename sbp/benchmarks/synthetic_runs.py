"""Noise and runs that nobody trained, of any size, for timing what reads them. No torch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np

from sbp.runs import store
from sbp.runs.states import State
from sbp.spec import RunConfig
from sbp.spec.description import Description, WeightLayer
from sbp.spec.layout import Group
from sbp.spec.networks import OWN, description_of
from sbp.spec.records import Progress, Record, Snapshot

VGG_EPOCHS = 300
STEPS = 100  # an epoch


def half_trained(units: int, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """mu and log sigma, float32 [units], as they lie halfway through a training: half of them precise, half dying."""
    random = np.random.default_rng(seed)
    dying = random.random(units) < 0.5
    loc = np.where(dying, random.uniform(-12, -2, units), random.uniform(-0.4, 0.05, units))
    log_scale = np.where(dying, random.uniform(1.5, 4.5, units), random.uniform(-5, -0.5, units))
    return loc.astype(np.float32), log_scale.astype(np.float32)


class SyntheticRun:
    """A run's folder as a worker writes it, with numbers that drift from initialisation to `half_trained`.

    Holds the run's lock until `close`, as a living worker does. own: the network, where the config names none.
    """

    def __init__(self, root: Path, config: RunConfig, own: Description | None = None) -> None:
        self.config, self.epoch = config, -1
        self.folder = store.create_at(root / "own", config, own) if own else store.create(config, root)
        self.network = own or description_of(config.network)
        self.layers: tuple[Group, ...] = self.network.groups
        made_up = {"hardware": "none: made up to be timed", "data_source": "none: these numbers are made up"}
        self.folder.write_meta(
            {**made_up, "network": config.network.name, "device": "cpu", "n_train": 50_000, "created": 1.7e9}
        )
        self.ends = {layer.name: half_trained(layer.units, i) for i, layer in enumerate(self.layers)}

    def go_on(self, epochs: int) -> None:
        """Writes the next epochs, and that it is running."""
        for _ in range(epochs):
            self.epoch += 1
            share = min(1.0, self.epoch / self.config.schedule.epochs)
            loc = {name: (share * end[0]).astype(np.float32) for name, end in self.ends.items()}
            scale = {name: (-5 + share * (end[1] + 5)).astype(np.float32) for name, end in self.ends.items()}
            self.folder.append_snapshot(Snapshot(self.epoch, loc, scale))
            if self.epoch:
                self.folder.append_record(self._record(share))
        done, total = max(self.epoch, 0), self.config.schedule.epochs
        place, steps = (min(done + 1, total), total), (done * STEPS, total * STEPS)
        seconds, to_first_prune, nll = (1.0 * done, 1.0 * (total - done)), 0.0, 0.1
        progress = Progress("sbp", *place, *steps, *seconds, to_first_prune, nll)
        self.folder.write_status(State.RUNNING, "", progress)

    def close(self, state: State = State.FINISHED) -> None:
        """Ends the run and lets go of its lock."""
        self.folder.write_status(state, "Made up to be timed.")
        self.folder.close()

    def _record(self, share: float) -> Record:
        kept = tuple(int(layer.units * (1 - share / 2)) for layer in self.layers)
        nll, kl = 0.5 - 0.4 * share, 1e4 * (1 - share / 2)
        macs = self.network.macs(kept)
        settings = self.config.optimisation
        bound, errors = (nll, kl, kl, nll + kl / 50_000), (5.0 - 4 * share, 5.0 - 3 * share)
        return Record(
            self.epoch,
            self.epoch * STEPS,
            "sbp",
            1.0 * self.epoch,
            *bound,
            *errors,
            kept,
            macs,
            settings.lr,
            settings.noise_lr,
        )


def vgg_sized() -> RunConfig:
    """A run of 5,248 units and 300 epochs."""
    return RunConfig.flat(network="vgg-like", dataset="cifar-10", epochs=VGG_EPOCHS)


def resnet_sized() -> tuple[RunConfig, Description]:
    """A run of 46,208 units and 100 epochs: a chain of the layers within the blocks of `resnet-326` of `bench step`."""
    blocks = ((64, 3, 56), (128, 37, 28), (256, 65, 14), (512, 3, 7))  # width, how many, rows of a map
    groups, weights = [], []
    reads: dict[str, Any] = {"fixed_in": 3}
    for stage, (width, number, side) in enumerate(blocks):
        for name in (f"stages.{stage}.{block}.conv{which}" for block in range(number) for which in (1, 2)):
            kernel = 9 if name.endswith("2") else 1
            groups.append(Group(name, "channel", width, (width,)))
            weights.append(WeightLayer(name, "conv", makes=name, kernel=kernel, positions=side**2, **reads))
            reads = {"reads": (name,), "times": (1,)}
    weights.append(WeightLayer("classifier", "dense", fixed_out=1000, **reads))
    config = RunConfig.flat(network=OWN, dataset=OWN, validation_size=0, epochs=100)
    return config, Description(OWN, "ResNet-sized", (), tuple(groups), tuple(weights), (3, 224, 224))

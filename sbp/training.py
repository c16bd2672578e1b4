"""Training: an iterator of progress, records and snapshots. Writes no file, prints nothing."""

from __future__ import annotations

import math
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from sbp.config import RunConfig
from sbp.data import Dataset, prepare
from sbp.devices import describe, resolve
from sbp.evaluation import error_percent, snapshot_of
from sbp.forecast import FirstPrune
from sbp.networks.registry import build
from sbp.networks.specs import SPECS
from sbp.objective import kl_by_layer, negative_bound
from sbp.pruning.masks import keep_masks, kept_counts
from sbp.records import PHASES, Progress, Record, Snapshot
from sbp.schedule import rate_factor

Event = Progress | Record | Snapshot

# Training objects whose error is looked at after each epoch, beside the validation set.
TRAIN_SAMPLE = 5000
# Seconds between two progress events; each costs one wait for the device.
PROGRESS_EVERY = 0.25


class Diverged(RuntimeError):
    """The loss or a parameter is no longer a finite number; the message names the likely cause and what to change."""

    def __init__(self, message: str, epoch: int) -> None:
        super().__init__(message)
        self.epoch = epoch


@dataclass(frozen=True)
class Checkpoint:
    """All that a training needs to go on as if it had never stopped: named tensors and plain values."""

    tensors: dict[str, Tensor]
    state: dict[str, Any]


@dataclass
class _Epoch:
    """Sums over the steps of the current epoch, kept on the device so that no step waits for the host."""

    nll: Tensor
    steps: int = 0


@dataclass
class _Clock:
    """Seconds spent training, over all the times it was resumed."""

    before: float = 0.0
    started: float = field(default_factory=time.perf_counter)

    @property
    def seconds(self) -> float:
        return self.before + time.perf_counter() - self.started


class Training:
    """One run of training, described by a config, on a data set in memory.

    `events()` yields `Snapshot` at birth (epoch 0), then `Progress` a few times a second and a `Record` with a
    `Snapshot` after every epoch; between any two events `checkpoint()` can be taken, and a `Training` built with it
    goes on to the same result as one that was never interrupted (on one device and one version of torch, bit for bit).
    Epochs of pretraining count up to 0, those with the noise on from 1.

    Raises `DeviceError`, `DataError` when built; `Diverged` while it runs.

    >>> from sbp.data import load
    >>> config = RunConfig(dataset="digits", epochs=1, widths=(8, 8), device="cpu")
    >>> [type(event).__name__ for event in Training(config, load("digits")).events() if not isinstance(event, Progress)]
    ['Snapshot', 'Record', 'Snapshot']
    """

    def __init__(self, config: RunConfig, data: Dataset, checkpoint: Checkpoint | None = None) -> None:
        self.config, self.source = config, data.source
        self.device = resolve(config.device)
        self.spec = SPECS[config.network]
        self.split = prepare(
            data, self.device, config.train_size, config.validation_size, config.random_labels, config.seed
        )
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            self.network = build(
                config.network,
                config.widths,
                log_low=config.log_low,
                log_high=config.log_high,
                init_loc=config.init_loc,
                init_log_scale=config.init_log_scale,
            ).to(self.device)
        self.layers = self.network.noise_layers()
        self.kl_weights = kl_weights(config)
        self.generator = torch.Generator(self.device).manual_seed(config.seed)
        for layer in self.layers:
            layer.generator = self.generator
        self.n_train = self.split.n_train
        self.batch = min(config.batch_size, self.n_train)
        # What is left over after the last full batch waits for the next epoch's order.
        self.steps_an_epoch = self.n_train // self.batch
        self.step = 0
        self.clock = _Clock()
        self.sums = _Epoch(torch.zeros((), device=self.device))
        self.forecast = FirstPrune()
        self.snapshot_due = False
        self._start_phase("pretrain" if config.pretrain_epochs else "sbp")
        self._good = self._weights()
        if checkpoint is not None:
            self._restore(checkpoint)

    # -- running ----------------------------------------------------------------------------------------------------

    def events(self) -> Iterator[Event]:
        """Trains to the end, from the beginning or from the checkpoint."""
        if self.step == 0 or self.snapshot_due:
            yield self._snapshot()
        last = time.perf_counter()
        while self.step < self.steps:
            if self._phase_at(self.step) != self.phase:
                self._start_phase("sbp")
            order = self._order()
            for index in range(self.step % self.steps_an_epoch, self.steps_an_epoch):
                self._train_step(order[index * self.batch : (index + 1) * self.batch])
                if index + 1 < self.steps_an_epoch and time.perf_counter() - last > PROGRESS_EVERY:
                    yield self._progress()
                    last = time.perf_counter()
            yield self._finish_epoch()
            if self.snapshot_due:
                yield self._snapshot()

    @property
    def steps(self) -> int:
        """Steps of the whole run, both phases."""
        return (self.config.pretrain_epochs + self.config.epochs) * self.steps_an_epoch

    @property
    def epoch(self) -> int:
        """Epochs finished with the noise on; 0 or less while pretraining."""
        return self.step // self.steps_an_epoch - self.config.pretrain_epochs

    def _phase_at(self, step: int) -> str:
        return PHASES[step >= self.config.pretrain_epochs * self.steps_an_epoch]

    def _start_phase(self, phase: str) -> None:
        """Each phase has its own optimiser: what Adam remembers of a network without noise misleads it with noise."""
        config = self.config
        self.phase = phase
        noise = [parameter for layer in self.layers for parameter in (layer.loc, layer.log_scale)]
        of_noise = {id(parameter) for parameter in noise}
        weights = [parameter for parameter in self.network.parameters() if id(parameter) not in of_noise]
        groups = [{"params": weights, "lr": config.lr, "weight_decay": config.weight_decay}]
        if phase == "sbp":
            groups.append({"params": noise, "lr": config.noise_lr, "weight_decay": 0.0})
        self.optimiser = torch.optim.Adam(groups, fused=self.device != "mps")
        self.rates = [group["lr"] for group in self.optimiser.param_groups]
        for layer in self.layers:
            layer.active = phase == "sbp"

    def _order(self) -> Tensor:
        """The order of objects in the current epoch, a function of seed and epoch alone."""
        epoch = self.step // self.steps_an_epoch
        seed = np.random.SeedSequence([self.config.seed, epoch]).generate_state(1, np.uint64)[0]
        generator = torch.Generator().manual_seed(int(seed) % 2**63)
        return torch.randperm(self.n_train, generator=generator).to(self.device)

    def _train_step(self, objects: Tensor) -> None:
        factor = self._rate_factor()
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"] = rate * factor
        self.network.train()
        labels = self.split.train_y[objects]
        logits = self.network(self.split.train_x[objects])
        if self.phase == "sbp":
            bound = negative_bound(logits, labels, self.layers, self.n_train, self.kl_weights)
            loss, nll = bound.loss, bound.nll
        else:
            loss = nll = torch.nn.functional.cross_entropy(logits, labels)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        for layer in self.layers:
            layer.project_()
        self.sums.nll += nll.detach()
        self.sums.steps += 1
        self.step += 1

    def _rate_factor(self) -> float:
        before = self.config.pretrain_epochs * self.steps_an_epoch
        if self.phase == "pretrain":
            return rate_factor(self.step / before)
        return rate_factor((self.step - before) / (self.steps - before))

    # -- what is said -----------------------------------------------------------------------------------------------

    def _finish_epoch(self) -> Record:
        nll = self._mean_nll()
        self._check_finite(nll)
        kl = weighted = 0.0
        if self.phase == "sbp":
            with torch.no_grad():
                of_layers = kl_by_layer(self.layers).tolist()
            kl = math.fsum(of_layers)
            weighted = math.fsum(w * term for w, term in zip(self.kl_weights, of_layers, strict=True))
        kept = self.kept()
        split, factor = self.split, self._rate_factor()
        record = Record(
            epoch=self.epoch,
            step=self.step,
            phase=self.phase,
            seconds=self.clock.seconds,
            nll=nll,
            kl=kl,
            kl_weighted=weighted,
            loss=nll + weighted / self.n_train,
            train_error_percent=error_percent(self.network, split.train_x[:TRAIN_SAMPLE], split.train_y[:TRAIN_SAMPLE]),
            validation_error_percent=(
                error_percent(self.network, split.validation_x, split.validation_y) if split.n_validation else None
            ),
            kept=kept,
            macs=self.spec.macs(kept),
            lr=self.config.lr * factor,
            noise_lr=self.config.noise_lr * factor if self.phase == "sbp" else 0.0,
        )
        self.sums = _Epoch(torch.zeros((), device=self.device))
        self._good = self._weights()
        # A checkpoint taken between the record and its snapshot must not lose the snapshot.
        self.snapshot_due = self.phase == "sbp"
        return record

    def _progress(self) -> Progress:
        nll = self._mean_nll()
        self._check_finite(nll)
        seconds, left = self.clock.seconds, self.steps - self.step
        pace = seconds / self.step
        first_prune = None
        if self.phase == "sbp":
            first_prune = self.forecast.steps_left(self.step, self.layers, self.config.noise_lr)
        pretraining = self.phase == "pretrain"
        return Progress(
            phase=self.phase,
            epoch=self.step // self.steps_an_epoch + 1 - (0 if pretraining else self.config.pretrain_epochs),
            epochs=self.config.pretrain_epochs if pretraining else self.config.epochs,
            step=self.step,
            steps=self.steps,
            seconds=seconds,
            seconds_left=pace * left,
            seconds_to_first_prune=None if first_prune is None else pace * first_prune,
            nll=nll,
        )

    def kept(self) -> tuple[int, ...]:
        """Units kept in each noise layer at SNR >= 1, a dead channel counted with its features; all while pretraining."""
        if self.phase == "pretrain":
            return tuple(layer.units for layer in self.layers)
        names = [info.name for info in self.network.layers]
        snr = {name: layer.snr().cpu().numpy() for name, layer in zip(names, self.layers, strict=True)}
        return kept_counts(keep_masks(snr), self.network.layers)

    def _snapshot(self) -> Snapshot:
        self.snapshot_due = False
        return snapshot_of(max(self.epoch, 0), self.network)

    def _mean_nll(self) -> float:
        return float(self.sums.nll) / max(self.sums.steps, 1)

    def _check_finite(self, nll: float) -> None:
        parameters = [parameter for layer in self.layers for parameter in (layer.loc, layer.log_scale)]
        noise_ok = all(bool(torch.isfinite(parameter).all()) for parameter in parameters)
        if math.isfinite(nll) and noise_ok:
            return
        config = self.config
        if self.phase == "sbp" and config.noise_lr >= 20 * config.lr:
            cause = f"the noise's learning rate ({config.noise_lr:g}) is {config.noise_lr / config.lr:.0f} times the weights'; halve it"
        else:
            cause = f"the weights' learning rate ({config.lr:g}) is too high for batches of {self.batch}; halve it"
        raise Diverged(
            f"The loss is no longer a finite number in epoch {max(self.epoch + 1, 1)}. The likely cause: {cause}. "
            "The network of the last good epoch was kept.",
            self.epoch,
        )

    # -- what is left -----------------------------------------------------------------------------------------------

    def result(self) -> dict[str, Any]:
        """The figures of a finished run; the only place where the test set is read, so to be called once."""
        kept = self.kept()
        macs, dense = self.spec.macs(kept), self.spec.dense_macs(self.config.widths)
        split = self.split
        return {
            "epochs": self.config.epochs,
            "device": self.device,
            "test_error_percent": error_percent(self.network, split.test_x, split.test_y),
            "validation_error_percent": (
                error_percent(self.network, split.validation_x, split.validation_y) if split.n_validation else None
            ),
            "kept": list(kept),
            "macs": macs,
            "macs_dense": dense,
            # A network with nothing left in some layer costs nothing: its output is a constant.
            "macs_reduction": dense / macs if macs else None,
            "kl_weights": list(self.kl_weights),
            "seconds": self.clock.seconds,
            "n_train": self.n_train,
            "n_validation": split.n_validation,
            "n_test": len(split.test_y),
        }

    def meta(self) -> dict[str, Any]:
        """What a reader of the run must know beside the config: layers, sizes, hardware, versions."""
        return {
            "network": self.config.network,
            "layers": [
                {"name": i.name, "kind": i.kind, "units": i.units, "shape": list(i.shape), "parent": i.parent}
                for i in self.network.layers
            ],
            "device": self.device,
            "hardware": describe(self.device),
            "versions": {"torch": torch.__version__, "numpy": np.__version__},
            "data_source": self.source,
            "n_train": self.n_train,
            "n_validation": self.split.n_validation,
            "n_test": len(self.split.test_y),
            "kl_weights": list(self.kl_weights),
            "macs_dense": self.spec.dense_macs(self.config.widths),
        }

    def model_tensors(self) -> dict[str, Tensor]:
        """The network after the last epoch that ended with finite numbers, on the CPU."""
        return self._good

    def _weights(self) -> dict[str, Tensor]:
        return {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}

    def checkpoint(self) -> Checkpoint:
        """Everything needed to go on from this step, on the CPU."""
        tensors = {f"network.{name}": tensor for name, tensor in self._weights().items()}
        for index, values in self.optimiser.state_dict()["state"].items():
            for name, value in values.items():
                tensors[f"optimiser.{index}.{name}"] = value.detach().cpu().clone()
        tensors["generator"] = self.generator.get_state()
        tensors["nll_sum"] = self.sums.nll.cpu().clone()
        state = {"step": self.step, "epoch_steps": self.sums.steps, "seconds": self.clock.seconds, "epoch": self.epoch}
        state |= {"snapshot_due": self.snapshot_due, "forecast": self.forecast.to_dict()}
        return Checkpoint(tensors, state)

    def _restore(self, checkpoint: Checkpoint) -> None:
        tensors, state = checkpoint.tensors, checkpoint.state
        self.step = int(state["step"])
        # At the first step of a phase nothing has been stepped yet: the phase starts by itself in `events`.
        self._start_phase(self._phase_at(max(self.step - 1, 0)))
        prefix = "network."
        self.network.load_state_dict({n.removeprefix(prefix): t for n, t in tensors.items() if n.startswith(prefix)})
        optimiser = self.optimiser.state_dict()
        for name, tensor in tensors.items():
            if name.startswith("optimiser."):
                _, index, field_name = name.split(".")
                optimiser["state"].setdefault(int(index), {})[field_name] = tensor
        self.optimiser.load_state_dict(optimiser)
        self.generator.set_state(tensors["generator"])
        self.sums = _Epoch(tensors["nll_sum"].to(self.device), int(state["epoch_steps"]))
        self.clock = _Clock(float(state["seconds"]))
        self.forecast = FirstPrune.from_dict(state["forecast"])
        self.snapshot_due = bool(state["snapshot_due"])
        self._good = self._weights()


def train(config: RunConfig, data: Dataset) -> Iterator[Event]:
    """Trains from beginning to end and yields what happens: see `Training`."""
    return Training(config, data).events()


def kl_weights(config: RunConfig) -> tuple[float, ...]:
    """The KL weight of each noise layer: 1 (the paper's bound), those given, or, for sbpa without any given, the MACs
    that one unit of the layer owns over the fewest that a unit of any layer owns (section 5.4's KL scaling).

    >>> kl_weights(RunConfig(network="lenet-5-caffe", method="sbpa"))
    (188.8, 80.0, 1.0, 1.62)
    """
    spec = SPECS[config.network]
    if config.kl_weights:
        return config.kl_weights
    owned = spec.unit_macs(config.widths)
    if config.method == "sbpa":
        return tuple(macs / min(owned) for macs in owned)
    return (1.0,) * len(owned)

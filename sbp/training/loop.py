"""Training: an iterator of progress, records and snapshots. Writes no file, prints nothing."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict
from typing import Any

import torch
from torch import Tensor, nn

from sbp.data.datasets import Dataset, prepare
from sbp.machine.devices import describe, resolve
from sbp.machine.distributed import ONE_RANK, Ranks
from sbp.methods.registry import method_for
from sbp.noise.install import joint_noise_of
from sbp.spec import RunConfig
from sbp.spec.networks import description_of
from sbp.spec.ranges import Phase
from sbp.spec.records import TRAIN_SAMPLE, Progress, Record, Snapshot, StepSnapshot
from sbp.training.checkpoint import Checkpoint, load_weights, weights_of
from sbp.training.clock import Clock, Pace
from sbp.training.early import EarlySteps
from sbp.training.errors import Diverged
from sbp.training.evaluation import error_percent, recalibrate, snapshot_of
from sbp.training.forecast import PruneForecast
from sbp.training.local_batch import check_equal, draws_of, generator_of, resume_draws
from sbp.training.reporting import describe_progress, describe_run, summarise_result
from sbp.training.schedule import PhaseSchedule, kl_strength, order_of
from sbp.training.shrinking import Shrinking
from sbp.training.stepper import Stepper, exclusive

Event = Progress | Record | Snapshot | StepSnapshot

# Seconds between two progress events; each costs one wait for the device.
PROGRESS_EVERY = 0.25


class Training:
    """One run of training, described by a config, on a data set in memory.

    `events()` yields `Snapshot` at initialisation (epoch 0), `Progress` a few times a second, `StepSnapshot` after some
    of a phase's first steps (`early_steps`), and `Record` and `Snapshot` after every epoch; between any two events
    `checkpoint()` can be taken, and a `Training` built with it goes on to the same result as one that was never
    interrupted (on one device and one version of torch, bit for bit). Epochs of pretraining count up to 0, those of the
    main phase from 1, and fine-tuning goes on counting.

    ranks: those that train it together (`sbp.training.local_batch`); all come to the same events at the same steps.

    Raises `DeviceError`, `DataError`, `ConfigError` when built; `Diverged`, `RankError` while it runs.

    >>> from sbp.data.datasets import load
    >>> config = RunConfig.flat(dataset="digits", epochs=1, widths=(8, 8), device="cpu")
    >>> [type(event).__name__ for event in Training(config, load("digits")).events() if not isinstance(event, Progress)]
    ['Snapshot', 'Record', 'Snapshot']
    """

    @exclusive
    def __init__(
        self, config: RunConfig, data: Dataset, checkpoint: Checkpoint | None = None, ranks: Ranks = ONE_RANK
    ) -> None:
        self.config, self.source, self.ranks = config, data.source, ranks
        self.device = resolve(config.device)
        self.spec = description_of(config.network)
        self.split = prepare(data, config.data, self.device, config.seed)
        method = method_for(config.method, config.network, config.noise)
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(config.seed)
            network = method.build().to(self.device)
        self.generator = generator_of(self.device, config.seed, ranks)
        self.n_train = self.split.n_train
        parts = config.optimisation, config.schedule, config.data
        self.stepper = Stepper(network, method, self.split, self.generator, *parts, ranks)
        self.steps_an_epoch = len(self.stepper.order)
        self.times = PhaseSchedule(config.schedule, self.steps_an_epoch)
        self.shrinking = Shrinking(self.stepper)
        self.shrinking.start(self.times.phase_at(0))
        self.step = self.epoch_steps = 0
        self.clock, self.forecast = Clock(), PruneForecast()
        self.early = EarlySteps(self.shrinking, self.times)
        self.snapshot_due = config.has_noise  # of the initialisation; later of the epoch that a record was just made of
        self._keep_good()
        if checkpoint is not None:
            self._restore(checkpoint)

    def events(self) -> Iterator[Event]:
        """Trains to the end, from the beginning or from the checkpoint."""
        if self.snapshot_due:
            yield self._snapshot()
        pace = Pace(self.ranks, PROGRESS_EVERY)
        while self.step < self.steps:
            self._begin_epoch()
            for index in range(self.step % self.steps_an_epoch, self.steps_an_epoch):
                self.stepper.step()
                self.step += 1
                self.epoch_steps += 1
                if self.early.due(self.step):
                    yield self._step_snapshot()
                if index + 1 < self.steps_an_epoch and pace.due():
                    yield self._progress()
                    pace.go_on()
            yield self._finish_epoch()
            if self.snapshot_due:
                yield self._snapshot()

    @property
    def network(self) -> nn.Module:
        """The network as it is trained: a smaller one once units have been cut out."""
        return self.stepper.network

    @property
    def steps(self) -> int:
        """Steps of the whole run, all phases."""
        return self.times.steps

    @property
    def epoch(self) -> int:
        """Epochs finished after pretraining; 0 or less while it goes on."""
        return self.step // self.steps_an_epoch - self.config.schedule.pretrain_epochs

    @property
    def phase(self) -> Phase:
        """What the last step was part of: one of `PHASES`."""
        return self.stepper.phase

    @exclusive
    def _begin_epoch(self) -> None:
        if self.times.phase_at(self.step) != self.phase:
            self.shrinking.start(self.times.phase_at(self.step))
        factors, strengths = map(torch.tensor, self.times.epoch_schedule(self.step, self.phase))
        order = order_of(self.config.seed, self.step // self.steps_an_epoch, self.n_train)
        self.stepper.begin_epoch(order.to(self.device), factors, strengths, at=self.step % self.steps_an_epoch)

    @exclusive
    def _finish_epoch(self) -> Record:
        nll, stepper = self._finite_nll(), self.stepper
        data = float(stepper.data_sum) / self.epoch_steps if stepper.teacher is not None else nll
        term = kl = weighted = 0.0
        if self.phase != "pretrain":
            strength = kl_strength(self.epoch, self.config.schedule.kl_warmup)
            with torch.no_grad():
                network, method = self.shrinking.whole()
                penalty = method.penalty(network, self.n_train, torch.tensor(strength, device=self.device))
            term, kl, weighted = torch.stack(penalty).tolist()
        stepper.exchange()
        if self.config.optimisation.recalibrate_norm:
            recalibrate(self.network, self.split.train_x[:TRAIN_SAMPLE])
        kept, split, factor = self.kept(), self.split, self.times.rate_factor(self.step, self.phase)
        record = Record(
            epoch=self.epoch,
            step=self.step,
            phase=self.phase,
            seconds=self.clock.seconds,
            nll=nll,
            kl=kl,
            kl_weighted=weighted,
            loss=data + term,
            train_error_percent=self._error(split.train_x[:TRAIN_SAMPLE], split.train_y[:TRAIN_SAMPLE]),
            validation_error_percent=self._validation_error(),
            kept=kept,
            macs=self.spec.macs(kept),
            lr=float(stepper.rates[0]) * factor,
            noise_lr=self.config.optimisation.noise_lr * factor * (self.phase == "sbp" and self.config.has_noise),
        )
        for total in (stepper.nll_sum, stepper.data_sum):
            total.zero_()
        self.epoch_steps = 0
        self.early.begin_epoch()
        self._keep_good()
        if self.step < self.steps:  # at the end the averages stay
            stepper.exchange()
        if self.phase == self.times.phase_at(self.step) == "sbp":
            self.shrinking.after_epoch()
        # A checkpoint taken between the record and its snapshot must not lose the snapshot.
        self.snapshot_due = self.config.has_noise and self.phase == "sbp"
        return record

    @exclusive
    def _progress(self) -> Progress:
        nll, first_prune = self._finite_nll(), None
        if self.config.has_noise and self.phase == "sbp":
            noise = joint_noise_of(self.shrinking.whole()[0])
            first_prune = self.forecast.steps_left(self.step, noise, self.config.optimisation.noise_lr)
        return describe_progress(self.times, self.phase, self.step, self.clock.seconds, first_prune, nll)

    def kept(self) -> tuple[int, ...]:
        """Units kept in each noise layer, pruned channels with their features; all while pretraining."""
        if self.phase == "pretrain":
            return tuple(info.units for info in self.spec.groups)
        return tuple(int(keep.sum()) for keep in self.shrinking.masks().values())

    def _error(self, images: Tensor, labels: Tensor) -> float:
        return error_percent(self.network, images, labels)

    def _validation_error(self) -> float | None:
        split = self.split
        return self._error(split.validation_x, split.validation_y) if split.n_validation else None

    @exclusive
    def _snapshot(self) -> Snapshot:
        self.snapshot_due = False
        return snapshot_of(max(self.epoch, 0), self.shrinking.whole()[0])

    def _step_snapshot(self) -> StepSnapshot:
        self.ranks.any_rank(False)  # as below
        if (snapshot := self.early.take(self.step, self.epoch_steps)) is None:
            raise self._diverged()
        return snapshot

    def _finite_nll(self) -> float:
        self.ranks.any_rank(False)  # one that has ended shows here, before a device waits for it
        nll = float(self.stepper.nll_sum) / max(self.epoch_steps, 1)
        # Weights that blow up show in the NLL at once; noise can be lost while the NLL is still a number.
        learned = self.stepper.optimiser.learned
        if math.isfinite(nll) and all(bool(torch.isfinite(parameter).all()) for parameter in learned):
            return nll
        raise self._diverged()

    def _diverged(self) -> Diverged:
        return Diverged.after(self._good_epoch, self.config.optimisation, self.phase, self.stepper.batch)

    @exclusive
    def result(self) -> dict[str, Any]:
        """The figures of a finished run; the only place where the test set is read, so to be called once."""
        test = self._error(self.split.test_x, self.split.test_y)
        errors = {"test_error_percent": test, "validation_error_percent": self._validation_error()}
        parts = self.config.network, self.config.method, self.config.schedule
        return summarise_result(*parts, self.split, self.device, self.kept(), errors, self.clock.seconds)

    def meta(self) -> dict[str, Any]:
        """What a reader of the run must know beside the config: layers, sizes, hardware, versions."""
        parts = self.config.network, self.config.method
        return describe_run(*parts, self.split, self.device, self.ranks.times(describe(self.device)), self.source)

    def _keep_good(self) -> None:
        check_equal(self.network, self.ranks)
        self._good, self._good_epoch = weights_of(self._materialised()), self.epoch

    def model_tensors(self) -> dict[str, Tensor]:
        """The plain network after the last epoch that ended with finite numbers, on the CPU."""
        return self._good

    def trained(self) -> nn.Module:
        """The network as it stands, in eval mode, as `registry.build_for` would have built it."""
        return self._materialised().eval()

    def _materialised(self) -> nn.Module:
        network, method = self.shrinking.whole()
        return method.materialise(network)

    @exclusive
    def checkpoint(self) -> Checkpoint:
        """All that is needed to go on from this step, on the CPU; raises `Diverged` rather than keep a NaN."""
        self._finite_nll()
        tensors = self.shrinking.pack() | draws_of(self.generator, self.ranks)
        state = {
            "epoch": self.epoch,
            "step": self.step,
            "epoch_steps": self.epoch_steps,
            "seconds": self.clock.seconds,
            "snapshot_due": self.snapshot_due,
            "forecast": asdict(self.forecast),
            "early": self.early.state,
        }
        return Checkpoint(tensors, state)

    def _restore(self, checkpoint: Checkpoint) -> None:
        tensors, state = checkpoint.tensors, checkpoint.state
        self.step, self.epoch_steps = int(state["step"]), int(state["epoch_steps"])
        # At the first step of a phase nothing of it has been stepped yet: it starts by itself in `events`. Starting
        # fine-tuning looks at the weights and writes to them, so they come before it and after it.
        load_weights(tensors, self.network)
        self.stepper.start(self.times.phase_at(max(self.step - 1, 0)))
        self.shrinking.unpack(tensors)
        resume_draws(self.generator, tensors, self.ranks, self.config.seed, self.step)
        self.clock = Clock(float(state["seconds"]))
        self.forecast = PruneForecast(**state["forecast"])
        self.early.go_on(state.get("early", {}))  # without it, one of an earlier version: the next mean is the epoch's
        self.snapshot_due = bool(state["snapshot_due"])
        self._keep_good()


def train(config: RunConfig, data: Dataset) -> Iterator[Event]:
    """Trains a network from beginning to end and yields what happens.

    Args:
        config: everything that the run is told.
        data: the data set, from `sbp.load`; held-out examples are split off as the config says.

    Returns:
        An iterator of what `Training.events` yields; training advances as it is consumed.

    Raises:
        DeviceError, DataError: the device or the data cannot be used.
        Diverged: the loss is no longer finite.
    """
    return Training(config, data).events()

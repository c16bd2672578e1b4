"""A training loop that is not ours as a run: the files that a worker of ours would write, while it trains."""

from __future__ import annotations

import contextlib
import json
import math
import threading
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import distributed, nn

from sbp.distributions import moments
from sbp.noise.joint_noise import JointNoise
from sbp.pruning.masks import kept_counts
from sbp.runs.folder import RunFolder
from sbp.runs.models import RECORD
from sbp.runs.states import State
from sbp.runs.store import create_at
from sbp.spec import RunConfig
from sbp.spec.description import Description
from sbp.spec.records import Progress, Record, Snapshot
from sbp.tracking.described import KLWeights, config_of, description, meta_of, most_epochs, network_of, rates
from sbp.training.clock import Clock
from sbp.training.errors import Diverged

HEARTBEAT_SECONDS = 2.0


def track(
    model: nn.Module,
    folder: str | Path,
    example_input: Any,
    optimiser: torch.optim.Optimizer,
    *,
    n_train: int,
    epochs: int,
    kl_weights: KLWeights = 1.0,
    title: str = "",
    replace: bool = False,
    **settings: Any,
) -> TrackedRun:
    """Writes a training loop of one's own as a run that the app lists and shows while it trains, and afterwards.

    The folder gets mu and log sigma of every unit now and whenever `TrackedRun.log` ends an epoch, the scalars of that
    epoch, and every two seconds a sign of life; no step waits for any of it. No weights and no data are stored. Where
    several processes train the model (torch.distributed), rank 0 alone writes, and the run of any other does nothing.

    Args:
        model: a network that `sbp.attach` has put noise on, or what wraps it.
        folder: where the run is written, "runs/mine": its name is the run's id, and the app lists those in ./runs or
            in $SBP_RUNS.
        example_input: what `sbp.attach` was called with, by which MACs are counted.
        optimiser: what moves the weights and the noise; its steps are counted and its learning rates recorded.
        n_train: N, examples in the training set, as for `sbp.elbo_loss`.
        epochs: how many are planned.
        kl_weights: one number, or one per group in their order or by name, as for `sbp.elbo_loss`.
        title: what pages call the network; by default its class.
        replace: whether a tracked run that has ended at `folder` is deleted first.
        settings: what else is known of the loop, by the flat names of `sbp.RunConfig`: seed, batch_size, ...

    Returns:
        The run; as a context manager it ends with the block: finished, or failed with the exception's message.

    Raises:
        ValueError: the model, the optimiser, a number or a setting does not fit.
        BadRequest: at `folder` is something that is not to be overwritten.

    >>> import sbp, tempfile
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> x, y = torch.randn(64, 4), torch.randint(2, (64,))
    >>> noise = sbp.attach(model, x[:2])
    >>> optimiser = torch.optim.Adam(sbp.parameter_groups(model, lr=1e-3, noise_lr=0.1))
    >>> with sbp.track(model, f"{tempfile.mkdtemp()}/mine", x[:2], optimiser, n_train=64, epochs=2) as run:
    ...     for epoch in range(2):
    ...         nll = nn.functional.cross_entropy(model(x), y)
    ...         optimiser.zero_grad()
    ...         sbp.elbo_loss(nll, noise, n_train=64).backward()
    ...         optimiser.step()
    ...         run.log(nll=nll)
    >>> from sbp.runs.view import RunView
    >>> view = RunView(run.path)
    >>> view.state.value, [record.step for record in view.records()], view.description.dense_macs()
    ('finished', [1, 2], 18)
    """
    if n_train < 1 or epochs < 1:
        raise ValueError(f"n_train, epochs: expected whole numbers of at least 1, got {n_train!r} and {epochs!r}.")
    network, noise = network_of(model)
    optimiser = getattr(optimiser, "optimizer", optimiser)  # what accelerate and Lightning wrap
    config = config_of(noise, epochs, optimiser, kl_weights, settings)
    several = distributed.is_available() and distributed.is_initialized()
    if several and distributed.get_rank() > 0:
        return TrackedRun(None, Path(folder), config, noise, optimiser, n_train)
    found = description(network, noise, example_input, title)
    world = distributed.get_world_size() if several else 1
    meta = meta_of(config, found, noise.loc.device, n_train, world)
    if epochs > most_epochs(found):
        raise ValueError(
            f"epochs: expected at most {most_epochs(found):,}, as a run's folder can hold, got {epochs:,}."
        )
    writer = create_at(Path(folder).absolute(), config, found, replace)
    writer.write_meta({**writer.meta, **meta})
    return TrackedRun(found, writer.path, config, noise, optimiser, n_train, writer)


class TrackedRun:
    """The run of a training loop that is not ours; `track` makes it. On ranks that do not write it does nothing.

    It has a snapshot an epoch; a loop that is not ours is not looked at between two steps (`sbp.training.early`).

    Attributes:
        path: the run's folder.
        epoch: how many epochs have been logged.
    """

    def __init__(
        self,
        found: Description | None,
        path: Path,
        config: RunConfig,
        noise: JointNoise,
        optimiser: torch.optim.Optimizer,
        n_train: int,
        writer: RunFolder | None = None,
    ) -> None:
        self.path, self.epoch = path, 0
        self._found, self._writer, self._config, self._noise = found, writer, config, noise
        self._optimiser, self._n_train = optimiser, n_train
        self._clock, self._steps = Clock(), 0
        self._last: Record | None = None
        self._counter = optimiser.register_step_post_hook(self._count)
        self._lock, self._ended = threading.Lock(), threading.Event()
        self._heart = threading.Thread(target=self._beat, name=f"sbp.track {path.name}", daemon=True)
        if writer is not None:
            writer.append_snapshot(self._snapshot(0))
            self._say(State.RUNNING)
            self._heart.start()

    def log(
        self,
        *,
        nll: Any,
        train_error_percent: float | None = None,
        validation_error_percent: float | None = None,
        loss: Any = None,
    ) -> None:
        """Ends an epoch: adds its scalars, and mu and log sigma as they are now.

        Args:
            nll: mean negative log-likelihood of the epoch's training examples, in nats; a number or a tensor of one.
            train_error_percent: of the pruned network (the model in eval mode), 0 to 100.
            validation_error_percent: likewise, on held-out examples.
            loss: the objective; by default nll + KL / N with the run's KL weights.

        Raises:
            Diverged: nll, loss, mu or log sigma is not finite.
            ValueError: an error is no per cent, another number is out of range, the run has ended, or its folder is
                full.
        """
        if self._writer is None or self._found is None:
            self.epoch += 1
            return
        if self._ended.is_set():
            raise ValueError(f"{self.path.name} has ended; sbp.track begins another run.")
        if self.epoch >= (most := most_epochs(self._found)):
            raise ValueError(f"{self.path.name} has {most:,} epochs, the most that its folder can hold; end it.")
        errors = {"train_error_percent": train_error_percent, "validation_error_percent": validation_error_percent}
        for name, error in errors.items():
            if error is not None and not 0 <= error <= 100:
                raise ValueError(f"{name}: expected a number from 0 to 100, got {error!r}.")
        snapshot, noise, groups = self._snapshot(self.epoch + 1), self._config.noise, self._found.groups
        parts = {g.name: (np.float64(snapshot.loc[g.name]), snapshot.log_scale[g.name]) for g in groups}
        kl = [float(moments.kl(*part, noise.log_low, noise.log_high).sum()) for part in parts.values()]
        weighted = float(np.dot(self._config.value("kl_weights") or (1.0,) * len(kl), kl))
        data = _number(nll)
        total = data + weighted / self._n_train if loss is None else _number(loss)
        if not all(map(math.isfinite, (data, total, weighted))):
            said = f"The loss or the noise is no longer finite in epoch {self.epoch + 1}; a smaller noise_lr may help."
            raise Diverged(said, self.epoch)
        kept = kept_counts({name: keep.cpu().numpy() for name, keep in self._noise.keep.items()}, groups)
        lr, noise_lr = rates(self._optimiser, self._noise)
        record = Record(
            epoch=snapshot.epoch,
            step=self._steps,
            phase="sbp",
            seconds=self._clock.seconds,
            nll=data,
            kl=sum(kl),
            kl_weighted=weighted,
            loss=total,
            train_error_percent=None if train_error_percent is None else float(train_error_percent),
            validation_error_percent=None if validation_error_percent is None else float(validation_error_percent),
            kept=kept,
            macs=self._found.macs(kept),
            lr=lr,
            noise_lr=noise_lr,
        )
        RECORD.parse(json.dumps(record.to_dict()).encode())  # what no reader takes is not written
        self._writer.append_record(record)
        self._writer.append_snapshot(snapshot)
        self.epoch, self._last = record.epoch, record
        self._say(State.RUNNING)

    @property
    def stop_requested(self) -> bool:
        """Whether somebody pressed Stop in the app: for the loop to look at between epochs. Only rank 0 knows."""
        return self._writer is not None and self._writer.stop_requested

    def finish(self) -> None:
        """Ends the run: finished, or stopped where that was asked for before its last epoch."""
        planned = self._config.schedule.epochs
        stopped = self.stop_requested and self.epoch < planned
        self._end(State.STOPPED if stopped else State.FINISHED, f"Ended after epoch {self.epoch} of {planned}.")

    def fail(self, error: BaseException) -> None:
        """Ends the run with what went wrong."""
        first = (str(error).strip().splitlines() or [""])[0][:200]
        if isinstance(error, KeyboardInterrupt):
            self._end(State.STOPPED, f"Interrupted from the keyboard in epoch {self.epoch + 1}.")
        elif isinstance(error, Diverged):
            self._end(State.DIVERGED, first)
        else:
            self._end(State.FAILED, f"{type(error).__name__} in the training loop{': ' if first else '.'}{first}")

    def __enter__(self) -> TrackedRun:
        return self

    def __exit__(self, kind: object, error: BaseException | None, traceback: object) -> None:
        if error is None:
            self.finish()
        else:
            with contextlib.suppress(OSError):  # a full disk, most likely; the loop's own error says more
                self.fail(error)

    def _end(self, state: State, message: str) -> None:
        if self._ended.is_set():
            return
        self._ended.set()
        self._counter.remove()
        if self._writer is not None:
            self._heart.join()
            try:
                self._say(state, message)
            finally:
                self._writer.lock.unlock()  # workers of a DataLoader, which inherited it, may outlive the run

    def _count(self, *_: object) -> None:
        self._steps += 1

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            with contextlib.suppress(OSError):
                self._say(State.RUNNING)

    def _say(self, state: State, message: str = "") -> None:
        assert self._writer is not None
        last, seconds, epochs = self._last, self._clock.seconds, max(self._config.schedule.epochs, self.epoch)
        share = epochs / last.epoch if last else 0.0
        progress = Progress(
            phase="sbp",
            epoch=min(self.epoch + 1, epochs),
            epochs=epochs,
            step=self._steps,
            steps=round(share * last.step) if last else 0,
            seconds=seconds,
            seconds_left=max(0.0, share * last.seconds - seconds) if last else None,
            seconds_to_first_prune=None,
            nll=last.nll if last else math.nan,
        )
        with self._lock:
            self._writer.write_status(state, message, progress)

    def _snapshot(self, epoch: int) -> Snapshot:
        with torch.no_grad():
            loc, log_scale = torch.stack(self._noise.in_box()).float().cpu().numpy()
        layout = self._noise.layout
        return Snapshot(epoch, layout.split(loc), layout.split(log_scale))


def _number(value: Any) -> float:
    return float(value.detach() if isinstance(value, torch.Tensor) else value)

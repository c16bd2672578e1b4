"""A run folder as tidy tables: SNR by layer and epoch, epochs of death, scalars by epoch.

The SNR is computed once, from the stored (mu, log sigma); a live run only pays for its new epochs.
"""

from __future__ import annotations

import dataclasses
import functools
import threading
import time
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Protocol

import numpy as np
import pandas as pd

from sbp.distributions import moments
from sbp.pruning.masks import is_kept
from sbp.spec import RunConfig
from sbp.spec.description import Description
from sbp.spec.layout import Group
from sbp.spec.records import Record, StepRecord
from sbp.viz.frames import Frames, frames_of, loss_curve, steps_table
from sbp.viz.snr_rows import grown

ALIVE = np.iinfo(np.int32).max  # the epoch of death of a unit that is kept at the end
ORDERS = ("death", "snr", "unit")
_CACHE_SIZE = 12


class Run(Protocol):
    """What is read of a run here; `sbp.runs.store.RunView` has it."""

    id: str
    taken: float
    meta: dict[str, Any]
    layers: tuple[Group, ...]

    @property
    def config(self) -> RunConfig: ...  # noqa: D102
    @property
    def description(self) -> Description: ...  # noqa: D102
    @property
    def data_stamp(self) -> Hashable: ...  # noqa: D102
    def records(self) -> Sequence[Any]: ...  # noqa: D102
    def snapshots(self) -> Any: ...  # noqa: D102
    def step_records(self) -> Sequence[StepRecord]: ...  # noqa: D102
    def step_snapshots(self) -> Any: ...  # noqa: D102


@dataclass(frozen=True, eq=False)
class RunTables:
    """One run's numbers, ready to be drawn.

    epochs: int [E], the epochs with a snapshot, 0 at initialisation. snr, loc, log_scale: float32 [E, U] by layer name.
    death: int32 [U] by layer name, the first epoch from which a unit stays below SNR 1 to the end, `ALIVE` for
    those kept at the end. records: one row per epoch; epochs of pretraining count up to 0, so that every chart of a
    run has one axis. steps: one row per first step of a phase. early: the shots of those steps, as `loc`, `log_scale`
    and `snr` have the epochs'. frames: epochs and steps as one; fell: as death, by row of `frames`.
    """

    run: str
    layers: tuple[Group, ...]
    epochs: np.ndarray
    loc: dict[str, np.ndarray]
    log_scale: dict[str, np.ndarray]
    snr: dict[str, np.ndarray]
    death: dict[str, np.ndarray]
    records: pd.DataFrame
    prior_snr: float
    n_train: int
    description: Description
    steps: pd.DataFrame
    early: tuple[dict[str, np.ndarray], ...]
    frames: Frames
    fell: dict[str, np.ndarray]
    method: str = "sbp"

    @property
    def macs_dense(self) -> int:
        """MACs per image with every unit kept."""
        return self.description.dense_macs()

    @property
    def last(self) -> int:
        """The last epoch with a snapshot; -1 while there is none."""
        return int(self.epochs[-1]) if len(self.epochs) else -1

    def layer(self, name: str) -> Group:
        """The layer of that name, the first one for a name that this run does not have."""
        return next((layer for layer in self.layers if layer.name == name), self.layers[0])

    def index(self, epoch: float | None) -> int:
        """Row of the last snapshot that is not after `epoch`, read to six decimals; None means the newest."""
        if epoch is None or not len(self.epochs):
            return max(len(self.epochs) - 1, 0)
        return int(np.clip(np.searchsorted(self.epochs, epoch + 1e-6, side="right") - 1, 0, len(self.epochs) - 1))

    @property
    def newest(self) -> int:
        """The last epoch of which anything is known, fine-tuning included; -1 while there is none."""
        return max(self.last, int(self.records["epoch"].iloc[-1]) if len(self.records) else -1)

    @functools.cached_property
    def after_pretraining(self) -> pd.DataFrame:
        """Records of the main phase and of fine-tuning, which goes on counting its epochs."""
        return self.records[self.records["phase"] != "pretrain"] if len(self.records) else self.records

    @functools.cached_property
    def errors(self) -> dict[float, tuple[float, float]]:
        """Held-out and training error in percent by epoch from the main phase on; nan where one is not known."""
        rows = self.after_pretraining
        errors = zip(rows["validation_error_percent"], rows["train_error_percent"], strict=True)
        return dict(zip(rows["epoch"].astype(float), errors, strict=True))

    @functools.cached_property
    def loss_curve(self) -> pd.DataFrame:
        """NLL, KL per example and loss by epoch, with the first steps where they are known."""
        return loss_curve(self.records, self.steps)

    @functools.cached_property
    def with_steps(self) -> RunTables:
        """The same with the first steps among the epochs, at their fractions, for what is said of one moment."""
        loc, log_scale, snr = (dict(rows) for rows in (self.frames.loc, self.frames.log_scale, self.frames.snr))
        return dataclasses.replace(self, epochs=self.frames.at, loc=loc, log_scale=log_scale, snr=snr)

    @functools.cached_property
    def first_steps(self) -> dict[float, int]:
        """Steps of the main phase that were looked at, by the fraction of epochs at which they stand."""
        main = self.steps[self.steps["phase"] != "pretrain"]
        return dict(zip(main["epoch"].astype(float), main["number"].astype(int), strict=True))

    def when(self, epoch: float) -> str:
        """A moment of a film in words.

        "step 40" for one of the first steps, "epoch 3" for an epoch.
        """
        step = self.first_steps.get(float(epoch))
        return f"epoch {int(epoch)}" if step is None else f"step {step:,}"

    @functools.cached_property
    def first_pruned(self) -> float | None:
        """The first moment at which a unit has an SNR below 1; None where there is none."""
        first = [self.frames.at[(~is_kept(snr)).any(axis=1)][:1] for snr in self.frames.snr.values()]
        return min((float(at[0]) for at in first if len(at)), default=None)

    @property
    def finetuned_from(self) -> int | None:
        """The last epoch of the main phase where fine-tuning has begun after it; None elsewhere."""
        tuned = self.records[self.records["phase"] == "finetune"] if len(self.records) else self.records
        return int(tuned["epoch"].iloc[0]) - 1 if len(tuned) else None

    def alive(self, name: str) -> np.ndarray:
        """Units with SNR >= 1 in a layer, by epoch: int [E]."""
        return is_kept(self.snr[name]).sum(axis=1)

    def order(self, name: str, by: str = "death", at: int = -1) -> np.ndarray:
        """Units of a layer in the order they are drawn: kept longest first, highest SNR first, or by number.

        Those kept at the end are sorted among themselves by their last SNR.
        """
        if by not in ORDERS:
            raise ValueError(f"Expected an order among {', '.join(ORDERS)}, got {by!r}.")
        units = np.arange(self.layer(name).units)
        if by == "unit" or not len(self.epochs):
            return units
        if by == "snr":
            return np.argsort(-self.snr[name][at], kind="stable")
        return np.lexsort((units, -self.snr[name][-1], -self.fell[name].astype(np.int64)))


def tables(run: Run) -> RunTables:
    """The tables of a run, kept for the last dozen runs asked for and brought up to date when its data changed.

    Of all that ask at once one builds them, and the others take what it built: of a long run it takes seconds.
    """
    with _lock:
        known = _known(run.id, str(getattr(run, "folder", "")))
    with known.lock:
        # Tables that were begun after this look at the folder hold all that it saw, and perhaps more.
        if known.tables is None or (known.stamp != run.data_stamp and known.begun < run.taken):
            begun = time.monotonic()
            known.tables = build(run, known.tables)
            known.stamp, known.begun = run.data_stamp, begun
        return known.tables


def build(run: Run, before: RunTables | None = None) -> RunTables:
    """Reads a run and computes its tables; rows that `before` already has, bit by bit, are not computed again."""
    shots, config = run.snapshots(), run.config
    epochs = np.asarray(shots.epochs, dtype=np.int64)
    first, steps = run.step_snapshots(), steps_table(run.step_records(), config.schedule.pretrain_epochs)
    at = steps.set_index("step")["epoch"].reindex(first.epochs).to_numpy(dtype=float)
    interval = config.noise.log_low, config.noise.log_high
    snr, death, early, fell = {}, {}, {}, {}
    for layer in run.layers:
        name, shown = layer.name, (shots.loc[layer.name], shots.log_scale[layer.name])
        snr[name], known = grown(name, shown, interval, (before.loc, before.log_scale, before.snr) if before else None)
        went = before.death[name] if before and known and known == len(before.epochs) else None
        death[name] = epochs_of_death(epochs, snr[name], known, went)
        early[name], _ = grown(
            name, (first.loc[name], first.log_scale[name]), interval, before.early if before else None
        )
    of_steps = dict(first.loc), dict(first.log_scale), early
    frames = frames_of(epochs, (dict(shots.loc), dict(shots.log_scale), snr), at, of_steps)
    for name, rows in frames.snr.items():
        fell[name] = epochs_of_death(np.arange(len(rows)), rows) if len(frames.at) > len(epochs) else death[name]
    return RunTables(
        run=run.id,
        layers=tuple(run.layers),
        epochs=epochs,
        loc=dict(shots.loc),
        log_scale=dict(shots.log_scale),
        snr=snr,
        death=death,
        records=records_table(run.records()),
        prior_snr=moments.prior_snr(config.noise.log_low, config.noise.log_high),
        n_train=int(run.meta.get("n_train") or 0),
        description=run.description,
        steps=steps,
        early=of_steps,
        frames=frames,
        fell=fell,
        method=config.method.name,
    )


def epochs_of_death(
    epochs: np.ndarray, snr: np.ndarray, known: int = 0, before: np.ndarray | None = None
) -> np.ndarray:
    """First epoch from which a unit stays below SNR 1; `ALIVE` where it is kept at the end. Shapes [E], [E, U] -> [U].

    A unit that recovered counts from when it was pruned last. before: the same of the first `known` epochs alone,
    from which it is brought up to date.

    >>> epochs_of_death(np.array([0, 1, 2]), np.array([[9, 9, 9], [0.3, 9, 0.3], [2, 2, 0.3]])).tolist()[2]
    1
    """
    if before is not None:
        for epoch, row in zip(epochs[known:], snr[known:], strict=True):
            before = np.where(is_kept(row), ALIVE, np.minimum(before, epoch)).astype(np.int32)
        return before
    if not len(epochs):
        return np.full(snr.shape[1], ALIVE, dtype=np.int32)
    pruned = ~is_kept(snr)
    # Rows of the run of pruned epochs that reaches the end, counted from there.
    trailing = np.cumprod(pruned[::-1], axis=0).sum(axis=0)
    first = np.minimum(len(epochs) - trailing, len(epochs) - 1)
    return np.where(trailing > 0, epochs[first], ALIVE).astype(np.int32)


def records_table(records: Sequence[Any]) -> pd.DataFrame:
    """One row per epoch with every scalar of the records, and `kl_per_example` = loss - nll."""
    rows = [record.to_dict() for record in records]
    if not rows:
        return pd.DataFrame(columns=[*(field.name for field in fields(Record)), "kl_per_example"])
    table = pd.DataFrame(rows)
    table["kl_per_example"] = table["loss"] - table["nll"]
    for name in ("train_error_percent", "validation_error_percent"):
        table[name] = pd.to_numeric(table[name])
    return table


def snr_table(tables: RunTables, name: str) -> pd.DataFrame:
    """Long form for a chart or a CSV: layer, unit, epoch, mu, log_sigma, snr, kept."""
    snr = tables.snr[name]
    epochs, units = np.meshgrid(tables.epochs, np.arange(snr.shape[1]), indexing="ij")
    columns = {
        "unit": units,
        "epoch": epochs,
        "mu": tables.loc[name],
        "log_sigma": tables.log_scale[name],
        "snr": snr,
        "kept": is_kept(snr),
    }
    return pd.DataFrame({"layer": name, **{column: values.ravel() for column, values in columns.items()}})


@dataclass
class _Known:
    """The tables of a run, the stamp of the look at its folder they were built for, and when that began."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    tables: RunTables | None = None
    stamp: Hashable = None
    begun: float = 0.0


@functools.lru_cache(maxsize=_CACHE_SIZE)
def _known(*key: Hashable) -> _Known:
    return _Known()


# Two threads that ask for the first time at the same moment would each get one of their own from the cache alone.
_lock = threading.Lock()

"""The first steps of a run between its epochs: one order of all moments, for films, and one curve of the loss."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

import numpy as np
import pandas as pd

from sbp.spec.records import StepRecord

# mu, log sigma and SNR by layer.
Shots = tuple[Mapping[str, np.ndarray], Mapping[str, np.ndarray], Mapping[str, np.ndarray]]
LOSS = ["epoch", "nll", "kl_per_example", "loss"]


@dataclass(frozen=True, eq=False)
class Frames:
    """Moments at which mu and sigma of all units are known.

    at: float [M], epochs with their fraction, rising. loc, log_scale, snr: float32 [M, U] by layer.
    """

    at: np.ndarray
    loc: Mapping[str, np.ndarray]
    log_scale: Mapping[str, np.ndarray]
    snr: Mapping[str, np.ndarray]

    def index(self, epochs: Any) -> Any:
        """Rows of the last moments that are not after these epochs, which links have with six decimals; the first where
        none is."""
        return np.maximum(np.searchsorted(self.at, np.asarray(epochs) + 1e-6, side="right") - 1, 0)


def frames_of(epochs: np.ndarray, shots: Shots, at: np.ndarray, early: Shots) -> Frames:
    """Epochs [E] with their mu, log sigma and SNR [E, U], and steps, which stand at these fractions of epochs [S], with
    theirs, as one; a step that is being written now has a row, and nan for its place.

    >>> epoch, step = ({"x": np.array([[9], [2]])},) * 3, ({"x": np.array([[4]])},) * 3
    >>> frames_of(np.array([0, 1]), epoch, np.array([0.5]), step).snr["x"].T
    array([[9, 4, 2]])
    """
    known = ~np.isnan(at)
    both = np.concatenate([np.asarray(epochs, dtype=float), at[known]])
    if not known.any():
        return Frames(both, *shots)
    order = np.argsort(both, kind="stable")
    merged = [
        {name: np.concatenate([rows, steps[name][known]])[order] for name, rows in whole.items()}
        for whole, steps in zip(shots, early, strict=True)
    ]
    return Frames(both[order], *merged)


def steps_table(records: Sequence[StepRecord], pretrain_epochs: int) -> pd.DataFrame:
    """One row per step with every scalar, `kl_per_example` = loss - nll, and `number`, the step within its phase."""
    table = pd.DataFrame([record.to_dict() for record in records], columns=[it.name for it in fields(StepRecord)])
    table["kl_per_example"] = table["loss"] - table["nll"]
    epoch, main = table["epoch"].astype(float), table["phase"] != "pretrain"
    share = np.where(main, epoch / (epoch + pretrain_epochs), 1.0)
    return table.assign(number=(table["step"].astype(float) * share).round().astype(int))


def loss_curve(records: pd.DataFrame, steps: pd.DataFrame) -> pd.DataFrame:
    """NLL, KL per example and loss by epoch, first steps among them.

    An epoch's own mean is left out where steps reach beyond its middle: it is a mean over all of them, and would stand
    as a bump at their end.
    """
    if steps.empty:
        return records[LOSS].astype(float)
    told = set(np.ceil(steps["epoch"][np.ceil(steps["epoch"]) - steps["epoch"] < 0.5]))
    both = [steps[LOSS], records[LOSS][~records["epoch"].isin(told)]]
    return pd.concat([part.astype(float) for part in both]).sort_values("epoch", ignore_index=True)

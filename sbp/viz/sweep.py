"""The sweep that a run's folder holds, checked and as tables: error, kept units and MACs along a threshold."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from sbp.pruning.cost import network_cost
from sbp.pruning.masks import keep_masks, kept_counts
from sbp.spec.description import Description
from sbp.spec.noise import SNR_THRESHOLD
from sbp.viz.tables import RunTables

LOW, HIGH = 0.2, 100.0
STEPS_A_DECADE = 50  # of the thresholds where no sweep says which were tried
HELD_OUT, TRAINING = "held-out", "training"  # kinds of error
_KINDS = {"validation": HELD_OUT, "training": TRAINING}
COLUMNS = ["threshold", "kept", "macs", "params", "error_percent", "nll"]


class BadSweep(ValueError):
    """What the folder holds is not a sweep of this run; the message says what to do."""


@dataclass(frozen=True, eq=False)
class Sweep:
    """examples: which were scored ("validation", "training") and n, how many.

    points: one row a threshold of every criterion: `COLUMNS`, criterion, title, natural (whether the threshold is the
    one that the criterion itself proposes). samples, mean: K sampled thetas averaged, and the mean network in one
    pass, as the sweep has them; empty where it has none.
    """

    examples: str
    n: int
    points: pd.DataFrame
    samples: pd.DataFrame
    mean: dict[str, Any]
    hardware: str

    @property
    def kind(self) -> str:
        """What kind of error its errors are."""
        return _KINDS.get(self.examples, self.examples)

    def of(self, criterion: str) -> pd.DataFrame:
        """The points of one criterion by rising threshold."""
        return self.points[self.points["criterion"] == criterion].sort_values("threshold", ignore_index=True)


def read(value: dict[str, Any], layers: int) -> Sweep:
    """Checks the sweep.json of a run with so many noise layers; raises `BadSweep` with a sentence."""
    try:
        rows = []
        for name, criterion in value["criteria"].items():
            for point in criterion["points"]:
                kept = tuple(int(count) for count in point["kept"])
                if not 0 <= float(point["error_percent"]) <= 100:
                    raise ValueError(f"an error of {point['error_percent']} %")
                if min(*kept, int(point["macs"]), int(point["params"]), 0) < 0:
                    raise ValueError("a negative count")
                if len(kept) != layers:
                    raise ValueError(f"{len(kept)} kept counts for {layers} noise layers")
                threshold = float(point["threshold"])
                own = criterion["natural"]
                natural = own is not None and math.isclose(threshold, own, abs_tol=1e-9)
                counts = kept, int(point["macs"]), int(point["params"])
                errors = float(point["error_percent"]), float(point["nll"])
                rows.append((threshold, *counts, *errors, str(name), str(criterion["title"]), natural))
        points = pd.DataFrame(rows, columns=[*COLUMNS, "criterion", "title", "natural"])
        if not (points["criterion"] == "snr").any():
            raise ValueError("no points of the SNR")
        ensemble = value.get("ensemble") or {}
        samples = pd.DataFrame(ensemble.get("samples", []), columns=["samples", "error_percent", "nll", "seconds"])
        mean = {name: float(number) for name, number in dict(ensemble.get("mean") or {}).items()}
        examples, hardware = str(value["objects"]), str(ensemble.get("hardware") or "")
        return Sweep(examples, int(value["n"]), points, samples.astype(float), mean, hardware)
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise BadSweep(f"sweep.json does not hold a sweep of this run ({_short(error)}).") from None


def stops(found: RunTables, network: str | Description, sweep: Sweep | None) -> pd.DataFrame:
    """Where a hand on the threshold may come to rest: `COLUMNS`, by rising threshold.

    With a sweep its own thresholds, whose error was measured; else 50 a decade from 0.2 to 100, with kept units and
    MACs by the stored noise at the newest epoch, and no error.
    """
    if sweep is not None:
        points = sweep.of("snr")[COLUMNS]
        return points[points["threshold"].between(LOW * 0.99, HIGH * 1.01)].reset_index(drop=True)
    snr = {name: rows[-1] for name, rows in found.snr.items()}
    low, high = (round(STEPS_A_DECADE * math.log10(end)) for end in (LOW, HIGH))
    rows = []
    for step in range(low, high + 1):
        threshold = 10.0 ** (step / STEPS_A_DECADE)
        kept = kept_counts(keep_masks(snr, threshold), found.layers)
        cost = network_cost(network, kept)
        rows.append((threshold, kept, cost.macs, cost.params, math.nan, math.nan))
    return pd.DataFrame(rows, columns=COLUMNS)


def nearest(stops: pd.DataFrame, threshold: float) -> int:
    """Index of the stop that is nearest on a log axis.

    >>> nearest(pd.DataFrame({"threshold": [0.2, 1.0, 100.0]}), 0.5)
    1
    """
    return int(np.argmin(np.abs(np.log(stops["threshold"].to_numpy()) - math.log(threshold))))


def cheapest(stops: pd.DataFrame, slack: float = 0.1) -> int | None:
    """Index of the stop with the fewest MACs whose error is at most `slack` points above that at SNR = 1; None
    where no error was measured or nothing is cheaper.
    """
    if stops["error_percent"].isna().any():
        return None
    one = stops.iloc[nearest(stops, SNR_THRESHOLD)]
    good = stops[stops["error_percent"] <= one["error_percent"] + slack + 1e-9].sort_values(["macs", "threshold"])
    return int(good.index[0]) if good["macs"].iloc[0] < one["macs"] else None


def near_one(found: RunTables) -> float:
    """Share of all units, in percent, whose SNR at the newest epoch is within a factor of 2 of 1."""
    snr = np.concatenate([rows[-1] for rows in found.snr.values()])
    return 100 * float(((snr >= 0.5) & (snr <= 2)).mean())


def csv(sweep: Sweep, found: RunTables) -> bytes:
    """Every point of every criterion, one column a kept count."""
    table = sweep.points.copy()
    for i, layer in enumerate(found.layers):
        table[f"kept_{layer.name}"] = [kept[i] for kept in table["kept"]]
    table["examples"], table["n"] = sweep.examples, sweep.n
    return table.drop(columns="kept").to_csv(index=False).encode()


def _short(error: Exception) -> str:
    text = f"{error} is missing" if isinstance(error, KeyError) else str(error)
    return text[:120]

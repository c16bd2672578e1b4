"""Measured speed as a table: dense, masked and compact, a row per batch size; and as a sentence."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import pandas as pd

from sbp.reference.paper import HARDWARE, PaperRow
from sbp.viz import labels

VARIANTS = ("dense", "masked", "compact")
LEAST_GAIN = 1.05  # speed-up; less is not called a gain
STEADY = 0.1  # spread within or between processes over median; a timing that spreads more is called unsteady


class BadSpeed(ValueError):
    """What the folder holds is no measurement; the message says what to do."""


def measurements(value: dict[str, Any] | None) -> list[dict[str, Any]]:
    """The measurements of a run, newest first; raises `BadSpeed` with a sentence."""
    try:
        found = [] if value is None else list(value["measurements"])
        for measured in found:
            table(measured)
            where(measured)
        return sorted(found, key=lambda measured: -float(measured.get("when") or 0))
    except (KeyError, TypeError, ValueError, AttributeError) as error:
        raise BadSpeed(f"speed.json does not hold measurements ({str(error)[:120]}).") from None


def table(measured: dict[str, Any]) -> pd.DataFrame:
    """A row per batch size and variant: batch, variant, median, iqr and between in ms, n, speed-up over dense there.

    between: the range of several processes' medians; NaN where one process measured.
    """
    rows = pd.DataFrame(measured["rows"]).astype({"batch": int, "variant": str, "n": int})
    rows["median"], rows["iqr"] = 1e3 * rows["median_seconds"].astype(float), 1e3 * rows["iqr_seconds"].astype(float)
    between = rows["between_seconds"] if "between_seconds" in rows else pd.Series(math.nan, rows.index)
    rows["between"] = 1e3 * between.astype(float)
    rows = rows[rows["variant"].isin(VARIANTS)].sort_values("batch", kind="stable")
    dense = rows[rows["variant"] == "dense"].set_index("batch")["median"]
    rows["times"] = rows["batch"].map(dense) / rows["median"]
    if rows.empty or rows["times"].isna().any():
        raise ValueError("a batch size without dense")
    return rows[["batch", "variant", "median", "iqr", "between", "n", "times"]].reset_index(drop=True)


def shown(measured: dict[str, Any], paper: Sequence[PaperRow] = ()) -> pd.DataFrame:
    """A row per batch size: speed-ups, then median (IQR; range between processes) of each variant; the paper's last."""
    rows = []
    for batch, group in table(measured).groupby("batch"):
        by_name = group.set_index("variant")
        row = {"batch": f"{batch:,}"}
        for variant in by_name.index[1:]:
            sure = _steady(by_name, variant) and _steady(by_name, "dense")
            row[f"{variant}, ×"] = f"{by_name.at[variant, 'times']:.2f}{'' if sure else ' ?'}"
        for variant in by_name.index:
            spreads = [plain(it, 2) for it in by_name.loc[variant, ["iqr", "between"]] if not math.isnan(it)]
            median, doubt = plain(by_name.at[variant, "median"], 3), "" if _steady(by_name, variant) else " ?"
            row[f"{variant}, ms"] = f"{median} ({'; '.join(spreads)}){doubt}"
        rows.append(row)
    part = "cpu" if measured["device"] == "cpu" else "gpu"
    rows += [
        {"batch": f"paper, {HARDWARE[part]}", "compact, ×": f"{getattr(printed, part):.2f}"}
        for printed in paper
        if printed.method == "SBP"
    ]
    return pd.DataFrame(rows).fillna("")


def _steady(by_name: pd.DataFrame, variant: str) -> bool:
    return bool(by_name.loc[variant, ["iqr", "between"]].max() <= STEADY * by_name.at[variant, "median"])


def plain(value: float, digits: int) -> str:
    """A number with so many significant digits, never in powers of ten.

    >>> [plain(value, 3) for value in (0.0649, 3.6126, 201.36, 1234.5)], plain(9.629, 2)
    (['0.0649', '3.61', '201', '1234'], '9.6')
    """
    if value <= 0:
        return "0"
    return f"{value:.{max(0, digits - 1 - math.floor(math.log10(value)))}f}"


def sentence(measured: dict[str, Any]) -> str:
    """Where the compact network gains, where it does not, and where the timings are too unsteady to tell."""
    found = table(measured)
    both = found[found["variant"] != "masked"]
    unsteady = set(both[both[["iqr", "between"]].max(axis=1) > STEADY * both["median"]]["batch"])
    compact = found[(found["variant"] == "compact") & ~found["batch"].isin(unsteady)]
    said = [
        f"{times:.1f}× {'as fast' if times < 1 else 'faster'} at batch {batch:,}"
        for batch, times in zip(compact["batch"], compact["times"], strict=True)
    ]
    slow = [f"{batch:,}" for batch in compact[compact["times"] < LEAST_GAIN]["batch"]]
    parts = [f"compact is {labels.join(said)}."] if said else []
    parts += [f"No gain at batch {labels.join(slow)}: overhead other than MACs dominates there."] if slow else []
    doubtful = labels.join([f"{batch:,}" for batch in sorted(unsteady)])
    parts += [f"Unsteady at batch {doubtful}: a spread over 10 % of the median."] if unsteady else []
    return " ".join(parts)


def where(measured: dict[str, Any]) -> str:
    """Device, hardware, threads, processes."""
    return ", ".join(dict.fromkeys([str(measured["device"]).upper(), labels.measured_on(measured)]))

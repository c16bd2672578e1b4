"""How many units have which SNR, and on which side of a threshold: one heap at the prior's own, one of kept units."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.pruning.masks import keep_masks, kept_counts
from sbp.spec.noise import SNR_THRESHOLD
from sbp.viz import charts
from sbp.viz.sweep import near_one
from sbp.viz.tables import RunTables
from sbp.viz.threshold import number, rules, threshold_axis

HEIGHT = 300
BINS_A_DECADE = 20


def table(found: RunTables, at: float = SNR_THRESHOLD) -> pd.DataFrame:
    """Units in bins of log10 SNR, an edge at 1: low, high, units, kept; those outside 0.2 to 100 count at the ends.

    The bin that the threshold `at` lies in is cut there, so that no bar has units of both sides.

    >>> import types
    >>> table(types.SimpleNamespace(snr={"dense1": np.array([[0.3, 1.0, 500.0]])}))["units"].sum()
    np.int64(3)
    """
    snr = np.concatenate([rows[-1] for rows in found.snr.values()])
    whole = 10.0 ** (np.arange(np.floor(np.log10(0.2) * BINS_A_DECADE), 2 * BINS_A_DECADE + 1) / BINS_A_DECADE)
    edges = np.unique([0.2, at, *whole[(whole > 0.2) & (np.abs(np.log(whole / at)) > 1e-6)]])
    bins = np.clip(np.searchsorted(edges, snr, side="right") - 1, 0, len(edges) - 2)
    numbers, units = np.unique(bins, return_counts=True)
    low, high = edges[numbers], edges[numbers + 1]
    return pd.DataFrame({"threshold": low, "high": high, "units": units, "kept": low >= at})


def chart(found: RunTables, at: float = SNR_THRESHOLD, dark: bool = False) -> Any:
    """A bar a bin, on the axis of the thresholds; what the threshold `at` prunes and keeps in their colours."""
    if not len(found.epochs):
        return charts.empty("The first epoch has not ended yet.", HEIGHT)
    side = f"SNR ≥ {number(at)}"
    data = table(found, at).assign(side=lambda t: np.where(t["kept"], side, "pruned"))
    top = float(data["units"].max())
    bars = alt.Chart(data).mark_bar(clip=True)
    bars = bars.encode(
        x=threshold_axis("SNR (log)"),
        x2="high:Q",
        y=charts.axis(
            alt.Y, "units", "units (log)", (0.7, max(top * 12, 10)), log=True, **charts.log_marks(1, max(top, 10))
        ),
        y2=alt.datum(0.7),
        color=charts.fate("side", dark, alt.Legend(orient="top", symbolType="square"), kept=side),
        tooltip=charts.tips(("threshold:Q", "SNR from", ".3~g"), ("high:Q", "to", ".3~g"), ("units:Q", "", ",")),
    )
    chosen = None if at == SNR_THRESHOLD else at
    return charts.finish(alt.layer(bars, *rules(found.prior_snr, chosen, dark)), describe(found, at), HEIGHT)


def describe(found: RunTables, at: float = SNR_THRESHOLD) -> str:
    """Both sides of the threshold in a sentence."""
    if not len(found.epochs):
        return "No unit has an SNR yet."
    last = {name: rows[-1] for name, rows in found.snr.items()}
    snr = np.concatenate(list(last.values()))
    pruned, kept = snr[snr < at], snr[snr >= at]
    said = []
    if len(pruned):
        said.append(f"{len(pruned):,} units pruned, half of them below {np.median(pruned):.2g}")
    if len(kept):
        said.append(f"{len(kept):,} units at SNR ≥ {number(at)}, half of them above {np.median(kept):.2g}")
    if orphans := len(kept) - sum(kept_counts(keep_masks(last, at), found.layers)):
        said[-1] += f" ({orphans:,} of these are pruned too: channels without features, features without channels)"
    return f"At epoch {found.last}: {'; '.join(said)}; {near_one(found):.1f} % of all within a factor of 2 of 1."

"""How many units have which SNR: two heaps, one at the prior's own, one of the kept units."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.pruning.masks import is_kept, keep_masks, kept_counts
from sbp.viz import charts
from sbp.viz.sweep import near_one
from sbp.viz.tables import RunTables
from sbp.viz.threshold import rules, threshold_axis

HEIGHT = 300
BINS_A_DECADE = 20


def table(found: RunTables) -> pd.DataFrame:
    """Units in bins of log10 SNR, an edge at 1: low, high, units, kept; those outside 0.2 to 100 count at the ends.

    >>> import types
    >>> table(types.SimpleNamespace(snr={"dense1": np.array([[0.3, 1.0, 500.0]])}))["units"].sum()
    np.int64(3)
    """
    snr = np.concatenate([rows[-1] for rows in found.snr.values()])
    bins = np.floor(np.log10(np.clip(snr, 0.2001, 99.99)) * BINS_A_DECADE).astype(int)
    kept = is_kept(snr)
    bins = np.where(kept, np.maximum(bins, 0), np.minimum(bins, -1))  # 1 itself never falls to the other side
    numbers, units = np.unique(bins, return_counts=True)
    edges = np.clip(10.0 ** (np.stack([numbers, numbers + 1]) / BINS_A_DECADE), 0.2, 100.0)
    return pd.DataFrame({"threshold": edges[0], "high": edges[1], "units": units, "kept": numbers >= 0})


def chart(found: RunTables, dark: bool = False) -> Any:
    """A bar a bin, on the axis of the thresholds; pruned and kept in their colours."""
    if not len(found.epochs):
        return charts.empty("The first epoch has not ended yet.", HEIGHT)
    data = table(found).assign(side=lambda t: np.where(t["kept"], "SNR ≥ 1", "pruned"))
    top = float(data["units"].max())
    bars = alt.Chart(data).mark_bar(clip=True)
    bars = bars.encode(
        x=threshold_axis("SNR (log)"),
        x2="high:Q",
        y=charts.axis(
            alt.Y, "units", "units (log)", (0.7, max(top * 12, 10)), log=True, **charts.log_marks(1, max(top, 10))
        ),
        y2=alt.datum(0.7),
        color=charts.fate("side", dark, alt.Legend(orient="top", symbolType="square"), kept="SNR ≥ 1"),
        tooltip=charts.tips(("threshold:Q", "SNR from", ".3~g"), ("high:Q", "to", ".3~g"), ("units:Q", "", ",")),
    )
    return charts.finish(alt.layer(bars, *rules(found.prior_snr, None, dark)), describe(found), HEIGHT)


def describe(found: RunTables) -> str:
    """Both heaps in a sentence."""
    if not len(found.epochs):
        return "No unit has an SNR yet."
    last = {name: rows[-1] for name, rows in found.snr.items()}
    snr = np.concatenate(list(last.values()))
    pruned, kept = snr[~is_kept(snr)], snr[is_kept(snr)]
    said = []
    if len(pruned):
        said.append(f"{len(pruned):,} units pruned, half of them below {np.median(pruned):.2g}")
    if len(kept):
        said.append(f"{len(kept):,} units at SNR ≥ 1, half of them above {np.median(kept):.2g}")
    if orphans := len(kept) - sum(kept_counts(keep_masks(last), found.layers)):
        said[-1] += f" ({orphans:,} of these are pruned too: channels without features, features without channels)"
    return f"At epoch {found.last}: {'; '.join(said)}; {near_one(found):.1f} % within a factor of 2 of 1."

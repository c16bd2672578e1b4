"""How much the interval [a, b] of log theta matters: error and units kept against its length b - a."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from sbp.distributions import moments
from sbp.spec.networks import SPECS
from sbp.viz import charts, labels, palette

CRITICAL = 3.83  # the length at which the prior's own SNR crosses 1
HEIGHT = 260
WHAT = {"error": "test error, %", "kept": "remaining, % of the dense network"}


def table(rows: Sequence[Any]) -> pd.DataFrame:
    """A row an interval, shortest first, from rows as `sbp.experiments.results.Row` has them; those without a run are
    left out. low, high: a and b; kept_percent and macs_percent: means over the seeds."""
    found = []
    for row in rows:
        run = row.shown
        if run is None:
            continue
        low, high = float(run.config["log_low"]), float(run.config["log_high"])
        spec, widths = SPECS[row.network], tuple(run.config.get("widths") or ())
        units, dense = sum(layer.units for layer in spec.layers(widths)), spec.dense_macs(widths)
        found.append(
            {
                "label": row.label,
                "low": low,
                "high": high,
                "length": high - low,
                "prior_snr": moments.prior_snr(low, high),
                "error_percent": row.mean,
                "spread": row.spread or 0.0,
                "n": row.n,
                "kept": labels.widths(run.kept),
                "kept_percent": sum(100 * sum(r.kept) / units for r in row.runs) / row.n,
                "macs_percent": sum(100 * r.macs / dense for r in row.runs) / row.n,
            }
        )
    return pd.DataFrame(sorted(found, key=lambda row: row["length"]))


def chart(found: pd.DataFrame, what: str, dark: bool = False) -> Any:
    """One of `WHAT` against b - a on a log axis, with the rule at 3.83 under which nothing can be pruned."""
    if found.empty:
        return charts.empty("No interval has been tried yet.", HEIGHT)
    longest = max(48.0, 1.2 * float(found["length"].max()))
    marks = {"values": found["length"].tolist(), "format": "~g", "grid": False}
    x = charts.axis(alt.X, "length", "b − a, nats (log)", (2.5, longest), log=True, **marks)
    named = f"{CRITICAL}: below it nothing can be pruned"
    critical = charts.upright(CRITICAL, named, palette.theme(dark).pruned, "length", size=1.25)
    drawn = _error(found, x, dark) if what == "error" else _left(found, x, dark)
    return charts.finish(alt.layer(*critical, *drawn), describe(found, what), HEIGHT)


def describe(found: pd.DataFrame, what: str) -> str:
    """What changes with a, and what happens on an interval that is too short."""
    if found.empty:
        return "No interval has been tried yet."
    long, short = found[found["length"] >= CRITICAL], found[found["length"] < CRITICAL]
    said = []
    if len(long):
        ends = f"From a = {labels.signed(long['low'].iloc[0])} to {labels.signed(long['low'].iloc[-1])}"
        if what == "error":
            low, high = long["error_percent"].min(), long["error_percent"].max()
            said.append(f"{ends} the test error lies between {low:.2f} and {high:.2f} %")
        else:
            low, high = long["macs_percent"].min(), long["macs_percent"].max()
            said.append(f"{ends} between {low:.1f} and {high:.1f} % of the MACs remain")
    for row in short.itertuples():
        kept = f"{row.kept_percent:.0f} % of the units are kept"
        said.append(
            f"at b − a = {row.length:g}, below {CRITICAL}, the prior’s own SNR is {row.prior_snr:.2f}, above 1, and "
            + (kept if what == "kept" else f"the error is {row.error_percent:.2f} %")
        )
    text = "; ".join(said)
    return text[0].upper() + text[1:] + "."


def _error(found: pd.DataFrame, x: alt.X, dark: bool) -> list[Any]:
    colour = palette.theme(dark).ink
    data = found.assign(bottom=found["error_percent"] - found["spread"], top=found["error_percent"] + found["spread"])
    base = alt.Chart(data).encode(x=x)
    y = charts.y_axis("error_percent", WHAT["error"], 1.25 * float(data["top"].max()), tickCount=5)
    tips = charts.tips(
        ("label:N", "interval"), ("error_percent:Q", "error, %", ".2f"), ("spread:Q", "±", ".2f"), ("n:Q", "seeds")
    )
    return [
        base.mark_rule(color=colour).encode(y="bottom:Q", y2="top:Q"),
        base.mark_line(color=colour, strokeWidth=2.25).encode(y=y),
        base.mark_point(color=colour, filled=True, size=80, opacity=1).encode(y=y, tooltip=tips),
    ]


def _left(found: pd.DataFrame, x: alt.X, dark: bool) -> list[Any]:
    names = {"kept_percent": "units", "macs_percent": "MACs"}
    data = found.melt(id_vars=["label", "length", "kept"], value_vars=list(names), var_name="of", value_name="percent")
    data = data.assign(of=data["of"].map(names))
    colours, dashes = (palette.theme(dark).kept, palette.theme(dark).reference), ((1, 0), (6, 3))
    style = charts.told_apart("of", list(names.values()), colours, dashes, symbolType="stroke", symbolStrokeWidth=3)
    tips = charts.tips(("label:N", "interval"), "of:N", ("percent:Q", "remaining, %", ".1f"), ("kept:N", "units kept"))
    base = alt.Chart(data).encode(x=x, y=charts.percent_axis(WHAT["kept"], 115), color=style["color"], tooltip=tips)
    return [
        base.mark_line(strokeWidth=2.25).encode(strokeDash=style["strokeDash"]),
        base.mark_point(filled=True, size=80, opacity=1),
    ]

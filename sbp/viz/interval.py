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
COLUMNS = [
    "label",
    "low",
    "high",
    "length",
    "prior_snr",
    "error_percent",
    "spread",
    "n",
    "kept",
    "kept_percent",
    "macs_percent",
]
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
            (
                row.label,
                low,
                high,
                high - low,
                moments.prior_snr(low, high),
                row.mean,
                row.spread or 0.0,
                row.n,
                labels.widths(run.kept),
                sum(100 * sum(r.kept) / units for r in row.runs) / row.n,
                sum(100 * r.macs / dense for r in row.runs) / row.n,
            )
        )
    return pd.DataFrame(found, columns=COLUMNS).sort_values("length", ignore_index=True)


def chart(found: pd.DataFrame, what: str, dark: bool = False, height: int = 260) -> Any:
    """One of `WHAT` against b - a on a log axis, with the rule at 3.83 under which nothing can be pruned."""
    if found.empty:
        return charts.empty("No interval has been tried yet.", height)
    longest = max(48.0, 1.2 * float(found["length"].max()))
    x = alt.X(
        "length:Q",
        title="b − a, nats (log)",
        scale=alt.Scale(type="log", domain=[2.5, longest], nice=False),
        axis=alt.Axis(values=found["length"].tolist(), format="~g", grid=False),
    )
    layers = [*_critical(dark), *(_error(found, x, dark) if what == "error" else _left(found, x, dark))]
    return charts.finish(alt.layer(*layers), describe(found, what), height)


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


def _critical(dark: bool) -> list[Any]:
    colour = palette.theme(dark).pruned
    data = alt.Chart(alt.Data(values=[{"length": CRITICAL, "rule": f"{CRITICAL}: below it nothing can be pruned"}]))
    name = data.mark_text(align="left", baseline="top", dx=5, color=colour, fontSize=11)
    return [
        data.mark_rule(color=colour, size=1.25).encode(x="length:Q"),
        name.encode(x="length:Q", y=alt.value(2), text="rule:N"),
    ]


def _error(found: pd.DataFrame, x: alt.X, dark: bool) -> list[Any]:
    colour = palette.theme(dark).data
    data = found.assign(bottom=found["error_percent"] - found["spread"], top=found["error_percent"] + found["spread"])
    top = 1.25 * float(data["top"].max())
    y = alt.Y(
        "error_percent:Q",
        title=WHAT["error"],
        scale=alt.Scale(domain=[0, top], nice=False),
        axis=alt.Axis(tickCount=5, gridOpacity=0.4),
    )
    base = alt.Chart(data)
    tooltip = [
        alt.Tooltip("label:N", title="interval"),
        alt.Tooltip("error_percent:Q", title="error, %", format=".2f"),
        alt.Tooltip("spread:Q", title="±", format=".2f"),
        alt.Tooltip("n:Q", title="seeds"),
    ]
    return [
        base.mark_rule(color=colour).encode(x=x, y="bottom:Q", y2="top:Q"),
        base.mark_line(color=colour, strokeWidth=2.25).encode(x=x, y=y),
        base.mark_point(color=colour, filled=True, size=80, opacity=1).encode(x=x, y=y, tooltip=tooltip),
    ]


def _left(found: pd.DataFrame, x: alt.X, dark: bool) -> list[Any]:
    names = {"kept_percent": "units", "macs_percent": "MACs"}
    data = found.melt(id_vars=["label", "length", "kept"], value_vars=list(names), var_name="of", value_name="percent")
    data = data.assign(of=data["of"].map(names))
    colours = [palette.theme(dark).kept, palette.theme(dark).reference]
    order = list(names.values())
    base = alt.Chart(data).encode(
        x=x,
        y=alt.Y(
            "percent:Q",
            title=WHAT["kept"],
            scale=alt.Scale(domain=[0, 115], nice=False),
            axis=alt.Axis(values=[0, 25, 50, 75, 100], gridOpacity=0.4),
        ),
        color=alt.Color(
            "of:N",
            title=None,
            sort=order,
            scale=alt.Scale(domain=order, range=colours),
            legend=alt.Legend(orient="top", symbolType="stroke", symbolStrokeWidth=3),
        ),
        tooltip=[
            alt.Tooltip("label:N", title="interval"),
            alt.Tooltip("of:N"),
            alt.Tooltip("percent:Q", title="remaining, %", format=".1f"),
            alt.Tooltip("kept:N", title="units kept"),
        ],
    )
    dash = alt.StrokeDash("of:N", sort=order, legend=None, scale=alt.Scale(domain=order, range=[[1, 0], [6, 3]]))
    return [
        base.mark_line(strokeWidth=2.25).encode(strokeDash=dash),
        base.mark_point(filled=True, size=80, opacity=1),
    ]

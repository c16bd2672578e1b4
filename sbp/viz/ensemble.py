"""Does averaging over the noise help at test time? K sampled thetas against the mean (section 4.5)."""

from __future__ import annotations

import math
from typing import Any

import altair as alt

from sbp.viz import charts, palette
from sbp.viz.sweep import Sweep

HEIGHT = 300


def chart(sweep: Sweep | None, what: str = "error_percent", dark: bool = False) -> Any:
    """Error or NLL of the average of K sampled thetas by K, and a rule at that of the mean network."""
    if sweep is None or sweep.samples.empty or what not in sweep.mean:
        return charts.empty("This run's folder holds no sampled thetas.", HEIGHT)
    title = f"{sweep.kind} error, % of {sweep.n:,} images" if what == "error_percent" else "NLL, nats per example"
    colour, grey = palette.theme(dark).kept, palette.theme(dark).reference
    samples, mean = sweep.samples, sweep.mean[what]
    low, high = min(mean, samples[what].min()), max(mean, samples[what].max())
    room = 0.25 * (high - low) or 0.1 * high or 0.1
    ends = max(0.0, low - room), high + room
    y = charts.axis(alt.Y, what, title, ends, tickCount=4, format="~g", gridOpacity=0.4)
    tips = charts.tips(
        ("samples:Q", "K"),
        ("error_percent:Q", "error, %", ".2f"),
        ("nll:Q", "NLL, nats", ".4f"),
        ("seconds:Q", "", ".3~g"),
    )
    x = alt.X(
        "samples:Q",
        title="K, sampled thetas averaged (log)",
        scale=alt.Scale(type="log", domain=[1, max(float(samples["samples"].max()), 2)]),
        axis=alt.Axis(values=samples["samples"].tolist(), format="~g", grid=False),
    )
    base = alt.Chart(samples).encode(x=x, y=y, tooltip=tips)
    rule = alt.Chart(alt.Data(values=[{what: mean, "name": "the mean, one pass"}])).encode(y=y)
    name = rule.mark_text(align="left", baseline="top", dx=4, dy=4, color=grey, fontSize=12)
    layers = (
        rule.mark_rule(color=grey, strokeDash=[4, 3], size=1.5),
        name.encode(x=alt.value(0), text="name:N"),
        base.mark_line(color=colour, strokeWidth=2.25),
        base.mark_point(color=colour, filled=True, size=55, opacity=1),
    )
    return charts.finish(alt.layer(*layers), describe(sweep), HEIGHT)


def describe(sweep: Sweep) -> str:
    """The comparison in a sentence, judged by the standard error of a proportion of n examples."""
    most = sweep.samples.sort_values("samples").iloc[-1]
    k, mean, n = int(most["samples"]), sweep.mean, sweep.n
    gain = mean["error_percent"] - most["error_percent"]
    share = mean["error_percent"] / 100
    doubt = 100 * math.sqrt(max(share * (1 - share), 0.0) / n)
    if abs(gain) <= doubt:
        verdict = f"within chance for {n:,} examples (standard error {doubt:.2f} points)"
    else:
        verdict = f"{abs(gain):.2f} points {'gained' if gain > 0 else 'lost'} (standard error {doubt:.2f})"
    slower = ""
    if mean.get("seconds"):
        times = most["seconds"] / mean["seconds"]
        slower = f" in {times:,.0f}× the time ({most['seconds']:.2g} s against {mean['seconds']:.2g} s)"
    return (
        f"The mean network has {mean['error_percent']:.2f} % {sweep.kind} error (NLL {mean['nll']:.4f}), the average "
        f"of {k} sampled thetas {most['error_percent']:.2f} % (NLL {most['nll']:.4f}){slower}: "
        f"{verdict}."
    )

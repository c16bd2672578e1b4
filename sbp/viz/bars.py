"""The weights of a unit as bars, and a layer's outputs for one image with one unit marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.viz import charts, labels, palette
from sbp.viz.filters import are_gone, gone

MOST = 60  # bars of weights at most: the largest
HEIGHT, RANKED_HEIGHT = 320, 230


def weights(
    values: np.ndarray,
    keep: np.ndarray,
    others: str,
    what: str,
    dark: bool = False,
    names: Sequence[str] | None = None,
    limit: float = 0.0,
) -> Any:
    """A bar a weight, the largest |w| first, at most `MOST`; blue where the other end is kept, orange where pruned.

    values: [n], signed, or sizes of whole filters. others: what is at the other end, "neurons of Dense 2". what: what a
    bar is, "weight" or "mean |w| of a filter". names: keep the order and write these under the bars. limit: the scale
    of the layer, to which the axis reaches at least.
    """
    sentence = gone(limit) if are_gone(values, limit) else describe_weights(values, keep, others, what)
    if not len(values):
        return charts.empty("No weights here.", HEIGHT)
    if names is not None:
        order, title, legend = np.arange(len(values)), others, None
        axis = alt.Axis(labelExpr=f"{list(names)}[datum.value]", labelAngle=0, ticks=False, domain=False)
    else:
        order, title = np.argsort(-np.abs(values), kind="stable")[:MOST], f"{others}, largest |w| first"
        axis = alt.Axis(labels=False, ticks=False, domain=False)
        legend = alt.Legend(orient="top", symbolType="square")
    signed = what == "weight"
    state = np.where(keep[order], "kept", "pruned")
    data = pd.DataFrame({"place": range(len(order)), "unit": order, "w": values[order].astype(float), "state": state})
    ends = [min(float(data["w"].min()), -limit if signed else 0.0), max(float(data["w"].max()), limit) or 1.0]
    bars = alt.Chart(data).mark_bar(clip=True)
    bars = bars.encode(
        x=alt.X("place:O", title=title, axis=axis),
        y=alt.Y("w:Q", title=what, axis=alt.Axis(tickCount=5, gridOpacity=0.4), scale=alt.Scale(domain=ends)),
        color=charts.fate("state", dark, legend),
        tooltip=charts.tips(("unit:Q", "number"), ("w:Q", what, ".3~g"), "state:N"),
    )
    return charts.finish(bars, sentence, HEIGHT)


def describe_weights(values: np.ndarray, keep: np.ndarray, others: str, what: str) -> str:
    """The bars in a sentence: how many, how many kept, how large at either."""
    if not len(values):
        return "No weights here."
    size = np.abs(values)
    top = int(np.argmax(size))
    means = [
        f"{float(size[mask].mean()):.2g}" + ("" if keep.all() else f" for the {int(mask.sum()):,} {word}")
        for word, mask in (("kept", keep), ("pruned", ~keep))
        if mask.any()
    ]
    shown = f", the {MOST} largest shown" if len(values) > MOST else ""
    return (
        f"{len(values):,} {others}{shown}. The largest {what} is {labels.signed(values[top], '.2g')}, at number {top}; "
        f"mean magnitude {labels.join(means)}."
    )


def ranked(values: np.ndarray, keep: np.ndarray, unit: int, kind: str, title: str, dark: bool = False) -> Any:
    """The output of each kept unit of a layer for one image, the largest first, with one of them marked."""
    order = np.flatnonzero(keep)
    order = order[np.argsort(-values[order], kind="stable")]
    if not len(order):
        return charts.empty("This layer keeps no unit.", RANKED_HEIGHT)
    place = np.arange(1, len(order) + 1)
    data = pd.DataFrame(
        {"place": place, "to": place + 1.0, "unit": order, "value": values[order].astype(float), "zero": 0.0}
    )
    blue, ink = palette.theme(dark).kept, palette.theme(dark).ink
    marks = {**charts.EPOCH_MARKS, "tickCount": 5}
    x = charts.axis(alt.X, "place", f"kept {title}, most active first", (1, len(order) + 1), **marks)
    y = charts.y_axis("value", "output", max(float(data["value"].max()), 1e-6) * 1.15, tickCount=4)
    tooltip = charts.tips(("unit:Q", kind), ("value:Q", "", ".3~g"))
    bars = alt.Chart(data).mark_rect(color=blue, opacity=0.6).encode(x=x, x2="to:Q", y=y, y2="zero:Q", tooltip=tooltip)
    layers: list[Any] = [bars]
    here = data[data["unit"] == unit]
    if len(here):
        left = int(here["place"].iloc[0]) < len(order) * 0.6
        style: Any = {"align": "left" if left else "right", "dx": 5 if left else -5, "text": f"{kind} {unit}"}
        mark = alt.Chart(here).encode(x=x)
        text = mark.mark_text(baseline="top", fontSize=12, fontWeight="bold", color=ink, **style)
        layers += [
            mark.mark_rule(color=ink, size=2).encode(y=alt.value(16), y2=alt.value("height")),
            mark.mark_point(color=ink, fill=ink, filled=True, size=70).encode(y=y, tooltip=tooltip),
            text.encode(y=alt.value(0)),
        ]
    return charts.finish(alt.layer(*layers), describe_ranked(values, keep, unit, kind, title), RANKED_HEIGHT)


def describe_ranked(values: np.ndarray, keep: np.ndarray, unit: int, kind: str, title: str) -> str:
    """Where the marked unit stands among the kept ones of its layer."""
    if not keep[unit]:
        return f"{kind.capitalize()} {unit} is pruned: it always outputs 0."
    others = values[keep]
    place = int((others > values[unit]).sum()) + 1
    silent = int((others <= 0).sum())
    rank = "It is silent on this image" if values[unit] <= 0 else f"Number {place} of {len(others):,} kept {title}"
    return (
        f"{kind.capitalize()} {unit} outputs {float(values[unit]):.3g} for this image. {rank}; "
        f"{silent:,} {'is' if silent == 1 else 'are'} silent, the largest is {float(others.max()):.3g}."
    )

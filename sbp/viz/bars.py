"""The weights of a unit as bars, and a layer's outputs for one image with one unit marked."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.viz import charts, labels, palette

MOST = 60  # bars of weights at most: the largest
HEIGHT = 320


def weights(
    values: np.ndarray,
    keep: np.ndarray,
    others: str,
    what: str,
    dark: bool = False,
    names: Sequence[str] | None = None,
    height: int = HEIGHT,
) -> Any:
    """A bar a weight, the largest |w| first, at most `MOST`; blue where the other end is kept, orange where pruned.

    values: [n], signed, or sizes of whole filters. others: what is at the other end, "neurons of Dense 2". what: what a
    bar is, "weight" or "mean |w| of a filter". names: keep the order and write these under the bars.
    """
    sentence = describe_weights(values, keep, others, what)
    if not len(values):
        return charts.empty("No weights here.", height)
    order = np.arange(len(values)) if names is not None else np.argsort(-np.abs(values), kind="stable")[:MOST]
    data = pd.DataFrame(
        {
            "place": np.arange(len(order)),
            "unit": order,
            "w": values[order].astype(float),
            "state": np.where(keep[order], "kept", "pruned"),
        }
    )
    if names is not None:
        axis = alt.Axis(labelExpr=f"{list(names)}[datum.value]", labelAngle=0, ticks=False, domain=False)
        title = others
    else:
        axis, title = alt.Axis(labels=False, ticks=False, domain=False), f"{others}, largest |w| first"
    colours = [palette.theme(dark).kept, palette.theme(dark).pruned]
    bars = (
        alt.Chart(data)
        .mark_bar(clip=True)
        .encode(
            x=alt.X("place:O", title=title, axis=axis),
            y=alt.Y("w:Q", title=what, axis=alt.Axis(tickCount=5, gridOpacity=0.4)),
            color=alt.Color(
                "state:N",
                title=None,
                scale=alt.Scale(domain=["kept", "pruned"], range=colours),
                legend=None if names is not None else alt.Legend(orient="top", symbolType="square"),
            ),
            tooltip=[alt.Tooltip("unit:Q", title="number"), alt.Tooltip("w:Q", title=what, format=".3~g"), "state:N"],
        )
    )
    return charts.finish(bars, sentence, height)


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


def ranked(
    values: np.ndarray, keep: np.ndarray, unit: int, kind: str, title: str, dark: bool = False, height: int = HEIGHT
) -> Any:
    """The output of each kept unit of a layer for one image, the largest first, with one of them marked."""
    order = np.flatnonzero(keep)
    order = order[np.argsort(-values[order], kind="stable")]
    if not len(order):
        return charts.empty("This layer keeps no unit.", height)
    data = pd.DataFrame(
        {
            "place": np.arange(1, len(order) + 1),
            "to": np.arange(1, len(order) + 1) + 1.0,
            "unit": order,
            "value": values[order].astype(float),
            "zero": 0.0,
        }
    )
    top = max(float(data["value"].max()), 1e-6)
    blue, ink = (palette.theme(dark).kept), palette.INK[dark]
    x = alt.X(
        "place:Q",
        title=f"kept {title}, most active first",
        scale=alt.Scale(domain=[1, len(order) + 1], nice=False),
        axis=alt.Axis(grid=False, format="d", tickMinStep=1, tickCount=5),
    )
    y = alt.Y(
        "value:Q",
        title="output",
        scale=alt.Scale(domain=[0, top * 1.15], nice=False),
        axis=alt.Axis(tickCount=4, gridOpacity=0.4),
    )
    tooltip = [alt.Tooltip("unit:Q", title=kind), alt.Tooltip("value:Q", format=".3~g")]
    bars = alt.Chart(data).mark_rect(color=blue, opacity=0.6).encode(x=x, x2="to:Q", y=y, y2="zero:Q", tooltip=tooltip)
    layers: list[Any] = [bars]
    here = data[data["unit"] == unit]
    if len(here):
        at = int(here["place"].iloc[0])
        align: Any = "left" if at < len(order) * 0.6 else "right"
        mark = alt.Chart(here)
        layers.append(mark.mark_rule(color=ink, size=2).encode(x=x, y=alt.value(16), y2=alt.value("height")))
        layers.append(mark.mark_point(color=ink, fill=ink, filled=True, size=70).encode(x=x, y=y, tooltip=tooltip))
        text = mark.mark_text(
            align=align,
            baseline="top",
            dx=5 if align == "left" else -5,
            fontSize=12,
            fontWeight="bold",
            color=ink,
            text=f"{kind} {unit}",
        )
        layers.append(text.encode(x=x, y=alt.value(0)))
    return charts.finish(alt.layer(*layers), describe_ranked(values, keep, unit, kind, title), height)


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

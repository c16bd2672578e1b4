"""What every chart here has: axes that do not move, the two rules of the SNR, a description, one size for text."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import altair as alt
import pandas as pd

from sbp.viz import palette

SNR_DOMAIN = (0.1, 200.0)
SNR_MARKS: dict[str, Any] = {"values": [0.1, 0.3, 1, 3, 10, 30, 100], "format": "~g", "grid": False}
EPOCH_MARKS: dict[str, Any] = {"format": "d", "grid": False, "tickMinStep": 1, "tickCount": 8}
HEIGHT = 300


def axis(
    channel: Any,
    field: str,
    title: str,
    ends: Sequence[float],
    log: bool = False,
    clamp: Any = alt.Undefined,
    **marks: Any,
) -> Any:
    """An axis from one end to the other that does not move; channel: alt.X or alt.Y, marks: what `alt.Axis` takes."""
    scale = alt.Scale(type="log" if log else alt.Undefined, domain=list(ends), nice=False, clamp=clamp)
    return channel(f"{field}:Q", title=title, scale=scale, axis=alt.Axis(**marks))


def snr_axis(title: str = "SNR") -> alt.Y:
    """The SNR's own axis: logarithmic, always 0.1 to 200, values outside drawn at its ends."""
    return axis(alt.Y, "snr", title, SNR_DOMAIN, log=True, clamp=True, **SNR_MARKS)


def epoch_axis(first: float, last: float) -> alt.X:
    """An axis of epochs that spans the whole run from its first record on, so that nothing moves while it trains."""
    return axis(alt.X, "epoch", "epoch", (first, max(last, first + 1)), clamp=True, **EPOCH_MARKS)


def y_axis(field: str, title: str, top: float, clamp: Any = alt.Undefined, **marks: Any) -> alt.Y:
    """An axis from 0 to `top`, with faint lines at its ticks."""
    return axis(alt.Y, field, title, (0, top), clamp=clamp, gridOpacity=0.4, **marks)


def percent_axis(title: str, top: float = 100) -> alt.Y:
    """The axis of the field `percent`, with a tick at each quarter."""
    return y_axis("percent", title, top, values=[0, 25, 50, 75, 100])


def log_y_axis(field: str, title: str, low: float, high: float, clamp: Any = alt.Undefined) -> alt.Y:
    """A logarithmic axis from `low` to `high`."""
    return axis(alt.Y, field, title, (low, high), log=True, clamp=clamp, **log_marks(low, high))


def log_marks(low: float, high: float) -> dict[str, Any]:
    """Of a logarithmic axis: every 1, 2 and 5 of it named, or every power of ten on a long one."""
    values = ticks(low * 0.999, high * 1.001, (1, 2, 5) if high / low <= 300 else (1,))
    return {"values": values, "labelExpr": "format(datum.value, '~r')", "labelOverlap": False, "gridOpacity": 0.4}


def ticks(low: float, high: float, steps: Sequence[float] = (1, 2, 5)) -> list[float]:
    """Each of these steps of a power of ten that lies between `low` and `high`.

    >>> ticks(0.5, 25)
    [0.5, 1.0, 2.0, 5.0, 10.0, 20.0]
    """
    return [m * 10.0**power for power in range(-6, 11) for m in steps if low <= m * 10.0**power <= high]


def tips(*shown: str | tuple[str, str] | tuple[str, str, str]) -> list[alt.Tooltip]:
    """What is said on hover, each as its field, or as the field, its title ("" for the field's own) and its format."""
    said = []
    for one in shown:
        field, title, number = (one, "", "") if isinstance(one, str) else (*one, "")[:3]
        said.append(alt.Tooltip(field, title=title or alt.Undefined, format=number or alt.Undefined))
    return said


def told_apart(
    field: str, names: Sequence[str], colours: Sequence[str], dashes: Sequence[Sequence[int]], **legend: Any
) -> dict[str, Any]:
    """The channels that tell lines apart by colour and by dash, with a legend above; as many of either as names."""
    names = list(names)
    colour = alt.Scale(domain=names, range=list(colours)[: len(names)])
    dash = alt.Scale(domain=names, range=[list(lengths) for lengths in dashes][: len(names)])
    above = alt.Legend(orient="top", **legend)
    return {
        "color": alt.Color(f"{field}:N", title=None, sort=names, scale=colour, legend=above),
        "strokeDash": alt.StrokeDash(f"{field}:N", sort=names, scale=dash, legend=None),
    }


def fate(field: str, dark: bool, legend: alt.Legend | None, kept: str = "kept") -> alt.Color:
    """The colour of what is kept and of what is pruned."""
    scale = alt.Scale(domain=[kept, "pruned"], range=[palette.theme(dark).kept, palette.theme(dark).pruned])
    return alt.Color(f"{field}:N", title=None, scale=scale, legend=legend)


def snr_rules(prior_snr: float, dark: bool = False) -> Any:
    """The rule at SNR = 1 ("pruned below") and the one at the prior's own SNR ("uninformative"), named on the chart."""
    theme = palette.theme(dark)
    return alt.layer(
        *rule(1.0, "pruned below 1", theme.pruned, "snr", dash=(1, 0)),
        *rule(prior_snr, f"the prior's own {prior_snr:.2f}: uninformative", theme.reference, "snr"),
    )


def rule(
    value: float, text: str, colour: str, field: str, dash: tuple[int, ...] = (4, 3)
) -> tuple[alt.Chart, alt.Chart]:
    """A horizontal rule and its name, at the right end just under it."""
    data = alt.Chart(alt.Data(values=[{field: value, "rule": text}])).encode(y=f"{field}:Q")
    name = data.mark_text(align="right", baseline="top", dx=-4, dy=3, color=colour, fontSize=11)
    line = data.mark_rule(color=colour, strokeDash=list(dash), size=1.25)
    return line, name.encode(x=alt.value("width"), text="rule:N")


def upright(
    value: float, text: str, colour: str, field: str, down: int = 2, right: int = 5, font: int = 11, **line: Any
) -> list[alt.Chart]:
    """A vertical rule and its name, to the right of it and so many pixels from the top."""
    data = alt.Chart(alt.Data(values=[{field: value, "rule": text}])).encode(x=f"{field}:Q")
    name = data.mark_text(align="left", baseline="top", dx=right, color=colour, fontSize=font)
    return [data.mark_rule(color=colour, **line), name.encode(y=alt.value(down), text="rule:N")]


def moment(epoch: float | None, dark: bool = False) -> list[alt.Chart]:
    """The vertical rule that says which epoch the other pictures show; nothing without one."""
    if epoch is None:
        return []
    colour = palette.theme(dark).reference
    return [alt.Chart(alt.Data(values=[{"at": epoch}])).mark_rule(color=colour, size=1).encode(x="at:Q")]


def finetuning(epoch: int | None, dark: bool = False) -> list[alt.Chart]:
    """The vertical rule at the end of the main phase, where fine-tuning goes on after it; nothing elsewhere."""
    if epoch is None:
        return []
    grey = palette.theme(dark).reference
    return upright(epoch, "fine-tuning", grey, "at", right=4, strokeDash=[2, 3], size=1.25)


def finish(chart: Any, description: str, height: int = HEIGHT) -> Any:
    """The last touch: description for those who do not see it, height, as wide as its place, no zoom."""
    return chart.properties(description=description, height=height, width="container").configure_view(strokeWidth=0)


def empty(text: str, height: int = HEIGHT) -> Any:
    """A chart that says in words why it shows nothing yet."""
    words = alt.Chart(pd.DataFrame({"text": [text]})).mark_text(fontSize=14, color=palette.LIGHT.reference)
    return finish(words.encode(text="text:N"), text, height)

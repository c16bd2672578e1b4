"""What every chart here has: axes that do not move, the two rules of the SNR, a description, one size for text."""

from __future__ import annotations

from typing import Any

import altair as alt
import pandas as pd

from sbp.viz import palette

SNR_DOMAIN = (0.1, 200.0)
SNR_TICKS = (0.1, 0.3, 1, 3, 10, 30, 100)
# "1", "10" and "100" are enough of a scale; minor ticks keep their mark without a number.
HEIGHT = 300


def snr_axis(title: str = "SNR") -> alt.Y:
    """The SNR's own axis: logarithmic, always 0.1 to 200, values outside drawn at its ends."""
    return alt.Y(
        "snr:Q",
        title=title,
        scale=alt.Scale(type="log", domain=list(SNR_DOMAIN), clamp=True, nice=False),
        axis=alt.Axis(values=list(SNR_TICKS), format="~g", grid=False),
    )


def epoch_axis(first: float, last: float, field: str = "epoch", title: str = "epoch") -> alt.X:
    """An axis of epochs that spans the whole run from its first record on, so that nothing moves while it trains."""
    return alt.X(
        f"{field}:Q",
        title=title,
        scale=alt.Scale(domain=[first, max(last, first + 1)], nice=False, clamp=True),
        axis=alt.Axis(format="d", grid=False, tickMinStep=1, tickCount=8),
    )


def log_axis(low: float, high: float) -> alt.Axis:
    """The axis of a logarithmic scale with every 1, 2 and 5 of it named, or every power of ten on a long one."""
    steps = (1, 2, 5) if high / low <= 300 else (1,)
    powers = range(-6, 7)
    values = [m * 10.0**power for power in powers for m in steps if low * 0.999 <= m * 10.0**power <= high * 1.001]
    return alt.Axis(values=values, labelExpr="format(datum.value, '~r')", labelOverlap=False, gridOpacity=0.4)


def snr_rules(prior_snr: float, dark: bool = False) -> Any:
    """The rule at SNR = 1 ("pruned below") and the one at the prior's own SNR ("uninformative"), named on the chart."""
    pruned = palette.theme(dark).pruned
    grey = palette.theme(dark).reference
    return alt.layer(
        *rule(1.0, "pruned below 1", pruned, "snr", dash=(1, 0)),
        *rule(prior_snr, f"the prior's own {prior_snr:.2f}: uninformative", grey, "snr", dash=(4, 3)),
    )


def rule(
    value: float, text: str, colour: str, field: str, dash: tuple[int, ...] = (4, 3)
) -> tuple[alt.Chart, alt.Chart]:
    """A horizontal rule and its name, at the right end just under it."""
    data = alt.Data(values=[{field: value, "rule": text}])
    line = alt.Chart(data).mark_rule(color=colour, strokeDash=list(dash), size=1.25).encode(y=f"{field}:Q")
    name = (
        alt.Chart(data)
        .mark_text(align="right", baseline="top", dx=-4, dy=3, color=colour, fontSize=11)
        .encode(y=f"{field}:Q", x=alt.value("width"), text="rule:N")
    )
    return line, name


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
    colour = palette.theme(dark).reference
    data = alt.Chart(alt.Data(values=[{"at": epoch, "rule": "fine-tuning"}])).encode(x="at:Q")
    name = data.mark_text(align="left", baseline="top", dx=4, color=colour, fontSize=11)
    return [
        data.mark_rule(color=colour, strokeDash=[2, 3], size=1.25),
        name.encode(y=alt.value(2), text="rule:N"),
    ]


def finish(chart: Any, description: str, height: int = HEIGHT) -> Any:
    """The last touch: description for those who do not see it, height, as wide as its place, no zoom."""
    return chart.properties(description=description, height=height, width="container").configure_view(strokeWidth=0)


def empty(text: str, height: int = HEIGHT) -> Any:
    """A chart that says in words why it shows nothing yet."""
    words = alt.Chart(pd.DataFrame({"text": [text]})).mark_text(fontSize=14, color=palette.REFERENCE)
    return finish(words.encode(text="text:N"), text, height)

"""What a threshold on the SNR keeps and costs, and its error: sentences, and the figure for paper."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

import altair as alt
import pandas as pd

from sbp.spec.layout import Group
from sbp.viz import charts, labels, palette
from sbp.viz.sweep import HIGH, LOW, TRAINING, Sweep

TICKS = (0.2, 0.5, 1, 2, 5, 10, 20, 50, 100)
MACS = "MACs"


def examples_of(sweep: Sweep, dataset: str) -> str:
    """What was scored, in words: "5,000 held-out digits"."""
    thing = "digits" if dataset in ("mnist", "digits") else "images"
    return f"{sweep.n:,} {sweep.kind} {thing}"


class Scored(NamedTuple):
    """An error in percent, its kind, and how many images it is of."""

    percent: float
    kind: str
    n: int


def tested_at(stop: Any, result: Mapping[str, Any] | None) -> Scored | None:
    """The test error of a run, at the stop that keeps the units that were kept when it was read; else None."""
    result = result or {}
    error, n = result.get("test_error_percent"), result.get("n_test")
    same = tuple(stop.kept) == tuple(result.get("kept") or ())
    return Scored(error, "test", n) if same and error is not None and n else None


def error_at(stop: Any, sweep: Sweep | None, result: Mapping[str, Any] | None) -> Scored | None:
    """The error that a headline may state of a stop: on held-out images, else on test images; never on those that the
    network was trained on."""
    if sweep is not None and sweep.kind != TRAINING:
        return Scored(stop.error_percent, sweep.kind, sweep.n)
    return tested_at(stop, result)


def headline(layers: Sequence[Group], stop: Any, dense: int, error: Scored | None) -> list[str]:
    """One stop in a sentence, cut where numbers begin and end: every second part is one."""
    units = labels.in_all([layer.units for layer in layers])
    parts = [f"At SNR ≥ {number(stop.threshold)}: ", labels.in_all(stop.kept), f" of {units} units kept, "]
    if stop.macs == dense:
        parts += ["all", " MACs remain"]
    elif stop.macs:
        parts += [f"{fewer(dense, stop.macs)}×", " fewer MACs"]
    else:
        parts += ["no MACs remain", ": every image gets the same answer"]
    if error is None:
        return [*parts[:-1], parts[-1] + "."]
    return [*parts[:-1], parts[-1] + ", ", f"{error.percent:.2f} %", f" {labels.error_kind(error.kind, error.n)}."]


def number(threshold: float) -> str:
    """A threshold to three digits.

    >>> [number(t) for t in (0.2, 1.0, 1.0471, 12.34, 100.0)]
    ['0.2', '1', '1.05', '12.3', '100']
    """
    return f"{threshold:.3g}"


def fewer(dense: int, macs: int) -> str:
    """The MACs reduction, dense over what is left, to about three digits.

    >>> [fewer(545000, macs) for macs in (545000, 48550, 3000)]
    ['1.0', '11.2', '182']
    """
    times = dense / macs
    return f"{times:.1f}" if times < 100 else f"{times:.0f}"


def share_table(stops: pd.DataFrame, layers: Sequence[Group], dense: int) -> pd.DataFrame:
    """Long form: threshold, what (a layer's title, or "MACs"), percent of the dense network that is left."""
    rows = []
    for stop in stops.itertuples():
        for layer, kept in zip(layers, stop.kept, strict=True):
            rows.append((stop.threshold, labels.layer_title(layer), 100 * kept / layer.units))
        rows.append((stop.threshold, MACS, 100 * stop.macs / dense))
    return pd.DataFrame(rows, columns=["threshold", "what", "percent"])


def error_floor(errors: pd.Series) -> float:
    """The lower end of a log axis of errors in percent: the 1, 2 or 5 below the least, at least 0.05.

    >>> error_floor(pd.Series([1.42, 90.0]))
    1.0
    """
    least = max(float(errors.min()), 0.05)
    power = 10.0 ** math.floor(math.log10(least))
    return max(0.05, max(m * power for m in (1, 2, 5) if m * power <= least * 1.0001))


def left_chart(
    stops: pd.DataFrame, layers: Sequence[Group], dense: int, prior_snr: float, at: int, dark: bool = False
) -> Any:
    """Units kept by layer, and MACs, in percent of the dense network along the threshold; the chosen one is marked."""
    shares = share_table(stops, layers, dense)
    names = [*map(labels.layer_title, layers), MACS]
    colours = [*palette.layer_colours(len(layers)), palette.theme(dark).ink]
    dashes = [*map(palette.layer_dash, range(len(layers))), (1, 0)]
    style = charts.told_apart("what", names, colours, dashes, symbolStrokeWidth=3, columns=8)
    widths = alt.Scale(domain=names, range=[2] * len(layers) + [3.5])
    lines = alt.Chart(shares).mark_line(clip=True)
    lines = lines.encode(
        x=threshold_axis(),
        y=charts.percent_axis("remaining, % of the dense network"),
        **style,
        strokeWidth=alt.StrokeWidth("what:N", legend=None, sort=names, scale=widths),
        tooltip=charts.tips("what:N", ("threshold:Q", "", ".3~g"), ("percent:Q", "", ".1f")),
    )
    stop = stops.iloc[at]
    said = (
        f"At SNR ≥ {number(stop['threshold'])} {labels.in_all(stop['kept'])} units and "
        f"{100 * stop['macs'] / dense:.1f} % of the MACs remain."
    )
    return charts.finish(alt.layer(lines, *rules(prior_snr, float(stop["threshold"]), dark)), said)


def error_chart(stops: pd.DataFrame, prior_snr: float, examples: str, at: int, dark: bool = False) -> Any:
    """Error of the masked network in percent along the threshold, on a log axis; the chosen one is marked."""
    if stops["error_percent"].isna().all():
        return charts.empty("The error along the threshold is not measured yet.")
    floor = error_floor(stops["error_percent"])
    data = stops[["threshold", "error_percent"]].assign(drawn=stops["error_percent"].clip(lower=floor))
    line = alt.Chart(data).mark_line(strokeWidth=2.5, color=palette.theme(dark).ink, clip=True)
    line = line.encode(
        x=threshold_axis(),
        y=charts.log_y_axis("drawn", f"error, % of {examples}", floor, 100),
        tooltip=charts.tips(("threshold:Q", "", ".3~g"), ("error_percent:Q", "error, %", ".2f")),
    )
    stop = stops.iloc[at]
    where = f"At SNR ≥ {number(stop['threshold'])}"
    said = f"{where} the pruned network gets {stop['error_percent']:.2f} % of {examples} wrong."
    return charts.finish(alt.layer(line, *rules(prior_snr, float(stop["threshold"]), dark)), said)


def threshold_axis(title: str = "threshold on the SNR (log)") -> alt.X:
    """The axis of thresholds on the SNR: logarithmic, always 0.2 to 100."""
    marks = {"values": list(TICKS), "format": "~g", "grid": False}
    return charts.axis(alt.X, "threshold", title, (LOW, HIGH), log=True, clamp=True, **marks)


def rules(prior_snr: float, at: float | None, dark: bool) -> list[Any]:
    """The rules at SNR = 1 and at the prior's own SNR, named, and the one at the chosen threshold."""
    theme, prior = palette.theme(dark), f"{prior_snr:.2f}, the prior's own: uninformative"
    style: dict[str, Any] = {"field": "threshold", "font": 12, "size": 1.25}
    drawn = charts.upright(1.0, "1: pruned below", theme.pruned, down=4, strokeDash=[1, 0], **style)
    drawn += charts.upright(prior_snr, prior, theme.reference, down=20, strokeDash=[4, 3], **style)
    if at is not None:
        data = alt.Chart(alt.Data(values=[{"threshold": at, "rule": ""}]))
        drawn.append(data.mark_rule(color=theme.kept, strokeDash=[1, 0], size=2).encode(x="threshold:Q"))
    return drawn

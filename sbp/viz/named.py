"""The figures of a run by name, for files: `python -m sbp figure RUN NAME`. A new one is one line here."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import altair as alt
import pandas as pd

from sbp.reference.paper import rows_beside
from sbp.runs.names import BadRequest
from sbp.runs.view import RunView
from sbp.spec.method import method_title
from sbp.viz import bound, frontier, heatmap, kept, labels, pixel_map, snr_counts, sweep, threshold, trajectories, twins
from sbp.viz.export import titled
from sbp.viz.pixels import data_uri
from sbp.viz.tables import RunTables, tables

SIDE = 392  # pixels of the map of pixels or channels


@dataclass(frozen=True)
class Asked:
    """What a figure is made of: a run and its numbers, a layer's name, an epoch (None: the newest), another run."""

    run: RunView
    found: RunTables
    layer: str
    epoch: int | None = None
    beside: RunView | None = None

    @property
    def total(self) -> int:
        """The epochs of the axis."""
        return self.run.config.schedule.last_epoch


def _cells(asked: Asked) -> Any:
    layer, row = asked.found.layer(asked.layer), asked.found.index(asked.epoch)
    snr = asked.found.snr[layer.name][row]
    image = pixel_map.picture(layer, snr, size=SIDE)
    height, width = image.shape[:2]
    data = pd.DataFrame([{"url": data_uri(image), "x": 0, "x2": width, "y": height, "y2": 0}])
    x = alt.X("x:Q", axis=None, scale=alt.Scale(domain=(0, width), nice=False))
    y = alt.Y("y:Q", axis=None, scale=alt.Scale(domain=(0, height), nice=False))
    mark = alt.Chart(data).mark_image(aspect=False, smooth=False).encode(x=x, x2="x2:Q", y=y, y2="y2:Q", url="url:N")
    said = pixel_map.describe(layer, snr, int(asked.found.epochs[row]))
    return alt.layer(mark, heatmap.scale_legend()).properties(height=SIDE * height // width, description=said)


def _sweep(run: RunView) -> tuple[sweep.Sweep | None, str]:
    """The run's sweep, and what it was measured on."""
    value = run.sweep()
    if value is None:
        return None, "held-out examples"
    found = sweep.read(value, len(run.layers))
    return found, threshold.examples_of(found, run.config.data.dataset)


def _along(asked: Asked, make: Callable[..., Any]) -> Any:
    description, (swept, examples) = asked.run.description, _sweep(asked.run)
    stops = sweep.stops(asked.found, description, swept)
    at = sweep.nearest(stops, 1.0)
    if make is threshold.error_chart:
        return make(stops, asked.found.prior_snr, examples, at)
    return make(stops, asked.run.layers, description.dense_macs(), asked.found.prior_snr, at)


def _frontier(asked: Asked) -> Any:
    result, (swept, examples) = asked.run.result or {}, _sweep(asked.run)
    rows, comparable = rows_beside(asked.run.config)
    error = result.get("test_error_percent")
    own = (int(result["macs"]), float(error)) if error is not None and result.get("macs") else None
    return frontier.chart(swept, rows if comparable else (), asked.run.description.dense_macs(), own, examples)


def _twins(what: str) -> Callable[[Asked], Any]:
    def make(asked: Asked) -> Any:
        if asked.beside is None:
            raise BadRequest(f"twins-{what} shows two runs: expected --beside RUN, got none.")
        runs = (asked.run, asked.beside)
        return twins.chart(twins.pair_of(runs, [method_title(run.config.method.name) for run in runs]), what)

    return make


# By name: the title, and what makes the chart.
FIGURES: dict[str, tuple[str, Callable[[Asked], Any]]] = {
    "kept": ("Units kept by epoch", lambda it: kept.chart(it.found, it.total)),
    "bound": ("The bound by epoch", lambda it: bound.chart(it.found, it.total)),
    "error": ("Error of the pruned network by epoch", lambda it: bound.error_chart(it.found, it.total)),
    "snr-heatmap": (
        "SNR of every unit by epoch, {layer}",
        lambda it: heatmap.chart(it.found, it.layer, it.total, epoch=it.epoch),
    ),
    "death-curve": ("Units kept, {layer}", lambda it: heatmap.kept_curve(it.found, it.layer, it.total, it.epoch)),
    "trajectories": ("SNR by epoch, {layer}", lambda it: trajectories.chart(it.found, it.layer, it.total, it.epoch)),
    "pixels": ("SNR of every unit, {layer}", _cells),
    "snr-counts": ("Units by their SNR", lambda it: snr_counts.chart(it.found)),
    "threshold-error": ("Error along the threshold", lambda it: _along(it, threshold.error_chart)),
    "threshold-left": ("What remains along the threshold", lambda it: _along(it, threshold.left_chart)),
    "frontier": ("Error against MACs, by criterion", _frontier),
    **{f"twins-{what}": (title, _twins(what)) for what, (title, _) in twins.WHAT.items()},
}


def made(name: str, run: RunView, layer: str = "", epoch: int | None = None, beside: RunView | None = None) -> Any:
    """A figure of a run as an Altair chart, with its title and what it stands on.

    Args:
        name: one of `FIGURES`.
        run: whose figure it is.
        layer: a layer by its name, for the figures of one layer; "" is the first.
        epoch: the epoch that is marked or shown; None is the newest.
        beside: the other of two twins.

    Raises:
        BadRequest: there is no such figure, layer or epoch, or no noise to draw.
    """
    if name not in FIGURES:
        raise BadRequest(f"Expected one of the figures {', '.join(FIGURES)}, got {name!r}.")
    found = tables(run)
    names = [each.name for each in found.layers]
    if not len(found.epochs):
        raise BadRequest(f"{run.id} has no noise to draw; its method has none, or its first epoch has not ended.")
    if layer and layer not in names:
        raise BadRequest(f"--layer: expected one of {', '.join(names)}, got {layer!r}.")
    if epoch is not None and not 0 <= epoch <= found.last:
        raise BadRequest(f"--epoch: expected 0 to {found.last}, got {epoch}.")
    asked = Asked(run, found, layer or names[0], epoch, beside)
    title, make = FIGURES[name]
    title = title.format(layer=labels.layer_title(found.layer(asked.layer)))
    return titled(make(asked), title, [source(run)])


def source(run: RunView) -> str:
    """What a figure stands on: the run, its method, seed, number of training examples and hardware."""
    n, hardware = run.meta.get("n_train"), run.meta.get("hardware")
    parts = [labels.run_title(run), method_title(run.config.method.name), f"run {run.id}", f"seed {run.config.seed}"]
    parts += [f"{n:,} training examples" if n else "", str(hardware or "")]
    return " · ".join(part for part in parts if part)

"""The pictures and curves of the experiments that have some, as files. No torch."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

import numpy as np

from sbp.distributions import moments
from sbp.experiments.results import RunResult, Table
from sbp.runs import store
from sbp.runs.store import UnknownRun
from sbp.runs.view import RunView
from sbp.viz import pixel_map, pixels


def files_of(table: Table, root: Path | None = None) -> tuple[dict[str, bytes], list[str]]:
    """Contents by file name, and sentences on what could not be drawn."""
    makers = {"figure-1": _bounds, "figure-2": _pixels, "random-labels": _bounds}
    maker = makers.get(table.experiment)
    if maker is None:
        return {}, []
    views: dict[str, tuple[RunResult, RunView]] = {}
    missing = []
    for row in table.rows:
        run = row.shown
        if run is None:
            continue
        try:
            views[row.label] = run, store.open_run(run.run, root)
        except UnknownRun:
            missing.append(f"The curves of {row.label} are not kept here: there is no run {run.run or 'of it'!r}.")
    if not views:
        return {}, missing
    files, remarks = maker(table.experiment, views)
    return files, [*missing, *remarks]


def _bounds(name: str, views: dict[str, tuple[RunResult, RunView]]) -> tuple[dict[str, bytes], list[str]]:
    """The scalars by epoch as CSV, and the bound as a picture."""
    head = "of,epoch,n_nll,kl,n_loss,train_error_percent,validation_error_percent,kept"
    text, curves = [head], {}
    for label, (run, view) in views.items():
        records = [record for record in view.records() if record.phase == "sbp"]
        curves[label] = [(record.epoch, run.n_train * record.loss) for record in records]
        for record in records:
            error = record.validation_error_percent
            values = (run.n_train * record.nll, record.kl, run.n_train * record.loss, record.train_error_percent)
            numbers = ",".join(f"{value:.6g}" for value in values)
            kept = "-".join(map(str, record.kept))
            text.append(f'"{label}",{record.epoch},{numbers},{"" if error is None else f"{error:.6g}"},{kept}')
    files = {f"{name}-curves.csv": ("\n".join(text) + "\n").encode()}
    try:
        from sbp.viz import export, figure_1  # altair comes with the app alone

        files[f"{name}.svg"] = export.svg(figure_1.chart(curves))
    except ImportError as error:
        return files, [f"No picture was drawn: {error}. It needs altair and vl-convert-python."]
    return files, []


def _pixels(name: str, views: dict[str, tuple[RunResult, RunView]]) -> tuple[dict[str, bytes], list[str]]:
    """The SNR of each pixel as a 28 x 28 CSV, row 0 at the top, and as a picture."""
    _, view = next(iter(views.values()))
    snapshots, layer, config = view.snapshots(), view.layers[0], view.config
    if not len(snapshots):
        return {}, [f"{view.id} has no noise to draw."]
    loc, log_scale = snapshots.loc[layer.name][-1], snapshots.log_scale[layer.name][-1]
    snr = moments.snr(loc, log_scale, config.noise.log_low, config.noise.log_high)
    csv = "\n".join(_row(row) for row in np.asarray(snr).reshape(layer.shape)) + "\n"
    return {f"{name}-pixels.csv": csv.encode(), f"{name}.png": pixels.png(pixel_map.picture(layer, snr))}, []


def _row(values: Iterable[float]) -> str:
    return ",".join(f"{value:.6g}" for value in values)

"""A run packed small enough to be sent to a browser whole: one byte a unit and frame, sentences ready-made.

The player draws from this alone; what it says and the colours it uses are decided here, in one place.
"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np

from sbp.pruning.masks import is_kept, keep_masks, propagate
from sbp.spec import RunConfig
from sbp.spec.layout import Group
from sbp.spec.records import TRAIN_SAMPLE
from sbp.viz import bound, kept, labels, palette, trajectories
from sbp.viz.cell_layout import cells, is_map
from sbp.viz.charts import SNR_DOMAIN
from sbp.viz.tables import RunTables

# log10 SNR of level 0 and level 255: the axis that trajectories are drawn on.
LOW, HIGH = float(np.log10(SNR_DOMAIN[0])), float(np.log10(SNR_DOMAIN[1]))
ONE = int(np.ceil(-LOW / (HIGH - LOW) * 255))  # the first level that means kept
FRAMES = 224  # some 50 first steps, and 160 epochs or more
EARLY = 16  # of a long run: frames from a row to that of twice its number, until even steps are shorter
LINES = 96  # trajectories, all layers together
OUTPUTS = 10
_CLOSE = {"death": "kept longest at the top", "snr": "highest SNR at the top", "unit": "by number"}


def levels(snr: np.ndarray) -> np.ndarray:
    """SNR as bytes, evenly spaced in its logarithm; SNR = 1 and above never shares a level with what is below.

    >>> (levels(np.array([0.999999, 1.0])) - ONE).astype(np.int8).tolist()
    [-1, 0]
    """
    finite = np.nan_to_num(np.asarray(snr, dtype=np.float64), nan=0.0, posinf=1e30)
    log10 = np.log10(np.maximum(finite, 1e-30))
    level = np.clip(np.rint((log10 - LOW) / (HIGH - LOW) * 255), 0, 255).astype(np.int64)
    return np.where(is_kept(finite), np.maximum(level, ONE), np.minimum(level, ONE - 1)).astype(np.uint8)


def colours(dark: bool) -> np.ndarray:
    """Colour of each of the 256 levels: uint8 [256, 3]."""
    log10 = LOW + np.arange(256) / 255 * (HIGH - LOW)
    return palette.log_snr_rgb(np.clip(log10, *palette.LOG10_DOMAIN), np.arange(256) >= ONE, dark)


def frames(epochs: np.ndarray, count: int = FRAMES) -> np.ndarray:
    """Rows of the snapshots to show: all of them, or for a long run a choice denser at its beginning, ends included.

    Each row is among those of the run when it was shorter, but for the last: a browser has the others.
    """
    rows, stride = np.arange(len(epochs)), 1
    early = 2 ** np.log2(np.maximum(rows / EARLY, 1)).astype(int)
    chosen = rows
    while len(chosen) > count and stride < len(rows):
        stride *= 2
        chosen = np.union1d(rows[rows % np.minimum(stride, early) == 0], rows[-1:])
    return chosen


def moments_of(tables: RunTables, noise: bool) -> np.ndarray:
    """The epochs that a film may stop at, float: those with a snapshot, first steps at their fractions among them, then
    those of fine-tuning, which moves no noise; of a run without noise all that is recorded after pretraining."""
    recorded = tables.after_pretraining
    if len(recorded) and noise:
        recorded = recorded[(recorded["phase"] == "finetune") & (recorded["epoch"] > tables.last)]
    before = tables.frames.at if noise else np.array(list(tables.first_steps))
    return np.concatenate([before, recorded["epoch"].to_numpy(dtype=float)])


def pack(
    tables: RunTables,
    config: RunConfig,
    *,
    live: bool = False,
    order: str = "death",
    focus: str | None = None,
    also: Sequence[int] = (),
    stands: float | None = None,
) -> dict[str, Any]:
    """The run as plain JSON-able values; with `focus` the sentences are about that layer, else the network.

    charts: curves that are drawn as they are given here (`curves`), the first the units kept of every layer. also:
    epochs to stop at besides, where another run on the same clock has some. stands: the epoch that is looked at, which
    stays among the frames however long a live run grows.
    """
    every = np.union1d(moments_of(tables, config.has_noise), np.asarray(also, dtype=float))
    chosen = frames(every)
    if stands is not None and len(every):
        chosen = np.union1d(chosen, np.abs(every - stands).argmin())
    shown = every[chosen]
    rows = tables.frames.index(shown)
    held_out, training = config.data.validation_size, min(TRAIN_SAMPLE, tables.n_train)
    examples = (None, None) if config.tracked else (held_out, training)
    by_layer = np.array(kept.at_epochs(tables, shown)).reshape(len(rows), len(tables.layers))
    facts = [
        "" if focus else network_facts(tables, float(epoch), tuple(map(int, k)), examples)
        for epoch, k in zip(shown, by_layer, strict=True)
    ]
    return {
        "id": tables.run,
        "live": live,
        "sorted": _CLOSE[order],
        "epochs": short(shown),
        "steps": [tables.first_steps.get(epoch, 0) for epoch in shown.tolist()],
        "total": int(max(config.schedule.last_epoch, tables.last)),
        "noise": config.has_noise,
        "tuned": tables.finetuned_from,
        "outputs": min(OUTPUTS, tables.description.weights[-1].fixed_out or OUTPUTS),
        "prior": tables.prior_snr,
        "layers": [_layer(tables, layer, rows, by_layer[:, i], order, focus) for i, layer in enumerate(tables.layers)],
        "records": _records(tables),
        "charts": [kept_curves(tables.layers, shown, by_layer)],
        "focus": next((i for i, layer in enumerate(tables.layers) if layer.name == focus), None),
        "whose": "",  # two runs on one clock say here which of them glides
        "summed": len(tables.layers) > labels.MANY,
        "facts": facts,
        "sentences": [
            layer_sentence(tables, focus, int(row))
            if focus
            else network_sentence(tables, float(epoch), tuple(map(int, k)), said)
            for row, epoch, k, said in zip(rows, shown, by_layer, facts, strict=True)
        ],
        "scale": {"low": LOW, "high": HIGH, "one": ONE, "light": _b64(colours(False)), "dark": _b64(colours(True))},
        "colours": {"light": _colours(False), "dark": _colours(True)},
    }


def _colours(dark: bool) -> dict[str, str]:
    colours = palette.theme(dark)
    named = ("kept", "pruned", "data", "kl", "reference", "ink")
    return {name: getattr(colours, name) for name in named} | {
        f"layer{i}": colour for i, colour in enumerate(palette.LAYERS)
    }


def network_sentence(tables: RunTables, epoch: float, kept_units: tuple[int, ...], facts: str) -> str:
    """The state of the whole network at an epoch, or a first step, in a sentence: units, MACs, error.

    facts: what `network_facts` says of it.
    """
    total = labels.in_all([layer.units for layer in tables.layers])
    if epoch == 0:
        return f"At the start all {total} units are kept: the noise is so small that every SNR is far above 1."
    return f"{tables.when(epoch).capitalize()}: {labels.in_all(kept_units)} of {total} units kept; {facts}."


def network_facts(
    tables: RunTables,
    epoch: float,
    kept_units: tuple[int, ...],
    examples: tuple[int | None, int | None] = (None, None),
) -> str:
    """What the kept units cost and their error, as far as it is known at an epoch or a first step.

    examples: how many held-out and training examples the errors are of, where that is known.
    """
    macs, dense = tables.description.macs(kept_units), tables.macs_dense
    if not macs:  # a group may be empty where a shortcut passes it by
        fewer = "no signal reaches the output"
    else:
        fewer = "no reduction yet" if macs == dense else f"{dense / macs:.1f}× fewer MACs"
    errors = zip(tables.errors.get(epoch, ()), ("held-out", "training"), examples, strict=False)
    error = next((f", {labels.error(value, kind, n)}" for value, kind, n in errors if value == value), "")
    return f"{fewer}{error}"


def layer_sentence(tables: RunTables, name: str, row: int) -> str:
    """A layer at a moment of `frames` in a sentence: units kept, pruned since the moment before, and recovered."""
    layer, (at, snr) = tables.layer(name), (tables.frames.at, tables.frames.snr)
    now, when = is_kept(snr[layer.name][row]), tables.when(at[row])
    strong = labels.count_of(int(now.sum()), layer)
    text = f"{labels.layer_title(layer)} at {when}: {strong} have an SNR of 1 or more"
    if layer.parent:
        masks = propagate(keep_masks({key: values[row] for key, values in snr.items()}), tables.layers)
        text += f", {int(masks[layer.name].sum()):,} of them on a channel that is kept"
    if row == 0:
        return text + "."
    before = is_kept(snr[layer.name][row - 1])
    pruned, back = int((before & ~now).sum()), int((now & ~before).sum())
    since = f"{pruned:,} pruned" if pruned else "none pruned"
    since += f" since {tables.when(at[row - 1])}"
    return f"{text}; {since}" + (f", {back:,} recovered." if back else ".")


def curves(title: str, unit: str, series: list[dict[str, Any]], top: float, **more: Any) -> dict[str, Any]:
    """A chart of lines for the player: top is the end of its axis from 0; series have name, x, y, colour (one of
    `colours`), perhaps dash; more: rules, [{"y", "text", "left" (where its
    name stands)}]."""
    return {"title": title, "unit": unit, "series": series, "top": top, **more}


def kept_curves(layers: tuple[Group, ...], epochs: np.ndarray, counts: np.ndarray) -> dict[str, Any]:
    """Share of each layer that is kept, in percent, by epoch; counts [epochs, layers]."""
    series = [
        {
            "name": labels.layer_title(layer),
            "x": short(epochs),
            "y": (100 * counts[:, i] / layer.units).round(2).tolist(),
            "colour": f"layer{i % len(palette.LAYERS)}",
            "dash": on_canvas(palette.DASHES[i % len(palette.DASHES)]),
        }
        for i, layer in enumerate(layers)
    ]
    return curves("Units kept, % of the layer", "%", series, 100.0)


def on_canvas(dash: Sequence[int]) -> list[int]:
    """The dash of a line on a canvas, where a whole line has none."""
    return [] if tuple(dash) == (1, 0) else list(dash)


def _layer(
    tables: RunTables, layer: Group, rows: np.ndarray, counts: np.ndarray, order: str, focus: str | None
) -> dict[str, Any]:
    by_order = tables.order(layer.name, order)
    grid = cells(layer, None if is_map(layer) else by_order)
    share = max(8, round(LINES * np.sqrt(layer.units) / sum(np.sqrt(other.units) for other in tables.layers)))
    share = trajectories.UNITS if focus else share
    return {
        "name": layer.name,
        "title": labels.layer_title(layer),
        "kind": layer.kind,
        "word": labels.units_of(layer),
        "units": layer.units,
        "parent": layer.parent,
        "shape": list(layer.shape),
        "kept": counts.tolist(),
        "levels": [_b64(row) for row in levels(tables.frames.snr[layer.name][rows])] if len(tables.epochs) else [],
        "order": _b64(by_order.astype("<i2")),
        "cells": {"rows": grid.shape[0], "columns": grid.shape[1], "units": _b64(grid.astype("<i2"))},
        "sample": trajectories.sample(tables, layer.name, share).tolist(),
    }


def _records(tables: RunTables) -> dict[str, Any]:
    errors = tables.records[["epoch", "validation_error_percent", "train_error_percent"]].astype(float)
    records = tables.loss_curve.merge(errors, on="epoch", how="outer", sort=True)

    def column(name: str) -> list[float | None]:
        return [None if v != v else round(float(v), 5) for v in records[name]]

    values = records[["nll", "loss"]].to_numpy(dtype=float).ravel()
    return {
        "x": short(records["epoch"].to_numpy(dtype=float)),
        "nll": column("nll"),
        "kl": column("kl_per_example"),
        "loss": column("loss"),
        "validation": column("validation_error_percent"),
        "train": column("train_error_percent"),
        "added": bound.ADDED.get(tables.method, ("", ""))[0],
        "top": bound.top_of(values[np.isfinite(values)]),
    }


def short(epochs: np.ndarray) -> list[float]:
    """Whole epochs as integers, fractions with the digits that tell steps apart."""
    return [int(epoch) if epoch == int(epoch) else round(epoch, 6) for epoch in epochs.tolist()]


def _b64(values: np.ndarray) -> str:
    return base64.b64encode(np.ascontiguousarray(values).tobytes()).decode()

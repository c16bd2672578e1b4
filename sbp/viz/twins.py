"""Two runs on one clock, of which one may have no noise: accuracy, units kept, and N·NLL against the KL.

Made for random labels, where one twin memorises them and the other loses its units.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from sbp.spec import RunConfig
from sbp.spec.records import TRAIN_SAMPLE
from sbp.viz import bound, charts, film, labels, palette
from sbp.viz.tables import RunTables, tables

OUTPUTS = film.OUTPUTS
HEIGHT = 260
CHANCE = 100 / OUTPUTS
# Column, title, unit, of what is drawn by epoch.
WHAT = {
    "accuracy": ("Accuracy of the pruned network", "%"),
    "terms": ("What is minimised: N·NLL + KL", "thousands of nats"),
    "kept": ("Units kept, all layers together", "% of all units"),
}


@dataclass(frozen=True)
class Twin:
    """One of the two: what it is called beside the other, its numbers, and its test accuracy at the end."""

    name: str
    tables: RunTables
    config: RunConfig
    test_accuracy: float | None

    @property
    def records(self) -> pd.DataFrame:
        """Its records after pretraining."""
        return self.tables.after_pretraining

    @property
    def steps(self) -> pd.DataFrame:
        """The first steps of its main phase."""
        return self.tables.steps[self.tables.steps["phase"] != "pretrain"]

    @property
    def last(self) -> int:
        """Its last epoch so far; 0 before the first has ended."""
        return int(self.records["epoch"].iloc[-1]) if len(self.records) else 0


def pair_of(runs: Sequence[Any], names: Sequence[str]) -> tuple[Twin, Twin]:
    """Two runs, as `sbp.runs.store.RunView` has them, as twins of these names."""
    made = []
    for run, name in zip(runs, names, strict=True):
        error = (run.result or {}).get("test_error_percent")
        made.append(Twin(name, tables(run), run.config, None if error is None else 100 - float(error)))
    return made[0], made[1]


def pack(pair: tuple[Twin, Twin], live: bool = False) -> dict[str, Any]:
    """The film of the first twin with the epochs of both, the three charts and a sentence per frame."""
    first = pair[0]
    both = (
        sorted({0, *(int(epoch) for twin in pair for epoch in twin.records["epoch"])})
        if any(len(twin.records) for twin in pair)
        else []
    )
    packed = film.pack(first.tables, first.config, live=live, also=both)
    moments = zip(packed["steps"], packed["epochs"], strict=True)
    return packed | {
        "id": "+".join(twin.tables.run for twin in pair),
        "total": _total(pair),
        "charts": [_accuracy(pair), _terms(pair), _kept(pair)],
        "whose": f"{first.name}: ",
        "facts": [""] * len(packed["epochs"]),
        "sentences": [sentence(pair, epoch, f"Step {step}" if step else "") for step, epoch in moments],
    }


def table(pair: Sequence[Twin]) -> pd.DataFrame:
    """Long form, a row per epoch and twin: accuracy and kept in percent, N·NLL and KL in nats."""
    parts = []
    for twin in pair:
        records, units = twin.records, sum(layer.units for layer in twin.tables.layers)
        parts.append(
            pd.DataFrame(
                {
                    "run": twin.name,
                    "epoch": records["epoch"].astype(int),
                    "train_accuracy_percent": 100 - records["train_error_percent"].astype(float),
                    "kept_percent": [100 * sum(counts) / units for counts in records["kept"]],
                    "n_nll_nats": twin.tables.n_train * records["nll"].astype(float),
                    "kl_nats": records["kl_weighted"].astype(float),
                }
            )
        )
    return pd.concat(parts, ignore_index=True)


def sentence(pair: tuple[Twin, Twin], epoch: float, when: str = "") -> str:
    """Both twins at an epoch: what is kept, the training accuracy, and at the end the test accuracy; at a first step,
    which `when` names, the NLL."""
    if epoch <= 0:
        return "At the start both are complete and guess."
    return f"{when or f'Epoch {epoch}'}: " + "; ".join(_state(twin, epoch) for twin in pair) + "."


def _state(twin: Twin, epoch: float) -> str:
    records = twin.records[twin.records["epoch"] <= epoch]
    steps = twin.steps[twin.steps["epoch"] <= epoch + 1e-6]  # a film's fractions are rounded
    if len(steps) and (records.empty or steps["epoch"].iloc[-1] > records["epoch"].iloc[-1]):
        row = steps.iloc[-1]
        keeps = f"{twin.name} keeps {labels.widths(row['kept'])}" if row["kept"] is not None else twin.name
        return f"{keeps}, NLL {row['nll']:.2f}"
    if records.empty:
        return f"{twin.name} has not finished an epoch"
    row = records.iloc[-1]
    constant = ", so every image gets the same answer" if not min(row["kept"]) else ""
    right = 100 - row["train_error_percent"]
    said = f"{twin.name} keeps {labels.widths(row['kept'])}{constant}, training accuracy {right:.1f} %"
    if epoch >= twin.last and twin.test_accuracy is not None:
        said += f", test accuracy {twin.test_accuracy:.1f} %"
    return said


def describe(pair: Sequence[Twin], what: str) -> str:
    """A chart in a sentence, at the end of both."""
    said = []
    for twin in pair:
        if twin.records.empty:
            continue
        row = twin.records.iloc[-1]
        n, units = twin.tables.n_train, sum(layer.units for layer in twin.tables.layers)
        data, right = n * row["nll"] / 1000, 100 - row["train_error_percent"]
        said.append(
            {
                "accuracy": f"{twin.name} has a training accuracy of {right:.1f} % on {_scored(n)}",
                "terms": f"{twin.name}: N·NLL {data:,.1f} thousand nats"
                + (f", KL {row['kl_weighted'] / 1000:,.2f} thousand" if twin.tables.method in bound.ADDED else ""),
                "kept": f"{twin.name} keeps {sum(row['kept']):,} of {units:,} units",
            }[what]
            + f" (epoch {int(row['epoch'])})"
        )
    tail = {
        "accuracy": f"; a guess reaches {CHANCE:.0f} %",
        "terms": f"; guessing costs log 10 = {math.log(OUTPUTS):.4f} nats per example",
        "kept": "",
    }
    return "; ".join(said) + tail[what] + "." if said else "Neither run has finished an epoch."


def _scored(n: int) -> str:
    return f"{n:,} labels" if n <= TRAIN_SAMPLE else f"the first {TRAIN_SAMPLE:,} of {n:,} labels"


def chart(pair: Sequence[Twin], what: str, dark: bool = False) -> Any:
    """One of `WHAT` by epoch, for paper: both twins, axes that span the whole of both runs."""
    data = _long(pair, what)
    if data.empty:
        return charts.empty("Neither run has finished an epoch.", HEIGHT)
    theme, (title, unit) = palette.theme(dark), WHAT[what]
    colours, dashes = zip(*(_STYLE[what][role] for role in _roles(pair, what)), strict=True)
    top = bound.top_of(data["value"].to_numpy()) if what == "terms" else 100.0
    lines = alt.Chart(data).mark_line(strokeWidth=2.25, clip=True)
    lines = lines.encode(
        x=charts.epoch_axis(0, _total(pair)),
        y=charts.y_axis("value", unit, top, tickCount=5),
        **charts.told_apart(
            "line",
            list(dict.fromkeys(data["line"])),
            [getattr(theme, colour) for colour in colours],
            dashes,
            symbolStrokeWidth=3,
            labelLimit=240,
        ),
        tooltip=charts.tips(("line:N", title), "epoch:Q", ("value:Q", unit, ".4~g")),
    )
    guess = charts.rule(CHANCE, "a guess", theme.reference, "value") if what == "accuracy" else ()
    return charts.finish(alt.layer(lines, *guess), describe(pair, what), HEIGHT)


_Lines = dict[str, tuple[str, tuple[int, ...]]]
_BOTH: _Lines = {"first": ("kept", (1, 0)), "second": ("ink", (6, 3))}
# Colour of the theme and dash of each line: one colour a twin in every chart, none of them that of pruned units.
_STYLE: dict[str, _Lines] = {
    "accuracy": _BOTH,
    "kept": _BOTH,
    "terms": {
        "first": ("kept", (1, 0)),
        "first KL": ("kl", (6, 3)),
        "second": ("ink", (2, 2)),
        "second KL": ("reference", (8, 3, 2, 3)),
    },
}


def _total(pair: Sequence[Twin]) -> int:
    return max(max(twin.config.schedule.last_epoch, twin.last) for twin in pair)


def _roles(pair: Sequence[Twin], what: str) -> list[str]:
    roles = []
    for role, twin in zip(("first", "second"), pair, strict=True):
        if len(twin.records):
            roles += [role, f"{role} KL"] if what == "terms" and twin.tables.method in bound.ADDED else [role]
    return roles


def _long(pair: Sequence[Twin], what: str) -> pd.DataFrame:
    """Columns line, epoch, value: a line a twin, and of a twin with a KL one for that; first steps where they are
    known, of which the accuracy is not."""
    parts = [
        points.assign(line=line)[["line", "epoch", "value"]]
        for twin in pair
        if len(twin.records)
        for line, points in _lines_of(twin, what).items()
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame({"line": [], "epoch": [], "value": []})


def _lines_of(twin: Twin, what: str) -> dict[str, pd.DataFrame]:
    found, steps, n = table([twin]), twin.steps, twin.tables.n_train
    if what == "accuracy":
        return {twin.name: found.assign(value=found["train_accuracy_percent"])}
    if what == "kept":
        units, steps = sum(layer.units for layer in twin.tables.layers), steps[steps["kept"].notna()]
        first = steps.assign(value=[100 * sum(counts) / units for counts in steps["kept"]])
        return {twin.name: _joined(first, found.assign(value=found["kept_percent"]))}
    curve = twin.tables.loss_curve
    curve = curve[curve["epoch"] > 0]
    lines = {f"{twin.name}: N·NLL": curve.assign(value=n * curve["nll"] / 1000)}
    if twin.tables.method in bound.ADDED:
        first = steps.assign(value=steps["kl_weighted"] / 1000)
        lines[f"{twin.name}: KL"] = _joined(first, found.assign(value=found["kl_nats"] / 1000))
    return lines


def _joined(steps: pd.DataFrame, epochs: pd.DataFrame) -> pd.DataFrame:
    both = pd.concat([part[["epoch", "value"]] for part in (steps, epochs) if len(part)])
    return both.astype(float).sort_values("epoch")


def _series(pair: Sequence[Twin], what: str) -> list[dict[str, Any]]:
    lines = _long(pair, what).groupby("line", sort=False)
    return [
        {
            "name": name,
            "x": film.short(part["epoch"].to_numpy(dtype=float)),
            "y": part["value"].round(3).tolist(),
            "colour": _STYLE[what][role][0],
            "dash": film.on_canvas(_STYLE[what][role][1]),
        }
        for role, (name, part) in zip(_roles(pair, what), lines, strict=True)
    ]


def _accuracy(pair: tuple[Twin, Twin]) -> dict[str, Any]:
    series = _series(pair, "accuracy")
    for twin, colour in zip(pair, ("kept", "ink"), strict=True):
        if twin.test_accuracy is not None and twin.last:
            series.append({"name": "test", "x": [twin.last], "y": [round(twin.test_accuracy, 2)], "colour": colour})
    rules = [{"y": CHANCE, "text": f"a guess: {CHANCE:.0f} %", "left": True}]
    return film.curves("Training accuracy, %; dots: test accuracy", "%", series, 100.0, rules=rules)


def _kept(pair: tuple[Twin, Twin]) -> dict[str, Any]:
    return film.curves("Units kept, % of all", "%", _series(pair, "kept"), 100.0)


def _terms(pair: tuple[Twin, Twin]) -> dict[str, Any]:
    series = _series(pair, "terms")
    guess = pair[0].tables.n_train * math.log(OUTPUTS) / 1000
    values = np.array([guess, *(value for line in series for value in line["y"])])
    return film.curves(
        "N·NLL and KL, thousands of nats",
        "thousands of nats",
        series,
        bound.top_of(values[np.isfinite(values)]),
        rules=[{"y": round(guess, 3), "text": f"N·log 10 = {guess:,.1f}: a guess"}],
    )

"""What a question and its answer are, and where what was measured for it is kept. No torch."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sbp.experiments import results
from sbp.experiments.results import NoResults, Row
from sbp.pruning.masks import Masks
from sbp.runs.files import replace_bytes
from sbp.runs.view import RunView

Line = Mapping[str, Any]


@dataclass(frozen=True)
class Figure:
    """Which columns of the lines a chart has on its axes; a column's name is the title of its axis.

    mark: points, lines, bars, or map (a picture of 28 x 28 pixels). of: the column that tells marks apart. log: the
    axes that are logarithmic, of "xy". lines: what is drawn, where it is not the answer's own table.
    """

    mark: str
    x: str
    y: str
    of: str
    log: str = ""
    lines: Sequence[Line] = ()


@dataclass(frozen=True)
class Answer:
    """A table, its figure, two sentences, and what they stand on: n, seeds, hardware, source."""

    lines: Sequence[Line]
    figure: Figure
    sentences: tuple[str, str]
    stands_on: str

    @property
    def texts(self) -> list[dict[str, str]]:
        """The lines as text, the numbers of a column with as many decimals each, a dash for what is not known.

        >>> Answer([{"a": 0.8, "n": 3}, {"a": 0.75, "n": None}], Figure("points", "n", "a", ""), ("", ""), "").texts
        [{'a': '0.80', 'n': '3'}, {'a': '0.75', 'n': '–'}]
        """
        columns = {name: [line[name] for line in self.lines] for name in self.lines[0]}
        digits = {
            name: max(len(repr(value).partition(".")[2]) if isinstance(value, float) else 0 for value in values)
            for name, values in columns.items()
        }
        return [
            {name: f"{it:.{digits[name]}f}" if isinstance(it, float) else _word(it) for name, it in line.items()}
            for line in self.lines
        ]


@dataclass(frozen=True)
class Sources:
    """What a question is measured on.

    folder: runs of further seeds in `runs`, and beside them `masks.npz`, which units were kept at each epoch. What
    needs torch is handed in: calibration: of a run's networks on the test images. errors: of a run's network on its
    held-out images, for each of several masks. gradients: their variance, for all
    that theta can be drawn for.
    """

    folder: Path | None
    calibration: Callable[[RunView], dict[str, Any]]
    errors: Callable[[RunView, Iterable[Masks]], list[dict[str, float]]]
    gradients: Callable[[RunView], dict[str, Any]]


@dataclass(frozen=True)
class Question:
    """A question by its name. answer: from what is recorded; raises `NoResults` where nothing is; None while no run
    could give one.

    measure: what `stored` keeps for it; None where recorded tables answer it. needs: how it is measured.
    """

    name: str
    title: str
    answer: Callable[[], Answer] | None
    needs: str
    measure: Callable[[Sources], dict[str, Any]] | None = None

    @property
    def answered(self) -> Answer | None:
        """The answer; None for a question that is not measured yet."""
        try:
            return self.answer() if self.answer else None
        except NoResults:
            return None


def path_of(name: str) -> Path:
    """The file that keeps what was measured for a question."""
    return results.results_root() / "questions" / f"{name}.json"


def store(name: str, facts: Mapping[str, Any]) -> Path:
    """Keeps what was measured for a question, beside the recorded tables, and gives its file."""
    path = path_of(name)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_bytes(path, (json.dumps(facts, allow_nan=False) + "\n").encode())
    return path


def stored(name: str) -> dict[str, Any]:
    """What was measured for a question; raises `NoResults` where nothing was or its file cannot be read."""
    path = path_of(name)
    try:
        facts = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise NoResults(
            f"{name} is not measured: {path} cannot be read ({error}). "
            f"python -m sbp reproduce questions --only {name} --record makes it."
        ) from None
    if not isinstance(facts, dict):
        raise NoResults(f"{path}: expected an object, got {type(facts).__name__}. Record the question {name} again.")
    return facts


def recorded_rows(experiment: str, network: str, *keys: str) -> list[Row]:
    """Rows of a recorded table in the order of `keys`; raises `NoResults` where one has no runs."""
    table = results.recorded(experiment)
    rows = {row.key: row for row in table.of(network) if row.n}
    if missing := [key for key in keys if key not in rows]:
        raise NoResults(f"{experiment} has no runs of {', '.join(missing)} on {network}.")
    return [rows[key] for key in keys]


def half_width(row: Row) -> float | None:
    """Of the 95 % interval of a row's mean test error, in points; None where it has one run."""
    width = row.half_width_of("test_error_percent")
    return None if width is None else round(width, 2)


def stands_on(rows: Sequence[Row], source: str) -> str:
    """n, seeds and hardware of rows, and the table that they are from."""
    counts = sorted({row.n for row in rows})
    n = f"n = {counts[0]}" if len(counts) == 1 else f"n = {counts[0]} to {counts[-1]}"
    seeds = sorted({run.seed for row in rows for run in row.runs})
    hardware = "; ".join(dict.fromkeys(name for row in rows for name in row.hardware.split("; ")))
    return f"{n} a row, seeds {', '.join(map(str, seeds))}; {hardware}; {source}."


def _word(value: Any) -> str:
    return "–" if value is None else str(value)

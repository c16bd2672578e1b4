"""What an experiment came to: its runs' figures by row, as `assets/results/<experiment>.json` holds them. No torch.

```
{"experiment": "table-1",
 "rows": [{"key": "sbp", "label": "SBP", "network": "lenet-500-300", "runs": [{"seed": 0, ...}, ...]}, ...]}
```
"""

from __future__ import annotations

import dataclasses
import json
import math
import re
import statistics
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from sbp.experiments.intervals import half_width


class NoResults(LookupError):
    """An experiment has no recorded results, or a file does not hold them; the message says which."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True)
class RunResult:
    """One finished run: its figures, and all that they stand on.

    config: the fields of RunConfig. kept: units per noise layer; macs: multiply-accumulates per image of what is left;
    macs_reduction: macs of dense / macs, None where nothing is left. seconds: of training. run: the id of the stored
    or recorded run, "" where it is not kept. speed: rows as speed.json has them, each with device, hardware, threads
    and, where there were several, processes beside variant, batch, median_seconds, iqr_seconds, between_seconds and n;
    empty where nothing was measured.
    last: nll, kl, kl_weighted, loss and train_error_percent of its last epoch (units: `sbp.spec.records.Record`).
    pack_runs, pack_seconds: how many runs its process trained at once, and in how long; 1 and None for one alone.
    """

    seed: int
    method: str
    network: str
    config: dict[str, Any]
    test_error_percent: float
    kept: tuple[int, ...]
    macs: int
    macs_reduction: float | None
    n_train: int
    n_test: int
    kl_weights: tuple[float, ...]
    hardware: str
    device: str
    commit: str | None
    versions: dict[str, str]
    seconds: float
    run: str = ""
    speed: tuple[dict[str, Any], ...] = ()
    validation_error_percent: float | None = None
    last: dict[str, Any] = field(default_factory=dict)
    pack_runs: int = 1
    pack_seconds: float | None = None

    @property
    def runs_per_hour(self) -> float:
        """How many such runs its process ended an hour: of a pack all together, else one after another."""
        if self.pack_seconds:
            return 3600 * self.pack_runs / self.pack_seconds
        return 3600 / self.seconds if self.seconds else math.inf

    def times_as_fast(self, device: str, batch: int, variant: str = "compact") -> float | None:
        """Median seconds of the dense network over this variant's; None where it was not measured."""
        median = {
            row["variant"]: row["median_seconds"]
            for row in self.speed
            if (row["device"], row["batch"]) == (device, batch)
        }
        return median["dense"] / median[variant] if {"dense", variant} <= median.keys() else None


@dataclass(frozen=True)
class Row:
    """A row of a table: the same recipe with several seeds.

    >>> def run(seed, error):
    ...     return RunResult(seed, "sbp", "lenet-500-300", {}, error, (245, 160, 55), 48550, 11.2, 60000, 10000, (),
    ...                      "a CPU", "cpu", None, {}, 9.0)
    >>> row = Row("sbp", "SBP", "lenet-500-300", (run(0, 1.4), run(1, 1.5), run(2, 1.6)))
    >>> row.n, round(row.mean, 3), round(row.spread, 3)
    (3, 1.5, 0.1)
    """

    key: str
    label: str
    network: str
    runs: tuple[RunResult, ...] = ()

    @property
    def n(self) -> int:
        """How many runs there are."""
        return len(self.runs)

    @property
    def dataset(self) -> str:
        """The data set of its runs, by the name that a config has for it; "" of no runs."""
        return str(self.runs[0].config.get("dataset", "")) if self.runs else ""

    @property
    def mean(self) -> float:
        """Mean test error in percent; NaN of no runs."""
        return self.mean_of("test_error_percent")

    @property
    def spread(self) -> float | None:
        """Sample standard deviation (n - 1) of the test error; None below two runs."""
        return self.spread_of("test_error_percent")

    def mean_of(self, name: str) -> float:
        """Mean of a field of its runs, those without it left out; NaN of none."""
        values = self.values_of(name)
        return statistics.fmean(values) if values else math.nan

    def spread_of(self, name: str) -> float | None:
        """Sample standard deviation of a field of its runs; None below two."""
        values = self.values_of(name)
        return statistics.stdev(values) if len(values) > 1 else None

    def half_width_of(self, name: str) -> float | None:
        """Half-width of the 95 % t-interval of a field's mean (`sbp.experiments.intervals`); None below two runs."""
        return half_width(self.values_of(name))

    @property
    def hardware(self) -> str:
        """What its runs were trained on, each name once."""
        return "; ".join(dict.fromkeys(run.hardware for run in sorted(self.runs, key=lambda run: run.seed)))

    @property
    def shown(self) -> RunResult | None:
        """The run that stands for all: the best on held-out examples, without such the one of the smallest seed."""

        def place(run: RunResult) -> tuple[float, int]:
            error = run.validation_error_percent
            return (math.inf if error is None else error), run.seed

        return min(self.runs, key=place, default=None)

    def values_of(self, name: str) -> list[float]:
        """A field of its runs, those without it left out."""
        return [value for run in self.runs if (value := getattr(run, name)) is not None]


@dataclass(frozen=True)
class Table:
    """An experiment's rows."""

    experiment: str
    rows: tuple[Row, ...]

    def row(self, network: str, key: str) -> Row:
        """The row of a network; raises KeyError where there is none."""
        for row in self.rows:
            if (row.network, row.key) == (network, key):
                return row
        raise KeyError(f"{self.experiment} has no row {key} of {network}.")

    def of(self, network: str) -> tuple[Row, ...]:
        """The rows of one network."""
        return tuple(row for row in self.rows if row.network == network)

    def to_json(self) -> str:
        """Strict JSON text; raises ValueError for a number that is not finite."""
        return json.dumps(dataclasses.asdict(self), separators=(",", ":"), allow_nan=False) + "\n"

    @classmethod
    def from_json(cls, text: str) -> Table:
        """Reads what `to_json` wrote; raises `NoResults` for text that holds no table."""
        try:
            values = json.loads(text)
            return cls(str(values["experiment"]), tuple(_row(row) for row in values["rows"]))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            raise NoResults(f"Expected an experiment with its rows as JSON, got something else: {error!r}.") from None


def speed_rows(measured: Mapping[str, Any]) -> list[dict[str, Any]]:
    """A measurement, as speed.json has it, in rows that each say where it was made: `RunResult.speed`."""
    where = {name: measured[name] for name in ("device", "hardware", "threads", "processes") if name in measured}
    return [{**where, **row} for row in measured["rows"]]


def results_root() -> Path:
    """Where the results that ship with the code are."""
    return Path(__file__).resolve().parents[2] / "assets" / "results"


def results_path(experiment: str, root: Path | None = None) -> Path:
    """The file of an experiment's recorded results; raises `NoResults` for what is no name."""
    if not re.fullmatch(r"[a-z0-9-]+", experiment):
        raise NoResults(f"Expected an experiment's name like table-1, got {experiment!r}.")
    return (root or results_root()) / f"{experiment}.json"


def check_of(experiment: str) -> str:
    """The name under which the runs are kept that check an experiment's table."""
    return f"{experiment}-check"


def recorded(experiment: str, root: Path | None = None) -> Table:
    """The recorded results of an experiment; raises `NoResults` with a sentence where there are none."""
    path = results_path(experiment, root)
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        if not path.parent.is_dir():
            raise NoResults(
                f"{experiment}: the recorded results ship with the repository, not with the installed package. Run "
                "this command in a clone of it."
            ) from None
        raise NoResults(
            f"{experiment} has no recorded results: {path} is missing. "
            f"python -m sbp reproduce {experiment} --record makes them."
        ) from None
    try:
        return Table.from_json(text)
    except NoResults as error:
        raise NoResults(f"{path} cannot be read. {error}") from None


def check_recorded(experiment: str, root: Path | None = None) -> Table | None:
    """The recorded runs that check an experiment's table, None where there are none; raises `NoResults` as above."""
    name = check_of(experiment)
    return recorded(name, root) if results_path(name, root).is_file() else None


def _row(values: Mapping[str, Any]) -> Row:
    runs = tuple(_run(run) for run in values["runs"])
    return Row(str(values["key"]), str(values["label"]), str(values["network"]), runs)


def _run(values: Mapping[str, Any]) -> RunResult:
    tuples = {name: tuple(values[name]) for name in ("kept", "kl_weights", "speed") if name in values}
    return RunResult(**{**values, **tuples})

"""An experiment's table for people: columns of text from its lines, as Markdown or for a terminal."""

from __future__ import annotations

import statistics
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

from sbp.experiments import intervals
from sbp.experiments.plans import PLANS
from sbp.experiments.results import RunResult, Table
from sbp.experiments.table_rows import BATCHES, Line, lines_of, sections_of
from sbp.reference import paper
from sbp.spec.networks import SPECS
from sbp.viz import labels

NONE = "–"


@dataclass(frozen=True)
class Column:
    """A column's title, and how a line is written in it."""

    title: str
    text: Callable[[Line], str]


def number(name: str, digits: int | None, unit: str = "", of: str = "", scale: float = 1.0) -> Callable[[Line], str]:
    """Writes a value, and where there are several runs its interval and spread (`words.estimate`).

    digits: decimals; None: such that three digits are left. of: what the line's _half_width and _spread are of. scale:
    what the value is divided by.

    >>> number("error", 2, of="error")({"error": 1.5, "error_half_width": 0.25, "error_spread": 0.1})
    '1.50 ± 0.25 (0.10)'
    >>> number("macs", None, scale=1000)({"macs": 24885}), number("error", 1, "x")({"error": None})
    ('24.9', '–')
    """

    def text(line: Line) -> str:
        value = line.get(name)
        if value is None:
            return NONE
        about = (line.get(f"{of}_{part}") if of else None for part in ("half_width", "spread"))
        width, spread = (None if it is None else it / scale for it in about)
        decimals = labels.digits_of(value / scale) if digits is None else digits
        return labels.estimate(value / scale, width, spread, decimals, unit)

    return text


def _label(line: Line) -> str:
    return line["label"] if line["source"] == "ours" else f"the paper's {line['label']}"


def _kept(line: Line) -> str:
    return str(line.get("kept") or NONE).replace("-", "–")


def _fewer(line: Line) -> str:
    if line.get("macs") == 0:
        return "all"
    return number("macs_reduction_mean", None, "x", "macs_reduction")(line)


def _fast(name: str) -> Callable[[Line], str]:
    def text(line: Line) -> str:
        if line.get(name) is not None:
            return f"{line[name]:.2f}x"
        values = [line.get(f"{name}_{batch}") for batch in BATCHES]
        return NONE if None in values else " / ".join(f"{value:.2f}x" for value in values)

    return text


def _accuracy(name: str) -> Callable[[Line], str]:
    return lambda line: NONE if line.get(name) is None else f"{100 - line[name]:.2f}"


LABEL = Column("method", _label)
BOUND = Column("KL weights", lambda line: line.get("bound") or NONE)
ERROR = Column("test error, %", number("test_error_percent", 2, of="test_error"))
KEPT = Column("units kept", _kept)
KMACS = Column("kMACs", number("macs_mean", None, of="macs", scale=1000))
FEWER = Column("MACs reduction", _fewer)
N = Column("n", lambda line: str(line["n"]) if "n" in line else NONE)
SECONDS = Column("s per run", number("seconds", 0))
HARDWARE = Column("trained on", lambda line: (line.get("hardware") if line["source"] == "ours" else "") or NONE)
NATS = (Column("N·NLL", number("n_nll", 0)), Column("KL", number("kl", 0)), Column("their sum", number("n_loss", 0)))

_COST, _STANDS_ON = (ERROR, KEPT, KMACS, FEWER), (N, HARDWARE, SECONDS)
PRIOR_SNR = Column("the prior's SNR", number("prior_snr", 3))
SPEEDS = (Column("CPU", _fast("cpu")), Column("GPU", _fast("gpu")))
ACCURACIES = (
    Column("training accuracy, %", _accuracy("train_error_percent")),
    Column("test accuracy, %", _accuracy("test_error_percent")),
)
COLUMNS: dict[str, tuple[Column, ...]] = {
    "figure-1": (LABEL, *NATS, *_COST, *_STANDS_ON),
    "interval": (LABEL, PRIOR_SNR, *_COST, *_STANDS_ON),
    "kl-warmup": (LABEL, *_COST, *_STANDS_ON),
    "samplers": (LABEL, *_COST, *_STANDS_ON),
    "random-labels": (LABEL, KEPT, *ACCURACIES, *NATS[:2], *_STANDS_ON),
    "partial-labels": (LABEL, KEPT, *ACCURACIES, *_STANDS_ON),
}
_DEFAULT = (LABEL, BOUND, *_COST, *SPEEDS, *_STANDS_ON)


def columns_of(experiment: str) -> tuple[Column, ...]:
    """What people are shown of an experiment."""
    return COLUMNS.get(experiment, _DEFAULT)


def shows_speed(experiment: str) -> bool:
    """Whether how fast the compact networks are is part of it."""
    return columns_of(experiment) is _DEFAULT


def markdown(table: Table, further: Table | None = None) -> str:
    """A table a section and what its figures stand on; the paper's rows in italics. further: as `notes` has it."""
    columns = columns_of(table.experiment)
    title = PLANS[table.experiment].title if table.experiment in PLANS else table.experiment
    parts = [f"## {name}\n\n{rows_of(lines, columns)}" for name, lines in sections_of(table).items()]
    return "\n\n".join([f"# {title}", *parts, *notes(table, further)]) + "\n"


def rows_of(lines: Iterable[Line], columns: Sequence[Column]) -> str:
    """Lines as a Markdown table with these columns, the paper's in italics."""
    text = [f"| {' | '.join(column.title for column in columns)} |", f"|{'---|' * len(columns)}"]
    for line in lines:
        mark = "*" if line["source"] == "paper" else ""
        text.append(f"| {' | '.join(f'{mark}{column.text(line)}{mark}' for column in columns)} |")
    return "\n".join(text)


def notes(table: Table, further: Table | None = None) -> list[str]:
    """What the figures stand on, in sentences. further: runs on other seeds, which check the table's."""
    runs = [run for row in table.rows for run in row.runs]
    if not runs:
        return ["No run of this experiment has finished."]
    n_train = " or ".join(sorted({f"{run.n_train:,}" for run in runs}))
    n_test = " or ".join(sorted({f"{run.n_test:,}" for run in runs}))
    validated = any(run.validation_error_percent is not None for run in runs)
    which = "the run that is best on held-out examples" if validated else "the run of the first seed"
    said = [
        f"Errors: mean over n seeds ± half the width of its 95 % t-interval (sample standard deviation), on {n_test} "
        f"test images, each read once per run; trained on {n_train} images. kMACs, thousands of multiply-accumulates "
        f"per image, and their reduction against the dense network of the same width, likewise; they are counted, "
        f"not measured. Units are those of {which}."
    ]
    said += [_seeds(table), *([checked(table, further)] if further else [])]
    if any(run.config.get("random_labels") or run.config.get("label_noise") for run in runs):
        said.append("Training accuracy: the pruned network on the first 5,000 training images and their labels.")
    if shows_speed(table.experiment) and (speeds := speeds_of(runs)):
        printed = f"{paper.HARDWARE['cpu']}, {paper.HARDWARE['gpu']}"
        said.append(f"{speeds} The paper names no batch size ({printed}).")
    against = [line for line in lines_of(table) if line["source"] == "paper"]
    if unlike := [line for line in against if abs(line["macs_reduction"] / line["flops"] - 1) > 0.01]:
        printed = labels.join([f"{line['flops']:.2f}x for {line['label']}" for line in unlike])
        said.append(f"The paper's MACs reduction is counted from the widths it prints; its own column says {printed}.")
    packs = {(run.pack_runs, run.pack_seconds) for run in runs if run.pack_seconds and run.pack_runs > 1}
    for count, seconds in sorted(packs):
        said.append(f"{count} runs in one process: {3600 * count / float(seconds or 1):,.0f} runs per hour.")
    return [one for one in said if one]


def speeds_of(runs: Iterable[RunResult]) -> str:
    """What the columns CPU and GPU stand on: where, and how far figures lie apart; "" where nothing was measured."""
    rows: dict[str, list[dict[str, Any]]] = {}
    for run in runs:
        for row in run.speed:
            rows.setdefault("GPU" if row["device"] == "cuda" else "CPU", []).append(row)
    if not rows:
        return ""
    where = "; ".join(f"{name}: {_where(measured)}" for name, measured in sorted(rows.items()))
    batches = labels.join([f"{batch:,}" for batch in BATCHES])
    return f"CPU and GPU: speed-up over the dense network, medians at batch {batches}, float32, eager ({where})."


def _where(rows: Sequence[dict[str, Any]]) -> str:
    """On what these were measured, and their spreads as shares of the median: in the median, and the largest."""
    said = labels.join(list(dict.fromkeys(map(labels.measured_on, rows))))
    for name, title in (("iqr_seconds", "interquartile range"), ("between_seconds", "between processes")):
        shares = [100 * row[name] / row["median_seconds"] for row in rows if row.get(name)]
        if shares:
            said += f", {title} {statistics.median(shares):.1f} % of the median, at most {max(shares):.0f} %"
    return said


def _seeds(table: Table) -> str:
    """Which seeds n stands for: runs of consecutive ones as "0 to 9"."""
    found = {tuple(sorted(run.seed for run in row.runs)) for row in table.rows if row.runs}
    sets = sorted(found, key=lambda seeds: (len(seeds), seeds))
    return f"Seeds: {'; '.join(f'n = {len(seeds)}: {_span(seeds)}' for seeds in sets)}."


def _span(seeds: tuple[int, ...]) -> str:
    if len(seeds) > 2 and seeds == tuple(range(seeds[0], seeds[-1] + 1)):
        return f"{seeds[0]} to {seeds[-1]}"
    return labels.join([str(seed) for seed in seeds])


def checked(table: Table, further: Table) -> str:
    """Whether runs on other seeds fall where the table lets one expect them; "" where there is nothing to hold."""
    found = list(intervals.checks(table, further))
    if not found:
        return ""
    numbers = sorted({check.run.seed for check in found})
    seeds = f"seed{'' if len(numbers) == 1 else 's'} {labels.join([str(seed) for seed in numbers])}"
    what = {"test_error_percent": ("error", " %", 3), "macs_reduction": ("reduction of MACs", "x", 2)}
    counts = labels.join(
        [
            f"{sum(check.within for check in found if check.what == name)} of "
            f"{sum(check.what == name for check in found)} by their {title}"
            for name, (title, _, _) in what.items()
        ]
    )
    text = f"Run again on {seeds}, within the 95 % prediction interval for one run: {counts}"
    for check in (check for check in found if not check.within):
        title, unit, digits = what[check.what]
        low, high = check.mean - check.half_width, check.mean + check.half_width
        weights = ", ".join(f"{weight:g}" for weight in check.run.kl_weights)
        text += (
            f"; not {SPECS[check.row.network].title} {check.row.label} (KL weights {weights}), seed {check.run.seed}: "
            f"{title} {check.value:.{digits}f}{unit}, expected {low:.{digits}f} to {high:.{digits}f}{unit}"
        )
    return text + "."

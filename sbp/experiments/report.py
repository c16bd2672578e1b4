"""An experiment's table for people: columns of text from its lines, as Markdown or for a terminal."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from sbp import paper
from sbp.experiments.lines import BATCHES, Line, lines_of
from sbp.experiments.plans import PLANS
from sbp.experiments.results import Table
from sbp.spec.networks import SPECS
from sbp.viz import words

NONE = "–"


@dataclass(frozen=True)
class Column:
    """A column's title, and how a line is written in it."""

    title: str
    text: Callable[[Line], str]


def number(name: str, digits: int, unit: str = "", spread: str = "") -> Callable[[Line], str]:
    """Writes a value with so many decimals, and its spread where there is one.

    >>> number("error", 2, spread="sd")({"error": 1.5, "sd": 0.1}), number("error", 1, "x")({"error": None})
    ('1.50 ± 0.10', '–')
    """

    def text(line: Line) -> str:
        value = line.get(name)
        if value is None:
            return NONE
        sd = line.get(spread) if spread else None
        return f"{value:,.{digits}f}" + ("" if sd is None else f" ± {sd:,.{digits}f}") + unit

    return text


def _label(line: Line) -> str:
    return line["label"] if line["source"] == "ours" else f"the paper's {line['label']}"


def _kept(line: Line) -> str:
    return str(line.get("kept") or NONE).replace("-", "–")


def _fewer(line: Line) -> str:
    if line.get("macs") == 0:
        return "all"
    return number("macs_reduction_mean", 1, "x", "macs_reduction_spread")(line)


def _fast(name: str) -> Callable[[Line], str]:
    def text(line: Line) -> str:
        if line.get(name) is not None:
            return f"{line[name]:.2f}x"
        values = [line.get(f"{name}_{batch}") for batch in BATCHES]
        return NONE if None in values else " / ".join(f"{value:.2f}x" for value in values)

    return text


def _accuracy(name: str) -> Callable[[Line], str]:
    def text(line: Line) -> str:
        return NONE if line.get(name) is None else f"{100 - line[name]:.2f}"

    return text


LABEL = Column("method", _label)
BOUND = Column("KL weights", lambda line: line.get("bound") or NONE)
ERROR = Column("test error, %", number("test_error_percent", 2, spread="test_error_spread"))
KEPT = Column("units kept", _kept)
FEWER = Column("fewer MACs", _fewer)
N = Column("n", lambda line: str(line["n"]) if "n" in line else NONE)
SECONDS = Column("s a run", number("seconds", 0))
HARDWARE = Column("trained on", lambda line: (line.get("hardware") if line["source"] == "ours" else "") or NONE)
NATS = (Column("N·NLL", number("n_nll", 0)), Column("KL", number("kl", 0)), Column("their sum", number("n_loss", 0)))

COLUMNS: dict[str, tuple[Column, ...]] = {
    "figure-1": (LABEL, *NATS, ERROR, KEPT, FEWER, N, HARDWARE, SECONDS),
    "interval": (
        LABEL, Column("the prior's SNR", number("prior_snr", 3)), ERROR, KEPT, FEWER, N, HARDWARE, SECONDS,
    ),
    "random-labels": (
        LABEL, KEPT, Column("training accuracy, %", _accuracy("train_error_percent")),
        Column("test accuracy, %", _accuracy("test_error_percent")), *NATS[:2], N, HARDWARE, SECONDS,
    ),
}  # fmt: skip
_DEFAULT = (
    LABEL, BOUND, ERROR, KEPT, FEWER, Column("CPU", _fast("cpu")), Column("GPU", _fast("gpu")), N, HARDWARE, SECONDS,
)  # fmt: skip


def columns_of(experiment: str) -> tuple[Column, ...]:
    """What people are shown of an experiment."""
    return COLUMNS.get(experiment, _DEFAULT)


def shows_speed(experiment: str) -> bool:
    """Whether how fast the compact networks are is part of it."""
    return columns_of(experiment) is _DEFAULT


def networks_of(table: Table) -> tuple[str, ...]:
    """The networks in a table, in its order."""
    return tuple(dict.fromkeys(row.network for row in table.rows))


def markdown(table: Table) -> str:
    """A table a network and what its figures stand on; the paper's rows in italics."""
    columns, lines = columns_of(table.experiment), lines_of(table)
    title = PLANS[table.experiment].title if table.experiment in PLANS else table.experiment
    parts = [f"# {title}"]
    for network in networks_of(table):
        text = [f"## {SPECS[network].title}", ""]
        text.append(f"| {' | '.join(column.title for column in columns)} |")
        text.append(f"|{'---|' * len(columns)}")
        for line in lines:
            if line["network"] == network:
                cells = [column.text(line) for column in columns]
                if line["source"] == "paper":
                    cells = [f"*{cell}*" for cell in cells]
                text.append(f"| {' | '.join(cells)} |")
        parts.append("\n".join(text))
    return "\n\n".join([*parts, *notes(table)]) + "\n"


def notes(table: Table) -> list[str]:
    """What the figures stand on, in sentences."""
    runs = [run for row in table.rows for run in row.runs]
    if not runs:
        return ["No run of this experiment has finished."]
    n_train = " or ".join(sorted({f"{run.n_train:,}" for run in runs}))
    n_test = " or ".join(sorted({f"{run.n_test:,}" for run in runs}))
    held = any(run.validation_error_percent is not None for run in runs)
    which = "the run that is best on held-out objects" if held else "the run of the first seed"
    said = [
        f"Errors: mean ± sample standard deviation over n seeds, on {n_test} test images read once a run; trained on "
        f"{n_train} images. Units are of {which}; MACs are counted, not measured."
    ]
    if any(run.config.get("random_labels") for run in runs):
        said.append("Training accuracy is of the pruned network on the first 5,000 training images and their labels.")
    speed: dict[str, list[str]] = {}
    for run in runs:
        for row in run.speed:
            threads = f", {row['threads']} thread{'' if row['threads'] == 1 else 's'}" if row["device"] == "cpu" else ""
            speed.setdefault("GPU" if row["device"] == "cuda" else "CPU", []).append(f"{row['hardware']}{threads}")
    if speed and shows_speed(table.experiment):
        where = "; ".join(f"{name}: {', '.join(dict.fromkeys(names))}" for name, names in sorted(speed.items()))
        batches = words.join([f"{batch:,}" for batch in BATCHES])
        said.append(
            f"CPU and GPU: times as fast as the dense network, medians at batch {batches}, float32, eager ({where}). "
            f"The paper names no batch size ({paper.HARDWARE['cpu']}, {paper.HARDWARE['gpu']})."
        )
    against = [line for line in lines_of(table) if line["source"] == "paper"]
    if unlike := [line for line in against if abs(line["macs_reduction"] / line["flops"] - 1) > 0.01]:
        printed = words.join([f"{line['flops']:.2f}x for {line['label']}" for line in unlike])
        said.append(f"The paper's fewer MACs are counted from the widths it prints; its own column says {printed}.")
    packs = {(run.pack_runs, run.pack_seconds) for run in runs if run.pack_seconds and run.pack_runs > 1}
    for count, seconds in sorted(packs):
        said.append(f"{count} runs of one process: {3600 * count / float(seconds or 1):,.0f} runs an hour.")
    return said

"""What the project set itself for Tables 1 and 2, each goal beside the best that was reached. No torch.

A goal is a test error at a reduction of MACs, both in the mean over seeds, and names the point of others or of the
paper that it passes (`sbp.reference.published`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from sbp.experiments import report
from sbp.experiments.report import Column
from sbp.experiments.results import Row, Table
from sbp.experiments.table_rows import Line, lines_of
from sbp.spec.networks import SPECS
from sbp.viz import labels

SBP = ("sbp", "sbpa")


@dataclass(frozen=True)
class Goal:
    """At most `error_percent` with at least `reduction` times fewer MACs, at the network's own widths.

    passes: the point that it is set against. methods: whose rows count. which: what else the goal asks for.
    """

    network: str
    error_percent: float
    reduction: float
    passes: str
    methods: tuple[str, ...] = SBP
    which: str = ""

    @property
    def title(self) -> str:
        """The goal in a few words.

        >>> Goal("lenet-500-300", 1.4, 17.4, "").title
        'LeNet-500-300: ≤ 1.40 % at ≥ 17.4x (31.3 kMACs)'
        """
        kilo = labels.kilo_macs(SPECS[self.network].dense_macs() / self.reduction)
        name = f"{SPECS[self.network].title}{f', {self.which}' if self.which else ''}"
        return f"{name}: ≤ {self.error_percent:.2f} % at ≥ {self.reduction:g}x ({kilo} kMACs)"

    def met_by(self, row: Row) -> bool:
        """Whether a row's means are within it."""
        return row.mean <= self.error_percent and row.mean_of("macs_reduction") >= self.reduction


GOALS: dict[str, tuple[Goal, ...]] = {
    "table-1": (
        Goal("lenet-500-300", 1.40, 17.4, "BB dropout, 1.41 %"),
        Goal("lenet-500-300", 1.50, 20, "BB dropout, 1.41 and about 1.60 %"),
        Goal("lenet-500-300", 1.60, 30.6, "BB dropout, about 1.60 %"),
        Goal("lenet-500-300", 1.60, 57, "VIBNet, from widths of 300–100"),
        Goal("lenet-5-caffe", 0.60, 4, "BB dropout, about 0.6 % at 2.5x to 3.8x"),
        Goal("lenet-5-caffe", 0.80, 20, "GAL, 1.01 % at 22.2x"),
        Goal("lenet-5-caffe", 0.90, 30, "none found below 1 % beyond 25x"),
        Goal("lenet-5-caffe", 1.00, 40, "none found below 1 % beyond 25x"),
        Goal("lenet-5-caffe", 0.86, 10.8, "the paper's SBP", ("sbp",), "plain bound"),
        Goal("lenet-500-300", 1.57, 3.7, "the paper's SparseVD", ("sparse-vd",), "SparseVD"),
    ),
    "table-2": (
        Goal("vgg-like", 5.30, 2.5, "CORING, 5.58 % at 2.39x"),
        Goal("vgg-like", 5.60, 3, "CORING, 5.80 % at 2.99x"),
        Goal("vgg-like", 5.85, 4.7, "CORING, 6.17 % at 4.69x; NORTON (low rank), 5.89 % at 4.23x"),
        Goal("vgg-like", 6.16, 8.3, "NORTON (low rank), 6.16 % at 8.33x"),
        Goal("vgg-like", 7.20, 2.27, "the paper's SparseVD", ("sparse-vd",), "SparseVD"),
    ),
}


def best_reached(goal: Goal, table: Table) -> Row | None:
    """The row that misses by the smallest factor, of error or of MACs, whichever is the larger; None without rows."""

    def missed_by(row: Row) -> float:
        return max(row.mean / goal.error_percent, goal.reduction / row.mean_of("macs_reduction"))

    shown = [(row, row.shown) for row in table.of(goal.network)]
    rows = [row for row, run in shown if run and run.method in goal.methods and not run.config.get("widths")]
    return min(rows, key=missed_by, default=None)


def lines(table: Table, network: str = "") -> list[Line]:
    """Each goal of a table's experiment, with the line of the best reached: those of one network, or all.

    The table must be whole: of a part of its rows the best is not the best reached.
    """
    found = []
    for goal in GOALS.get(table.experiment, ()):
        row = best_reached(goal, table)
        if network in ("", goal.network) and row is not None:
            (line, *_) = lines_of(Table(table.experiment, (row,)))
            found.append(line | {"goal": goal.title, "passes": goal.passes, "met": goal.met_by(row)})
    return found


COLUMNS = (
    Column("goal", lambda line: line["goal"]),
    Column("met", lambda line: "yes" if line["met"] else "no"),
    Column("best reached", report.LABEL.text),
    *(report.BOUND, report.ERROR, report.KMACS, report.FEWER, report.N),
    Column("passes", lambda line: line["passes"]),
)


def section(found: Sequence[Line]) -> str:
    """The goals as a section in Markdown; "" without any."""
    return f"\n## Goals\n\n{report.rows_of(found, COLUMNS)}\n" if found else ""

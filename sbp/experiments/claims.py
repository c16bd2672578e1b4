"""What README and docs claim in numbers, written from what is recorded: a block of Markdown a claim. No torch.

`python -m sbp.experiments.readme` puts them between `<!-- recorded: NAME -->` and `<!-- end of recorded -->`.
"""

from __future__ import annotations

import dataclasses
import math
import textwrap
from collections.abc import Callable

from sbp.distributions import moments
from sbp.experiments import goals, report
from sbp.experiments.results import NoResults, Row, RunResult, Table, check_recorded, recorded
from sbp.experiments.table_rows import lines_of
from sbp.reference.paper import rows_of
from sbp.runs import models, store
from sbp.runs.filenames import SPEED
from sbp.spec.networks import SPECS
from sbp.viz import labels, speed

WIDTH = 120
# How many seeds the tables had before there were ten.
BEFORE = 3
LATER = "NVIDIA H200"


def headline() -> str:
    """README's: what is reached on both LeNets, beside the paper."""
    table = recorded("table-1")
    dense, conv = table.row("lenet-500-300", "sbp-plain"), table.row("lenet-5-caffe", "sbp")
    (line, *_), (other, *_) = (lines_of(Table("table-1", (row,))) for row in (dense, conv))
    paper = [next(it for it in rows_of(row.network) if it.method == "SBP") for row in (dense, conv)]
    theirs = [
        f"{it.error_percent:.2f} % at {it.fewer:.1f} times ({labels.kilo_macs(it.macs)} thousand)" for it in paper
    ]
    return _wrapped(
        f"With the paper's bound LeNet-500-300 ends at {_error(dense)} test error with {_fewer(dense)} times fewer "
        f"MACs ({_kilo(dense)} thousand per image), and with KL weights of {other['bound']} LeNet-5-Caffe at "
        f"{_error(conv)} with {_fewer(conv)} times fewer ({_kilo(conv)} thousand; MNIST, {line['n_train']:,} training "
        f"images, means of n = {line['n']} seeds, 0 to {line['n'] - 1}, with 95 % intervals, trained on "
        f"{line['hardware'].replace('; ', ' and ')}); the paper has {labels.join(theirs)}."
    )


def seeds() -> str:
    """How the rows of Table 1 moved with more seeds, and how those do that check them."""
    table = recorded("table-1")
    grown = [row for row in table.rows if row.n > BEFORE and LATER in row.hardware]
    pairs = [(row, dataclasses.replace(row, runs=row.runs[:BEFORE])) for row in grown]
    moved = max(abs(row.mean - few.mean) for row, few in pairs)
    share = max(abs(row.mean_of("macs_reduction") / few.mean_of("macs_reduction") - 1) for row, few in pairs)
    most, few = max(pairs, key=lambda pair: (pair[0].spread or 0) / (pair[1].spread or math.inf))
    text = (
        f"From n = {BEFORE} to n = {most.n} (the same recipes, {LATER}) no mean error of these {len(pairs)} rows "
        f"moved by more than {moved:.2f} points and no mean reduction by more than {100 * share:.0f} %, but the sample "
        f"standard deviation of {SPECS[most.network].title}'s {most.label} at {_fewer(most)}x grew from "
        f"{few.spread:.3f} to {most.spread:.3f} points."
    )
    further = check_recorded("table-1")
    return _wrapped(f"{text} {report.checked(table, further)}" if further else text)


def bullets() -> str:
    """Figure 1, the interval and both experiments with random labels, an item each."""
    return "\n".join(_wrapped(f"- {item()}", "  ") for item in (_figure_1, _interval, _labels, _labels_of_colour))


def _figure_1() -> str:
    trained, fixed = (_only("figure-1", key) for key in ("trained", "fixed-mu"))
    ends = [f"{run.n_train * run.last['loss']:,.0f}" for run in (trained, fixed)]
    return (
        f"**Figure 1**, 784–1000–1000–10, {_once(trained)}: N·NLL + KL ends at {ends[0]} nats with mu and sigma "
        f"trained, at {ends[1]} with mu fixed."
    )


def _interval() -> str:
    keys = [row.key for row in recorded("interval").rows if row.key != "short"]
    runs, short = [_only("interval", key) for key in keys], _only("interval", "short")
    low, high = short.config["log_low"], short.config["log_high"]
    ends = [f"{run.config['log_low']:g}".replace("-", "−") for run in runs]
    errors = [f"{run.test_error_percent:.2f}" for run in runs]
    reductions = [f"{run.macs_reduction:.1f}" for run in runs]
    kilo = [f"{run.macs / 1000:.1f}" for run in runs]
    return (
        f"**The interval**, LeNet-500-300, plain bound, {_once(short, *runs)}: a = {labels.join(ends)} with b = 0 end "
        f"at {labels.join(errors)} % with {labels.join(reductions)} times fewer MACs ({labels.join(kilo)} kMACs). At "
        f"b − a = {high - low:g}, where the prior's own SNR is {moments.prior_snr(low, high):.2f}, "
        f"{labels.widths(short.kept)} units stay ({short.test_error_percent:.2f} %)."
    )


def _labels() -> str:
    sbp, dropout = (_only("random-labels", key) for key in ("sbp", "dropout"))
    return (
        f"**{sbp.n_train:,} random labels**, LeNet-5-Caffe, weights' learning rate {sbp.config['lr']:g}, batch "
        f"{sbp.config['batch_size']}, {_once(sbp)}: SBP ({sbp.config['epochs']} epochs) keeps "
        f"{labels.widths(sbp.kept)} units and ends at an NLL of {sbp.last['nll']:.4f} nats an example, log 10 being "
        f"{math.log(10):.4f}; {_memorised(dropout)}."
    )


def _labels_of_colour() -> str:
    sbp, dropout = (_only("random-labels-cifar-10", key) for key in ("sbp", "dropout"))
    return (
        f"**{sbp.n_train:,} random labels**, VGG-like on CIFAR-10, {_once(sbp)}: SBP ({sbp.config['epochs']} epochs) "
        f"ends as the constant predictor with {sbp.kept.count(0)} of {len(sbp.kept)} groups empty, "
        f"{sbp.test_error_percent:.1f} % test error; {_memorised(dropout)}."
    )


def _memorised(run: RunResult) -> str:
    right = 100 - run.last["train_error_percent"]
    return (
        f"binary dropout ({run.config['epochs']} epochs) has memorised {right:.2f} % of the first 5,000 training "
        f"labels, at {run.test_error_percent:.1f} % test error"
    )


def _once(*runs: RunResult) -> str:
    """Of runs with one seed: it, and on what they were trained."""
    return f"seed {runs[0].seed}, n = 1, {labels.join(list(dict.fromkeys(run.hardware for run in runs)))}"


def latency() -> str:
    """The time of a batch of the recorded runs of preset paper, a row a batch: median (spread within, between)."""
    heads = ("network, on", "batch", "dense", "masked", "compact", "speed-up")
    rows = [f"| {' | '.join(heads)} |", f"|{'---|' * len(heads)}"]
    for name in ("lenet-500-300-paper", "lenet-5-caffe-paper"):
        title = store.open_run(name).description.title
        for measured in models.SPEED.read(store.recorded_root() / name / SPEED)["measurements"]:
            for number, line in enumerate(speed.shown(measured).to_dict("records")):
                where = f"{title}, {speed.where(measured)}" if number == 0 else ""
                times = [line.get(f"{variant}, ms", report.NONE) for variant in speed.VARIANTS]
                rows.append(f"| {where} | {line['batch']} | {' | '.join(times)} | {line['compact, ×']} |")
    return "\n".join(rows)


def speeds() -> str:
    """What the CPU figures of Table 1 stand on."""
    return _wrapped(report.speeds_of(run for row in recorded("table-1").rows for run in row.runs))


def aims(experiment: str) -> Callable[[], str]:
    """The goals of a table, each with the best reached."""
    return lambda: report.rows_of(goals.lines(recorded(experiment)), goals.COLUMNS)


def _error(row: Row) -> str:
    return labels.estimate(row.mean, row.half_width_of("test_error_percent"), None, 2, " %")


def _fewer(row: Row) -> str:
    mean = row.mean_of("macs_reduction")
    return labels.estimate(mean, row.half_width_of("macs_reduction"), None, labels.digits_of(mean))


def _kilo(row: Row) -> str:
    mean = row.mean_of("macs") / 1000
    return labels.estimate(mean, (row.half_width_of("macs") or 0) / 1000, None, labels.digits_of(mean))


def _only(experiment: str, key: str) -> RunResult:
    """The run of the smallest seed of the one row with this key."""
    (row,) = (row for row in recorded(experiment).rows if row.key == key)
    return min(row.runs, key=lambda run: run.seed)


def _wrapped(text: str, indent: str = "") -> str:
    return textwrap.fill(text, WIDTH, subsequent_indent=indent, break_long_words=False, break_on_hyphens=False)


BLOCKS: dict[str, Callable[[], str]] = {
    "headline": headline,
    "seeds": seeds,
    "goals-1": aims("table-1"),
    "goals-2": aims("table-2"),
    "bullets": bullets,
    "latency": latency,
    "speeds": speeds,
}


def block(name: str) -> str:
    """One claim in Markdown.

    Raises:
        NoResults: nobody makes a claim of this name, or its results are not recorded.
    """
    if name not in BLOCKS:
        raise NoResults(f"Expected one of the claims {', '.join(BLOCKS)}, got {name!r}.")
    return BLOCKS[name]()

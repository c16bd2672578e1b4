"""An experiment's table as flat lines, ours and the paper's: what its CSV holds and its columns are written from."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable
from typing import Any

from sbp.distributions import moments
from sbp.experiments.plans import PLANS
from sbp.experiments.results import Row, Table
from sbp.reference.paper import HARDWARE, N_TEST, PaperRow, dataset_of, rows_of
from sbp.spec import RunConfig
from sbp.spec.kl_weights import objective_label
from sbp.spec.networks import SPECS, scale_of
from sbp.viz import labels

BATCHES = (1, 32, 1000)
_DEVICES = {"cpu": "cpu", "gpu": "cuda"}
_TIMED = tuple((f"{name}_{batch}", device, batch) for name, device in _DEVICES.items() for batch in BATCHES)
FIELDS = (
    *("source", "network", "dataset", "key", "label", "method", "bound", "n", "seeds"),
    *("test_error_percent", "test_error_spread", "test_error_half_width", "kept"),
    *("macs", "macs_mean", "macs_spread", "macs_half_width"),
    *("macs_reduction", "macs_reduction_mean", "macs_reduction_spread", "macs_reduction_half_width"),
    *("flops", "cpu", "gpu", *(name for name, _, _ in _TIMED)),
    *("train_error_percent", "n_nll", "kl", "n_loss", "log_low", "log_high", "prior_snr"),
    *("n_train", "n_test", "seconds", "runs_per_hour", "hardware", "seed", "run", "commit"),
)

Line = dict[str, Any]


def lines_of(table: Table) -> list[Line]:
    """A line for each row of ours, and after it the paper's row it is compared with; a row without runs has few values.

    test_error_percent is the mean over n seeds, test_error_spread the sample standard deviation and _half_width that of
    the mean's 95 % t-interval; macs_mean, macs_reduction_mean and theirs likewise, seconds and runs_per_hour means; the
    rest is of the run that stands for the row (`Row.shown`).
    cpu_ and gpu_: times as fast as the dense network at that batch size; flops, cpu and gpu: as the paper printed.
    n_nll, kl, n_loss: nats over all training examples at the last epoch.
    """
    plan = PLANS.get(table.experiment)
    paper = {(row.network, row.key): row for row in plan.rows} if plan else {}
    lines = []
    for row in table.rows:
        lines.append(_ours(row))
        if planned := paper.get((row.network, row.key)):
            lines[-1]["dataset"] = planned.dataset
            printed = rows_of(row.network, scale_of(planned.recipe.network.widths, row.network))
            lines += [_paper(it, row.key) for it in printed if it.method == planned.paper]
    return lines


def sections_of(table: Table) -> dict[str, list[Line]]:
    """The lines by what they are results on: a network, with its data set where the table has several of them.

    >>> from sbp.experiments.results import Row
    >>> list(sections_of(Table("table-1", (Row("sbp", "SBP", "lenet-5-caffe"),))))
    ['LeNet-5-Caffe']
    """
    lines = lines_of(table)
    several = len({line["dataset"] for line in lines}) > 1
    found: dict[str, list[Line]] = {}
    for line in lines:
        title = SPECS[line["network"]].title + (f" on {labels.DATASET[line['dataset']]}" if several else "")
        found.setdefault(title, []).append(line)
    return found


def csv_of(lines: Iterable[Line]) -> str:
    """The lines as CSV with a head; what is not known stays empty."""
    out = io.StringIO()
    writer = csv.DictWriter(out, FIELDS, lineterminator="\n")
    writer.writeheader()
    for line in lines:
        writer.writerow({name: _plain(line.get(name)) for name in FIELDS})
    return out.getvalue()


def _ours(row: Row) -> Line:
    line: Line = {"source": "ours", "network": row.network, "dataset": row.dataset}
    line |= {"key": row.key, "label": row.label, "n": row.n}
    run = row.shown
    if run is None:
        return line
    config = RunConfig.from_dict(run.config)
    exponent = None if config.value("kl_weights") else config.value("kl_exponent")
    noise = config.noise if config.has_noise else None
    line |= {name: getattr(run, name) for name in ("method", "macs", "macs_reduction", "n_train", "n_test", "seed")}
    line |= {name: getattr(run, name) for name in ("run", "commit")}
    line |= {name: run.last.get(name) for name in ("train_error_percent", "kl")}
    line |= {f"n_{name}": run.n_train * run.last[name] for name in ("nll", "loss") if run.last.get(name) is not None}
    line |= {name: run.times_as_fast(device, batch) for name, device, batch in _TIMED}
    for name in ("macs", "macs_reduction"):
        line[f"{name}_mean"] = row.mean_of(name) if line[name] is not None else None
        line[f"{name}_spread"] = row.spread_of(name) or None  # nothing removed is no spread
        line[f"{name}_half_width"] = row.half_width_of(name) or None
    return {
        **line,
        "bound": objective_label(run.method, run.kl_weights, exponent, config.value("distillation")),
        "seeds": " ".join(str(one.seed) for one in row.runs),
        "test_error_percent": row.mean,
        "test_error_spread": row.spread,
        "test_error_half_width": row.half_width_of("test_error_percent"),
        "kept": "-".join(map(str, run.kept)),
        "log_low": noise and noise.log_low,
        "log_high": noise and noise.log_high,
        "prior_snr": noise and moments.prior_snr(noise.log_low, noise.log_high),
        "seconds": row.mean_of("seconds"),
        "runs_per_hour": row.mean_of("runs_per_hour"),
        "hardware": row.hardware,
    }


def _paper(printed: PaperRow, key: str) -> Line:
    """A row as printed, its MACs counted from the printed widths; of what is timed, the paper names no batch size."""
    return {
        "source": "paper",
        "network": printed.network,
        "dataset": dataset_of(printed.network),
        "key": key,
        "label": printed.method,
        "method": printed.method,
        "test_error_percent": printed.error_percent,
        "kept": "-".join(map(str, printed.kept)),
        "macs": printed.macs,
        "macs_mean": printed.macs,
        "macs_reduction": printed.fewer,
        "macs_reduction_mean": printed.fewer,
        "flops": printed.flops,
        "cpu": printed.cpu,
        "gpu": printed.gpu,
        "n_test": N_TEST,
        "hardware": f"{HARDWARE['cpu']}, {HARDWARE['gpu']}",
    }


def _plain(value: Any) -> Any:
    return f"{value:.6g}" if isinstance(value, float) else value

"""Results by hand: a run's figures with round numbers."""

from __future__ import annotations

import json
from typing import Any

from sbp.experiments.results import Row, RunResult, Table
from sbp.spec import RunConfig


def result(seed: int = 0, error: float = 1.5, **changes: Any) -> RunResult:
    """LeNet-500-300 pruned to the paper's widths, on made-up hardware."""
    values: dict[str, Any] = {
        "seed": seed,
        "method": "sbp",
        "network": "lenet-500-300",
        "test_error_percent": error,
        "kept": (245, 160, 55),
        "macs": 48550,
        "macs_reduction": 10.0 + seed,
        "n_train": 60000,
        "n_test": 10000,
        "kl_weights": (1.0, 1.0, 1.0),
        "hardware": "a GPU",
        "device": "cuda",
        "commit": "abc",
        "versions": {"torch": "2"},
        "seconds": 30.0 + seed,
        "run": f"run-{seed}",
        "last": {"epoch": 9, "nll": 0.01, "kl": 400.0, "kl_weighted": 400.0, "loss": 0.02, "train_error_percent": 0.25},
    }
    values |= changes
    config = RunConfig.flat(network=values["network"], method=values["method"], seed=seed, validation_size=0)
    return RunResult(config=json.loads(config.to_json()), **values)


def timing(device: str, variant: str, batch: int, seconds: float) -> dict[str, Any]:
    """A row as speed.json has it, with where it was measured."""
    hardware = "a CPU" if device == "cpu" else "a GPU"
    return {
        "device": device,
        "hardware": hardware,
        "threads": 2,
        "variant": variant,
        "batch": batch,
        "median_seconds": seconds,
        "iqr_seconds": 0.0,
        "n": 9,
    }


SPEED = tuple(
    timing("cpu", variant, batch, seconds)
    for batch in (1, 32, 1000)
    for variant, seconds in (("dense", 0.006), ("masked", 0.006), ("compact", 0.002 if batch < 1000 else 0.001))
)


def table() -> Table:
    """Three seeds of SBP, of which the first is timed, one of SSL, and a row that has not been run."""
    sbp = Row("sbp", "SBP", "lenet-500-300", (result(0, 1.4, speed=SPEED), result(1, 1.5), result(2, 1.6)))
    ssl = Row("ssl", "SSL", "lenet-500-300", (result(0, 1.7, method="ssl", kl_weights=(1.0, 1.0, 1.0)),))
    return Table("table-1", (sbp, ssl, Row("sparse-vd", "SparseVD", "lenet-500-300", ())))

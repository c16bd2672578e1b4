"""Made-up sweeps and speeds, in the shape in which a run's folder holds them, for tests of readers."""

from __future__ import annotations

import json
from typing import Any

import numpy as np

from sbp.pruning.cost import network_cost
from sbp.pruning.masks import keep_masks, kept_counts
from sbp.spec.networks import SPECS
from sbp.viz.tables import tables


def sweep_of(run: Any, n: int = 5000) -> dict[str, Any]:
    """A plausible sweep of a made-up run: kept units by its own noise, the error grows as MACs go."""
    found, name = tables(run), run.config.network.name
    snr = {layer: rows[-1] for layer, rows in found.snr.items()}
    dense = SPECS[name].dense_macs(run.config.network.widths)

    def point(threshold: float, by: float, worse: float) -> dict[str, Any]:
        kept = kept_counts(keep_masks(snr, by), run.layers)
        cost = network_cost(name, kept)
        left = cost.macs / dense
        error = 90.2 if not left else min(90.2, 1.42 + worse * 0.002 / left**1.3)
        wrong = round(error * n / 100)
        return {
            "threshold": threshold,
            "kept": list(kept),
            "macs": cost.macs,
            "params": cost.params,
            "error_percent": 100 * wrong / n,
            "nll": 0.05 + error / 60,
        }

    thresholds = sorted({*np.geomspace(0.2, 100, 59).round(6).tolist(), 1.0})
    criteria: dict[str, dict[str, Any]] = {
        key: {"title": title, "natural": natural, "points": [point(value(t), t, worse) for t in thresholds]}
        for key, title, natural, worse, value in (
            ("snr", "SNR", 1.0, 1.0, lambda t: t),
            ("bmrs_n", "BMRS_N", 0.0, 1.1, lambda t: float(np.log(t / 0.8))),
            ("bmrs_u", "BMRS_U", 0.0, 1.2, lambda t: float(np.log(t / 1.3))),
            ("l1", "L1 norm", None, 3.0, lambda t: t),
            ("random", "random", None, 60.0, lambda t: t),
        )
    }
    for key, at in (("bmrs_n", 0.8), ("bmrs_u", 1.3)):
        criteria[key]["points"].append(point(0.0, at, 1.1))
    samples = [
        {"samples": k, "error_percent": 1.42 + 0.4 / k, "nll": 0.052 + 0.02 / k, "seconds": 0.06 * k}
        for k in (1, 2, 5, 10, 20, 50, 100)
    ]
    return {
        "objects": "validation",
        "n": n,
        "natural": "snr",
        "criteria": criteria,
        "ensemble": {
            "samples": samples,
            "mean": {"error_percent": 1.42, "nll": 0.0521, "seconds": 0.05},
            "n": n,
            "hardware": "2 cores",
        },
    }


def speed_of(device: str = "cpu") -> dict[str, Any]:
    """A plausible measurement: the compact network gains most at large batches, and nothing at batch 1."""
    base = {1: 60e-6, 32: 180e-6, 1000: 4e-3}
    gain = {
        "dense": {1: 1.0, 32: 1.0, 1000: 1.0},
        "masked": {1: 0.95, 32: 0.97, 1000: 0.99},
        "compact": {1: 1.02, 32: 2.1, 1000: 5.6},
    }
    rows = [
        {
            "variant": variant,
            "batch": batch,
            "median_seconds": base[batch] / gain[variant][batch],
            "iqr_seconds": 0.04 * base[batch] / gain[variant][batch],
            "n": 200,
        }
        for batch in base
        for variant in gain
    ]
    return {
        "measurements": [
            {
                "device": device,
                "hardware": "2 cores",
                "threads": 2,
                "versions": {"torch": "2.13.0"},
                "when": 1.7e9,
                "rows": rows,
            }
        ]
    }


def swept(run: Any) -> Any:
    """The same run, looked at again with a sweep and a speed in its folder."""
    from sbp.runs.view import RunView

    (run.folder / "sweep.json").write_text(json.dumps(sweep_of(run)))
    (run.folder / "speed.json").write_text(json.dumps(speed_of()))
    return RunView(run.folder, run.recorded)

"""Results that never were: tables of experiments with made-up figures, for tests of what reads them."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

from sbp.experiments.planned import Plan, PlannedRow
from sbp.experiments.results import Row, RunResult, Table
from sbp.reference.paper import dataset_of
from sbp.spec import RunConfig
from sbp.spec.kl_weights import kl_weights
from sbp.spec.method import method_title
from sbp.spec.networks import SPECS, widths_of

KL_WEIGHTS = method_title("sbpa")
VGG = (64, 64, 128, 128, 256, 256, 256, 512, 512, 512, 512, 512, 512)

# key, label, method, mean error, kept: LeNet-500-300's and LeNet-5-Caffe's.
_ROWS: dict[str, tuple[tuple[str, str, str, float, tuple[int, ...]], ...]] = {
    "lenet-500-300": (
        ("original", "Original", "original", 1.61, (784, 500, 300)),
        ("sparse-vd", "SparseVD", "sparse-vd", 1.66, (520, 210, 120)),
        ("ssl", "SSL", "ssl", 1.58, (420, 170, 80)),
        ("sbp", "SBP", "sbp", 1.46, (220, 130, 45)),
        ("sbp-small", "SBP, smallest", "sbp", 1.69, (190, 100, 35)),
        ("sbp-frontier-1", "SBP, frontier", "sbp", 1.43, (330, 180, 82)),
        ("sbp-frontier-2", "SBP, frontier", "sbp", 1.48, (250, 140, 60)),
        ("binary-dropout", "Binary dropout", "binary-dropout", 1.35, (784, 500, 300)),
        ("gaussian-dropout", "Gaussian dropout", "gaussian-dropout", 1.31, (784, 500, 300)),
        ("sbp-fixed-mu", "SBP, mu fixed", "sbp-fixed-mu", 1.52, (300, 180, 80)),
    ),
    "lenet-5-caffe": (
        ("original", "Original", "original", 0.78, (20, 50, 800, 500)),
        ("sbp", "SBP", "sbpa", 0.79, (5, 8, 126, 136)),
        ("sbp-plain", "SBP, plain bound", "sbp", 0.62, (18, 28, 124, 65)),
    ),
}


def run(network: str, method: str, error: float, kept: tuple[int, ...], **changes: Any) -> RunResult:
    """One run with these figures; timed on the CPU at three batch sizes."""
    macs, dense = SPECS[network].macs(kept), SPECS[network].dense_macs()
    given = (60.0, 60.0, 1.0, 1.0) if (network, method) == ("lenet-5-caffe", "sbpa") else ()
    config = RunConfig.flat(network=network, dataset=dataset_of(network), method=method, kl_weights=given).to_flat()
    weights = given or (1.0,) * len(kept)
    speed = tuple(
        {
            "device": "cpu",
            "hardware": "a CPU",
            "threads": 2,
            "variant": variant,
            "batch": batch,
            "n": 20,
            "median_seconds": seconds,
            "iqr_seconds": seconds / 10,
        }
        for batch in (1, 32, 1000)
        for variant, seconds in (("dense", 1e-3), ("compact", 1e-3 * macs / dense + 2e-4))
    )
    made = RunResult(
        0,
        method,
        network,
        config,
        error,
        kept,
        macs,
        dense / macs if macs else None,
        60000,
        10000,
        weights,
        "one GPU",
        "cuda",
        "0" * 40,
        {"torch": "2"},
        30.0,
        speed=speed,
    )
    return dataclasses.replace(made, **changes)


def table_1() -> Table:
    """Rows of two networks, three seeds each, 0.05 apart in error; the first seed's run has the recording's name."""
    rows = []
    for network, made in _ROWS.items():
        for key, label, method, error, kept in made:
            runs = tuple(
                run(
                    network,
                    method,
                    round(error + 0.05 * (seed - 1), 2),
                    kept,
                    seed=seed,
                    run=f"table-1-{network}-{key}" if seed == 0 else "",
                )
                for seed in range(3)
            )
            rows.append(Row(key, label, network, runs))
    return Table("table-1", tuple(rows))


def torch_pruning() -> Table:
    """SBP a second time on MNIST, and a pruner of Torch-Pruning on MNIST and on Fashion-MNIST."""

    def row(key: str, method: str, error: float, dataset: str = "mnist") -> Row:
        made = run("lenet-500-300", method, error, (784, 40, 30))
        return Row(key, key, "lenet-500-300", (dataclasses.replace(made, config={**made.config, "dataset": dataset}),))

    rows = (row("sbp", "sbp", 1.47), row("magnitude", "original", 1.7))
    return Table("torch-pruning", (*rows, row("magnitude-fashion", "original", 11.0, "fashion-mnist")))


# key, label, method, scale, exponent of the KL weights, mean error, kept.
_DEEP: tuple[tuple[str, str, str, float, float, float, tuple[int, ...]], ...] = (
    ("original", "Original", "original", 1.0, 1.0, 6.3, (*VGG, 512, 512)),
    ("sparse-vd", "SparseVD", "sparse-vd", 1.0, 1.0, 6.9, (64, 60, 99, 99, 230, 150, 60, 81, 76, 9, 99, 99, 99, 99, 9)),
    ("sbp", "SBP", "sbp", 1.0, 1.0, 6.5, (64, 62, 128, 120, 220, 150, 60, 79, 73, 20, 59, 73, 56, 56, 27)),
    ("sbpa", KL_WEIGHTS, "sbpa", 1.0, 1.0, 7.9, (21, 40, 70, 80, 120, 90, 60, 50, 40, 20, 30, 35, 21, 21, 80)),
    (
        "sbpa-half",
        f"{KL_WEIGHTS}, frontier",
        "sbpa",
        1.0,
        0.5,
        6.8,
        (30, 50, 80, 90, 140, 90, 70, 60, 50, 9, 40, 45, 31, 31, 9),
    ),
    ("original-wide", "Original", "original", 1.5, 1.0, 5.9, tuple(96 * width // 64 for width in (*VGG, 512, 512))),
    ("sbp-wide", "SBP", "sbp", 1.5, 1.0, 6.1, (96, 77, 190, 146, 254, 126, 60, 79, 70, 20, 71, 82, 79, 79, 49)),
)
# What the plans hold the rows of these tables against.
AGAINST = {
    "original": "original",
    "sparse-vd": "SparseVD",
    "ssl": "SSL",
    "sbp": "SBP",
    "sbpa": KL_WEIGHTS,
    "original-wide": "original",
    "sbp-wide": "SBP",
}


def table_2() -> Table:
    """VGG-like at two widths, one seed each."""
    rows = []
    for key, label, method, scale, exponent, error, kept in _DEEP:
        config = RunConfig.flat(
            network="vgg-like",
            dataset="cifar-10",
            method=method,
            kl_exponent=exponent,
            widths=() if scale == 1 else widths_of(scale),
        )
        dense = SPECS["vgg-like"].dense_macs(config.network.widths)
        made = run(
            "vgg-like",
            method,
            error,
            kept,
            config=config.to_flat(),
            kl_weights=kl_weights(config.network, config.method),
            macs_reduction=dense / SPECS["vgg-like"].macs(kept),
            n_train=50_000,
            run=f"table-2-vgg-like-{key}",
        )
        rows.append(Row(key, label, "vgg-like", (made,)))
    return Table("table-2", tuple(rows))


def plan_2() -> Plan:
    """The plan that such a table would come from."""
    planned = []
    for row in table_2().rows:
        recipe = RunConfig.from_dict(row.runs[0].config)
        planned.append(PlannedRow(row.key, row.label, recipe, AGAINST.get(row.key, "")))
    return Plan("table-2", "made up", tuple(planned), seeds=1, methods=True)


def interval() -> Table:
    """Five intervals: on the shortest nothing is pruned."""
    rows = []
    for key, low, kept, error in (
        ("a5", -5.0, (240, 140, 50), 1.50),
        ("a10", -10.0, (230, 135, 48), 1.47),
        ("a20", -20.0, (220, 130, 45), 1.46),
        ("a40", -40.0, (215, 128, 44), 1.52),
        ("short", -3.0, (784, 500, 300), 1.70),
    ):
        config = RunConfig.flat(log_low=low).to_flat()
        runs = tuple(
            run("lenet-500-300", "sbp", error + 0.02 * seed, kept, seed=seed, config=config) for seed in (0, 1)
        )
        rows.append(Row(key, f"a = {low:g}, b = 0", "lenet-500-300", runs))
    return Table("interval", tuple(rows))


def write(root: Path, *tables: Table) -> Path:
    """Their files in a folder."""
    root.mkdir(parents=True, exist_ok=True)
    for table in tables:
        (root / f"{table.experiment}.json").write_text(table.to_json(), encoding="utf-8")
    return root

"""Methods beside each other: one list of entries, ours, the paper's and others', and the table that is made of them.

A row of ours is what `sbp.experiments.results.Row` has; it is read by its names, so nothing of experiments is imported.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from sbp.reference.paper import PaperRow
from sbp.reference.published import LAST, NOT_STATED, UNITS, Published
from sbp.spec.kl_weights import objective_label
from sbp.spec.networks import SPECS, scale_of, widths_of
from sbp.viz import labels

OURS, PAPER, OTHERS = "ours", "paper", "others"
NONE = "–"
BATCHES = (1, 32, 1000)


@dataclass(frozen=True)
class Entry:
    """One line of the table and one point of the frontier.

    error, spread, half_width: mean and sample standard deviation of the test error over n seeds, in percent, and half
    the width of the mean's 95 % t-interval; macs: multiply-accumulates per image, and fewer: their reduction from the
    original of the same width, None where nothing is left; means over the seeds, with theirs. kept: units of the run
    that stands for ours, which is `run`. cpu, gpu: speed-up over the dense network, by batch size; the paper's
    under 0, since it names none. protocol: which epoch's test error it is, and what leaves the network. scale: k, the
    width factor, None where it is not one. beside: the printed method whose row stands under ours, "" for none.
    """

    key: str
    label: str
    origin: str
    error: float
    kept: tuple[int, ...]
    macs: int
    fewer: float | None
    cpu: dict[int, float]
    gpu: dict[int, float]
    spread: float | None = None
    half_width: float | None = None
    n: int | None = None
    fewer_spread: float | None = None
    fewer_half_width: float | None = None
    macs_spread: float | None = None
    macs_half_width: float | None = None
    bound: str = NONE
    hardware: str = NONE
    run: Any = None
    remark: str = ""
    scale: float | None = 1.0
    beside: str = ""
    protocol: str = NOT_STATED


def entries(
    rows: Sequence[Any], paper: Sequence[PaperRow], published: Sequence[Published], against: Mapping[str, str]
) -> list[Entry]:
    """Each row of ours that has a run, with the paper's row of the same method and width under it; then what is left of
    both. against: the printed method that a row of ours is compared with, by its key."""
    left = list(paper)
    found = []
    for row in rows:
        if row.shown is None:
            continue
        own = ours(row)
        printed = next((it for it in left if (it.method, it.scale) == (against.get(row.key), own.scale)), None)
        found.append(own if printed is None else replace(own, beside=printed.method))
        if printed is not None:
            found.append(of_paper(printed))
            left.remove(printed)
    found += map(of_paper, left)
    if len({entry.scale for entry in found}) > 1:
        found = [_with_width(entry) for entry in found]
    return [*found, *map(of_others, published)]


def ours(row: Any) -> Entry:
    """An entry of a row with at least one run."""
    run = row.shown
    exponent = None if run.config.get("kl_weights") else run.config.get("kl_exponent")
    bound = objective_label(run.method, run.kl_weights, exponent, run.config.get("distillation", 0.0)) or NONE
    fewer = row.mean_of("macs_reduction") if run.macs_reduction is not None else None
    macs, speeds = round(row.mean_of("macs")), (_fast(run, "cpu"), _fast(run, "cuda"))
    return Entry(
        row.key,
        row.label,
        OURS,
        row.mean,
        tuple(run.kept),
        macs,
        fewer,
        *speeds,
        spread=row.spread,
        half_width=row.half_width_of("test_error_percent"),
        n=row.n,
        fewer_spread=row.spread_of("macs_reduction") or None,
        fewer_half_width=row.half_width_of("macs_reduction") or None,
        macs_spread=row.spread_of("macs") or None,
        macs_half_width=row.half_width_of("macs") or None,
        bound=bound,
        hardware=row.hardware,
        run=run,
        scale=scale_of(run.config.get("widths") or (), row.network),
        protocol=LAST,
    )


def of_paper(row: PaperRow) -> Entry:
    """An entry of a printed row, its MACs counted from the printed units."""
    key = f"paper-{row.method.replace(' ', '-')}{'' if row.scale == 1 else f'-k{row.scale:g}'}"
    name = f"{row.method[0].upper()}{row.method[1:]} (paper)"
    figures = row.error_percent, row.kept, row.macs, row.fewer, {0: row.cpu}, {0: row.gpu}
    remark = "" if abs(row.fewer / row.flops - 1) < 0.01 else f"printed as {row.flops:.2f}×"
    return Entry(key, name, PAPER, *figures, remark=remark, scale=row.scale)


def of_others(point: Published) -> Entry:
    """An entry of what others published."""
    figures = point.error_percent, point.kept, point.macs, point.fewer
    remark = f"{point.source}{f' ({point.remark})' if point.remark else ''}"
    protocol = point.protocol if point.removes == UNITS else f"{point.protocol}; {point.removes}"
    return Entry(f"others-{point.title}", point.title, OTHERS, *figures, {}, {}, remark=remark, protocol=protocol)


def table(found: Sequence[Entry], network: str) -> pd.DataFrame:
    """The entries as people read them, a row each."""
    rows = [
        {
            "method": entry.label,
            "test error, %": _error(entry),
            "seeds": str(entry.n or NONE),
            "units kept": labels.widths_of(network, entry.kept) or NONE,
            "kMACs": _kilo(entry),
            "MACs reduction": _fewer(entry),
            "CPU speed-up": _times(entry.cpu),
            "GPU speed-up": _times(entry.gpu),
            "KL weights": entry.bound,
            "protocol": entry.protocol,
            "trained on": entry.hardware,
        }
        for entry in found
    ]
    return pd.DataFrame(rows)


def numbers(found: Sequence[Entry]) -> pd.DataFrame:
    """The entries as numbers, for a CSV."""

    def row(entry: Entry) -> dict[str, Any]:
        speeds = {"cpu": entry.cpu, "gpu": entry.gpu}
        by_batch = {(name, batch): times for name, found in speeds.items() for batch, times in found.items()}
        return {
            "key": entry.key,
            "method": entry.label,
            "origin": entry.origin,
            "test_error_percent": entry.error,
            "test_error_spread": entry.spread,
            "test_error_half_width": entry.half_width,
            "seeds": entry.n,
            "kept": "-".join(map(str, entry.kept)),
            "macs": entry.macs,
            "macs_spread": entry.macs_spread,
            "macs_half_width": entry.macs_half_width,
            "macs_reduction": entry.fewer,
            "macs_reduction_spread": entry.fewer_spread,
            "macs_reduction_half_width": entry.fewer_half_width,
            "protocol": entry.protocol,
            **{f"{name}_{batch}" if batch else name: times for (name, batch), times in by_batch.items()},
            "kl_weights": entry.bound,
            "hardware": entry.hardware,
            **{name: getattr(entry.run, name, None) for name in ("n_train", "n_test", "seed", "run", "commit")},
            "remark": entry.remark,
        }

    return pd.DataFrame([row(entry) for entry in found])


def describe(found: Sequence[Entry], network: str) -> str:
    """Our best beside the paper's, and what a point is."""
    own = {entry.key: entry for entry in found if entry.origin == OURS}
    said = []
    for entry, other in itertools.pairwise(found):  # the paper's row stands under ours
        if not entry.beside or entry.beside == "original" or entry.fewer is None or other.fewer is None:
            continue
        name = f"{entry.label}:" if "k =" in entry.label else entry.label
        said.append(
            f"{name} {entry.error:.2f} % at {entry.fewer:.1f}× fewer MACs ({kilo(entry)}), the paper’s "
            f"{other.error:.2f} % at {other.fewer:.1f}× ({kilo(other)})"
        )
    if "sbp-small" in own and own["sbp-small"].fewer is not None:
        small = own["sbp-small"]
        said.append(f"our smallest {small.error:.2f} % at {small.fewer:.1f}× ({kilo(small)})")
    seeds = sorted({entry.n for entry in own.values() if entry.n})
    one = "seed" if seeds == [1] else "seeds"
    said.append(f"ours are means of {' or '.join(map(str, seeds))} {one}" if seeds else "no run of ours is recorded")
    scales = sorted({entry.scale for entry in found if entry.scale})
    if len(scales) > 1:
        dense = [f"{SPECS[network].dense_macs(widths_of(k, network)) / 1e6:.0f} M at k = {k:g}" for k in scales]
        said.append(f"each is compared with the original of its own width ({labels.join(dense)})")
    text = "; ".join(said)
    return text[0].upper() + text[1:] + "."


def speed_of(entry: Entry) -> str:
    """The measured speed-ups in a sentence; empty where nothing was measured."""
    said = []
    for name, by_batch in (("CPU", entry.cpu), ("GPU", entry.gpu)):
        parts = [f"{times:.2f}×" + (f" at batch {batch:,}" if batch else "") for batch, times in by_batch.items()]
        if parts:
            said.append(f"{name} speed-up {labels.join(parts)}")
    return "; ".join(said)


def _with_width(entry: Entry) -> Entry:
    """The width factor in its name, where its network has several and the name says none yet."""
    if entry.scale is None or "k =" in entry.label:
        return entry
    bare = entry.label.removesuffix(" (paper)")
    return replace(entry, label=f"{bare}, k = {entry.scale:g}{entry.label[len(bare) :]}")


def _fast(run: Any, device: str) -> dict[int, float]:
    times = {batch: run.times_as_fast(device, batch) for batch in BATCHES}
    return {batch: value for batch, value in times.items() if value is not None}


def _times(by_batch: dict[int, float]) -> str:
    return " / ".join(f"{times:.2f}" for times in by_batch.values()) or NONE


def kilo(entry: Entry) -> str:
    """Its MACs in thousands: "24.9 kMACs"."""
    return f"{labels.kilo_macs(entry.macs)} kMACs"


def _error(entry: Entry) -> str:
    if math.isnan(entry.error):
        return NONE
    return labels.estimate(entry.error, entry.half_width, entry.spread, 2)


def _fewer(entry: Entry) -> str:
    if entry.fewer is None:
        return "all"
    return labels.estimate(entry.fewer, entry.fewer_half_width, entry.fewer_spread, labels.digits_of(entry.fewer))


def _kilo(entry: Entry) -> str:
    width, spread = (None if it is None else it / 1000 for it in (entry.macs_half_width, entry.macs_spread))
    return labels.estimate(entry.macs / 1000, width, spread, labels.digits_of(entry.macs / 1000))

"""Do units come back? How often an SNR that fell below 1 crosses it again, by epoch. No torch."""

from __future__ import annotations

from typing import Any

import numpy as np

from sbp.experiments.questions.question import Answer, Figure, Question, Sources, stored
from sbp.experiments.questions.seed_runs import NETWORKS, RECIPES, seed_runs
from sbp.viz import labels

BIN = 10  # epochs that a point of the figure sums
TITLES = {"sbp": "SBP", "sbp-plain": "plain bound"}


def crossings(kept: np.ndarray) -> tuple[np.ndarray, np.ndarray, int]:
    """Units that fall below SNR 1 and those that rise above it, by epoch; how many of all were below and are kept.

    Args:
        kept: bool [runs, epochs + 1, units]; the first row is the initialisation.

    Returns:
        falls and rises, int [epochs], summed over runs and units, and the number of units that were below 1 after some
        epoch and are kept after the last.

    >>> falls, rises, back = crossings(np.array([[[1, 1], [0, 1], [1, 0]]], bool))
    >>> falls.tolist(), rises.tolist(), back
    ([1, 1], [0, 1], 1)
    """
    before, after = kept[:, :-1], kept[:, 1:]
    falls, rises = ((change.sum(axis=(0, 2))) for change in (before & ~after, ~before & after))
    return falls, rises, int((kept[:, -1] & ~kept.all(axis=1)).sum())


def measure(sources: Sources) -> dict[str, Any]:
    """Crossings of each network and recipe, rises by epoch."""
    rows: list[dict[str, Any]] = []
    for network in NETWORKS:
        for key in RECIPES:
            runs = seed_runs(sources.folder, network, key)
            falls, rises, back = crossings(runs.kept)
            row: dict[str, Any] = {"network": network, "key": key, "seeds": runs.seeds, "hardware": runs.hardware}
            row |= {"falls": int(falls.sum()), "rises": rises.tolist(), "back": back}
            rows.append(row | {"kept": int(runs.kept[:, -1].sum())})
    return {"rows": rows}


def answer() -> Answer:
    """Falls and rises a run, and rises by epoch."""
    rows = stored("revivals")["rows"]
    lines, points = [], []
    for row in rows:
        n, title = len(row["seeds"]), f"{labels.NETWORK[row['network']]}, {TITLES[row['key']]}"
        of: dict[str, Any] = {"network": labels.NETWORK[row["network"]], "recipe": TITLES[row["key"]], "n": n}
        rises = sum(row["rises"])
        of |= {"falls a run": round(row["falls"] / n, 1), "rises a run": round(rises / n, 1)}
        lines.append({**of, "back at the end, a run": round(row["back"] / n, 1), "kept, a run": row["kept"] / n})
        for start in range(0, len(row["rises"]), BIN):
            some = row["rises"][start : start + BIN]
            points.append({"epoch": start + BIN / 2, "rises per run and epoch": sum(some) / n / len(some), "of": title})
    dense, conv = (
        next(row for row in rows if (row["network"], row["key"]) == (network, "sbp")) for network in NETWORKS
    )
    rises, n = sum(dense["rises"]), len(dense["seeds"])
    halfway = int(np.searchsorted(np.cumsum(dense["rises"]), rises / 2)) + 1
    back = f"{dense['back']} of {dense['kept']:,}"
    return Answer(
        [{**line, "kept, a run": round(line["kept, a run"], 1)} for line in lines],
        Figure("lines", "epoch", "rises per run and epoch", "of", lines=points),
        (
            f"Often, for a while: on LeNet-500-300 an SNR rises above 1 again {rises / n:.0f} times a run, after "
            f"{dense['falls'] / n:,.0f} falls, half of them by epoch {halfway} of {len(dense['rises'])}; on "
            f"LeNet-5-Caffe {sum(conv['rises'])} times in all {len(conv['seeds'])} runs.",
            f"Hardly one stays: {back} units that the {n} runs of LeNet-500-300 keep had been below 1 before, so "
            "cutting units out while training goes on would lose few that are kept.",
        ),
        f"n = {min(len(row['seeds']) for row in rows)} to {max(len(row['seeds']) for row in rows)}, seeds "
        f"{', '.join(map(str, dense['seeds']))}; {dense['hardware']}; Table 1, MNIST, SNR of each unit at each epoch.",
    )


QUESTION = Question("revivals", "Do units come back?", answer, "runs of Table 1 on ten seeds", measure)

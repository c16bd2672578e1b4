"""Is the kept set stable? The overlap of what runs on different seeds keep, beside what chance gives. No torch."""

from __future__ import annotations

from itertools import combinations
from typing import Any

import numpy as np

from sbp.experiments.questions.question import Answer, Figure, Question, Sources, stored
from sbp.experiments.questions.seed_runs import NETWORKS, seed_runs
from sbp.viz import labels


def overlap(kept: np.ndarray) -> dict[str, float]:
    """Mean over the pairs of runs of the Jaccard index, of its value by chance, and of Cohen's kappa.

    J = |A and B| / |A or B|. Two sets of k and m units drawn from n without regard to each other share a
    hypergeometric number of them, k m / n on average; by_chance is J at that number. kappa = (p - e) / (1 - e), p the
    share of units on which both runs agree and e its expectation by chance: 1 for equal sets, 0 for independent ones.

    Args:
        kept: bool [runs, units], two runs at least.

    Returns:
        jaccard, by_chance, kappa; kappa is 0 of runs that keep all or nothing.

    Reference:
        Cohen 1960, A coefficient of agreement for nominal scales.

    >>> found = overlap(np.array([[1, 1, 0, 0], [1, 0, 1, 0]], bool))
    >>> round(found["jaccard"], 3), round(found["by_chance"], 3), found["kappa"]
    (0.333, 0.333, 0.0)
    """
    n, pairs = kept.shape[1], []
    for a, b in combinations(kept, 2):
        k, m, both = int(a.sum()), int(b.sum()), int((a & b).sum())
        shared = k * m / n
        agree, expected = float((a == b).mean()), (k * m + (n - k) * (n - m)) / n**2
        kappa = (agree - expected) / (1 - expected) if expected < 1 else 0.0
        pairs.append((both / max(1, k + m - both), shared / max(1, k + m - shared), kappa))
    return dict(zip(("jaccard", "by_chance", "kappa"), np.mean(pairs, axis=0).tolist(), strict=True))


def measure(sources: Sources) -> dict[str, Any]:
    """The overlap of each group's kept units at the last epoch, and in how many runs each pixel is kept."""
    facts: dict[str, Any] = {"groups": []}
    for network in NETWORKS:
        runs = seed_runs(sources.folder, network, "sbp")
        facts |= {"seeds": runs.seeds, "hardware": runs.hardware}
        for group, kept in runs.by_group():
            last = kept[:, -1]
            about = {"network": network, "group": group.name, "kind": group.kind, "units": group.units}
            facts["groups"].append({**about, "kept": last.sum(axis=1).tolist(), **overlap(last)})
            if group.kind == "pixel":
                facts["pixels"] = last.sum(axis=0).tolist()
    return facts


def answer() -> Answer:
    """The overlap by group, and the map of the pixels."""
    facts = stored("kept-set")
    n = len(facts["seeds"])
    lines = [
        {
            "network": labels.NETWORK[group["network"]],
            "group": group["group"],
            "units": group["units"],
            "kept, mean": round(sum(group["kept"]) / n, 1),
            "Jaccard": round(group["jaccard"], 3),
            "by chance": round(group["by_chance"], 3),
            "kappa": round(group["kappa"], 3),
        }
        for group in facts["groups"]
    ]
    pixels = [
        {"column": place % 28, "row": place // 28, f"runs of {n}": count} for place, count in enumerate(facts["pixels"])
    ]
    (pixel,) = (group for group in facts["groups"] if group["kind"] == "pixel")
    largest = max(abs(group["kappa"]) for group in facts["groups"] if group["kind"] != "pixel")
    always, never = facts["pixels"].count(n), facts["pixels"].count(0)
    return Answer(
        lines,
        Figure("map", "column", "row", f"runs of {n}", lines=pixels),
        (
            f"Pixels, yes: two seeds share {100 * pixel['jaccard']:.0f} % of the pixels that either keeps, and chance "
            f"gives {100 * pixel['by_chance']:.0f} % (kappa {pixel['kappa']:.2f}); {always} are kept by all {n} seeds "
            f"and {never} of {pixel['units']} by none.",
            f"Hidden units, no: kappa is at most {largest:.2f} in absolute value, since only the "
            "initialisation tells one hidden unit from another; what is stable there is how many are kept.",
        ),
        f"n = {n}, seeds {', '.join(map(str, facts['seeds']))}; {facts['hardware']}; recipe sbp of Table 1, MNIST, "
        "SNR of each unit at the last epoch with noise.",
    )


QUESTION = Question("kept-set", "Is the kept set stable?", answer, "runs of Table 1 on ten seeds", measure)

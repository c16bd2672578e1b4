"""Is SNR < 1 the evidence's own verdict? Units on which Bayesian model reduction differs, and what each is worth."""

from __future__ import annotations

import statistics
from typing import Any

import numpy as np

from sbp.distributions import moments
from sbp.experiments.questions.question import Answer, Figure, Question, Sources, stored
from sbp.experiments.questions.seed_runs import NETWORKS, seed_runs
from sbp.pruning.bmrs import RELEASED_CODE_OFFSET, delta_f_normal, delta_f_uniform
from sbp.pruning.masks import Masks, propagate
from sbp.runs import store
from sbp.runs.view import RunView
from sbp.spec.networks import SPECS
from sbp.viz import labels

RECORDINGS = ("lenet-500-300-paper", "lenet-5-caffe-paper")  # with weights and images held out
CRITERIA = {"U": "BMRS_U", "N": "BMRS_N", "N_released": "BMRS_N as released"}
BOTH, SNR_ALONE, U_ALONE = "kept by both", "kept by SNR alone", "kept by BMRS_U alone"


def verdicts(view: RunView) -> dict[str, Masks]:
    """What each criterion keeps of a run at its last snapshot, bool [units] by group; SNR at 1, the others at 0."""
    shots, noise = view.snapshots(), view.config.noise
    kept: dict[str, Masks] = {name: {} for name in ("SNR", *CRITERIA)}
    for group in view.layers:
        of = (np.float64(part[group.name][-1]) for part in (shots.loc, shots.log_scale))
        unit = (*of, noise.log_low, noise.log_high)
        normal = delta_f_normal(*unit)
        kept["SNR"][group.name] = np.asarray(moments.snr(*unit)) >= 1
        kept["U"][group.name], kept["N"][group.name] = delta_f_uniform(*unit) < 0, normal < 0
        kept["N_released"][group.name] = normal + RELEASED_CODE_OFFSET < 0
    return kept


def worth(view: RunView, sources: Sources) -> dict[str, Any]:
    """What the loss gains when one unit is removed from the network that keeps all that SNR or BMRS_U keeps.

    Returns:
        error_percent and nll of that network on the held-out images, and the units: verdict, snr, and nll, what it
        changes by in nats an image.
    """
    kept, groups = verdicts(view), view.layers
    shots, noise = view.snapshots(), view.config.noise
    either = propagate({name: kept["SNR"][name] | kept["U"][name] for name in kept["SNR"]}, groups)
    places = [(group.name, int(unit)) for group in groups for unit in either[group.name].nonzero()[0]]

    def without(name: str, unit: int) -> Masks:
        masks = {group: mask.copy() for group, mask in either.items()}
        masks[name][unit] = False
        return propagate(masks, groups)

    whole, *found = sources.errors(view, [either, *(without(*place) for place in places)])
    units: dict[str, dict[str, list[float]]] = {it: {"snr": [], "nll": []} for it in (BOTH, SNR_ALONE, U_ALONE)}
    for (name, unit), one in zip(places, found, strict=True):
        by_snr, by_u = bool(kept["SNR"][name][unit]), bool(kept["U"][name][unit])
        of = units[BOTH if by_snr and by_u else SNR_ALONE if by_snr else U_ALONE]
        loc, log_scale = (np.float64(part[name][-1, unit]) for part in (shots.loc, shots.log_scale))
        snr = moments.snr(loc, log_scale, noise.log_low, noise.log_high)
        of["snr"].append(float(f"{float(snr):.3g}"))
        of["nll"].append(round(one["nll"] - whole["nll"], 6))
    return {"run": view.id, "network": view.config.network.name, "seed": view.config.seed, **whole, "units": units}


def measure(sources: Sources) -> dict[str, Any]:
    """How many units each criterion keeps on the seeds' runs, on how many it differs, and what those are worth."""
    rows = []
    for network in NETWORKS:
        runs = seed_runs(sources.folder, network, "sbp")
        row: dict[str, Any] = {"network": network, "seeds": runs.seeds, "hardware": runs.hardware, "SNR": 0}
        row |= {f"{name} {part}": 0 for name in CRITERIA for part in ("kept", "SNR alone", "alone")}
        for kept in map(verdicts, runs.views):
            joined = {name: np.concatenate(list(masks.values())) for name, masks in kept.items()}
            row["SNR"] += int(joined["SNR"].sum())
            for name in CRITERIA:
                row[f"{name} kept"] += int(joined[name].sum())
                row[f"{name} SNR alone"] += int((joined["SNR"] & ~joined[name]).sum())
                row[f"{name} alone"] += int((joined[name] & ~joined["SNR"]).sum())
        rows.append(row)
    return {"rows": rows, "removed": [worth(store.find_run(name).sound(), sources) for name in RECORDINGS]}


def answer() -> Answer:
    """How far the criteria agree, and each unit's worth by its SNR."""
    facts = stored("verdict")
    lines = [
        {
            "network": labels.NETWORK[row["network"]],
            "criterion": title,
            "kept by SNR": round(row["SNR"] / len(row["seeds"]), 1),
            "kept by it": round(row[f"{name} kept"] / len(row["seeds"]), 1),
            "by SNR alone": round(row[f"{name} SNR alone"] / len(row["seeds"]), 1),
            "by it alone": round(row[f"{name} alone"] / len(row["seeds"]), 1),
        }
        for row in facts["rows"]
        for name, title in CRITERIA.items()
    ]
    points, medians = [], []
    for run in facts["removed"]:
        for verdict, of in run["units"].items():
            for snr, nll in zip(of["snr"], of["nll"], strict=True):
                points.append({"SNR": snr, "NLL change by removal, millinats": 1000 * nll, "verdict": verdict})
        both, alone = run["units"][BOTH]["nll"], [*run["units"][SNR_ALONE]["nll"], *run["units"][U_ALONE]["nll"]]
        medians.append(
            f"{labels.signed(1000 * statistics.median(alone), '.3f')} on {labels.NETWORK[run['network']]} "
            f"({len(alone)} units; {1000 * statistics.median(both):.2f} where both keep)"
            if alone
            else f"none on {labels.NETWORK[run['network']]}"
        )
    seeds = facts["rows"][0]["seeds"]
    more = [f"{100 * row['U alone'] / row['SNR']:.1f}" for row in facts["rows"]]
    fewer, everything = (sum(row[name] for row in facts["rows"]) for name in ("U SNR alone", "N kept"))
    units = sum(len(row["seeds"]) * sum(it.units for it in SPECS[row["network"]].groups) for row in facts["rows"])
    return Answer(
        lines,
        Figure("points", "SNR", "NLL change by removal, millinats", "verdict", log="x", lines=points),
        (
            f"Nearly: BMRS_U keeps {labels.join(more)} % more units than SNR and removes {fewer} that SNR keeps; "
            f"BMRS_N as released agrees too, while by its formula it keeps {everything:,} of {units:,} units.",
            f"Removing one unit on which SNR and BMRS_U differ changes the held-out NLL by a median of "
            f"{labels.join(medians)}, in millinats an image.",
        ),
        f"n = {len(seeds)} runs a row, seeds {', '.join(map(str, seeds))}; {facts['rows'][0]['hardware']}; recipe sbp "
        f"of Table 1. Removal: {labels.join([run['run'] for run in facts['removed']])}, n = 1 each, seed 0, "
        f"{facts['removed'][0]['n']:,} held-out images of MNIST; {facts['removed'][0]['hardware']}.",
    )


QUESTION = Question(
    "verdict",
    "Is SNR < 1 the evidence’s own verdict?",
    answer,
    "runs of Table 1 on ten seeds, recorded weights",
    measure,
)

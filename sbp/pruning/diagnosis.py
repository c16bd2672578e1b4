"""Why a training with noise goes wrong: the few ways in which it does, told from what was seen of it. No torch.

The thresholds were chosen on four networks (tests/pruning/failing.py) with seed 100, checked with 101 and 102, and on
the recorded runs, on which nothing may be found; they are tested on seeds 0-2.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import exp, inf
from statistics import median

from sbp.pruning.forecast import steps_to_prune
from sbp.spec.observation import Observation

# The loss's KL term over KL / n is the KL weight, at most 55 in this project's recipes, and n without the division.
LARGEST_WEIGHT = 100.0
# In nats a unit: below it the KL is gone, and what was lost of it is divided by nearly nothing.
LEAST_KL = 0.1
# In nats an example. Where noise is turned on and training goes well the NLL climbs by up to 0.45 (the wide VGG-like).
LOST = 1.0
# A network that never was better than it is now by this share of its NLL had learned nothing that it could lose.
LEARNED = 0.01
NOT_EMPTY = (
    "Unless a shortcut or another branch passes it by, lower its KL weight, or leave it out with "
    "sbp.attach(..., exclude=...)."
)
# In per cent of the examples: the two errors of 512 examples differ by up to 2 where nothing is wrong.
NORM_GAP = 10.0


@dataclass(frozen=True)
class Finding:
    """One thing that is wrong: its kind ("slow", "empty", "fast", "batch-norm" or "scale"), and a sentence.

    group: the one that is or will be empty.
    """

    kind: str
    sentence: str
    group: str = ""

    def __str__(self) -> str:
        return self.sentence


def diagnose(seen: Sequence[Observation], n_train: int, steps: int) -> list[Finding]:
    """What is wrong with a training with noise, each with its figure and the remedy; empty where nothing is found.

    Five things are looked for: no unit will be pruned before the last step; a group is losing its last units; the noise
    outruns the weights; batch normalisation has means and variances that do not fit; the KL is not divided by n.

    Args:
        seen: what `sbp.observe` gave, in the order of the steps, the first before the first step.
        n_train: n, how many examples it trains on.
        steps: of the optimiser with noise, of the whole training.

    Returns:
        The findings. Where one causes another, the cause alone.

    Raises:
        ValueError: n_train or steps is below 1, or the steps of `seen` do not grow.

    >>> seen = [
    ...     Observation(step, 0.5, 0.5, 50.0, 3e-3, 3e-3, {"0": 8}, {"0": 8}, {"0": (5 - 3e-3 * step, 5.0)})
    ...     for step in (0, 100)
    ... ]
    >>> print(*diagnose(seen, n_train=1000, steps=300))
    Nothing will be pruned: at noise_lr = 0.003 the lowest SNR is below the threshold after some 1,567 more steps, and \
200 are left. Raise noise_lr (sbp.parameter_groups), or train longer.
    """
    if n_train < 1 or steps < 1:
        raise ValueError(f"n_train, steps: expected at least 1 each, got {n_train!r} and {steps!r}.")
    if any(after.step <= before.step for before, after in pairwise(seen)):
        raise ValueError(f"seen: expected growing steps, got {[one.step for one in seen]}.")
    if not seen:
        return []
    found = [_undivided(seen, n_train) or _collapse(seen), _too_slow(seen, steps), _misjudged(seen)]
    return [finding for finding in found if finding]


def _undivided(seen: Sequence[Observation], n_train: int) -> Finding | None:
    """By the ratio of the loss's KL term to KL / n."""
    told = [one for one in seen if one.kl > LEAST_KL * sum(one.units.values())]
    ratios = [ratio for one in told if (ratio := (one.loss - one.nll) * n_train / one.kl) == ratio]
    if not ratios or median(ratios) <= LARGEST_WEIGHT:
        return None
    return Finding(
        "scale",
        f"The KL term of the loss is {median(ratios):,.0f} times KL / n with n = {n_train:,}: the KL, a sum over all "
        "units, must be divided by the number of training examples. Use sbp.elbo_loss(nll, noise, n_train).",
    )


def _collapse(seen: Sequence[Observation]) -> Finding | None:
    """What was lost first: once a part of the network is gone, the rest of it follows."""
    best = worst = seen[0]
    emptied, learned = None, False
    for index, now in enumerate(seen):
        if now.nll == now.nll:
            best = now if not best.nll <= now.nll else best
            worst = now if not worst.nll >= now.nll else worst
        learned = best.nll < (1 - LEARNED) * worst.nll
        gone = emptied is None and best is not now and not any(now.kept.values())
        if outrun := _outrun(best, now, learned or best is worst, gone):
            return outrun
        if index == 0 or learned:
            emptied = emptied or _emptied(now)
    return emptied or (_emptying(seen) if learned else None)


def _outrun(best: Observation, now: Observation, learned: bool, gone: bool) -> Finding | None:
    """Most groups lost most of their units and the NLL is far above its best; or all groups did, and it never fell; or
    no group was empty before all were."""
    had = best.kept if learned else now.units
    lost = [2 * now.kept[name] < had[name] for name in now.kept]
    if not (gone or (now.nll - best.nll > LOST and 2 * sum(lost) > len(lost) if learned else all(lost))):
        return None
    before, after = sum(had.values()), sum(now.kept.values())
    since = f"from step {best.step:,} to" if learned else "by step"
    nll = f"rose from {best.nll:.2f} to {now.nll:.2f}" if learned else f"stayed at {now.nll:.2f}"
    rates = f"noise_lr = {now.noise_lr:g} is {now.noise_lr / now.lr:.3g} times lr" if now.lr else "lr is 0"
    return Finding(
        "fast",
        f"The noise outruns the weights: {since} {now.step:,} the kept units fell from {before:,} to {after:,} while "
        f"the NLL {nll}; {rates}. Lower noise_lr, pretrain, or warm the KL up from 0.",
    )


def _emptied(now: Observation) -> Finding | None:
    """A group has no unit left."""
    for name, kept in now.kept.items():
        if not kept:
            return Finding("empty", f"Group {name} has lost all of its {now.units[name]:,} units. {NOT_EMPTY}", name)
    return None


def _emptying(seen: Sequence[Observation]) -> Finding | None:
    """A group will have no unit left when it has moved once more as far as it did last."""
    if len(seen) < 3:
        return None
    first, last, now = seen[0].log_snr, seen[-2], seen[-1]
    for name in now.log_snr:
        if name not in first or name not in last.log_snr:
            continue
        # While the KL is weak mu may climb above b, where the SNR is far above its start, and back.
        (low, high), before = now.log_snr[name], min(first[name][1], last.log_snr[name][1])
        # Where the data hold some unit back, the units of a group spread; these fall as one.
        if high < before - high and high - low < (before - high) / 4:
            return Finding(
                "empty",
                f"Group {name} is about to lose all of its {now.units[name]:,} units: its highest SNR fell to "
                f"{exp(high):,.1f} times the threshold, and falling on as fast it is below it by step "
                f"{2 * now.step - last.step:,}. {NOT_EMPTY}",
                name,
            )
    return None


def _too_slow(seen: Sequence[Observation], steps: int) -> Finding | None:
    """No unit is below the threshold, and none can be: Adam moves log sigma by at most noise_lr a step.

    A fall that has come to rest above the threshold is another matter, and no fault.
    """
    first, now = seen[0], seen[-1]
    if not (first.log_snr and now.log_snr) or any(now.kept[name] < now.units[name] for name in now.kept):
        return None
    start, lowest = (min(low for low, _ in one.log_snr.values()) for one in (first, now))
    left = steps - now.step
    reach = sum((after.step - one.step) * after.noise_lr for one, after in pairwise(seen)) + left * now.noise_lr
    needed = steps_to_prune(first.step, start, now.step, lowest, now.noise_lr)
    needed = needed or (lowest / now.noise_lr if now.noise_lr else inf)
    if reach >= start or needed <= left:
        return None
    return Finding(
        "slow",
        f"Nothing will be pruned: at noise_lr = {max(one.noise_lr for one in seen):g} the lowest SNR is below the "
        f"threshold after some {needed:,.0f} more steps, and {left:,} are left. Raise noise_lr "
        "(sbp.parameter_groups), or train longer.",
    )


def _misjudged(seen: Sequence[Observation]) -> Finding | None:
    """Twice in a row and not closing, since means and variances need some steps to follow where the noise begins."""
    last = seen[-2:]
    gaps = [one.error - one.own_error for one in last if one.error is not None and one.own_error is not None]
    if len(gaps) < len(last) or min(gaps) <= NORM_GAP or 2 * gaps[-1] < gaps[0]:
        return None
    error, own = last[-1].error, last[-1].own_error
    return Finding(
        "batch-norm",
        f"In eval the error is {error:.1f} %, and {own:.1f} % with the images' own means and variances in batch "
        "normalisation: those that it has were gathered under other noise. Recalibrate them: reset_running_stats(), "
        "momentum = None, and forward passes with noise.using('mean').",
    )

"""When is the first unit pruned? By how fast the lowest log SNR falls."""

from __future__ import annotations


def steps_to_prune(first_step: int, first: float, step: int, lowest: float, noise_lr: float) -> float | None:
    """Steps until the lowest log(SNR / threshold) is 0, from its fall so far; None where it does not fall.

        lowest * (step - first_step) / (first - lowest),   before anything has fallen lowest / noise_lr

    log sigma climbs by about the noise's learning rate a step and, while sigma is small, log SNR = -log sigma, so it
    falls nearly linearly in steps.

    Args:
        first_step, first: where it was first looked at, and the log SNR there.
        step, lowest: where it is now.
        noise_lr: the learning rate of mu and log sigma.

    >>> steps_to_prune(0, 5.0, 0, 5.0, 0.02), steps_to_prune(0, 5.0, 100, 3.0, 0.02)
    (250.0, 150.0)
    """
    if step == first_step:
        return lowest / noise_lr if noise_lr > 0 else None
    fallen = (first - lowest) / (step - first_step)
    return lowest / fallen if fallen > 0 else None

"""The learning rate through a phase of training, and the weight of the KL through the main phase."""

from __future__ import annotations


def rate_factor(done: float) -> float:
    """The factor on both learning rates when a share `done` in [0, 1] of the phase has passed: 1 for the first half,
    then linearly to 0, as the authors' released code has it.

    >>> [rate_factor(done) for done in (0, 0.5, 0.75, 1)]
    [1.0, 1.0, 0.5, 0.0]
    """
    return min(1.0, 2.0 * (1.0 - done))


def kl_strength(epochs: float, warmup: tuple[int, ...] = ()) -> float:
    """The factor on the KL when this many epochs of the main phase have passed: 1, or with a warm-up 0 up to its first
    epoch and linearly to 1 at its second.

    >>> [kl_strength(epochs, (5, 20)) for epochs in (0, 5, 12.5, 20, 40)], kl_strength(3)
    ([0.0, 0.0, 0.5, 1.0, 1.0], 1.0)
    """
    if not warmup:
        return 1.0
    first, last = warmup
    return min(1.0, max(0.0, (epochs - first) / (last - first)))

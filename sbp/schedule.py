"""The learning rate through a phase of training."""

from __future__ import annotations


def rate_factor(done: float) -> float:
    """The factor on both learning rates when a share `done` in [0, 1] of the phase has passed: 1 for the first half,
    then linearly to 0, as the authors' released code has it.

    >>> [rate_factor(done) for done in (0, 0.5, 0.75, 1)]
    [1.0, 1.0, 0.5, 0.0]
    """
    return min(1.0, 2.0 * (1.0 - done))

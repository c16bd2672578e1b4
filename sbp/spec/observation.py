"""What is seen of a network with noise at one moment of its training. Plain data, no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Observation:
    """One moment of a training with noise: of a user's loop by `sbp.observe`, of a run by its records.

    Attributes:
        step: steps of the optimiser with noise so far.
        nll: mean negative log-likelihood of the last examples with noise, in nats; NaN where it is not known.
        loss: what was minimised there, in nats; NaN where it is not known.
        kl: the KL of all units, weighted as in the loss where that is known, in nats.
        lr, noise_lr: the learning rates of the weights, and of mu and log sigma.
        units, kept: how many there are, and with an SNR of at least the threshold, by group.
        log_snr: the least and the largest log(SNR / threshold) of each group; empty where it is not known.
        error, own_error: the error in per cent in eval, and with the images' own mean and variance in batch norm.
    """

    step: int
    nll: float
    loss: float
    kl: float
    lr: float
    noise_lr: float
    units: Mapping[str, int]
    kept: Mapping[str, int]
    log_snr: Mapping[str, tuple[float, float]]
    error: float | None = None
    own_error: float | None = None

"""What a user's loop logs for `sbp.diagnose`: the noise and the losses of one moment."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from sbp.noise.inputs import float_outputs
from sbp.noise.install import joint_noise_of
from sbp.noise.objective import KLWeights, weighted_kl
from sbp.spec.observation import Observation

BatchNorm = nn.modules.batchnorm._BatchNorm


@torch.no_grad()
def observe(
    model: nn.Module,
    optimiser: torch.optim.Optimizer,
    *,
    step: int,
    nll: float | Tensor,
    loss: float | Tensor,
    kl_weights: KLWeights = 1.0,
    check: tuple[Tensor, Tensor] | None = None,
) -> Observation:
    """What `diagnose` needs to know of a network with noise, at one moment of its training; changes nothing.

    Args:
        model: a network with noise (`sbp.attach`).
        optimiser: what trains it; its learning rates are read.
        step: its steps with noise so far; 0 before the first.
        nll: the mean cross-entropy of the last batch, in nats; before the first step, of any.
        loss: what was minimised there, in nats.
        kl_weights: as `elbo_loss` was given them.
        check: images and labels of one batch, to see whether batch normalisation has good means and variances.

    Returns:
        One element of the list that `diagnose` reads.

    Raises:
        ValueError: the network has no noise.

    >>> from sbp.noise.attach import attach
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> noise = attach(model, torch.zeros(1, 4))
    >>> seen = observe(model, torch.optim.Adam(model.parameters(), lr=0.01), step=0, nll=0.7, loss=0.8)
    >>> seen.kept, seen.noise_lr
    ({'0': 3}, 0.01)
    """
    noise = joint_noise_of(model)
    own = {id(parameter) for parameter in noise.parameters()}
    rates = [(id(p) in own, group["lr"]) for group in optimiser.param_groups for p in group["params"]]
    log_snr = noise.by_group(torch.log(noise.snr_units() / noise.threshold.cpu()))
    error = own_error = None
    if check is not None:
        error, own_error = _errors(model, *check)
    return Observation(
        step=step,
        nll=float(torch.as_tensor(nll).detach()),
        loss=float(torch.as_tensor(loss).detach()),
        kl=float(weighted_kl(noise, kl_weights)),
        lr=max((float(rate) for of_noise, rate in rates if not of_noise), default=0.0),
        noise_lr=max((float(rate) for of_noise, rate in rates if of_noise), default=0.0),
        units={group.name: group.units for group in noise.groups},
        kept={name: int(keep.sum()) for name, keep in noise.keep.items()},
        log_snr={name: (float(part.min()), float(part.max())) for name, part in log_snr.items()},
        error=error,
        own_error=own_error,
    )


def _errors(model: nn.Module, images: Tensor, labels: Tensor) -> tuple[float, float]:
    """The error in per cent in eval, and the same with the images' own mean and variance in batch normalisation."""
    modes = {module: module.training for module in model.modules()}
    norms = [module for module in modes if isinstance(module, BatchNorm) and module.running_mean is not None]
    running = [(norm.running_mean, norm.running_var) for norm in norms]

    def error() -> float:
        logits = float_outputs(model(images))[0]
        return 100.0 * float((logits.argmax(1) != labels).float().mean())

    try:
        model.eval()
        by_running = error()
        for norm in norms:  # without them it takes the batch's own, and writes to nothing
            norm.running_mean = norm.running_var = None
        return by_running, error()
    finally:
        for norm, (mean, variance) in zip(norms, running, strict=True):
            norm.running_mean, norm.running_var = mean, variance
        for module, training in modes.items():
            module.training = training

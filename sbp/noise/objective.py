"""The bound that is trained on: the one place where the scale of the KL is decided."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor, nn

from sbp.noise.install import noise_of, parts_with_noise
from sbp.noise.joint_noise import JointNoise, per_unit

KLWeights = float | Tensor | Sequence[float] | Mapping[str, float]


def elbo_loss(
    nll: Tensor, noise: JointNoise, n_train: int, kl_weights: KLWeights = 1.0, strength: float | Tensor = 1.0
) -> Tensor:
    """The negative variational bound per example, to be minimised.

        loss = nll + strength * sum_g w_g KL_g / n_train,   KL_g = sum of KL(q_i || p) over the units i of group g

    Divided by the number of training examples, not by the batch's, so the minimum does not depend on the batch size.

    Args:
        nll: the mean negative log-likelihood of a batch (cross-entropy), a scalar in nats.
        noise: what `sbp.attach` gave.
        n_train: N, examples in the training set.
        kl_weights: w: one number for all groups (1 is the paper's bound), one per group in their order or by name, or a
            tensor [units] of one per unit.
        strength: a factor on the KL, as while it is warmed up.

    Returns:
        The loss, a scalar in nats.

    Raises:
        ValueError: nll is no scalar, n_train is below 1, or the weights do not fit the groups.

    Reference: Neklyudov et al., NeurIPS 2017, eq. 4 and 12; the weights, section 5.4.

    >>> import torch
    >>> from sbp.noise.attach import attach
    >>> noise = attach(nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2)), torch.zeros(1, 4))
    >>> bool(elbo_loss(torch.tensor(0.5), noise, n_train=100) == 0.5 + noise.kl() / 100)
    True
    """
    if nll.dim():
        raise ValueError(f"nll: expected the mean over the batch, a scalar, got shape {list(nll.shape)}.")
    if n_train < 1:
        raise ValueError(f"n_train: expected the number of training examples, at least 1, got {n_train!r}.")
    return nll + scaled_kl(weighted_kl(noise, kl_weights), n_train, strength)


def scaled_kl(kl: Tensor, n_train: int, strength: float | Tensor = 1.0) -> Tensor:
    """strength * KL / N: what the loss adds to the mean NLL of an example for a KL of the whole network, in nats.

    >>> import torch
    >>> scaled_kl(torch.tensor(100.0), n_train=50)
    tensor(2.)
    """
    return strength * kl / n_train


def weighted_kl(noise: JointNoise, kl_weights: KLWeights = 1.0) -> Tensor:
    """sum_g w_g KL_g, a scalar in nats; arguments as for `elbo_loss`."""
    if isinstance(kl_weights, int | float):
        kl = noise.kl_per_unit().sum()
        return kl if kl_weights == 1 else kl_weights * kl
    weights = kl_weights if isinstance(kl_weights, Tensor) else unit_weights(noise, kl_weights)
    if weights.shape != noise.loc.shape:
        raise ValueError(f"kl_weights: expected one per unit, [{len(noise.loc)}], got {list(weights.shape)}.")
    return (noise.kl_per_unit() * weights).sum()  # not @, of which autocast would make a product in bfloat16


def unit_weights(noise: JointNoise, kl_weights: Sequence[float] | Mapping[str, float]) -> Tensor:
    """One KL weight per group, in their order or by name, as one per unit, [units].

    Raises:
        ValueError: there is not one for each group.
    """
    names = noise.layout.names
    given = dict(kl_weights) if isinstance(kl_weights, Mapping) else dict(zip(names, kl_weights, strict=False))
    if set(given) != set(names) or len(kl_weights) != len(names):
        raise ValueError(f"kl_weights: expected one for each of {', '.join(names)}, got {kl_weights}.")
    return per_unit(noise.layout, given).to(noise.loc)


def parameter_groups(model: nn.Module, lr: float, noise_lr: float, weight_decay: float = 0.0) -> list[dict[str, Any]]:
    """Parameter groups for an optimiser: the network's weights at lr, mu and log sigma at noise_lr without decay.

    mu and log sigma move by about noise_lr a step under Adam, however small their gradient, so it decides how soon
    units are pruned: some 10 to 50 times lr in this project's recipes. With one rate for all nothing is pruned for
    thousands of steps.

    Args:
        model: a network with noise (`sbp.attach`), on itself or on parts of it.
        lr: the learning rate of the weights.
        noise_lr: the learning rate of mu and log sigma.
        weight_decay: of the weights alone.

    Returns:
        Two groups for a `torch.optim` optimiser: the weights, then mu and log sigma.

    Raises:
        ValueError: the network has no noise, or a rate is not above 0.

    >>> import torch
    >>> from sbp.noise.attach import attach
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> noise = attach(model, torch.zeros(1, 4))
    >>> optimiser = torch.optim.Adam(parameter_groups(model, lr=1e-3, noise_lr=3e-2))
    >>> [len(group["params"]) for group in optimiser.param_groups]
    [4, 2]
    """
    if not (lr > 0 and noise_lr > 0):
        raise ValueError(f"lr, noise_lr: expected rates above 0, got {lr!r} and {noise_lr!r}.")
    noise = [p for part in parts_with_noise(model) or [model] for p in noise_of(part).parameters()]
    own = {id(parameter) for parameter in noise}
    weights = [p for p in model.parameters() if id(p) not in own and p.requires_grad]
    return [
        {"params": weights, "lr": lr, "weight_decay": weight_decay},
        {"params": noise, "lr": noise_lr, "weight_decay": 0.0},
    ]

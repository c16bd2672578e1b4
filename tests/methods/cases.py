"""Every method that learns no noise on units, at small widths, and how its network is spoiled at random."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor, nn

from sbp.methods.base import Method
from sbp.methods.dropout import BinaryDropout, GaussianDropout, Original
from sbp.methods.on_weights import OnWeights
from sbp.methods.sparse_vd import SparseVD
from sbp.methods.ssl import SSL
from sbp.methods.weights import SBPWeights, ThetaWeights
from sbp.networks.batch_norms import batch_norms
from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of
from sbp.spec import RunConfig
from sbp.spec.networks import SPECS
from tests.pruning.networks import DATASET, NAMES, WIDTHS

METHODS: dict[str, type[Method]] = {
    "original": Original,
    "binary-dropout": BinaryDropout,
    "gaussian-dropout": GaussianDropout,
    "sparse-vd": SparseVD,
    "ssl": SSL,
    "sbp-weights": SBPWeights,
}
ON_WEIGHTS = tuple(name for name, method in METHODS.items() if issubclass(method, OnWeights))
NETWORKS = NAMES
# Those whose units can be found from single weights.
CHAINS = tuple(name for name in NETWORKS if SPECS[name].is_chain)
CASES = [(method, name) for name in NETWORKS for method in METHODS if name in CHAINS or method not in ON_WEIGHTS]


def config_of(method: str, network: str, **changes: object) -> RunConfig:
    """A run at small widths."""
    own = {"network": network, "dataset": DATASET[network], "method": method, "widths": WIDTHS[network]}
    return RunConfig.flat(**{**own, **changes})


def made(method: str, network: str, **changes: object) -> Method:
    """The method of such a run."""
    config = config_of(method, network, **changes)
    return METHODS[method](config.method, config.network, config.noise)


def built(method: Method, seed: int = 0, dtype: torch.dtype = torch.float64) -> nn.Module:
    """Its network with biases and batch statistics that matter."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        network = method.build().to(dtype)
        with torch.no_grad():
            for name, parameter in network.named_parameters():
                if name.endswith("bias"):
                    parameter.copy_(torch.randn(parameter.shape) / 3 + 0.1)
            for norm in batch_norms(network):
                norm.get_buffer("running_mean").copy_(torch.randn(norm.num_features) / 10)
                norm.get_buffer("running_var").copy_(torch.rand(norm.num_features) / 10 + 0.05)
    return network


def weight_of(network: nn.Module, name: str) -> nn.Linear | nn.Conv2d:
    """The layer that holds W and b, whatever stands around it."""
    layer = network.get_submodule(name)
    layer = getattr(layer, "inner", layer)
    assert isinstance(layer, nn.Linear | nn.Conv2d)
    return layer


@torch.no_grad()
def prune_weights_(network: nn.Module, name: str, pruned: Tensor) -> None:
    """Removes single weights in the way the method of this network does; pruned: bool of the weight's shape."""
    layer = network.get_submodule(name)
    if hasattr(layer, "log_variance"):
        layer.get_parameter("log_variance").copy_(torch.where(pruned, 20.0, -10.0))
    elif isinstance(layer, ThetaWeights):
        noise = joint_noise_of(network)
        noise.by_group(noise.log_scale)[name].copy_(torch.where(pruned, 4.0, -1.0).view(-1))
        noise.by_group(noise.loc)[name].copy_(torch.linspace(-2, 0, pruned.numel()))
    else:
        weight_of(network, name).weight.mul_(~pruned)


def spoil_(network: nn.Module, seed: int = 0) -> None:
    """Removes single weights at random, and all incoming or all outgoing weights of some units of every layer."""
    random = np.random.default_rng(seed)
    for wire in described(network).weights:
        shape = weight_of(network, wire.name).weight.shape
        pruned = random.random(shape) < 0.3
        if wire.makes:
            pruned[_some(random, shape[0])] = True
        if wire.reads:
            pruned[:, _some(random, shape[1])] = True
        prune_weights_(network, wire.name, torch.from_numpy(pruned))


def _some(random: np.random.Generator, units: int) -> np.ndarray:
    """Places of a quarter of the units, so that some are left whatever the layers around have lost."""
    return random.permutation(units)[: max(1, units // 4)]

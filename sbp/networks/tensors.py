"""A run's network as a file holds it: its weights by their own names, and its noise group by group.

`noise.GROUP.loc` and `noise.GROUP.log_scale` are mu and log sigma of a group's units; where units learn no noise,
`noise.GROUP.keep` says which are kept. Readers that build no network (pages) find a group's numbers by its name.
"""

from __future__ import annotations

from collections.abc import Mapping

import torch
from torch import Tensor, nn

from sbp.noise.install import NAME, has_noise, noise_of
from sbp.noise.joint_noise import JointNoise

_PREFIX = f"{NAME}."


def file_tensors(network: nn.Module) -> dict[str, Tensor]:
    """What a file holds of a network, by name; the tensors are the network's own, or views of them.

    >>> from sbp.networks.registry import build
    >>> [name for name in file_tensors(build("lenet-500-300", (4, 3))) if name.startswith("noise.dense1")]
    ['noise.dense1.loc', 'noise.dense1.log_scale']
    """
    tensors = {name: tensor for name, tensor in network.state_dict().items() if not name.startswith(_PREFIX)}
    if not has_noise(network):
        return tensors
    noise = noise_of(network)
    if isinstance(noise, JointNoise):
        for kind, values in (("loc", noise.loc), ("log_scale", noise.log_scale)):
            tensors |= {f"noise.{name}.{kind}": part for name, part in noise.by_group(values.detach()).items()}
    else:
        tensors |= {f"noise.{name}.keep": part for name, part in noise.keep.items()}
    return tensors


@torch.no_grad()
def load_file_tensors(network: nn.Module, tensors: Mapping[str, Tensor]) -> None:
    """Puts what `file_tensors` gave into a network of the same shapes.

    Raises:
        KeyError, RuntimeError: a tensor is missing, unknown or of another shape.
    """
    network.load_state_dict(state_of(network, tensors))


def state_of(network: nn.Module, tensors: Mapping[str, Tensor]) -> dict[str, Tensor]:
    """A network's `state_dict` with a file's tensors in it; what the file does not name stays as it is."""
    own = {name: tensor for name, tensor in network.state_dict().items() if name.startswith(_PREFIX)}
    state = {name: tensor for name, tensor in tensors.items() if not name.startswith("noise.")}
    if not has_noise(network):
        return state
    noise = noise_of(network)
    for kind in ("loc", "log_scale") if isinstance(noise, JointNoise) else ("keep",):
        given = [tensors[f"noise.{group.name}.{kind}"].reshape(-1) for group in noise.groups]
        joined = torch.cat(given) if given else torch.zeros(0)
        name = _PREFIX + ("decided" if kind == "keep" else kind)
        own[name] = joined.to(own[name].dtype)
    return {**own, **state}

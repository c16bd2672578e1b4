"""Masked and compact: the same function, with zeros in place and without them.

theta stands after the activation, so a removed unit emits exactly 0 and can be cut out of the weights on both of its
sides. What is left of the noise is E[theta], a factor of each kept unit, which goes into the weights that read it.
Where the method gives units no noise, a gate says which are kept, and theta is 1.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import numpy as np
import torch
from torch import Tensor, nn

from sbp.gates import Gate
from sbp.layer import SBPLayer
from sbp.networks.lenet import NoisyNetwork
from sbp.networks.rebuild import rebuild
from sbp.networks.wiring import WIRING, WeightLayer
from sbp.pruning.masks import Masks, close_masks, selected


def masks_of(network: NoisyNetwork) -> Masks:
    """What the network itself keeps: `keep` of every noise layer, bool [units] by name, closed.

    Raises ValueError for a network whose noise is off or gone.
    """
    return close_masks({name: layer.keep.cpu().numpy() for name, layer in _noise(network).items()}, network.layers)


def masked(network: NoisyNetwork, masks: Mapping[str, np.ndarray]) -> NoisyNetwork:
    """A copy in eval mode whose removed units are multiplied by 0 and whose kept ones by E[theta], shapes unchanged.

    masks: bool [units] for every noise layer, True is kept; closed first (`close_masks`), which changes no output.
    Raises ValueError when they do not fit the network.

    >>> from sbp.networks.registry import build
    >>> network = build("lenet-500-300", (4, 3))
    >>> masks = {"input": np.arange(784) < 300, "dense1": np.array([1, 0, 1, 0], bool), "dense2": np.ones(3, bool)}
    >>> masked(network, masks).noise["dense1"].keep.tolist()
    [True, False, True, False]
    """
    closed = _checked(network, masks)
    copied = copy.deepcopy(network).eval()
    for name, layer in _noise(copied).items():
        layer.keep_only(torch.from_numpy(closed[name]))
    return copied


def compact(network: NoisyNetwork, masks: Mapping[str, np.ndarray] | None = None) -> NoisyNetwork:
    """A new network of the same class with the removed units cut out, computing what `masked` computes, without noise.

    With D the diagonal of E[theta] of the units that a layer of weights reads and R, C its kept rows and columns:
    W' = (W D)[R, C], b' = b[R]. Where units cannot be left out of weights before them (pixels, and single features of a
    convolution's map), the places of the kept ones are saved as an index. Nothing kept in a layer leaves no way for the
    image, so the result is the constant predictor: all widths 0, and its logits in the output's bias.
    A batch normalisation after W, with scale g, shift h and running mean m and variance v, goes into both:
    W <- g / sqrt(v + eps) W, b <- g / sqrt(v + eps) (b - m) + h.
    masks: as for `masked`; none: the network's own `keep`. Logits agree with the masked network's to rounding.

    Raises ValueError when the masks do not fit, or the network's noise is off or gone.

    >>> from sbp.networks.registry import build
    >>> masks = {"input": np.arange(784) < 300, "dense1": np.array([1, 0, 1, 0], bool), "dense2": np.ones(3, bool)}
    >>> small = compact(build("lenet-500-300", (4, 3)), masks)
    >>> small.widths, small.dense1.weight.shape
    ((2, 3), torch.Size([2, 300]))
    """
    return Folded(network).cut(masks)


class Folded:
    """A network's weights with all that `compact` multiplies them by, made once: any masks then only choose among them.

    network: with its noise on; neither changed nor to be changed. Raises ValueError when its noise is off or gone.

    >>> from sbp.networks.registry import build
    >>> folded = Folded(build("lenet-500-300", (4, 3)))
    >>> masks = {"input": np.arange(784) < 300, "dense1": np.array([1, 0, 1, 0], bool), "dense2": np.ones(3, bool)}
    >>> folded.cut(masks).widths
    (2, 3)
    """

    @torch.no_grad()
    def __init__(self, network: NoisyNetwork) -> None:
        theta = {name: layer.mean_theta().cpu().double().numpy() for name, layer in _noise(network).items()}
        self.network = network
        self.tensors: dict[str, tuple[Tensor, Tensor]] = {}
        for weights in WIRING[network.spec_name]:
            weight, bias = _normalised(network, weights)
            if weights.reads:
                # Both factors in float64, rounded once: in float32 the masked network rounds twice.
                factor = torch.from_numpy(_factor(weights, theta, weight.shape[1]))
                weight *= factor.view(1, -1, *[1] * (weight.dim() - 2))
            like = getattr(network, weights.name).weight
            self.tensors[weights.name] = weight.to(like).contiguous(), bias.to(like)

    @torch.no_grad()
    def cut(self, masks: Mapping[str, np.ndarray] | None = None) -> NoisyNetwork:
        """The compact network of these masks, with tensors of its own, as `compact` says."""
        network = self.network
        closed = masks_of(network) if masks is None else _checked(network, masks)
        if not all(mask.any() for mask in closed.values()):
            return _constant(network, closed)
        device = network.output.weight.device
        kept = {name: torch.from_numpy(mask.nonzero()[0]).to(device) for name, mask in closed.items()}
        tensors: dict[str, Tensor] = {}
        for weights in WIRING[network.spec_name]:
            weight, bias = self.tensors[weights.name]
            if weights.reads:
                weight = weight.index_select(1, kept[weights.reads[-1]])
            if weights.makes:
                weight, bias = (tensor.index_select(0, kept[weights.makes]) for tensor in (weight, bias))
            tensors[f"{weights.name}.weight"], tensors[f"{weights.name}.bias"] = weight, bias
        tensors["output.bias"] = tensors["output.bias"].clone()
        for name, arriving in selected(network.spec_name, network.layers, closed).items():
            tensors[f"noise.{name}.index"] = torch.from_numpy(arriving.nonzero()[0]).to(device)
        widths = [int(closed[weights.makes].sum()) for weights in WIRING[network.spec_name] if weights.makes]
        return rebuild(network.spec_name, widths, tensors)


def _noise(network: NoisyNetwork) -> dict[str, SBPLayer | Gate]:
    """What stands in the noise layers' places, by name: where the units have no noise, theta is 1.

    Raises ValueError when nothing does (a compact network) or it is off (while pretraining).
    """
    layers: dict[str, SBPLayer | Gate] = {}
    for info in network.layers:
        layer = network.noise[info.name]
        if not isinstance(layer, SBPLayer | Gate):
            raise ValueError("Expected a network with noise; this one is compact already.")
        if not layer.active:
            raise ValueError("Expected a network with its noise on; this one is still in its pretraining.")
        layers[info.name] = layer
    return layers


def _checked(network: NoisyNetwork, masks: Mapping[str, np.ndarray]) -> Masks:
    sizes = {layer.name: layer.units for layer in network.layers}
    given = {name: np.asarray(mask).shape for name, mask in masks.items()}
    if given != {name: (units,) for name, units in sizes.items()}:
        raise ValueError(f"masks: expected one a noise layer with as many entries as units ({sizes}), got {given}.")
    return close_masks(masks, network.layers)


def _normalised(network: NoisyNetwork, weights: WeightLayer) -> tuple[Tensor, Tensor]:
    """Weight and bias of a layer with what normalises it in them, float64 on the CPU; copies."""
    module = getattr(network, weights.name)
    weight = module.weight.detach().cpu().to(torch.float64, copy=True)
    bias = weight.new_zeros(len(weight))
    if module.bias is not None:
        bias += module.bias.detach().cpu()
    if weights.norm:
        norm = network.norm[weights.name]
        assert isinstance(norm, nn.BatchNorm1d | nn.BatchNorm2d)
        assert norm.running_mean is not None
        assert norm.running_var is not None
        scale, shift, mean, variance = (
            tensor.detach().cpu().double() for tensor in (norm.weight, norm.bias, norm.running_mean, norm.running_var)
        )
        factor = scale / torch.sqrt(variance + norm.eps)
        weight *= factor.view(-1, *[1] * (weight.dim() - 1))
        bias = factor * (bias - mean) + shift
    return weight, bias


def _factor(weights: WeightLayer, theta: Mapping[str, np.ndarray], inputs: int) -> np.ndarray:
    """E[theta] of each unit that the layer reads, float64 [inputs]; a channel's factor goes to all its features."""
    factor = np.ones(inputs)
    for name in weights.reads:
        factor *= np.repeat(theta[name], inputs // len(theta[name]))
    return factor


def _constant(network: NoisyNetwork, closed: Masks) -> NoisyNetwork:
    """The network that says the same whatever it sees: what the masked one says of a black image."""
    output = network.output
    logits = masked(network, closed)(output.weight.new_zeros(1, *network.image))[0]
    nothing = dict.fromkeys(closed, 0)
    tensors = {}
    for weights in WIRING[network.spec_name]:
        kernel = getattr(network, weights.name).weight.shape[2:]
        rows, columns = weights.outputs(nothing), weights.inputs(nothing)
        tensors[f"{weights.name}.weight"] = output.weight.new_zeros(rows, columns, *kernel)
        tensors[f"{weights.name}.bias"] = output.weight.new_zeros(rows)
    tensors["output.bias"] = logits
    made = {weights.makes for weights in WIRING[network.spec_name]}
    for layer in network.layers:
        if layer.name not in made and not layer.parent:
            tensors[f"noise.{layer.name}.index"] = torch.zeros(0, dtype=torch.int64, device=logits.device)
    return rebuild(network.spec_name, [0] * len(network.widths), tensors)

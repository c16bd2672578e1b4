"""The networks' forward pass in NumPy, for pages that evaluate a masked network without torch.

It computes what `masked` computes, by what `compact` keeps: theta stands after the activation, so that the removed rows
and columns of the weights can be left out, and E[theta] of each kept unit is a factor of the columns that read it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import pairwise
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load_file

from sbp.distributions import moments
from sbp.pruning.masks import Masks, close_masks, keep_masks
from sbp.spec.layout import Group
from sbp.spec.networks import SPECS

PLAIN = ("lenet-500-300", "lenet-5-caffe")
# Images at once: their patches of 12 x 12 maps, 25 numbers a channel, stay within some 25 MB.
CHUNK = 200
# As the layer holds its parameters (sbp.layer).
_LOC_MARGIN, _LOG_SCALE_RANGE = 5.0, (-8.0, 5.0)


@dataclass(frozen=True, eq=False)
class PlainNetwork:
    """A trained network as arrays: weights by name ("dense1.weight"), mu and log sigma by noise layer, a and b."""

    name: str
    layers: tuple[Group, ...]
    weights: dict[str, np.ndarray]
    loc: dict[str, np.ndarray]
    log_scale: dict[str, np.ndarray]
    log_low: float = -20.0
    log_high: float = 0.0

    @cached_property
    def theta(self) -> dict[str, np.ndarray]:
        """E[theta] of every unit, float64, by noise layer."""
        ends = self.log_low, self.log_high
        low, high = self.log_low - _LOC_MARGIN, self.log_high + _LOC_MARGIN
        return {
            name: moments.mean(
                np.clip(loc, low, high).astype(np.float64),
                np.clip(self.log_scale[name], *_LOG_SCALE_RANGE).astype(np.float64),
                *ends,
            )
            for name, loc in self.loc.items()
        }

    @cached_property
    def snr(self) -> dict[str, np.ndarray]:
        """SNR of every unit by noise layer."""
        return {
            name: np.asarray(moments.snr(loc, self.log_scale[name], self.log_low, self.log_high))
            for name, loc in self.loc.items()
        }

    @cached_property
    def own_masks(self) -> Masks:
        """What the network itself keeps, SNR >= 1, closed."""
        return close_masks(keep_masks(self.snr), self.layers)


def read_plain(
    path: Path, name: str, layers: Sequence[Group], log_low: float = -20.0, log_high: float = 0.0
) -> PlainNetwork:
    """Reads model.safetensors of a run; raises ValueError with a sentence for a file that does not fit the network, and
    for a network that is not computed here.
    """
    if name in SPECS and name not in PLAIN:
        raise ValueError(
            f"{SPECS[name].title} is too large to be computed on a page; the command line computes it "
            "(python -m sbp compact)."
        )
    try:
        arrays = load_file(path)
    except (OSError, SafetensorError) as error:
        raise ValueError(f"{path.name} in {path.parent} cannot be read: {error}.") from None
    expected = _shapes(name, layers)
    for key, shape in expected.items():
        found = arrays[key].shape if key in arrays else "nothing"
        if found != shape:
            raise ValueError(
                f"{path.name} in {path.parent}: expected {key} of shape {list(shape)}, got "
                f"{list(found) if isinstance(found, tuple) else found}."
            )
    noise = {kind: {layer.name: arrays[f"noise.{layer.name}.{kind}"] for layer in layers} for kind in _NOISE}
    weights = {key: arrays[key] for key in expected if not key.startswith("noise.")}
    return PlainNetwork(name, tuple(layers), weights, noise["loc"], noise["log_scale"], log_low, log_high)


_NOISE = ("loc", "log_scale")


def _shapes(name: str, layers: Sequence[Group]) -> dict[str, tuple[int, ...]]:
    """The shape of every array that the file must hold."""
    units = {layer.name: layer.units for layer in layers}
    if name == "lenet-500-300":
        weights = {"dense1": (units["dense1"], 784), "dense2": (units["dense2"], units["dense1"])}
        weights["output"] = (10, units["dense2"])
    elif name == "lenet-5-caffe":
        conv1, conv2 = units["conv1"], units["conv2"]
        weights = {"conv1": (conv1, 1, 5, 5), "conv2": (conv2, conv1, 5, 5)}  # type: ignore[dict-item]
        weights |= {"dense1": (units["dense1"], units["features"]), "output": (10, units["dense1"])}
    else:
        raise ValueError(f"Expected one of {', '.join(PLAIN)}, got {name!r}.")
    shapes: dict[str, tuple[int, ...]] = {f"noise.{n}.{kind}": (u,) for n, u in units.items() for kind in _NOISE}
    for layer, shape in weights.items():
        shapes |= {f"{layer}.weight": shape, f"{layer}.bias": shape[:1]}
    return shapes


def logits(
    network: PlainNetwork, images: np.ndarray, masks: Mapping[str, np.ndarray], first: np.ndarray | None = None
) -> np.ndarray:
    """Logits [n, 10] of the masked network for images [n, 28, 28] in [0, 1].

    masks: bool [units] a noise layer, closed. first: `first_maps` of these images, which no mask changes.
    """
    if network.name == "lenet-5-caffe":
        maps = first_maps(network, images) if first is None else first
        parts = [_caffe(network, maps[at : at + CHUNK], masks) for at in range(0, len(maps), CHUNK)]
        return np.concatenate(parts) if parts else np.zeros((0, 10), np.float32)
    x = images.reshape(len(images), -1)[:, masks["input"]]
    for name, before in (("dense1", "input"), ("dense2", "dense1")):
        x = np.maximum(_dense(network, name, x, network.theta[before], masks[before], masks[name]), 0)
    return _dense(network, "output", x, network.theta["dense2"], masks["dense2"])


def first_maps(network: PlainNetwork, images: np.ndarray) -> np.ndarray:
    """What conv1 of LeNet-5 gives, before its noise: ReLU and pooling, float32 [n, channels, 12, 12]."""
    weight, bias = network.weights["conv1.weight"], network.weights["conv1.bias"]
    parts = [pooled(convolved(images[at : at + CHUNK, None], weight, bias)) for at in range(0, len(images), CHUNK)]
    return np.concatenate(parts) if parts else np.zeros((0, len(bias), 12, 12), np.float32)


def trace(network: PlainNetwork, image: np.ndarray, masks: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
    """What every unit says of one image [28, 28], before its own noise and after that of the layers before it.

    By noise layer: [units], or [units, side, side] for the pooled map of a channel; "conv1.full", "conv2.full": the
    maps before pooling; "logits": [10]. What a unit hands on is this times E[theta] * keep.
    """
    passed = {name: network.theta[name] * masks[name] for name in network.theta}
    weights = network.weights
    x = image.astype(np.float32)
    said: dict[str, np.ndarray] = {}
    if network.name == "lenet-5-caffe":
        for name in ("conv1", "conv2"):
            maps = x[None] if name == "conv1" else said["conv1"] * passed["conv1"][:, None, None]
            full = convolved(maps[None], weights[f"{name}.weight"], weights[f"{name}.bias"])
            said[f"{name}.full"], said[name] = np.maximum(full, 0)[0], pooled(full)[0]
        said["features"] = (said["conv2"] * passed["conv2"][:, None, None]).reshape(-1)
        rest = ["features", "dense1", "output"]
    else:
        said["input"] = x.reshape(-1)
        rest = ["input", "dense1", "dense2", "output"]
    for before, name in pairwise(rest):
        z = weights[f"{name}.weight"] @ (said[before] * passed[before]) + weights[f"{name}.bias"]
        said["logits" if name == "output" else name] = z if name == "output" else np.maximum(z, 0)
    return said


def convolved(x: np.ndarray, weight: np.ndarray, bias: np.ndarray) -> np.ndarray:
    """The 5 x 5 cross-correlation without padding: [n, in, h, w] -> [n, out, h - 4, w - 4]."""
    windows = np.lib.stride_tricks.sliding_window_view(x, weight.shape[2:], axis=(2, 3))
    n, _, height, width = windows.shape[:4]
    numbers = int(np.prod(weight.shape[1:]))
    patches = windows.transpose(0, 2, 3, 1, 4, 5).reshape(n * height * width, numbers)
    y = patches @ weight.reshape(len(weight), numbers).T + bias
    return np.moveaxis(y.reshape(n, height, width, len(weight)), 3, 1)


def pooled(x: np.ndarray) -> np.ndarray:
    """ReLU and the maximum of each 2 x 2 square, in whichever order: [n, c, h, w] -> [n, c, h / 2, w / 2]."""
    rows = np.maximum(x[:, :, ::2], x[:, :, 1::2])
    return np.maximum(np.maximum(rows[..., ::2], rows[..., 1::2]), 0)


def _caffe(network: PlainNetwork, maps: np.ndarray, masks: Mapping[str, np.ndarray]) -> np.ndarray:
    """Logits from the maps of conv1 on, [n, channels, 12, 12]."""
    first, second = masks["conv1"], masks["conv2"]
    factor = network.theta["conv1"][first][:, None, None].astype(np.float32)
    weight = network.weights["conv2.weight"][np.ix_(second, first)] * factor
    x = pooled(convolved(maps[:, first], weight, network.weights["conv2.bias"][second]))
    features = masks["features"].reshape(len(second), -1)
    x = x.reshape(len(x), features[second].size)[:, features[second].reshape(-1)]
    theta = network.theta["features"] * np.repeat(network.theta["conv2"], features.shape[1])
    x = np.maximum(_dense(network, "dense1", x, theta, masks["features"], masks["dense1"]), 0)
    return _dense(network, "output", x, network.theta["dense1"], masks["dense1"])


def _dense(
    network: PlainNetwork,
    name: str,
    x: np.ndarray,
    theta: np.ndarray,
    inputs: np.ndarray,
    outputs: np.ndarray | slice = slice(None),
) -> np.ndarray:
    """A dense layer cut to its kept rows and columns, with theta in the columns; x holds the kept inputs alone."""
    weight = network.weights[f"{name}.weight"][outputs][:, inputs]
    return x @ (weight * theta[inputs].astype(np.float32)).T + network.weights[f"{name}.bias"][outputs]

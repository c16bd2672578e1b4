"""Attribution of a network's pixels and units by gradients and occlusion, to be compared with the noise.

Four of Captum's methods on the network before anything is cut (theta = E[theta], all units), for the logit of each
image's own class, against a black image. Per example, then the mean of absolute values over the examples:

```
Saliency               |dF / dx_i|
Integrated Gradients   x_i * integral_0^1 dF/dx_i (t x) dt                        Sundararajan et al. 2017
Occlusion              F(x) - F(x with a 3 x 3 patch black), the mean over the patches that hold pixel i
Layer conductance      Integrated Gradients through a unit's output theta_j h_j   Dhamdhere et al. 2018
```
A channel's conductance is the sum over its map. Nothing is drawn: the same images give the same numbers.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass

import numpy as np
import torch
from scipy.stats import spearmanr
from torch import Tensor, nn

from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of
from sbp.spec.images import by

IMAGE = (1, 28, 28)
# Points of the integral: against 128, no mean on a trained LeNet-500-300 moved by 0.5 % of the largest (n = 40).
STEPS = 32
PATCH = 3
BATCH = 50  # examples at a time; an integral holds STEPS times as many
LEAST = 5  # fewer units than this have no rank correlation worth a number


@dataclass(frozen=True)
class Attributions:
    """Means of absolute attributions over n examples, float64.

    pixels: [784] by method: "saliency", "integrated_gradients", "occlusion". units: conductance [units] by the name of
    the noise layer, the pixels' own left out, since theirs is Integrated Gradients.
    """

    n: int
    pixels: dict[str, np.ndarray]
    units: dict[str, np.ndarray]


def attribute(network: nn.Module, images: Tensor, labels: Tensor, steps: int = STEPS) -> Attributions:
    """Attributions of images [n, 1, 28, 28] to the logits of their labels [n]; the network is left as it was.

    Raises ValueError when there are no images, or not as many labels, or the network reads images of another shape.

    >>> from sbp.networks.registry import build
    >>> found = attribute(build("lenet-500-300", (4, 3)), torch.rand(2, 1, 28, 28), torch.tensor([3, 7]))
    >>> sorted(found.pixels), {name: values.shape for name, values in found.units.items()}
    (['integrated_gradients', 'occlusion', 'saliency'], {'dense1': (4,), 'dense2': (3,)})
    """
    # Not above: importing Captum brings matplotlib, which writes its caches.
    from captum.attr import IntegratedGradients, LayerConductance, Occlusion, Saliency

    if not len(images) or len(images) != len(labels):
        raise ValueError(f"Expected as many labels as images, at least one; got {len(images)} and {len(labels)}.")
    description = described(network)
    if description.image != IMAGE:
        raise ValueError(
            f"Attributions are of images of {by(IMAGE)}, whose pixels are units; {description.name} reads "
            f"{by(description.image)}."
        )
    full = whole(network)
    layers = [layer for layer in description.groups if layer.kind != "pixel"]
    layout = joint_noise_of(full).layout
    # What comes into the first layer that reads a group is the group's units, times theta.
    readers = {layer.name: full.get_submodule(layout.readers(layer.name)[0]) for layer in layers}
    pixels = {name: np.zeros(784) for name in ("saliency", "integrated_gradients", "occlusion")}
    units = {layer.name: np.zeros(layer.units) for layer in layers}
    for start in range(0, len(images), BATCH):
        part = images[start : start + BATCH].detach().requires_grad_()
        target = labels[start : start + BATCH]
        pixels["saliency"] += _total(Saliency(full).attribute(part, target=target))
        integral = IntegratedGradients(full).attribute(part, target=target, n_steps=steps)
        pixels["integrated_gradients"] += _total(integral)
        with torch.no_grad():
            window = (1, PATCH, PATCH)
            pixels["occlusion"] += _total(Occlusion(full).attribute(part, window, target=target))
        for layer in layers:
            # It adds up the changes of the layer from step to step: Gauss-Legendre would leave out both ends.
            conductance = LayerConductance(full, readers[layer.name]).attribute(
                part, target=target, n_steps=steps, method="riemann_trapezoid", attribute_to_layer_input=True
            )
            by_unit = conductance.reshape(len(part), layer.units, -1).sum(dim=2)
            units[layer.name] += _total(by_unit)
    n = len(images)
    return Attributions(n, {k: v / n for k, v in pixels.items()}, {k: v / n for k, v in units.items()})


def whole(network: nn.Module) -> nn.Module:
    """A copy in eval mode that keeps every unit: theta = E[theta], nothing removed."""
    full = copy.deepcopy(network).eval().requires_grad_(False)
    noise = joint_noise_of(full)
    noise.set_masks({name: torch.ones_like(keep) for name, keep in noise.keep.items()})
    return full


def balanced(labels: np.ndarray, per_class: int) -> np.ndarray:
    """Places of the first `per_class` examples of each class, in rising order.

    >>> balanced(np.array([7, 2, 7, 7, 2, 1]), 2).tolist()
    [0, 1, 2, 4, 5]
    """
    labels = np.asarray(labels)
    return np.sort(np.concatenate([np.flatnonzero(labels == label)[:per_class] for label in np.unique(labels)]))


def rank_correlation(one: np.ndarray, other: np.ndarray, where: np.ndarray | None = None) -> float | None:
    """Spearman's rank correlation over the units in `where` (bool, all by default); None where there is none to state:
    fewer than five units, or a side that does not vary.

    >>> rank_correlation(np.arange(6), np.array([1, 2, 3, 5, 8, 13]))
    1.0
    """
    chosen = np.ones(len(one), bool) if where is None else np.asarray(where, bool)
    first, second = np.asarray(one, np.float64)[chosen], np.asarray(other, np.float64)[chosen]
    if len(first) < LEAST or not np.ptp(first) or not np.ptp(second):
        return None
    return float(round(spearmanr(first, second).statistic, 6))


def _total(attributions: Tensor) -> np.ndarray:
    return attributions.detach().abs().double().flatten(1).sum(dim=0).cpu().numpy()

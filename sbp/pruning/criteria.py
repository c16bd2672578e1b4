"""Criteria: what a unit is worth, by the noise, by its weights, or by lot. Plain NumPy, so that pages can use it.

score -> mask -> apply: a criterion gives every unit a number, higher = keep; a threshold on it gives masks
(`keep_masks`), or a count per layer does (`keep_top`); `sbp.compaction` applies them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

import numpy as np

from sbp.distributions import moments
from sbp.pruning.bmrs import delta_f_normal, delta_f_uniform
from sbp.pruning.masks import Masks
from sbp.spec.description import WeightLayer
from sbp.spec.layout import Group
from sbp.spec.networks import SPECS
from sbp.spec.noise import SNR_THRESHOLD

Scores = dict[str, np.ndarray]


@dataclass(frozen=True)
class CriterionInputs:
    """All that a criterion may look at, of a run's last snapshot and its weights.

    layers: the noise layers. loc, log_scale: mu and log sigma, [units] by layer name. log_low, log_high: a and b.
    weights: the arrays of model.safetensors by name ("dense1.weight"); only L1 needs them. seed: of the lot.
    """

    layers: tuple[Group, ...]
    loc: Mapping[str, np.ndarray]
    log_scale: Mapping[str, np.ndarray]
    log_low: float = -20.0
    log_high: float = 0.0
    weights: Mapping[str, np.ndarray] = field(default_factory=dict)
    seed: int = 0


@dataclass(frozen=True)
class Criterion:
    """A way to score units. natural: the threshold that it proposes itself; None for a yardstick, which has none.

    score: CriterionInputs -> float64 [units] by layer name, higher = keep.
    """

    name: str
    title: str
    natural: float | None
    score: Callable[[CriterionInputs], Scores]


def keep_top(scores: Mapping[str, np.ndarray], counts: Mapping[str, int], layers: Sequence[Group] = ()) -> Masks:
    """The `counts[name]` best units of each layer, ties to the first: as many as another criterion keeps.

    layers: where a layer's features belong to channels, only features of kept channels are taken, and the best of each
    such channel first, so that `propagate` leaves the counts as they are (if each was closed when it was counted).

    >>> keep_top({"dense1": np.array([0.1, 0.7, 0.4, 0.7])}, {"dense1": 2})["dense1"].tolist()
    [False, True, False, True]
    """
    parents = {layer.name: layer.parent for layer in layers if layer.parent}
    masks: Masks = {}
    for name in sorted(scores, key=lambda it: it in parents):  # channels before their features
        values = np.asarray(scores[name], np.float64)
        rank = np.empty(len(values))
        rank[np.argsort(-values, kind="stable")] = np.arange(len(values))
        if name in parents:
            alive = masks[parents[name]]
            by_channel = rank.reshape(len(alive), -1)
            by_channel[np.arange(len(alive)), by_channel.argmin(axis=1)] -= len(values)
            by_channel[~alive] = np.inf
        chosen = np.argsort(rank, kind="stable")[: counts[name]]
        masks[name] = np.isin(np.arange(len(values)), chosen) & np.isfinite(rank)
    return {name: masks[name] for name in scores}


def snr_scores(inputs: CriterionInputs) -> Scores:
    """SNR = E[theta] / sqrt(Var[theta]) (eq. 19, mended): the paper's own."""
    return _of_noise(inputs, moments.snr)


def bmrs_n_scores(inputs: CriterionInputs) -> Scores:
    """-Delta F of the prior narrowed to theta = e^a: `sbp.pruning.bmrs`."""
    return _of_noise(inputs, lambda *q: -delta_f_normal(*q))


def bmrs_u_scores(inputs: CriterionInputs) -> Scores:
    """-Delta F of the prior narrowed to theta below 2^-8: `sbp.pruning.bmrs`."""
    return _of_noise(inputs, lambda *q: -delta_f_uniform(*q))


def l1_scores(inputs: CriterionInputs) -> Scores:
    """Sum of |w| over the weights that a unit owns, biases and noise left out.

    A channel or neuron owns the weights that make it (its filter, its row; where several layers add up in it, one of
    each); a pixel or feature, which no weights make, those that read it (its column). Raises ValueError when the
    inputs has no such weights.
    """
    return {layer.name: _l1_of(layer, inputs) for layer in inputs.layers}


def random_scores(inputs: CriterionInputs) -> Scores:
    """Uniform numbers by `seed`, another stream for each layer: what any criterion must beat."""
    return {
        layer.name: np.random.default_rng([inputs.seed, place]).random(layer.units)
        for place, layer in enumerate(inputs.layers)
    }


CRITERIA: dict[str, Criterion] = {
    criterion.name: criterion
    for criterion in (
        Criterion("snr", "SNR", SNR_THRESHOLD, snr_scores),
        Criterion("bmrs_n", "BMRS_N", 0.0, bmrs_n_scores),
        Criterion("bmrs_u", "BMRS_U", 0.0, bmrs_u_scores),
        Criterion("l1", "L1 norm", None, l1_scores),
        Criterion("random", "Random", None, random_scores),
    )
}


def _of_noise(inputs: CriterionInputs, function: Callable[..., np.ndarray]) -> Scores:
    """A function of (mu, log sigma, a, b) for every layer, in float64 as the layers' own `keep` is decided."""
    ends = inputs.log_low, inputs.log_high
    units = {
        it.name: [np.asarray(q[it.name], np.float64) for q in (inputs.loc, inputs.log_scale)] for it in inputs.layers
    }
    return {name: function(*parameters, *ends) for name, parameters in units.items()}


def _l1_of(layer: Group, inputs: CriterionInputs) -> np.ndarray:
    owned, axis = _owned(layer, _wiring_of(inputs.layers))
    norms = [_magnitude(layer, f"{weights.name}.weight", axis, inputs) for weights in owned]
    return np.sum([np.zeros(layer.units), *norms], axis=0)


def _magnitude(layer: Group, name: str, axis: int, inputs: CriterionInputs) -> np.ndarray:
    array = inputs.weights.get(name)
    if array is None or array.shape[axis] != layer.units:
        what = "none" if array is None else f"shape {array.shape}"
        raise ValueError(
            f"L1 of {layer.name}: expected {name} with {layer.units} entries on axis {axis}, "
            f"got {what}; give CriterionInputs the arrays of model.safetensors."
        )
    magnitude = np.abs(np.asarray(array, np.float64))
    return magnitude.sum(axis=tuple(other for other in range(magnitude.ndim) if other != axis))


def _owned(layer: Group, wiring: tuple[WeightLayer, ...]) -> tuple[list[WeightLayer], int]:
    """The weights that make these units and their axis of outputs; else those that read them and their inputs' axis,
    which are none of pixels that convolutions read, all with the same weights."""
    makes = [weights for weights in wiring if weights.makes == layer.name]
    if makes:
        return makes, 0
    return [weights for weights in wiring if layer.name in weights.reads], 1


def _wiring_of(layers: tuple[Group, ...]) -> tuple[WeightLayer, ...]:
    """The layers of weights of the network that has just these groups, pixels apart, which a run may add."""
    names = _without_pixels(layers)
    for network in SPECS.values():
        if names == _without_pixels(network.groups):
            return network.weights
    raise ValueError(f"L1: no known network has the groups {sorted(names)}.")


def _without_pixels(layers: tuple[Group, ...]) -> tuple[str, ...]:
    return tuple(layer.name for layer in layers if layer.kind != "pixel")

"""Names and sentences about layers and runs, so that every page and picture says a thing in the same words."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from sbp.spec.description import Description
from sbp.spec.images import IMAGES
from sbp.spec.layout import Group
from sbp.spec.method import KL_METHODS
from sbp.spec.networks import OWN, SPECS

if TYPE_CHECKING:
    from sbp.viz.tables import Run

NETWORK = {name: spec.title for name, spec in SPECS.items()}
DATASET = {name: images.title for name, images in IMAGES.items()} | {OWN: "own data"}
# What a run is at, followed by the number of the epoch; of the main phase it is "Epoch".
PHASES = {"pretrain": "Pretraining without noise, epoch", "finetune": "Fine-tuning, epoch"}
MANY = 6  # layers that are still said one by one
_PLURAL = {"pixel": "pixels", "channel": "channels", "feature": "features", "neuron": "neurons"}


def layer_title(layer: Group) -> str:
    """What a layer is called on a page: `conv1` is "Conv 1"."""
    return layer_name(layer.name)


def layer_name(name: str) -> str:
    """What a layer of weights is called on a page; one of an `nn.Sequential` has a number for a name.

    >>> layer_name("conv3_2"), layer_name("dense1"), layer_name("stages.0.1.conv2"), layer_name("0.2")
    ('Conv 3-2', 'Dense 1', 'Stages 0.1 conv 2', 'Layer 0.2')
    """
    if name[:1].isdigit():
        name = f"layer.{name}"
    spaced = re.sub(r"(?<=[a-z])(?=\d)|(?<=\d)\.(?=[a-z])|(?<=[a-z])\.(?=\w)", " ", name).replace(". ", " ")
    said = re.sub(r"(?<=\d)_(?=\d)", "-", spaced)
    said = said.replace("_", " ").strip()
    return said[:1].upper() + said[1:]


def units_of(layer: Group, count: int | None = None) -> str:
    """The word for a layer's units, in the singular for one: "pixel", "channels"."""
    return layer.kind if count == 1 else _PLURAL.get(layer.kind, layer.kind + "s")


def random_labels(share: float) -> str:
    """What a run was trained on where a share of its training labels is random, "" where none is.

    >>> [random_labels(share) for share in (0.0, 0.2, 1.0)]
    ['', '20 % random labels', 'random labels']
    """
    return "" if not share else "random labels" if share == 1 else f"{100 * share:g} % random labels"


def with_random_labels(share: float) -> str:
    """The same after what it was trained on: " with 20 % random labels"."""
    return f" with {random_labels(share)}" if share else ""


def run_title(run: Run) -> str:
    """A run in a few words: "LeNet-500-300 on MNIST"."""
    data = run.config.data
    on = ", ".join(filter(None, (DATASET.get(data.dataset, data.dataset), random_labels(data.random_share))))
    return f"{run.description.title} on {on}"


def duration(seconds: float | None) -> str:
    """A time in the unit that suits it.

    >>> [duration(s) for s in (0.4, 48, 95, 3700, None)]
    ['under 1 s', '48 s', '1 min 35 s', '1 h 2 min', 'unknown']
    """
    if seconds is None or seconds != seconds:
        return "unknown"
    if seconds < 1:
        return "under 1 s"
    total = round(seconds)
    if total < 60:
        return f"{total} s"
    if total < 3600:
        return f"{total // 60} min {total % 60} s" if total % 60 else f"{total // 60} min"
    minutes = round(total / 60)
    return f"{minutes // 60} h {minutes % 60} min"


def signed(value: float, spec: str = "g") -> str:
    """A number in the given format, with a true minus sign.

    >>> signed(-5.0), signed(-0.123, ".2f")
    ('−5', '−0.12')
    """
    return f"{value:{spec}}".replace("-", "−")


def count_of(kept: int, layer: Group) -> str:
    """As "245 of 784 pixels"."""
    return f"{kept:,} of {layer.units:,} {units_of(layer)}"


def widths(counts: Iterable[int]) -> str:
    """Units layer by layer, the way the paper writes them.

    >>> widths([784, 500, 300])
    '784–500–300'
    """
    return "–".join(str(int(count)) for count in counts)


def widths_of(network: str | Description, counts: Sequence[int]) -> str:
    """The same, of a network of many layers block by block, so that a line of them breaks and can be read.

    Fewer counts than layers are those of the first layers.

    >>> widths_of("lenet-500-300", [784, 500, 300])
    '784–500–300'
    >>> widths_of("vgg-like", [64, 62, 128, 126, 234, 155, 31, 79, 73, 9, 59, 73, 56, 56, 27])
    '64–62 128–126 234–155–31 79–73–9 59–73–56 56 27'
    """
    if len(counts) <= MANY:
        return widths(counts)
    layers = (SPECS[network] if isinstance(network, str) else network).groups
    blocks: dict[str, list[int]] = {}
    for layer, count in zip(layers, counts, strict=False):
        blocks.setdefault(layer.name.partition("_")[0], []).append(count)
    return " ".join(map(widths, blocks.values()))


def in_all(counts: Sequence[int]) -> str:
    """Units layer by layer, or of more layers than one reads at a glance, the sum.

    >>> in_all([784, 500, 300]), in_all([64] * 15)
    ('784–500–300', '960')
    """
    return widths(counts) if len(counts) <= MANY else f"{sum(counts):,}"


def estimate(mean: float, half_width: float | None, spread: float | None, digits: int, unit: str = "") -> str:
    """A mean over seeds, ± the half-width of its 95 % interval, and in brackets the sample standard deviation.

    >>> estimate(1.537, 0.062, 0.086, 2), estimate(24885.0, None, None, 0, " MACs")
    ('1.54 ± 0.06 (0.09)', '24,885 MACs')
    """
    spelt = f"{mean:,.{digits}f}" + ("" if half_width is None else f" ± {half_width:,.{digits}f}") + unit
    return spelt + ("" if spread is None else f" ({spread:,.{digits}f})")


def digits_of(value: float) -> int:
    """Decimals that leave about three digits.

    >>> [digits_of(value) for value in (2.397, 21.34, 155.2)]
    [2, 1, 0]
    """
    return 2 if value < 10 else 1 if value < 100 else 0


def kilo_macs(macs: float) -> str:
    """MACs per image in thousands, three digits of them or all.

    >>> kilo_macs(9560), kilo_macs(24885), kilo_macs(155284), kilo_macs(313_463_808)
    ('9.56', '24.9', '155', '313,464')
    """
    return f"{macs / 1000:,.{digits_of(macs / 1000)}f}"


def error(percent: float, kind: str, n: int | None = None) -> str:
    """An error with its kind and how many images it is of, where that is known.

    >>> error(1.25, "held-out", 2000), error(6.474, "test")
    ('1.25 % held-out error (n = 2,000)', '6.47 % test error')
    """
    return f"{percent:.2f} % {error_kind(kind, n)}"


def error_kind(kind: str, n: int | None = None) -> str:
    """The kind of an error, and how many images it is of."""
    return f"{kind} error" + (f" (n = {n:,})" if n else "")


def measured_on(measured: Mapping[str, Any]) -> str:
    """What a speed was measured on: hardware, the threads of a CPU, and processes.

    >>> measured_on({"device": "cpu", "hardware": "AMD EPYC", "threads": 2, "processes": 5})
    'AMD EPYC, 2 threads, 5 processes'
    """
    parts = [str(measured["hardware"])]
    if measured["device"] == "cpu" and (threads := measured.get("threads")):
        parts.append(f"{threads} thread{'' if threads == 1 else 's'}")
    if (processes := measured.get("processes", 1)) > 1:
        parts.append(f"{processes} processes")
    return ", ".join(parts)


def join(parts: list[str]) -> str:
    """As "a, b and c"."""
    return parts[0] if len(parts) == 1 else ", ".join(parts[:-1]) + " and " + parts[-1] if parts else ""


def bound_text(run: Mapping[str, Any]) -> str:
    """Which bound was optimised: the plain one, or one with other KL weights.

    >>> bound_text({"kl_weights": [60.0, 60.0, 1.0, 1.0]})
    'weighted bound (KL weights 60, 60, 1, 1)'
    """
    weights = run["kl_weights"]
    if run.get("method", "sbp") not in KL_METHODS:
        return "no KL"
    if not weights:
        return "KL weights not known yet"
    if set(weights) == {1.0}:
        return "plain bound (every KL weight 1)"
    return f"weighted bound (KL weights {', '.join(f'{weight:g}' for weight in weights)})"

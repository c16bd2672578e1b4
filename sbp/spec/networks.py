"""The networks that a run can name: one line each. What is in them is derived from their modules. No torch."""

from __future__ import annotations

import importlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sbp.spec.description import Description

if TYPE_CHECKING:
    from sbp.spec.network import NetworkConfig

# Derived by `python -m sbp.networks.describe`, so that a page need not build a network to know its units.
SHIPPED = Path(__file__).parent / "descriptions"


@dataclass(frozen=True)
class NetworkEntry:
    """A network's name, its title, its class ("module:Class" in `sbp.networks`), what it reads and its own widths.

    units: which units have noise beside channels and neurons, as `sbp.attach` takes it.
    """

    name: str
    title: str
    home: str
    image: tuple[int, int, int]
    widths: tuple[int, ...]
    units: Mapping[str, Any] = field(default_factory=dict)


# The network and the data of a loop that is not ours (`sbp.track`): the folder of its run alone describes it.
OWN = "own"
DIGIT, COLOUR = (1, 28, 28), (3, 32, 32)
PIXELS, FLATTENED = {"pixels": True}, {"features": ("dense1",)}
_VGG = (64, 64, 128, 128, 256, 256, 256, *[512] * 7)
NETWORKS: dict[str, NetworkEntry] = {
    entry.name: entry
    for entry in (
        NetworkEntry("lenet-500-300", "LeNet-500-300", "lenet_500_300:LeNet500300", DIGIT, (500, 300), PIXELS),
        NetworkEntry("lenet-5-caffe", "LeNet-5-Caffe", "lenet_5_caffe:LeNet5Caffe", DIGIT, (20, 50, 500), FLATTENED),
        NetworkEntry("vgg-like", "VGG-like", "vgg:VGGLike", COLOUR, _VGG, FLATTENED),
        NetworkEntry("resnet-20", "ResNet-20", "resnet:ResNet20", COLOUR, (16, 32, 64)),
        NetworkEntry("resnet-56", "ResNet-56", "resnet:ResNet56", COLOUR, (16, 32, 64)),
    )
}


class _Specs(Mapping[str, Description]):
    """The description of each network, read or derived when it is first asked for.

    >>> SPECS["lenet-500-300"].macs([784, 500, 300]), SPECS["lenet-5-caffe"].macs([20, 50, 800, 500])
    (545000, 2293000)
    >>> SPECS["vgg-like"].dense_macs(), SPECS["lenet-5-caffe"].unit_macs()
    (313463808, (94400, 40000, 500, 810))
    >>> SPECS["lenet-500-300"].counts([245, 160, 55])
    {'input': 245, 'dense1': 160, 'dense2': 55}
    """

    def __getitem__(self, name: str) -> Description:
        if name not in NETWORKS:
            raise KeyError(name)
        return _description(name)

    def __iter__(self) -> Iterator[str]:
        return iter(NETWORKS)

    def __len__(self) -> int:
        return len(NETWORKS)

    def __contains__(self, name: object) -> bool:
        return name in NETWORKS


SPECS: Mapping[str, Description] = _Specs()


def description_of(network: NetworkConfig) -> Description:
    """The description of the network that a run names: at its widths, with the units that it asks for.

    >>> from sbp.spec.network import NetworkConfig
    >>> [group.units for group in description_of(NetworkConfig(name="lenet-5-caffe", pixels=True)).groups]
    [784, 20, 50, 800, 500]

    Raises:
        ConfigError: it is the network of somebody's own loop, which the run's folder alone describes.
    """
    if network.name == OWN:
        raise network.wrong(
            "name", f"expected one of {', '.join(NETWORKS)}; {OWN!r} is the network of somebody's own training loop."
        )
    description = SPECS[network.name].at(network.widths)
    return description.with_pixels() if network.pixels else description


@cache
def _description(name: str) -> Description:
    path = SHIPPED / f"{name}.json"
    if path.exists():
        return Description.from_dict(json.loads(path.read_text(encoding="utf-8")))
    # Builds the network, which brings torch: only where no description is shipped.
    derived: Description = importlib.import_module("sbp.networks.describe").describe(NETWORKS[name])
    return derived


def widths_of(k: float, network: str = "vgg-like") -> tuple[int, ...]:
    """A network's widths at the scale k: width(k) = k x its own (Table 2), rounded, at least 1.

    Raises ValueError unless k is above 0.

    >>> widths_of(1.5)[:7], sum(group.units for group in SPECS["vgg-like"].layers(widths_of(1)))
    ((96, 96, 192, 192, 384, 384, 384), 5248)
    """
    if not k > 0:
        raise ValueError(f"k: expected a scale above 0, got {k!r}.")
    return tuple(max(1, round(k * width)) for width in NETWORKS[network].widths)


def scale_of(widths: Sequence[int], network: str = "vgg-like") -> float | None:
    """The scale k of which `widths_of` makes these widths; None where no k to two decimals does, or the network has no
    widths that are known here.

    >>> scale_of(()), scale_of(widths_of(1.5)), scale_of((1000, 1000), "lenet-500-300")
    (1.0, 1.5, None)
    """
    if network not in NETWORKS:
        return None
    own = NETWORKS[network].widths
    k = round(max(widths) / max(own), 2) if widths else 1.0
    return k if k > 0 and tuple(widths or own) == widths_of(k, network) else None

"""What a config has to know of a network that it only names. No torch."""

from __future__ import annotations

from typing import NamedTuple

from sbp.spec.networks import SPECS


class NetworkFacts(NamedTuple):
    """image: channels, rows and columns of what it reads. widths: its own hidden widths, first layer first."""

    image: tuple[int, int, int]
    widths: tuple[int, ...]


def network_names() -> tuple[str, ...]:
    """The networks that can be trained by name."""
    return tuple(SPECS)


def network_facts(name: str) -> NetworkFacts:
    """The facts of a network.

    Raises:
        KeyError: there is no such network.

    >>> network_facts("lenet-5-caffe")
    NetworkFacts(image=(1, 28, 28), widths=(20, 50, 500))
    """
    spec = SPECS[name]
    return NetworkFacts(spec.image, spec.widths)

"""What others published for the same networks on the same data, as data: points beside the paper's own. No torch."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path

from sbp.spec.networks import SPECS

NOT_STATED = "not stated"
LAST, BEST = "last epoch", "best test epoch"
UNITS = "units"


@dataclass(frozen=True)
class Published:
    """One point: test error in percent, and MACs, counted from `kept` where the source gives the units that are left.

    said: the reduction of MACs that the source states, where it does not give the units. counted: the MACs per image
    that the source counts, where it states them. protocol: which epoch's test error it is, by the source or its code.
    removes: what leaves the network; "low rank" says that what stays is factorised, so that the units
    that are kept do not give the MACs. level: what tells points of one method apart.

    >>> point = next(point for point in PUBLISHED if point.method == "BC-GHS")
    >>> point.fewer, point.macs
    (14.95, 153376)
    """

    network: str
    method: str
    error_percent: float
    source: str
    kept: tuple[int, ...] = ()
    said: float = 0.0
    remark: str = ""
    counted: int = 0
    protocol: str = NOT_STATED
    removes: str = UNITS
    level: str = ""

    @property
    def title(self) -> str:
        """The method, and which of its points it is where there are several."""
        return f"{self.method}, {self.level}" if self.level else self.method

    @property
    def fewer(self) -> float:
        """MACs of the original divided by these."""
        if self.kept:
            spec = SPECS[self.network]
            return round(spec.dense_macs() / spec.macs(self.kept), 2)
        return self.said

    @property
    def macs(self) -> int:
        """Multiply-accumulates per image of what is left."""
        if self.kept:
            return SPECS[self.network].macs(self.kept)
        return self.counted or round(SPECS[self.network].dense_macs() / self.said)


_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))

PUBLISHED = tuple(
    Published(network, method, error, _TABLE["sources"][source], **{**more, "kept": tuple(more.get("kept", ()))})
    for network, method, error, source, more in _TABLE["points"]
)


def points_of(network: str) -> tuple[Published, ...]:
    """The points of one network; none for a network that nobody named here has."""
    return tuple(point for point in PUBLISHED if point.network == network)

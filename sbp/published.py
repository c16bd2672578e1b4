"""What others published for the same networks on the same data, as data: points beside the paper's own. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from sbp.spec.networks import SPECS


@dataclass(frozen=True)
class Published:
    """One point: test error in percent, and how many times fewer MACs than the original, counted from `kept` where the
    source gives the units that are left, else as it says.

    >>> next(point for point in PUBLISHED if point.method == "BC-GHS").fewer
    14.95
    """

    network: str
    method: str
    error_percent: float
    source: str
    kept: tuple[int, ...] = ()
    said: float = 0.0
    remark: str = ""

    @property
    def fewer(self) -> float:
        """How many times fewer MACs than the original."""
        if self.kept:
            spec = SPECS[self.network]
            return round(spec.dense_macs() / spec.macs(self.kept), 2)
        return self.said

    @property
    def macs(self) -> int:
        """Multiply-accumulates an image of what is left."""
        return round(SPECS[self.network].dense_macs() / self.fewer)


_LEE = "Lee et al. 2018, Adaptive network sparsification with dependent variational beta-Bernoulli dropout"
_LOUIZOS_17 = "Louizos, Ullrich, Welling 2017, Bayesian compression for deep learning"
_LOUIZOS_18 = "Louizos, Welling, Kingma 2018, Learning sparse neural networks through L0 regularization"
_SUI = "Sui et al. 2021, CHIP: channel independence-based pruning for compact neural networks"
_LIN = "Lin et al. 2020, HRank: filter pruning using high-rank feature map, in the extended version HRankPlus"
_CHEN = "Chen et al. 2023, OTOv2: automatic, generic, user-friendly"

PUBLISHED = (
    Published("lenet-500-300", "BB dropout", 1.60, _LEE, said=30.0, remark="about"),
    Published(
        "lenet-500-300", "dependent BB dropout", 1.55, _LEE, said=44.0,
        remark="about, at most: which units are left depends on the image",
    ),
    Published("lenet-5-caffe", "BC-GNJ", 1.0, _LOUIZOS_17, kept=(8, 13, 88, 13)),
    Published("lenet-5-caffe", "BC-GHS", 1.0, _LOUIZOS_17, kept=(5, 10, 76, 16)),
    Published("lenet-5-caffe", "L0", 0.9, _LOUIZOS_18, kept=(20, 25, 45, 462)),
    Published("lenet-5-caffe", "L0, sep", 1.0, _LOUIZOS_18, kept=(9, 18, 65, 25)),
    # VGG-16 with batch normalisation and one dense layer: 313.73 M MACs and 6.04 % error before it is pruned.
    Published("vgg-like", "CHIP", 6.82, _SUI, said=4.69, remark="pruned from a network with 6.04 %"),
    Published("vgg-like", "HRankPlus", 6.90, _LIN, said=4.69, remark="pruned from a network with 6.04 %"),
    Published("vgg-like", "OTOv2", 6.73, _CHEN, said=3.76, remark="without fine-tuning"),
)  # fmt: skip


def points_of(network: str) -> tuple[Published, ...]:
    """The points of one network; none for a network that nobody named here has."""
    return tuple(point for point in PUBLISHED if point.network == network)

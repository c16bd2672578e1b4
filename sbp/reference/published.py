"""What others published for the same networks on the same data, as data: points beside the paper's own. No torch."""

from __future__ import annotations

from dataclasses import dataclass

from sbp.spec.networks import SPECS

NOT_STATED = "not stated"
LAST, BEST = "last epoch", "best test epoch"
UNITS, LOW_RANK = "units", "units, rest low rank"


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


_LEE = "Lee et al. 2018, Adaptive network sparsification with dependent variational beta-Bernoulli dropout"
_LOUIZOS_17 = "Louizos, Ullrich, Welling 2017, Bayesian compression for deep learning"
_LOUIZOS_18 = "Louizos, Welling, Kingma 2018, Learning sparse neural networks through L0 regularization"
_SUI = "Sui et al. 2021, CHIP: channel independence-based pruning for compact neural networks"
_LIN = "Lin et al. 2020, HRank: filter pruning using high-rank feature map, in the extended version HRankPlus"
_CHEN = "Chen et al. 2023, OTOv2: automatic, generic, user-friendly"
_DAI = "Dai et al. 2018, Compressing neural networks using the variational information bottleneck"
_LIN_19 = "Lin et al. 2019, Towards optimal structured CNN pruning via generative adversarial learning"
_PHAM_CORING = "Pham, Zniyed, Nguyen 2024, Efficient tensor decomposition-based filter pruning"
_PHAM_NORTON = "Pham, Zniyed, Nguyen 2024, Enhanced network compression through tensor decompositions and pruning"
_FROM_604 = "pruned from a network with 6.04 %"

PUBLISHED = (
    # The last epoch of beta-Bernoulli dropout and the best of L0, CHIP and NORTON: so in the code that came with each;
    # CORING's names its files of weights after the best.
    Published("lenet-500-300", "BB dropout", 1.41, _LEE, kept=(260, 100, 49), protocol=LAST, level="17x"),
    Published(
        "lenet-500-300", "BB dropout", 1.60, _LEE, kept=(227, 66, 37), remark="about", protocol=LAST, level="31x"
    ),
    Published(
        "lenet-500-300",
        "dependent BB dropout",
        1.55,
        _LEE,
        said=44.0,
        remark="about, at most: which units are left depends on the image",
        protocol=LAST,
    ),
    Published(
        "lenet-500-300",
        "VIBNet",
        1.60,
        _DAI,
        kept=(97, 71, 33),
        remark="started from 784–300–100, of whose 266,200 MACs it is 27.8 times fewer",
    ),
    Published(
        "lenet-5-caffe", "BB dropout", 0.60, _LEE, said=3.8, remark="about, from 2.5 times fewer on", protocol=LAST
    ),
    Published("lenet-5-caffe", "BC-GNJ", 1.0, _LOUIZOS_17, kept=(8, 13, 88, 13)),
    Published("lenet-5-caffe", "BC-GHS", 1.0, _LOUIZOS_17, kept=(5, 10, 76, 16)),
    Published("lenet-5-caffe", "L0", 0.9, _LOUIZOS_18, kept=(20, 25, 45, 462), protocol=BEST),
    Published("lenet-5-caffe", "L0, sep", 1.0, _LOUIZOS_18, kept=(9, 18, 65, 25), protocol=BEST),
    Published("lenet-5-caffe", "GAL", 1.01, _LIN_19, said=22.2),
    # VGG-16 with batch normalisation and one dense layer: 313.73 M MACs and 6.04 % error before it is pruned.
    Published("vgg-like", "CHIP", 6.82, _SUI, said=4.69, counted=66_950_000, remark=_FROM_604, protocol=BEST),
    Published("vgg-like", "HRankPlus", 6.90, _LIN, said=4.69, remark=_FROM_604),
    *(
        Published(
            "vgg-like",
            "CORING",
            error,
            _PHAM_CORING,
            said=said,
            counted=counted,
            remark=_FROM_604,
            protocol=BEST,
            level=f"{said:.1f}x",
        )
        for error, said, counted in ((5.58, 2.39, 131_170_000), (5.80, 2.99, 0), (6.17, 4.69, 66_950_000))
    ),
    *(
        Published(
            "vgg-like",
            "NORTON",
            error,
            _PHAM_NORTON,
            said=said,
            counted=counted,
            remark=_FROM_604,
            protocol=BEST,
            removes=LOW_RANK,
            level=f"{said:.1f}x",
        )
        for error, said, counted in ((5.89, 4.23, 74_140_000), (6.16, 8.33, 37_680_000))
    ),
    Published("vgg-like", "OTOv2", 6.73, _CHEN, said=3.76, remark="without fine-tuning"),
)


def points_of(network: str) -> tuple[Published, ...]:
    """The points of one network; none for a network that nobody named here has."""
    return tuple(point for point in PUBLISHED if point.network == network)

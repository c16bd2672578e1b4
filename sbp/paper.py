"""What the paper printed, as data: Table 1, one row a method, with the MACs that its own widths come to. No torch.

Error is on MNIST's 10,000 test images. The printed acceleration in FLOPs is kept beside the MACs counted here from the
printed widths, because on LeNet-5-Caffe the two do not agree: 2.01 against a printed 2.19, 11.36 against 3.90, 10.78
against 10.49, and no usual way of counting gives the printed column.
"""

from __future__ import annotations

from dataclasses import dataclass

from sbp.networks.specs import SPECS


@dataclass(frozen=True)
class PaperRow:
    """One row of Table 1.

    kept: units a layer as printed. counted: the units that the MACs are counted from, where the printed ones cannot
    stand. cpu, gpu, flops: printed acceleration over the original network, times (Intel Xeon E5-2630, Tesla K40).

    >>> row = next(row for row in TABLE_1 if row.network == "lenet-500-300" and row.method == "SBP")
    >>> row.macs, round(row.fewer, 2), row.flops
    (48550, 11.23, 11.23)
    """

    network: str
    method: str
    error_percent: float
    kept: tuple[int, ...]
    cpu: float
    gpu: float
    flops: float
    counted: tuple[int, ...] = ()

    @property
    def macs(self) -> int:
        """Multiply-accumulates an image of the network that is left."""
        return SPECS[self.network].macs(self.counted or self.kept)

    @property
    def fewer(self) -> float:
        """How many times fewer MACs than the original."""
        return SPECS[self.network].dense_macs() / self.macs


TABLE_1 = (
    PaperRow("lenet-500-300", "original", 1.54, (784, 500, 300), 1.0, 1.0, 1.0),
    PaperRow("lenet-500-300", "SparseVD", 1.57, (537, 217, 130), 1.19, 1.03, 3.73),
    PaperRow("lenet-500-300", "SSL", 1.49, (434, 174, 78), 2.21, 1.04, 6.06),
    PaperRow("lenet-500-300", "SBP", 1.55, (245, 160, 55), 2.33, 1.08, 11.23),
    PaperRow("lenet-5-caffe", "original", 0.80, (20, 50, 800, 500), 1.0, 1.0, 1.0),
    PaperRow("lenet-5-caffe", "SparseVD", 0.75, (17, 32, 329, 75), 1.48, 1.41, 2.19),
    # Printed with 800 inputs of the dense layer; 12 filters leave 12 x 16 = 192 of them.
    PaperRow("lenet-5-caffe", "SSL", 1.00, (3, 12, 800, 500), 5.17, 1.80, 3.90, counted=(3, 12, 192, 500)),
    PaperRow("lenet-5-caffe", "SBP", 0.86, (3, 18, 284, 283), 5.41, 1.91, 10.49),
)
HARDWARE = {"cpu": "Intel Xeon E5-2630", "gpu": "Tesla K40"}
N_TEST = 10_000


def rows_of(network: str) -> tuple[PaperRow, ...]:
    """The rows of one network, the original first; none for a network that Table 1 does not have."""
    return tuple(row for row in TABLE_1 if row.network == network)

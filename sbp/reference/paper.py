"""What the paper printed, as data: Tables 1 and 2, a row a method, with the MACs that its own widths come to. No torch.

Error is on 10,000 test images, of MNIST in Table 1 and of CIFAR-10 in Table 2. The printed acceleration in FLOPs is
kept beside the MACs counted here from the printed widths, because on LeNet-5-Caffe the two do not agree: 2.01 against a
printed 2.19, 11.36 against 3.90, 10.78 against 10.49, and no usual way of counting gives the printed column. On
VGG-like they agree in every row.
"""

from __future__ import annotations

from dataclasses import dataclass

from sbp.spec import RunConfig
from sbp.spec.networks import COLOUR, DIGIT, NETWORKS, SPECS, scale_of, widths_of


@dataclass(frozen=True)
class PaperRow:
    """One row of a table.

    kept: units per layer as printed. counted: the units that the MACs are counted from, where the printed ones cannot
    stand, or are not one per noise layer. scale: k, the width factor of the original network. cpu, gpu, flops: printed
    acceleration over the original network, times (Intel Xeon E5-2630, Tesla K40).

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
    scale: float = 1.0

    @property
    def macs(self) -> int:
        """Multiply-accumulates per image of the network that is left."""
        return SPECS[self.network].macs(self.counted or self.kept)

    @property
    def fewer(self) -> float:
        """MACs of the original divided by these."""
        return SPECS[self.network].dense_macs(widths_of(self.scale, self.network)) / self.macs


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


# What is to be known of the paper's rows of a network, by its name.
REMARKS = {
    "lenet-5-caffe": "On this network the printed FLOPs do not follow from the printed units by any usual count; SSL "
    "is counted with the 192 inputs that its 12 filters leave.",
}


def _table_2(
    scale: float, method: str, error_percent: float, widths: str, cpu: float, gpu: float, flops: float
) -> PaperRow:
    """A row of Table 2 from its widths as printed: 13 convolutions and, in the pruned rows, the hidden dense layer,
    which in the original is as wide as the last of them. The features that enter it are the last channels.
    """
    kept = tuple(int(width) for width in widths.split())
    channels, dense = kept[:13], kept[13] if len(kept) > 13 else kept[-1]
    counted = (*channels, channels[-1], dense)
    return PaperRow("vgg-like", method, error_percent, kept, cpu, gpu, flops, counted, scale)


TABLE_2 = (
    _table_2(1.0, "original", 7.2, "64 64 128 128 256 256 256 512 512 512 512 512 512", 1.0, 1.0, 1.0),
    _table_2(1.0, "SparseVD", 7.2, "64 62 128 126 234 155 31 81 76 9 138 101 413 373", 2.50, 1.69, 2.27),
    _table_2(1.0, "SBP", 7.5, "64 62 128 126 234 155 31 79 73 9 59 73 56 27", 2.71, 1.74, 2.30),
    _table_2(1.0, "SBP with KL weights", 9.0, "44 54 92 115 234 155 31 76 55 9 34 35 21 280", 3.68, 2.06, 3.16),
    _table_2(1.5, "original", 6.8, "96 96 192 192 384 384 384 768 768 768 768 768 768", 1.0, 1.0, 1.0),
    _table_2(1.5, "SparseVD", 7.0, "96 78 191 146 254 126 27 79 74 9 137 100 416 479", 3.35, 2.16, 3.27),
    _table_2(1.5, "SBP", 7.2, "96 77 190 146 254 126 26 79 70 9 71 82 79 49", 3.63, 2.17, 3.32),
    _table_2(1.5, "SBP with KL weights", 7.8, "77 74 161 146 254 125 26 78 66 9 47 55 54 237", 4.47, 2.47, 3.93),
)
HARDWARE = {"cpu": "Intel Xeon E5-2630", "gpu": "Tesla K40"}
N_TEST = 10_000
TABLES = {"table-1": TABLE_1, "table-2": TABLE_2}


def rows_of(network: str, scale: float | None = 1.0) -> tuple[PaperRow, ...]:
    """The rows of one network at a width factor, the original first; none for one that the tables do not have."""
    return tuple(row for row in all_of(network) if row.scale == scale)


def all_of(network: str) -> tuple[PaperRow, ...]:
    """The rows of one network at every width factor."""
    return tuple(row for table in TABLES.values() for row in table if row.network == network)


def rows_beside(config: RunConfig) -> tuple[tuple[PaperRow, ...], bool]:
    """The rows of a run's network at its width, and whether its errors are on the data of theirs.

    >>> rows, comparable = rows_beside(RunConfig.flat(network="lenet-5-caffe", dataset="fashion-mnist"))
    >>> len(rows), comparable
    (4, False)
    """
    network, data = config.network.name, config.data
    rows = rows_of(network, scale_of(config.network.widths, network))
    return rows, data.dataset == dataset_of(network) and not data.random_share


def table_of(network: str) -> str:
    """The name of the table that a network is in; "" for one that the tables do not have.

    >>> table_of("vgg-like"), table_of("mine")
    ('table-2', '')
    """
    return next((name for name, rows in TABLES.items() if any(row.network == network for row in rows)), "")


def dataset_of(network: str) -> str:
    """The data set that the paper's rows and those of others are on, for a network of this project.

    >>> dataset_of("lenet-5-caffe"), dataset_of("vgg-like"), dataset_of("mine")
    ('mnist', 'cifar-10', '')
    """
    images = {DIGIT: "mnist", COLOUR: "cifar-10"}
    return images[NETWORKS[network].image] if network in NETWORKS else ""

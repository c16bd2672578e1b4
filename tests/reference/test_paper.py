"""The paper's rows: what it prints agrees with what its own widths come to, but where it is known not to."""

from __future__ import annotations

import pytest

from sbp.reference.paper import TABLE_1, TABLE_2, rows_of
from sbp.spec.networks import SPECS


@pytest.mark.parametrize("row", rows_of("lenet-500-300"), ids=lambda row: row.method)
def test_the_fully_connected_rows_reproduce_the_printed_flops(row: object) -> None:
    assert round(row.fewer, 2) == row.flops  # type: ignore[attr-defined]


def test_the_convolutional_rows_differ_from_print_as_known() -> None:
    fewer = {row.method: round(row.fewer, 2) for row in rows_of("lenet-5-caffe")}
    # By hand: SBP 24·24·25·3 + 8·8·25·3·18 + 284·283 + 283·10 = 212,802 of 2,293,000, SparseVD 1,140,625.
    assert fewer == {"original": 1.0, "SparseVD": 2.01, "SSL": 11.36, "SBP": 10.78}
    assert {row.method: row.flops for row in rows_of("lenet-5-caffe")} == {
        "original": 1.0,
        "SparseVD": 2.19,
        "SSL": 3.90,
        "SBP": 10.49,
    }


@pytest.mark.parametrize("row", TABLE_2, ids=lambda row: f"{row.scale} {row.method}")
def test_the_rows_of_vgg_like_reproduce_the_printed_flops(row: object) -> None:
    """With the fourteenth number taken as the width of the hidden dense layer; it is what closes the sum."""
    assert round(row.fewer, 2) == row.flops  # type: ignore[attr-defined]
    assert len(row.counted) == len(SPECS["vgg-like"].layers())  # type: ignore[attr-defined]


def test_sbp_on_vgg_like_by_hand() -> None:
    row = next(row for row in rows_of("vgg-like") if row.method == "SBP")
    widths = (3, 64, 62, 128, 126, 234, 155, 31, 79, 73, 9, 59, 73, 56)
    places = (1024, 1024, 256, 256, 64, 64, 64, 16, 16, 16, 4, 4, 4)
    conv = sum(9 * a * b * n for a, b, n in zip(widths[:-1], widths[1:], places, strict=True))
    assert row.macs == conv + 56 * 27 + 27 * 10


def test_a_network_that_the_paper_does_not_have_has_no_rows() -> None:
    assert rows_of("mine") == ()
    assert {row.network for row in TABLE_1} == {"lenet-500-300", "lenet-5-caffe"}
    assert [row.error_percent for row in rows_of("vgg-like", 1.5)] == [6.8, 7.0, 7.2, 7.8]
    assert rows_of("lenet-500-300", 1.5) == ()

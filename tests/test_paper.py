"""The paper's rows: what it prints agrees with what its own widths come to, but where it is known not to."""

from __future__ import annotations

import pytest

from sbp.paper import TABLE_1, rows_of


@pytest.mark.parametrize("row", rows_of("lenet-500-300"), ids=lambda row: row.method)
def test_the_fully_connected_rows_reproduce_the_printed_flops(row: object) -> None:
    assert round(row.fewer, 2) == row.flops  # type: ignore[attr-defined]


def test_the_convolutional_rows_differ_from_print_as_known() -> None:
    fewer = {row.method: round(row.fewer, 2) for row in rows_of("lenet-5-caffe")}
    # By hand: SBP 24·24·25·3 + 8·8·25·3·18 + 284·283 + 283·10 = 212,802 of 2,293,000, SparseVD 1,140,625.
    assert fewer == {"original": 1.0, "SparseVD": 2.01, "SSL": 11.36, "SBP": 10.78}
    assert {row.method: row.flops for row in rows_of("lenet-5-caffe")} == {
        "original": 1.0, "SparseVD": 2.19, "SSL": 3.90, "SBP": 10.49,
    }  # fmt: skip


def test_a_network_that_the_paper_does_not_have_has_no_rows() -> None:
    assert rows_of("mine") == ()
    assert {row.network for row in TABLE_1} == {"lenet-500-300", "lenet-5-caffe"}

"""Figures of answers: each mark makes a valid chart of its columns, and names of any kind are told apart."""

from __future__ import annotations

from typing import Any

import pytest

from sbp.viz import answers

LINES = [{"a, %": value, "b": 1.0 + value, "kind": f"kind {value % 9}"} for value in range(1, 28)]


def drawn(mark: str, **more: Any) -> dict[str, Any]:
    x, of = ("kind", "kind") if mark == "bars" else ("a, %", "b" if mark == "map" else "kind")
    spec: dict[str, Any] = answers.chart(LINES, mark, x, "b", of, "Said.", **more).to_dict()
    return spec


@pytest.mark.parametrize("mark", ["points", "lines", "bars", "map"])
@pytest.mark.parametrize("dark", [False, True])
def test_each_mark_makes_a_chart(mark: str, dark: bool) -> None:
    spec = drawn(mark, dark=dark)
    assert spec["description"] == "Said."
    (data,) = spec["datasets"].values()
    assert len(data) == len(LINES)


def test_axes_are_logarithmic_where_asked() -> None:
    encoding = drawn("points", log="y")["encoding"]
    assert "type" not in encoding["x"]["scale"]
    assert encoding["y"]["scale"]["type"] == "log"
    assert encoding["y"]["scale"]["domain"] == [0.8 * 2, 1.25 * 28]


def test_long_names_stand_below_each_other_and_those_of_runs_in_lines() -> None:
    lines = [{"run": "LeNet-500-300, Table 1", "b": 1.0, "kind": "KL weights 205, 40, 1, 1"}]
    encoding = answers.chart(lines, "bars", "run", "b", "kind", "Said.").to_dict()["encoding"]
    assert encoding["color"]["legend"]["columns"] == 1
    assert "'-, '" in encoding["x"]["axis"]["labelExpr"]


def test_names_keep_their_order_and_each_has_a_colour_or_a_shape_of_its_own() -> None:
    colour = drawn("points")["encoding"]["color"]
    names = [f"kind {value % 9}" for value in range(1, 10)]
    assert colour["sort"] == names
    assert len(colour["scale"]["range"]) == len(names)

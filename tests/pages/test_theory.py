"""Page Theory: it opens with numbers, follows its link, and shows every part of the page on the paper."""

from __future__ import annotations

import math
import re

import pytest
from streamlit.testing.v1 import AppTest

from pages.shared.documents import sections
from sbp.viz import theory
from tests.pages.opened import healthy, opened, texts


def shown(at: AppTest) -> list[str]:
    return [element.value.strip("$\n") for element in at.latex]


def test_it_opens_on_the_gate_where_equation_19_is_wrong() -> None:
    at = healthy(opened("theory"))
    assert shown(at) == [formula.latex for formula in theory.formulas(0.0, 0.0, -20.0, 0.0)]
    assert "1.172" in texts(at)
    assert not at.warning


def test_a_link_sets_the_numbers_and_typing_changes_the_link() -> None:
    at = healthy(opened("theory", mu="-1.5", sigma="20", a="-3"))
    gate = (-1.5, math.log(20), -3.0, 0.0)
    assert shown(at)[1] == theory.formulas(*gate)[1].latex
    at = healthy(at.number_input[1].set_value(2.5).run())
    assert at.query_params["sigma"] == "2.5"
    assert shown(at)[1] == theory.formulas(-1.5, math.log(2.5), -3.0, 0.0)[1].latex


def test_it_shows_the_same_numbers_when_one_comes_back() -> None:
    at = opened("theory", mu="-1.5", sigma="20")
    before = shown(at)
    at.query_params.clear()  # as a click on another page does
    at = healthy(at.run())
    assert shown(at) == before
    assert at.query_params["sigma"] == "20"


@pytest.mark.parametrize("link", [{"sigma": "-4"}, {"a": "2", "b": "1"}, {"mu": "9"}, {"mu": "<b>x</b>"}])
def test_a_bad_link_falls_back_and_says_so(link: dict[str, str]) -> None:
    at = healthy(opened("theory", **link))
    assert len(at.warning) == 1


def test_the_paper_is_shown_whole_and_as_streamlit_writes_it() -> None:
    parts = sections("paper")
    assert list(parts) == [
        "",
        "The central formulas",
        "What is misprinted",
        "What later work says",
        "References",
    ]
    for text in parts.values():
        assert not re.search(r"\]\[|\\\(|\\\)", text)
        assert text

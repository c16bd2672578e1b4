"""Page One gate without a browser: where it opens, what it says of a bad link, what it remembers."""

from __future__ import annotations

import json
import math
import re
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from pages.gate import view
from pages.gate.component import FOLDER
from pages.shared.assets import bundle
from sbp.distributions.one_step import one_step
from tests.pages.opened import healthy, opened, texts

OPENING = {"mu": 0.0, "sigma": 1.0, "a": -20.0, "b": 0.0}


def given(at: AppTest, what: str = "view") -> dict[str, Any]:
    """The view, or the step, that the component was given."""
    component = next(element for element in at.get("bidi_component") if element.proto.component_name == "one_gate")
    return dict(json.loads(component.proto.json)[what])


def test_it_opens_where_the_paper_is_right_and_the_unit_is_kept() -> None:
    at = healthy(opened("gate"))
    assert given(at) == OPENING
    assert not at.warning


def test_a_link_says_where_it_opens() -> None:
    at = healthy(opened("gate", mu="-1.5", sigma="20", a="-3"))
    assert given(at) == {"mu": -1.5, "sigma": 20.0, "a": -3.0, "b": 0.0}
    assert not at.warning


@pytest.mark.parametrize(
    ("link", "said", "shown"),
    [
        ({"mu": "abc"}, "The link says mu = `'abc'`; expected a number from -45 to 10.", OPENING),
        ({"sigma": "-4"}, "expected a number from 0.00034 to 148. Shown instead: 1.", OPENING),
        ({"sigma": "nan"}, "The link says sigma = `'nan'`", OPENING),
        ({"b": "inf"}, "The link says b = `'inf'`", OPENING),
        ({"a": "2", "b": "1"}, "expected b at least 0.5 above a. Shown instead: a = -20, b = 0.", OPENING),
        ({"mu": "9"}, "expected a number from -25 to 5 on this interval. Shown instead: 5.", {**OPENING, "mu": 5.0}),
        ({"mu": "<b>x</b>" * 9}, "The link says mu = `'<b>x</b>", OPENING),
    ],
)
def test_a_bad_link_falls_back_and_says_so(link: dict[str, str], said: str, shown: dict[str, float]) -> None:
    at = healthy(opened("gate", **link))
    assert said in at.warning[0].value
    assert given(at) == shown


def test_what_was_let_go_is_remembered_and_never_sent_back_into_the_drag() -> None:
    at = opened("gate")
    let_go = {"mu": -2.0, "sigma": 3.0, "a": -20.0, "b": 0.0}
    at.session_state[view.LAST] = let_go
    at.session_state["gate"] = {"view": let_go}
    at.session_state[view.DRAW] = 3
    at = healthy(at.run())
    step = given(at, "step")
    assert (step["view"], step["draw"]) == (let_go, 3), "the step is that of the gate as it was let go"
    assert step["theta"] == pytest.approx(one_step(-2.0, math.log(3.0), -20.0, 0.0, 3).theta)
    assert given(at) == OPENING, "as long as the component is on the page it keeps what it was given"
    del at.session_state["gate"]
    at = healthy(at.run())
    assert given(at) == let_go, "back from another page it starts where it was let go"
    assert at.query_params["sigma"] == "3"


def test_the_scripts_are_one_module_with_one_export() -> None:
    script = bundle(f"{FOLDER}/gate.js")
    assert script.count("export default") == 1
    assert "\nimport " not in script
    names = re.findall(r"^(?:function|const|let|class) (\w+)", script, re.MULTILINE)
    assert len(names) == len(set(names)), "two files of the component name one thing alike"


def test_the_surface_of_the_snr_is_made_only_when_it_is_opened() -> None:
    at = opened("gate", mu="-2", sigma="20")
    assert not healthy(at).get("plotly_chart")
    at.session_state["gate-surface"] = True
    at.run()
    assert len(healthy(at).get("plotly_chart")) == 1
    assert "At mu = −2 and log sigma = 3 the SNR is" in texts(at)

"""What a link may say, on every page: each wrong value is named, and the epoch goes along from page to page."""

from __future__ import annotations

from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from pages.random_labels import run_pair
from pages.router import PAGES
from pages.shared import server, state
from sbp.runs import store
from tests.made_up import write_run
from tests.pages.opened import healthy, opened, played

# A wrong value of each field: what no page can read, then what is read and is not there.
WRONG = {"epoch": "soon", "speed": "99", "mean": "ten", "drawn": "<svg>", "brush": "0", "digit": "-1", "t": "0"}
WRONG |= {"unit": "-1", "sort": "up", "density": "x", "pair": "x", "slide": "0", "tour": "9", "show": "a{}"}
WRONG |= dict.fromkeys(("mu", "sigma", "a", "b"), "<b>")
WRONG |= dict.fromkeys(("run", "layer", "hand", "network", "row", "deck", "compare", "search"), "nope")


def said(at: AppTest) -> str:
    return "\n".join(warning.value for warning in healthy(at).warning)


@pytest.mark.parametrize("field", state.FIELDS, ids=lambda field: f"{field.page}-{field.name}")
def test_every_wrong_value_is_named(field: state.Field, recorded: str) -> None:
    value, page = WRONG[field.name], "story" if field.page in ("tour", "frame") else field.page.replace("-", "_")
    assert value in said(opened(page, **{field.name: value}))


@pytest.mark.parametrize("page", PAGES)
def test_what_a_page_does_not_know_is_named(page: str, recorded: str) -> None:
    assert "`'colour'` = `'red'`" in said(opened(page, colour="red"))
    assert not healthy(opened(page)).warning


@pytest.mark.parametrize("page", ["story", "train", "channels", "pixels"])
def test_an_epoch_beyond_the_runs_is_named(page: str, recorded: str) -> None:
    assert "epoch = `'999'`; expected a number from 0 to 12" in said(opened(page, epoch="999"))


def test_an_epoch_beyond_both_twins_is_named(no_recordings: object) -> None:
    for name, epochs, method in zip(run_pair.RECORDED["recorded"][1], (6, 12), ("sbp", "binary-dropout"), strict=True):
        run = write_run(store.recorded_root(), random_labels=True, epochs=epochs, method=method)
        run.folder.rename(run.folder.with_name(name))
    assert "from 0 to 12" in said(opened("random_labels", epoch="999"))
    assert "pair = `'race'`; expected one of recorded" in said(opened("random_labels", pair="race"))


def test_a_slide_beyond_the_last_is_named() -> None:
    assert "slide = `'99'`" in said(opened("talk", deck="one-gate", slide="99"))


@pytest.mark.parametrize(("page", "key"), [("story", "story"), ("train", "player"), ("channels", "channels")])
def test_a_link_says_epoch_and_speed(page: str, key: str, recorded: str) -> None:
    given = played(healthy(opened(page, epoch="7", speed="2")), key)
    assert (given["epoch"], given["speed"]) == (7, 2)


def test_the_epoch_goes_along_to_every_page_of_the_run(recorded: str) -> None:
    at = healthy(opened("channels", run=recorded, epoch="7", speed="4"))
    for page in ("train", "pixels"):
        at.query_params.clear()
        at.switch_page(f"{page}/page.py").run()
        assert (at.query_params["epoch"], at.query_params["speed"]) in (("7", "4"), (["7"], ["4"]))
        assert not healthy(at).warning


def test_another_runs_epoch_stays_with_it(recorded: str, runs_root: Path) -> None:
    other = write_run(runs_root, seed=4)
    at = healthy(opened("channels", run=recorded, epoch="7"))
    next(box for box in at.selectbox if str(box.key).startswith("run-choice")).set_value(other.id).run()
    assert "epoch" not in at.query_params
    assert played(healthy(at))["epoch"] is None


def test_the_list_of_a_run_that_is_shown_no_more_does_not_lead_back_to_it(runs_root: Path) -> None:
    def an_old_list_speaks() -> None:
        import streamlit as st

        from pages.shared import run_picker

        st.session_state["run-shown"] = "started"
        st.session_state["run-choice-before"] = "before"
        run_picker._changed("run-choice-before", "before")

    at = AppTest.from_function(an_old_list_speaks, default_timeout=60).run()
    assert at.session_state["run-shown"] == "started"
    assert "run" not in at.query_params


def test_a_browser_that_has_not_heard_of_the_last_move_does_not_undo_it() -> None:
    def a_clock() -> None:
        import streamlit as st

        from pages.shared import clock

        if st.session_state.get("move"):
            clock.put(-1, None)
        st.text(clock.read("train", "run", 10)[0].epoch)

    at = AppTest.from_function(a_clock, default_timeout=60)
    shown = []
    for move, link in ((False, "7"), (True, "7"), (False, "7"), (False, "6")):
        at.session_state["move"] = move
        at.query_params["epoch"] = link
        at.run()
        shown.append((at.text[0].value, at.query_params.get("epoch")))
    assert shown == [("7.0", "7"), ("None", None), ("None", None), ("6.0", "6")]


def test_ticks_are_in_the_link(runs_root: Path) -> None:
    first, second = write_run(runs_root, seed=1).id, write_run(runs_root, seed=2).id
    at = healthy(opened("runs", compare=f"{first},{second}"))
    assert [at.checkbox(key=f"tick-{run}").value for run in (first, second)] == [True, True]
    assert len(at.dataframe[0].value) == 2
    at.checkbox(key=f"tick-{first}").uncheck().run()
    assert at.query_params["compare"] == second


def test_the_front_page_is_the_first() -> None:
    assert next(iter(PAGES)) == server.FRONT

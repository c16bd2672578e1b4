"""Page Channels: for any run, live or recorded; its whole view is in the link."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_up import write_run
from tests.pages.opened import healthy, opened, played, texts


def test_without_any_run_it_says_where_to_get_one() -> None:
    at = healthy(opened("channels.py"))
    assert "Start one on the page Train" in texts(at)


def test_a_recording_is_shown_and_said(recorded: str) -> None:
    at = healthy(opened("channels.py"))
    given = played(at)
    assert given["recording"]["id"] == recorded
    assert [panel["kind"] for panel in given["panels"]] == ["heat", "cells", "survivors", "lines"]
    assert given["recording"]["layers"][given["panels"][0]["layer"]]["name"] == "dense1"
    assert "The first died at epoch" in texts(at)
    assert all(sentence.startswith("Dense 1 at epoch") for sentence in given["recording"]["sentences"])


def test_a_running_run_is_followed(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=3, hold=True)
    try:
        given = played(healthy(opened("channels.py")))
    finally:
        writer.close()
    assert given["recording"]["live"]
    assert given["recording"]["epochs"] == [0, 1, 2, 3]


@pytest.mark.parametrize("state", ["finished", "failed", "diverged", "stopped", "running"])
def test_past_runs_are_shown_however_they_ended(runs_root: Path, state: str) -> None:
    run = write_run(runs_root, state, epochs_done=4)  # running without a worker is lost
    given = played(healthy(opened("channels.py", run=run.id)))
    assert not given["recording"]["live"]
    assert given["recording"]["epochs"][-1] == 4


def test_a_link_gives_the_same_view(runs_root: Path) -> None:
    run = write_run(runs_root, network="lenet-5-caffe")
    at = healthy(opened("channels.py", run=run.id, layer="conv2", sort="unit", epoch="7", unit="3"))
    given = played(at)
    assert given["recording"]["layers"][given["panels"][0]["layer"]]["name"] == "conv2"
    assert given["recording"]["sorted"] == "by number"
    assert (given["epoch"], given["unit"]) == (7, 3)
    assert "Channel 3 of Conv 2** at epoch 7" in texts(at)
    assert at.segmented_control(key="layer-choice").value == "conv2"
    assert at.selectbox(key="sort-choice").value == "unit"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("layer", "conv9", "has no layer 'conv9'"),
        ("epoch", "99", "no epoch 99"),
        ("epoch", "soon", "expected a whole number"),
        ("unit", "5000", "has no neuron 5000"),
        ("sort", "colour", "expected one of death, snr, unit"),
        ("run", "20200101-000000-gone", "not here"),
    ],
)
def test_what_a_link_gets_wrong_is_said(recorded: str, name: str, value: str, said: str) -> None:
    at = healthy(opened("channels.py", **{name: value}))
    assert any(said in warning.value for warning in at.warning), [warning.value for warning in at.warning]
    assert played(at)["recording"]["id"] == recorded


def test_another_layer_goes_into_the_link_and_lets_the_unit_go(recorded: str) -> None:
    at = opened("channels.py", layer="dense1", unit="3")
    at.segmented_control(key="layer-choice").set_value("dense2").run()
    assert at.query_params["layer"] == "dense2"
    assert "unit" not in at.query_params
    assert played(healthy(at))["panels"][0]["layer"] == 2


def test_another_order_goes_into_the_link(recorded: str) -> None:
    at = opened("channels.py")
    at.selectbox(key="sort-choice").set_value("snr").run()
    assert at.query_params["sort"] == "snr"
    assert played(healthy(at))["recording"]["sorted"] == "highest SNR at the top"


def test_another_run_is_remembered_on_the_next_page(recorded: str, runs_root: Path) -> None:
    own = write_run(runs_root)
    at = opened("channels.py")
    assert at.query_params["run"] == own.id
    at.selectbox(key="run-choice").set_value(recorded).run()
    at.run()
    assert played(healthy(at))["recording"]["id"] == recorded
    at.switch_page("train.py").run()
    assert played(healthy(at))["recording"]["id"] == recorded


def test_figures_to_take_away_are_made_when_asked_for(recorded: str) -> None:
    at = opened("channels.py")
    assert not at.get("arrow_vega_lite_chart")
    at.session_state["channels-files"] = True
    healthy(at.run())
    assert len(at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart")) == 2

"""Page Channels: for any run, live or recorded; its whole view is in the link."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.made_up import write_run
from tests.pages.opened import healthy, opened, played, texts


def test_without_any_run_it_says_where_to_get_one() -> None:
    at = healthy(opened("channels"))
    assert "Start one on the page Train" in texts(at)


def test_a_recording_is_shown_and_said(recorded: str) -> None:
    at = healthy(opened("channels"))
    given = played(at)
    assert given["film"]["id"] == recorded
    assert [panel["kind"] for panel in given["panels"]] == ["heatmap", "cells", "kept", "trajectories"]
    assert given["film"]["layers"][given["panels"][0]["layer"]]["name"] == "dense1"
    assert "The first was pruned at epoch" in texts(at)
    assert all(sentence.startswith("Dense 1 at epoch") for sentence in given["film"]["sentences"])


def test_each_layer_and_order_has_a_film_of_its_own(recorded: str) -> None:
    """A film that comes before the panels that it is for would be shown on those of the layer before."""
    links: tuple[dict[str, str], ...] = ({}, {"layer": "input"}, {"sort": "snr"})
    shown = [played(healthy(opened("channels", **link))) for link in links]
    assert len({given["film"]["sorted"] for given in shown}) == 2
    assert len({given["name"] for given in shown}) == 3


def test_a_running_run_is_followed(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=3, hold=True)
    try:
        given = played(healthy(opened("channels")))
    finally:
        writer.close()
    assert given["film"]["live"]
    assert given["film"]["epochs"] == [0, 1, 2, 3]


@pytest.mark.parametrize("state", ["finished", "failed", "diverged", "stopped", "running"])
def test_past_runs_are_shown_however_they_ended(runs_root: Path, state: str) -> None:
    run = write_run(runs_root, state, epochs_done=4)  # running without a worker is lost
    given = played(healthy(opened("channels", run=run.id)))
    assert not given["film"]["live"]
    assert given["film"]["epochs"][-1] == 4


def test_a_link_gives_the_same_view(runs_root: Path) -> None:
    run = write_run(runs_root, network="lenet-5-caffe")
    at = healthy(opened("channels", run=run.id, layer="conv2", sort="unit", epoch="7", unit="3"))
    given = played(at)
    assert given["film"]["layers"][given["panels"][0]["layer"]]["name"] == "conv2"
    assert given["film"]["sorted"] == "by number"
    assert (given["epoch"], given["unit"]) == (7, 3)
    assert "Channel 3 of Conv 2** at epoch 7" in texts(at)
    assert at.segmented_control(key="layer-choice").value == "conv2"
    assert at.selectbox(key="sort-choice").value == "unit"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("layer", "conv9", "layer = `'conv9'`; expected one of input, dense1, dense2"),
        ("epoch", "99", "epoch = `'99'`; expected a number from 0 to 12"),
        ("epoch", "soon", "epoch = `'soon'`; expected a number from 0"),
        ("unit", "5000", "unit = `'5000'`; expected a whole number from 0 to 499"),
        ("sort", "colour", "expected one of death, snr, unit"),
        ("run", "20200101-000000-gone", "cannot be found"),
    ],
)
def test_what_a_link_gets_wrong_is_said(recorded: str, name: str, value: str, said: str) -> None:
    at = healthy(opened("channels", **{name: value}))
    assert any(said in warning.value for warning in at.warning), [warning.value for warning in at.warning]
    assert played(at)["film"]["id"] == recorded


def test_at_a_first_step_every_text_speaks_of_that_step(runs_root: Path) -> None:
    run = write_run(runs_root, early=True)
    at = healthy(opened("channels", run=run.id, layer="dense1", epoch="0.5", unit="3"))
    said = texts(at)
    assert played(at)["epoch"] == 0.5
    assert "Neuron 3 of Dense 1** at step 6" in said
    assert said.count("at step 6") >= 3, "the unit, its density, its path"
    assert "by step 6" in texts(healthy(opened("channels", run=run.id, layer="dense1", epoch="0.5")))


def test_another_layer_goes_into_the_link_and_lets_the_unit_go(recorded: str) -> None:
    at = opened("channels", layer="dense1", unit="3")
    at.segmented_control(key="layer-choice").set_value("dense2").run()
    assert at.query_params["layer"] == "dense2"
    assert "unit" not in at.query_params
    assert played(healthy(at))["panels"][0]["layer"] == 2


def test_another_order_goes_into_the_link(recorded: str) -> None:
    at = opened("channels")
    at.selectbox(key="sort-choice").set_value("snr").run()
    assert at.query_params["sort"] == "snr"
    assert played(healthy(at))["film"]["sorted"] == "highest SNR at the top"


def test_another_run_is_remembered_on_the_next_page(recorded: str, runs_root: Path) -> None:
    own = write_run(runs_root)
    at = opened("channels")
    assert at.query_params["run"] == own.id
    at.selectbox(key=f"run-choice-{own.id}").set_value(recorded).run()
    at.run()
    assert played(healthy(at))["film"]["id"] == recorded
    at.switch_page("train/page.py").run()
    assert played(healthy(at))["film"]["id"] == recorded


def test_figures_to_take_away_are_made_when_asked_for(recorded: str) -> None:
    def charts() -> int:
        return len(at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart"))

    at = opened("channels")
    before = charts()
    at.session_state["channels-files"] = True
    healthy(at.run())
    assert charts() == before + 3


def test_two_runs_of_one_minute_are_told_apart(runs_root: Path) -> None:
    first, second = write_run(runs_root, seed=1), write_run(runs_root, seed=2)
    at = healthy(opened("channels", run=first.id))
    options = at.selectbox(key=f"run-choice-{first.id}").options
    assert len(set(options)) == 2
    at.selectbox(key="sort-choice").set_value("snr").run()
    assert at.query_params["run"] == first.id != second.id
    assert played(healthy(at))["film"]["id"] == first.id

"""VGG-like's 15 layers, 5,248 units and 300 epochs: every page serves them, with nothing of their own."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from streamlit.testing.v1 import AppTest

from sbp.runs.store import RunView
from sbp.viz import film, heatmap, kept, trajectories
from sbp.viz.tables import build, tables
from tests.made_up import write_run
from tests.pages.opened import healthy, opened, played, texts


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> RunView:
    """The run, made once."""
    place = tmp_path_factory.mktemp("runs")
    return write_run(place, network="vgg-like", epochs=300)


@pytest.fixture
def run(large: RunView, runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> RunView:
    monkeypatch.setenv("SBP_RUNS", str(large.folder.parent))
    return large


def test_it_is_as_large_as_it_should_be(run: RunView) -> None:
    found = tables(run)
    assert len(found.layers) == 15
    assert sum(layer.units for layer in found.layers) == 5248
    assert (len(found.epochs), found.last) == (301, 300)


@pytest.mark.parametrize("name", ["conv1_1", "conv5_1", "features", "dense1"])
def test_the_figures_of_a_layer_are_drawn(run: RunView, name: str) -> None:
    found = tables(run)
    assert heatmap.chart(found, name, 300).to_json()
    assert heatmap.kept_curve(found, name, 300).to_json()
    assert trajectories.chart(found, name, 300).to_json()
    assert film.pack(found, run.config, focus=name)


def test_the_figures_of_the_network_are_drawn(run: RunView) -> None:
    assert build(run)
    found = tables(run)
    assert kept.chart(found, 300).to_json()
    assert film.pack(found, run.config)


@pytest.mark.parametrize("page", ["story", "train", "channels", "threshold", "runs", "pixels"])
def test_every_page_serves_it(run: RunView, page: str) -> None:
    at: AppTest = healthy(opened(page, run=run.id))
    assert healthy(at.run())


def test_channels_shows_all_groups_in_a_strip(run: RunView) -> None:
    given = played(healthy(opened("channels", run=run.id, layer="conv2_1")))
    assert [panel["kind"] for panel in given["panels"]] == ["groups", "heatmap", "cells", "kept", "trajectories"]
    assert {panel["layer"] for panel in given["panels"]} == {2}
    assert "many-groups" in given["layout"]


def test_a_group_of_several_layers_names_them(runs_root: Path) -> None:
    run = write_run(runs_root, network="resnet-20")
    at = healthy(opened("channels", run=run.id, layer="stages.1.0.conv2"))
    others = ["Stages 1.0 shortcut 0", "Stages 1.1 conv 2", "Stages 1.2 conv 2"]
    assert any(all(name in caption.value for name in others) for caption in at.caption)
    alone = healthy(opened("channels", run=run.id, layer="stages.1.0.conv1"))
    assert not any("first layer" in caption.value for caption in alone.caption)


def test_the_train_page_shows_a_map_of_every_layer(run: RunView) -> None:
    given = played(healthy(opened("train", run=run.id)))
    assert given["layout"] == "many"
    maps = [panel["layer"] for panel in given["panels"] if panel["kind"] == "cells"]
    assert maps == list(range(15))
    assert [layer["title"] for layer in given["film"]["layers"]][5:8] == ["Conv 3-2", "Conv 3-3", "Conv 4-1"]
    css = (Path(__file__).parents[2] / "pages/shared/player/player.css").read_text(encoding="utf-8")
    assert ".stage.many .cells figcaption span:first-child { direction: rtl; }" in css, (
        "names that begin alike show their ends"
    )
    places = css.partition(".stage.many {")[2].partition("}")[0]
    assert all(f"{panel['area']}" in places.replace('"', " ").split() for panel in given["panels"])


def test_the_sentences_stay_readable(run: RunView) -> None:
    sentence = film.pack(tables(run), run.config)["sentences"][-1]
    assert sentence.startswith("Epoch 300: ")
    assert " of 5,248 units kept; " in sentence
    assert len(sentence) < 130


def test_channels_offers_every_layer_and_says_what_it_has_not(run: RunView) -> None:
    at = healthy(opened("channels", run=run.id, layer="conv3_2"))
    assert len(at.selectbox(key="layer-choice").options) == 15
    assert at.selectbox(key="layer-choice").value == "conv3_2"
    assert "Conv 3-2" in texts(at)
    assert "This run has no weights to show" in texts(at)


def test_the_threshold_names_two_of_fifteen_lines_and_tells_all_by_their_bars(run: RunView) -> None:
    at = healthy(opened("threshold", run=run.id))
    (found,) = [it.proto for it in at.get("bidi_component") if it.proto.component_name == "threshold"]
    board = json.loads(found.json)
    assert [line["name"] for line in board["lines"] if line["name"]] == ["first layer", "last layer", "MACs"]
    assert len({line["colour"] for line in board["lines"]}) == 16, "no two lines look alike"
    assert len(board["readouts"][0]) >= 17
    assert " of 5,248 units kept" in "".join(board["headlines"][0])


def test_pixels_says_early_that_there_is_no_layer_of_pixels(run: RunView) -> None:
    at = healthy(opened("pixels", run=run.id))
    assert "VGG-like has no layer of pixels: it reads CIFAR-10’s images of 3 x 32 x 32" in texts(at)
    assert [element.key for element in at.get("bidi_component")] == ["copy-link"], "nothing is drawn or played"
    assert "Captum" not in texts(at)

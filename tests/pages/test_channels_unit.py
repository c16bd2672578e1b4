"""Page Channels: one unit in full, and pruning it by hand."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from streamlit.testing.v1 import AppTest

from pages.channels import weights
from sbp.data import datasets
from sbp.export.computed import ComputedNetwork, read_network
from sbp.pruning import edits as by_hand
from sbp.pruning.masks import kept_counts
from sbp.runs.graphs import graph_of
from sbp.runs.store import RunView
from sbp.spec.images import as_read
from sbp.spec.networks import SPECS, description_of
from sbp.viz.tables import tables
from tests.made_up import write_run
from tests.made_up_weights import with_weights
from tests.pages.opened import healthy, opened, played, texts

ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module", params=["lenet-500-300", "lenet-5-caffe"])
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunView:
    """A finished run with weights, of either network, made once."""
    return with_weights(write_run(tmp_path_factory.mktemp("runs"), network=request.param))


@pytest.fixture
def trained(made: RunView, runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> RunView:
    monkeypatch.setenv("SBP_RUNS", str(made.folder.parent))
    return made


def computed(run: RunView) -> ComputedNetwork:
    return read_network(run.folder / "model.safetensors", description_of(run.config.network), graph_of(run))


def numbers(at: AppTest) -> dict[str, str]:
    return {metric.label: metric.value for metric in at.metric}


def test_a_run_without_weights_says_so_and_shows_its_noise(recorded: str) -> None:
    at = healthy(opened("channels"))
    assert "no weights to show" in texts(at)
    assert "Density of neuron" in texts(at)
    assert "SNR = 1" in texts(at)
    assert not at.metric


def test_a_running_run_without_weights_says_when_they_come(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=3, hold=True)
    try:
        assert "first checkpoint" in texts(healthy(opened("channels")))
    finally:
        writer.close()


def test_weights_that_do_not_fit_are_a_sentence(runs_root: Path) -> None:
    run = write_run(runs_root)
    (run.folder / "model.safetensors").write_bytes(b"no weights")
    at = healthy(opened("channels", run=run.id))
    assert "The weights of this run cannot be shown: model.safetensors" in texts(at)


def test_unasked_the_longest_lived_unit_is_shown(trained: RunView) -> None:
    at = healthy(opened("channels", run=trained.id))
    unit = int(tables(trained).order("dense1" if "500" in trained.config.network.name else "conv1")[0])
    assert f"shown below: {unit}, kept longest" in texts(at)
    assert at.number_input(key="unit-choice").value == unit


def test_every_kind_of_unit_has_its_panels(trained: RunView) -> None:
    for layer in trained.layers:
        at = healthy(opened("channels", run=trained.id, layer=layer.name, unit="2", digit="7"))
        said = texts(at)
        for part in (f"Density of {layer.kind} 2", "Path of", "By hand", "Outgoing weights", "Test image #7 ("):
            assert part in said, (layer.name, part)
        assert ("All filters of" in said) == (layer.name in ("conv1", "conv2"))


def test_what_weights_make_says_their_epoch_where_another_is_shown(trained: RunView) -> None:
    layer = next(layer.name for layer in trained.layers if layer.kind == "neuron")
    found = tables(trained)
    net = computed(trained)
    saved = weights.epoch_of(net, found)
    shown = {"run": trained.id, "layer": layer, "unit": "2"}
    last = f"at the last epoch, {found.last}" if saved == found.last else "at the last good epoch"
    titles = [at for at in opened("channels", **shown, epoch="3").markdown if at.value.startswith("**")]
    noted = [at.value for at in titles if f":gray[{last}]" in at.value]
    assert len(noted) >= 4, "by hand, weights in and out, the test image"
    assert not [at for at in titles if "Density" in at.value and last in at.value]
    assert f":gray[{last}]" not in texts(opened("channels", **shown)) or saved != found.last


def test_a_suggested_unit_is_marked_in_the_player(trained: RunView) -> None:
    at = opened("channels", run=trained.id, layer="dense1")
    at.button(key="pick-first").click().run()
    first = int(np.argmin(tables(trained).death["dense1"]))
    assert played(healthy(at))["unit"] == first
    at.number_input(key="unit-choice").set_value(4).run()
    assert at.query_params["unit"] == "4"
    assert "Density of neuron 4" in texts(healthy(at))


def test_pruning_by_hand_changes_the_numbers_and_undo_restores_them(trained: RunView) -> None:
    own = computed(trained).own_masks
    unit = int(np.flatnonzero(own["dense1"])[0])
    at = healthy(opened("channels", run=trained.id, layer="dense1", unit=str(unit)))
    before = numbers(at)
    spec = SPECS[trained.config.network.name]
    assert before["MACs"] == f"{spec.macs(kept_counts(own, trained.layers)):,}"
    at.button(key="hand-turn").click().run()
    assert at.query_params["hand"] == f"dense1.{unit}-"
    own["dense1"][unit] = False
    assert numbers(healthy(at))["MACs"] == f"{spec.macs(kept_counts(own, trained.layers)):,}"
    assert f"Dense 1 {unit} pruned" in texts(at)
    at.button(key="hand-turn").click().run()  # kept again: no edit is left
    assert "hand" not in at.query_params
    at.button(key="hand-undo").click().run()
    assert at.query_params["hand"] == f"dense1.{unit}-"
    at.button(key="hand-undo").click().run()
    assert numbers(healthy(at)) == before
    assert at.button(key="hand-undo").disabled


def test_the_error_is_that_of_the_masked_network_on_what_was_held_out(trained: RunView) -> None:
    layer = trained.layers[-1].name
    net = computed(trained)
    edits = {(layer, int(unit)): False for unit in np.flatnonzero(net.own_masks[layer])[:5]}
    at = healthy(opened("channels", run=trained.id, hand=by_hand.write(edits)))
    images, labels = datasets.held_out("digits")
    masks = by_hand.apply(net.own_masks, edits, trained.layers)
    guesses = net.logits(as_read(images, "digits"), masks).argmax(1)
    assert numbers(at)["Held-out error"] == f"{100 * (guesses != labels).mean():.2f} %"
    assert "of 287 held-out images" in texts(at)


def test_a_pruned_channel_takes_its_features_along(runs_root: Path) -> None:
    run = with_weights(write_run(runs_root, network="lenet-5-caffe"))
    own = computed(run).own_masks
    channel = int(np.flatnonzero(own["conv2"])[0])
    feature = channel * 16 + int(np.flatnonzero(own["features"][channel * 16 :])[0])
    at = healthy(opened("channels", run=run.id, layer="features", unit=str(feature), hand=f"conv2.{channel}-"))
    assert f"feature {feature} is pruned with its channel" in texts(healthy(at))
    assert at.button(key="hand-turn").disabled


def test_reset_goes_back_to_the_untouched_network_and_can_be_undone(trained: RunView) -> None:
    at = opened("channels", run=trained.id, hand="dense1.0-,dense1.1-")
    at.button(key="hand-reset").click().run()
    assert "hand" not in at.query_params
    assert "The network of epoch 12, without edits" in texts(healthy(at))
    at.button(key="hand-undo").click().run()
    assert at.query_params["hand"] == "dense1.0-,dense1.1-"


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("hand", "dense1.5000-,dense1.3-", "has units 0 to 499 only"),
        ("hand", "dense1.3-,rubbish", "expected something like dense1.12-"),
        ("digit", "-4", "expected a whole number from 0"),
        ("density", "cube", "expected one of log, theta"),
    ],
)
def test_what_a_link_gets_wrong_about_a_unit_is_said(trained: RunView, name: str, value: str, said: str) -> None:
    at = healthy(opened("channels", run=trained.id, **{name: value}))
    assert any(said in warning.value for warning in at.warning)
    assert ("Dense 1 3 pruned" in texts(at)) == ("dense1.3-" in value)


def test_a_digit_that_is_not_there_is_said(trained: RunView) -> None:
    at = healthy(opened("channels", run=trained.id, digit="9999"))
    assert any("digit = `'9999'`; expected a whole number from 0 to 359" in warning.value for warning in at.warning)
    at.number_input(key="digit-choice").set_value(3).run()
    assert at.query_params["digit"] == "3"
    assert "Test image #3 (" in texts(healthy(at))


def test_without_the_data_the_rest_stays(runs_root: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SBP_DATA", str(tmp_path / "nothing"))
    run = with_weights(write_run(runs_root, dataset="mnist"))
    at = healthy(opened("channels", run=run.id))
    assert "The error cannot be measured here: MNIST is not in" in texts(at)
    assert {"MACs", "Kept"} == set(numbers(at))


def test_another_run_lets_the_edits_go(runs_root: Path, recorded: str) -> None:
    run = with_weights(write_run(runs_root))
    at = opened("channels", run=run.id, hand="dense1.0-")
    at.selectbox(key=f"run-choice-{run.id}").set_value(recorded).run()
    assert "hand" not in at.query_params


TORCH_FREE = """
import sys
from tests.pages.opened import healthy, opened
at = healthy(opened("channels", run=sys.argv[1], layer="conv1", unit="0"))
before = [metric.value for metric in at.metric]
healthy(at.button(key="hand-turn").click().run())
assert [metric.value for metric in at.metric] != before
assert "torch" not in sys.modules
"""


def test_a_unit_is_shown_and_pruned_without_torch(runs_root: Path) -> None:
    run = with_weights(write_run(runs_root, network="lenet-5-caffe"))
    done = subprocess.run(
        [sys.executable, "-c", TORCH_FREE, run.id], cwd=ROOT, capture_output=True, text=True, timeout=120
    )
    assert done.returncode == 0, done.stderr[-2000:]

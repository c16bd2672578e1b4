"""Page Pixels: for any run, with and without weights, with and without noise on pixels; its view is in the link."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors import safe_open
from safetensors.numpy import save_file

from pages.pixels import gradients
from pages.pixels.component import FOLDER
from pages.shared.assets import bundle
from sbp.runs import store
from sbp.runs.attributions import lock_path, weights_digest, write_attribution
from sbp.runs.files import Lock
from tests import made_up_weights
from tests.made_up import write_run
from tests.pages.opened import healthy, labels, opened, texts

SMALL = {"lenet-500-300": (9, 7), "lenet-5-caffe": (4, 6, 8)}


def with_weights(root: Path, **changes: Any) -> store.RunView:
    """A finished made-up run with random weights, its noise that of its last snapshot."""
    network = changes.setdefault("network", "lenet-500-300")
    changes.setdefault("widths", SMALL[network])
    run = write_run(root, **changes)
    made_up_weights.with_weights(run, seed=5)
    return store.open_run(run.id, root)


def component(at: Any, name: str) -> Any:
    """What the page gave to one of its components."""
    for element in at.get("bidi_component"):
        if element.proto.component_name == name:
            return element.proto
    raise AssertionError(f"There is no {name} on the page.")


def given(at: Any) -> dict[str, Any]:
    return dict(json.loads(component(at, "sbp_pixels").json))


def shelved(at: Any, tmp_path: Path) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """The shelf's description and arrays."""
    path = tmp_path / "shelf.safetensors"
    path.write_bytes(component(at, "sbp_pixel_weights").bytes)
    with safe_open(str(path), framework="numpy") as file:
        meta = {name: json.loads(text) if text[0] == "{" else text for name, text in file.metadata().items()}
        return meta, {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118


def test_without_any_run_it_says_where_to_get_one() -> None:
    assert "Start one on the page Train" in texts(healthy(opened("pixels")))


def test_a_finished_run_comes_with_all_that_is_drawn(runs_root: Path, tmp_path: Path) -> None:
    run = with_weights(runs_root)
    at = healthy(opened("pixels"))
    meta, arrays = shelved(at, tmp_path)
    sent = given(at)
    assert sent["stamp"] == meta["stamp"]
    assert sent["missing"] == ""
    assert meta["film"]["epochs"] == list(range(13))
    # The last frame and the network say the same of every pixel, and both what the stored noise says.
    np.testing.assert_array_equal(arrays["film.keep"][-1], arrays["input.keep"])
    assert arrays["input.keep"].sum() == meta["network"]["kept"][0]
    np.testing.assert_allclose(arrays["film.theta"][-1] / 255, arrays["input.theta"], atol=0.5 / 255 + 1e-6)
    assert arrays["lit"].sum() == 780
    assert arrays["means"].shape == (10, 28, 28)
    unasked = {"kind": "digit", "digit": 0, "mean": 3, "epoch": None, "speed": 1, "brush": 1.15, "drawn": ""}
    assert sent["view"] == unasked
    assert (sent["sheet"]["start"], len(sent["sheet"]["labels"]), sent["count"]) == (0, 100, 360)
    assert at.query_params["run"] == run.id


def test_without_weights_the_map_is_there_and_the_rest_is_said(runs_root: Path, tmp_path: Path) -> None:
    write_run(runs_root)
    at = healthy(opened("pixels"))
    meta, arrays = shelved(at, tmp_path)
    assert "network" not in meta
    assert "film.levels" in arrays
    assert "without its weights" in given(at)["missing"]
    assert "without its weights" in texts(at)
    assert "yet" not in given(at)["missing"]
    assert "Compute on 200 test images" not in labels(at)


def test_weights_of_another_network_are_said(runs_root: Path) -> None:
    run = with_weights(runs_root)
    save_file({"dense1.weight": np.zeros((2, 3), np.float32)}, run.folder / "model.safetensors")
    said = given(healthy(opened("pixels")))["missing"]
    assert "cannot be used" in said
    assert "expected dense1.weight of shape [9, 784], got [2, 3]" in said


def test_a_network_without_pixel_noise_shows_its_features_and_proposes_another(
    runs_root: Path, recorded: str, tmp_path: Path
) -> None:
    run = with_weights(runs_root, network="lenet-5-caffe")
    at = healthy(opened("pixels", run=run.id))
    meta, arrays = shelved(at, tmp_path)
    assert meta["film"]["layer"] == {
        "name": "features",
        "kind": "feature",
        "units": 96,
        "parent": "conv2",
        "shape": [6, 4, 4],
        "of": "conv 2",
    }
    assert arrays["film.keep"].shape == (13, 96)
    # A feature whose channel is pruned is pruned with it.
    channels = arrays["conv2.keep"].repeat(16)
    assert not arrays["film.keep"][-1][channels == 0].any()
    assert "noise on channels and features, not on pixels" in texts(at)
    links = [link.proto for link in at.get("page_link")]
    assert any(recorded in link.query_string for link in links if "LeNet-500-300" in link.label)


def test_pixels_of_a_convolutional_network_are_shown(runs_root: Path, tmp_path: Path) -> None:
    run = with_weights(runs_root, network="lenet-5-caffe", pixels=True)
    at = healthy(opened("pixels", run=run.id))
    meta, arrays = shelved(at, tmp_path)
    assert (meta["film"]["layer"]["kind"], meta["film"]["layer"]["shape"]) == ("pixel", [28, 28])
    assert (meta["network"]["pixels"], meta["network"]["image"]) == ("input", [1, 28, 28])
    assert arrays["input.keep"].sum() == meta["network"]["kept"][0] < 784
    assert given(at)["missing"] == ""


def test_pixels_of_colour_images_are_shown_by_their_own_size(runs_root: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("SBP_DATA", str(tmp_path / "nothing"))
    run = made_up_weights.with_weights(write_run(runs_root, network="resnet-20", pixels=True))
    at = healthy(opened("pixels", run=run.id))
    meta, arrays = shelved(at, tmp_path)
    sent = given(at)
    assert meta["film"]["layer"]["shape"] == [32, 32]
    assert sent["image"] == [3, 32, 32]
    assert arrays["means"].shape == (10, 3, 32, 32)
    assert "ResNet-20 is not computed in a browser: its layers are no chain" in sent["missing"]
    assert "it is shown scikit-learn’s digits" in texts(at)
    assert "Captum" not in texts(at)


def test_a_running_run_is_followed(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=3, hold=True)
    try:
        at = healthy(opened("pixels"))
    finally:
        writer.close()
    assert "no weights yet" in given(at)["missing"]


def test_first_steps_are_frames_of_the_map_too(runs_root: Path, tmp_path: Path) -> None:
    run = write_run(runs_root, early=True)
    at = healthy(opened("pixels", run=run.id, epoch="0.5"))
    assert given(at)["view"]["epoch"] == 0.5
    film = shelved(at, tmp_path)[0]["film"]
    assert (film["epochs"][2], film["said"][2], film["said"][4]) == (0.5, "step 6", "epoch 1")


def test_a_link_gives_the_same_view(recorded: str) -> None:
    sent = given(healthy(opened("pixels", digit="123", epoch="7")))
    assert (sent["view"]["kind"], sent["view"]["digit"], sent["view"]["epoch"]) == ("digit", 123, 7)
    assert sent["sheet"]["start"] == 100
    assert given(healthy(opened("pixels", mean="8")))["view"]["mean"] == 8
    drawn = given(healthy(opened("pixels", drawn="00zz0a0b-11zz", brush="2")))["view"]
    assert (drawn["kind"], drawn["drawn"], drawn["brush"]) == ("drawn", "00zz0a0b-11zz", 2)


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("digit", "360", "digit = `'360'`; expected a whole number from 0 to 359"),
        ("digit", "-1", "expected a whole number from 0"),
        ("mean", "10", "from 0 to 9"),
        ("epoch", "99", "epoch = `'99'`; expected a number from 0 to 12"),
        ("drawn", "<svg>", "a drawing as this page writes it"),
        ("drawn", "00zz0", "a drawing as this page writes it"),
        ("brush", "40", "from 0.7 to 2.2"),
        ("run", "20200101-000000-gone", "cannot be found"),
    ],
)
def test_what_a_link_gets_wrong_is_said(recorded: str, name: str, value: str, said: str) -> None:
    at = healthy(opened("pixels", **{name: value}))
    assert any(said in warning.value for warning in at.warning), [warning.value for warning in at.warning]
    assert given(at)["view"]["kind"] == "digit"


def test_images_that_are_not_here_are_replaced_and_said(runs_root: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.setenv("SBP_DATA", str(tmp_path / "nothing"))
    write_run(runs_root, dataset="mnist")
    at = healthy(opened("pixels"))
    assert "it is shown scikit-learn’s digits" in texts(at)
    assert "lit" not in shelved(at, tmp_path)[1]


def test_the_gradients_are_asked_for_by_a_button(runs_root: Path, monkeypatch: Any) -> None:
    run = with_weights(runs_root)
    asked: list[Any] = []

    class Process:
        def poll(self) -> int:
            return 1

    def spawn_command(words: list[str], log: Path) -> Process:
        log.parent.mkdir(parents=True, exist_ok=True)
        log.write_text("Error: no data.\n")
        asked.append(words)
        return Process()

    monkeypatch.setattr(gradients.launcher, "spawn_command", spawn_command)
    at = healthy(opened("pixels"))
    at.button(key="gradients-start").click().run()
    assert asked == [["attribute", run.id]]
    assert any("The last attempt failed. Error: no data." in error.value for error in healthy(at).error)
    gradients._started.clear()


def test_a_refused_start_is_a_sentence_in_place(runs_root: Path, monkeypatch: Any) -> None:
    with_weights(runs_root)

    def spawn_command(words: list[str], log: Path) -> None:
        raise OSError("no process is left")

    monkeypatch.setattr(gradients.launcher, "spawn_command", spawn_command)
    at = healthy(opened("pixels"))
    at.button(key="gradients-start").click().run()
    assert any("no process is left" in error.value for error in healthy(at).error)
    assert not at.toast


def test_a_page_opened_while_they_are_computed_says_so(runs_root: Path) -> None:
    run = with_weights(runs_root)
    lock_path(run).parent.mkdir(parents=True)
    lock = Lock(lock_path(run))
    try:
        at = healthy(opened("pixels"))
    finally:
        lock.release()
    assert "Captum is running" in texts(at)
    assert "Compute on 200 test images" not in labels(at)


def test_what_was_computed_is_shown_with_its_numbers(runs_root: Path) -> None:
    run = with_weights(runs_root)
    write_attribution(run, attribution_of(run))
    at = healthy(opened("pixels"))
    said = texts(at)
    assert "**agree closely** on what matters" in said
    assert "0.90 with Integrated Gradients, 0.80 with Saliency and 0.70 with Occlusion" in said
    assert "n = 200 test images of digits, the first 20 of each class" in said
    assert len(at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart")) == 2
    # Of other weights, it counts as not computed.
    write_attribution(run, {**attribution_of(run), "weights": "other"})
    assert "agree closely" not in texts(healthy(at.run()))


def attribution_of(run: store.RunView) -> dict[str, Any]:
    """What `python -m sbp attribute` would leave, with made-up numbers."""
    ranks = {"integrated_gradients": 0.9, "saliency": 0.8, "occlusion": 0.7}
    unit = lambda n: {  # noqa: E731
        "conductance": list(range(n)),
        "snr": [0.4 + k for k in range(n)],
        "kept": [int(k > 0) for k in range(n)],
        "correlation": {"all": 1.0, "kept": None},
    }
    return {
        "weights": weights_digest(run),
        "n": 200,
        "per_class": 20,
        "data": "digits",
        "seconds": 8.0,
        "hardware": "2 cores",
        "versions": {"captum": "0.9.0"},
        "pixels": {
            "maps": {name: [k / 784 for k in range(784)] for name in ranks},
            "lit": [int(k > 9) for k in range(784)],
            "snr": [0.5 + k / 100 for k in range(784)],
            "kept": [int(k >= 50) for k in range(784)],
            "correlation": {name: {"lit": value, "kept": 0.5} for name, value in ranks.items()},
        },
        "units": {"dense1": unit(9), "dense2": unit(7)},
    }


def test_the_scripts_are_one_module_with_one_export() -> None:
    script = bundle(f"{FOLDER}/pixels.js")
    assert script.count("export default") == 1
    assert "\nimport " not in script

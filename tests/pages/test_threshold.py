"""Page Threshold and cost: for any run, with and without what was measured of it; its whole view is in the link."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from streamlit.testing.v1 import AppTest

from sbp.pruning.masks import keep_masks, kept_counts
from sbp.runs import measuring
from sbp.viz.labels import run_title
from sbp.viz.tables import tables
from tests.made_up import write_run
from tests.pages.opened import healthy, labels, opened, texts
from tests.runs.made import another_process_holds
from tests.viz.sweeps import speed_of, sweep_of, swept

PAGE = "threshold"


def given(at: AppTest) -> dict[str, Any]:
    """What the page gave to the hand on the threshold."""
    for element in at.get("bidi_component"):
        if element.proto.component_name == "threshold":
            return dict(json.loads(element.proto.json))
    raise AssertionError("There is no hand on the page.")


def said(board: dict[str, Any], threshold: float) -> str:
    at = min(range(len(board["thresholds"])), key=lambda i: abs(board["thresholds"][i] - threshold))
    return "".join(board["headlines"][at])


def with_weights(run: Any) -> Any:
    """The run with a file where its weights would be; nothing reads it here."""
    (run.folder / "model.safetensors").write_bytes(b"")
    return run


def test_without_any_run_it_says_where_to_get_one() -> None:
    at = healthy(opened(PAGE))
    assert "Start one on the page Train" in texts(at)
    assert not at.get("bidi_component")[1:]  # the button that copies the link


def test_a_swept_run_shows_error_cost_speed_and_the_paper(runs_root: Path) -> None:
    run = swept(write_run(runs_root, dataset="mnist"))
    at = healthy(opened(PAGE, run=run.id))
    board = given(at)
    kept = kept_counts(keep_masks({name: snr[-1] for name, snr in tables(run).snr.items()}), run.layers)
    assert "At SNR ≥ 1: " + "–".join(map(str, kept)) + " of 784–500–300 units kept" in said(board, 1.0)
    assert "% held-out error (n = 5,000)." in said(board, 1.0)
    assert board["error"]
    assert board["t"] == 1.0
    assert len({len(board[name]) for name in ("thresholds", "says", "error", "headlines", "readouts")}) == 1
    said_here = texts(at)
    assert "No gain at batch 1" in said_here
    assert "5.6× faster at batch 1,000" in said_here
    assert "have an SNR within a factor of 2 of 1" in said_here
    assert "within chance for 5,000 examples" in said_here
    assert "not measured yet" not in said_here
    methods = [list(frame.value["method"]) for frame in at.dataframe if "method" in frame.value]
    assert methods == [["original (paper)", "SparseVD (paper)", "SSL (paper)", "SBP (paper)"]]


def test_what_each_layer_costs_is_that_of_the_chosen_threshold(runs_root: Path) -> None:
    run = swept(write_run(runs_root))
    costs = {}
    for t in ("1", "8"):
        at = healthy(opened(PAGE, run=run.id, t=t))
        (table,) = [frame.value for frame in at.dataframe if "layer" in frame.value]
        costs[t] = int(table["MACs"].iloc[-1].split("→ ")[1].replace(",", ""))
        board = given(at)
        nearest = min(range(len(board["thresholds"])), key=lambda i: abs(board["thresholds"][i] - float(t)))
        assert f"{costs[t]:,}" == board["readouts"][nearest][3]["value"]
    assert costs["8"] < costs["1"]


def test_a_running_run_shows_what_its_noise_alone_says(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=3, hold=True)
    try:
        at = healthy(opened(PAGE))
    finally:
        writer.close()
    board = given(at)
    assert board["error"] is None
    assert "units kept" in said(board, 1.0)
    assert "when the training has ended" in texts(at)
    assert not {"Measure here", "Measure it here"} & set(labels(at))


def test_without_a_sweep_it_says_the_one_thing_to_do(runs_root: Path) -> None:
    run = with_weights(write_run(runs_root))
    at = healthy(opened(PAGE, run=run.id))
    assert f"python -m sbp sweep {run.id}" in texts(at)
    assert given(at)["error"] is None
    assert {"Measure here", "Measure it here"} <= set(labels(at))
    assert "fewer MACs" in said(given(at), 1.0)


@pytest.mark.parametrize(
    "spoilt",
    [
        "not JSON",
        "[]",
        "{}",
        json.dumps({"objects": "validation", "n": 5, "criteria": {"snr": {"points": 3, "title": "", "natural": 1}}}),
    ],
)
def test_a_corrupt_sweep_is_said_and_the_rest_is_shown(runs_root: Path, spoilt: str) -> None:
    run = write_run(runs_root)
    (run.folder / "sweep.json").write_text(spoilt)
    at = healthy(opened(PAGE, run=run.id))
    assert f"python -m sbp sweep {run.id}" in texts(at)
    assert given(at)["error"] is None


def test_a_sweep_of_another_network_is_said(runs_root: Path) -> None:
    run, other = write_run(runs_root), write_run(runs_root, network="lenet-5-caffe")
    (run.folder / "sweep.json").write_text(json.dumps(sweep_of(other)))
    at = healthy(opened(PAGE, run=run.id))
    assert "4 kept counts for 3 noise layers" in texts(at)


def test_a_measurement_without_dense_is_said(runs_root: Path) -> None:
    run = write_run(runs_root)
    value = speed_of()
    (measured,) = value["measurements"]
    measured["rows"] = [row for row in measured["rows"] if row["variant"] != "dense"]
    (run.folder / "speed.json").write_text(json.dumps(value))
    at = healthy(opened(PAGE, run=run.id))
    assert "does not hold measurements" in texts(at)


@pytest.mark.parametrize("state", ["failed", "diverged", "stopped", "running"])
def test_runs_are_shown_however_they_ended(runs_root: Path, state: str) -> None:
    run = write_run(runs_root, state, epochs_done=4)  # running without a worker is lost
    assert "units kept" in said(given(healthy(opened(PAGE, run=run.id))), 1.0)


def test_a_recording_is_shown_and_offers_no_sweep(recorded: str) -> None:
    at = healthy(opened(PAGE))
    assert given(at)["thresholds"]
    assert "Measure it here" not in labels(at)


@pytest.mark.parametrize(
    ("t", "shown", "complaint"),
    [("6.2", 6.2, ""), ("0.1", 1.0, "a number from 0.2 to 100"), ("low", 1.0, "a number from 0.2 to 100")],
)
def test_the_link_says_the_threshold(recorded: str, t: str, shown: float, complaint: str) -> None:
    at = healthy(opened(PAGE, t=t))
    assert given(at)["t"] == shown
    warnings = " ".join(warning.value for warning in at.warning)
    assert complaint in warnings
    assert bool(warnings) == bool(complaint)


def test_it_says_which_epoch_it_shows(recorded: str) -> None:
    assert "at the last epoch, 12" in texts(healthy(opened(PAGE, run=recorded, t="2")))


def test_the_paper_is_not_drawn_beside_other_data(runs_root: Path) -> None:
    run = swept(write_run(runs_root, dataset="digits"))
    at = healthy(opened(PAGE, run=run.id))
    assert "the paper is not in the figure" in texts(at)


def test_a_share_of_random_labels_is_said_and_keeps_the_paper_out(runs_root: Path) -> None:
    run = swept(write_run(runs_root, dataset="mnist", label_noise=0.2))
    said = texts(healthy(opened(PAGE, run=run.id)))
    assert "This run is on MNIST with 20 % random labels: MACs compare, errors do not" in said
    assert run_title(run) == "LeNet-500-300 on MNIST, 20 % random labels"


def test_a_finished_run_without_weights_can_be_measured_and_an_unfinished_one_not(runs_root: Path) -> None:
    finished, stopped = write_run(runs_root), write_run(runs_root, "stopped", epochs_done=4)
    (finished.folder / "result.json").write_text(json.dumps({"kept": [300, 40, 20]}))
    at = healthy(opened(PAGE, run=finished.id))
    assert "with random weights are measured" in texts(at)
    assert "Measure here" in labels(at)
    at = healthy(opened(PAGE, run=stopped.id))
    assert "It cannot be measured: the run has not finished" in texts(at)
    assert "Measure here" not in labels(at)


def test_measuring_starts_another_process_and_never_two(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = with_weights(write_run(runs_root))
    asked: list[tuple[str, str]] = []
    monkeypatch.setattr(measuring, "start", lambda what, run_id: asked.append((what, run_id)))
    at = opened(PAGE, run=run.id)
    at.button(key="measure-speed").click().run()
    assert asked == [("speed", run.id)]
    place = runs_root / ".measuring"
    place.mkdir()
    (place / "current.json").write_text(json.dumps({"what": "speed", "run": run.id, "since": 1.7e9}))
    with another_process_holds(place / "lock"):
        at = healthy(opened(PAGE, run=run.id))
        assert at.button(key="measure-speed").disabled
        assert at.button(key="measure-speed").label.startswith("Measuring, ")
        assert at.button(key="measure-sweep").label == "Another measurement is running"


def test_a_measurement_without_a_result_is_said(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = with_weights(write_run(runs_root))
    monkeypatch.setattr(measuring, "start", lambda what, run_id: None)
    monkeypatch.setattr(measuring, "last_words", lambda what, run_id: "half a table\nIt has no weights.")
    at = opened(PAGE, run=run.id)
    at.button(key="measure-speed").click().run()
    at.run()
    assert "ended without a result. It has no weights." in texts(at)


def test_a_new_measurement_is_shown(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = with_weights(write_run(runs_root))

    def start(what: str, run_id: str) -> None:
        (run.folder / "speed.json").write_text(json.dumps(speed_of()))

    monkeypatch.setattr(measuring, "start", start)
    at = opened(PAGE, run=run.id)
    assert "5.6×" not in texts(at)
    at.button(key="measure-speed").click().run()
    at.run()
    assert "5.6× faster at batch 1,000" in texts(healthy(at))
    assert "without a result" not in texts(at)


def test_figures_to_take_away_are_made_when_asked_for(runs_root: Path) -> None:
    run = swept(write_run(runs_root))
    at = opened(PAGE, run=run.id)
    charts: Callable[[], int] = lambda: len(at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart"))  # noqa: E731
    before = charts()
    at.session_state["threshold-figures"] = True
    healthy(at.run())
    assert charts() == before + 2


def test_without_held_out_images_the_headline_states_the_test_error(runs_root: Path) -> None:
    run = swept(write_run(runs_root))
    value = {**sweep_of(run), "objects": "training"}
    (run.folder / "sweep.json").write_text(json.dumps(value))
    kept = next(point["kept"] for point in value["criteria"]["snr"]["points"] if point["threshold"] == 1)
    result = {"kept": kept, "macs": 40_000, "test_error_percent": 6.47, "n_test": 10_000}
    (run.folder / "result.json").write_text(json.dumps(result))
    board = given(healthy(opened(PAGE, run=run.id)))
    assert "6.47 % test error (n = 10,000)" in said(board, 1.0)
    assert all("training" not in "".join(headline) for headline in board["headlines"])
    assert " error" not in said(board, 8.0)
    assert [mark["text"] for mark in board["marks"]] == ["SNR ≥ 1, as in the paper"], "none is chosen by training error"
    at_one = board["readouts"][board["thresholds"].index(1.0)]
    assert [(row["name"], row["value"]) for row in at_one[-2:]] == [
        ("Test error", "6.47 %"),
        ("Training error", f"{board['error'][board['thresholds'].index(1.0)]:.2f} %"),
    ]


def test_why_a_file_was_refused_is_said_once(runs_root: Path) -> None:
    run = with_weights(swept(write_run(runs_root)))
    at = healthy(opened(PAGE, run=run.id))
    at.session_state["threshold-refused"] = {run.id: "Masked and *compact*."}
    assert [error.value for error in healthy(at.run()).error] == ["Masked and \\*compact\\*."]
    assert not healthy(at.run()).error

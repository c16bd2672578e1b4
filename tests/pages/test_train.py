"""Page Train in every state of a run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pages.shared import film, new_run
from sbp.pruning.diagnosis import Finding
from sbp.runs import launcher, store
from sbp.runs.states import State
from sbp.spec import RunConfig
from sbp.spec.presets import PRESETS
from sbp.viz import findings
from tests.made_up import write_run
from tests.pages.opened import healthy, labels, opened, played, texts


def test_without_any_run_it_offers_the_presets() -> None:
    at = healthy(opened("train"))
    assert labels(at).count("Start") >= 2
    assert not at.get("selectbox")


def test_it_says_which_data_is_used_and_why(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("SBP_DATA", str(tmp_path / "nothing"))
    at = healthy(opened("train"))
    assert "bundled digits" in texts(at)


def test_the_first_screen_is_a_recorded_run_with_one_button(recorded: str) -> None:
    at = healthy(opened("train"))
    assert "Start" not in labels(at)
    main = [button.key for button in at.button if button.proto.type == "primary"]
    assert main == ["new-run"]
    assert played(at)["film"]["id"] == recorded
    assert "recorded" in texts(at)
    assert "Stop" not in labels(at)


def test_of_several_recordings_the_most_typical_plays(no_recordings: Path) -> None:
    """Not the newest: of a preset, on true labels."""
    typical = write_run(no_recordings, seed=9)
    write_run(no_recordings, seed=91, random_labels=True)
    write_run(no_recordings, seed=93, label_noise=0.2)
    write_run(no_recordings, seed=92, preset="trial")
    assert played(healthy(opened("train")))["film"]["id"] == typical.id


def test_the_widths_of_a_finished_run_are_trained_from_scratch_with_one_click(
    runs_root: Path, started: list[RunConfig]
) -> None:
    run = write_run(runs_root, network="lenet-5-caffe", pretrain_epochs=2)
    kept = run.summary()["kept"]
    at = healthy(opened("train", run=run.id))
    at.button(key=f"scratch-{run.id}").click().run()
    (config,) = started
    assert config.method.name == "original"
    assert config.network.widths == (kept[0], kept[1], kept[3])
    assert config.schedule.epochs == 2 + run.config.schedule.last_epoch
    assert config.data == run.config.data
    assert healthy(at).session_state["run-shown"] != run.id


def test_what_is_not_finished_offers_no_training_from_scratch(runs_root: Path) -> None:
    run = write_run(runs_root, "stopped", epochs_done=4)
    assert f"scratch-{run.id}" not in [button.key for button in healthy(opened("train", run=run.id)).button]


def test_a_running_run_is_shown_live(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=5, hold=True)
    try:
        at = healthy(opened("train"))
        given = played(at)
    finally:
        writer.close()
    assert given["film"]["live"]
    assert given["film"]["epochs"] == [0, 1, 2, 3, 4, 5]
    assert given["film"]["total"] == 12
    assert "Stop" in labels(at)
    assert "Resume" not in labels(at)
    assert at.query_params["run"] == writer.id
    standing = at.get("progress")[0].proto
    assert standing.value == 41
    assert "Epoch 6 of 12" in standing.text
    assert "10 s left" in standing.text


def test_before_the_first_death_it_says_when_to_expect_it(runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=1, hold=True)
    try:
        at = healthy(opened("train"))
    finally:
        writer.close()
    assert "first prune in about 3 s" in at.get("progress")[0].proto.text


def test_what_is_found_wrong_is_said_as_text(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "diagnose", lambda *_: [Finding("slow", "noise_lr is *1e-4*")])
    at = healthy(opened("train", run=write_run(runs_root).id))
    assert [element.value for element in at.warning] == [r"noise\_lr is \*1e-4\*"]


def test_a_queued_run_says_what_it_waits_for(runs_root: Path) -> None:
    before = write_run(runs_root, "running", epochs_done=3, hold=True)
    waiting = store.create(RunConfig.flat(dataset="digits"), runs_root)
    try:
        at = healthy(opened("train", run=waiting.id))
    finally:
        before.close()
        waiting.close()
    text = at.get("progress")[0].proto.text
    assert "Queued" in text
    assert "1 run ahead" in text


def test_a_finished_run_says_how_it_ended(runs_root: Path) -> None:
    run = write_run(runs_root, "finished")
    at = healthy(opened("train", run=run.id))
    assert not played(at)["film"]["live"]
    assert not at.get("progress")
    assert "Stop" not in labels(at)
    assert "finished" in texts(at)


def test_a_stopped_run_can_be_resumed_from_the_page(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(runs_root, "stopped", epochs_done=4)
    asked: list[str] = []
    monkeypatch.setattr(launcher, "resume", lambda run_id, root: asked.append(run_id))
    at = healthy(opened("train", run=run.id))
    at.button(key="resume").click().run()
    assert asked == [run.id]


@pytest.mark.parametrize(
    ("state", "message", "said"),
    [
        ("failed", "train-images-idx3-ubyte.gz is cut short.", "is cut short"),
        ("diverged", "The loss is no longer a finite number.", "last good epoch"),
    ],
)
def test_what_went_wrong_is_a_sentence_with_the_log(runs_root: Path, state: str, message: str, said: str) -> None:
    run = write_run(runs_root, state, epochs_done=4, message=message, log="line one\nline two\n")
    at = healthy(opened("train", run=run.id))
    assert said in " ".join(error.value for error in at.error)
    assert "line two" in texts(at)
    assert played(at)["film"]["epochs"][-1] == 4


def test_a_lost_run_shows_its_last_lines_and_can_be_resumed(runs_root: Path) -> None:
    run = write_run(runs_root, "running", epochs_done=4, log="epoch 4 done\nKilled\n")
    assert store.open_run(run.id).state is State.LOST
    at = healthy(opened("train", run=run.id))
    assert "Killed" in texts(at)
    assert "Resume" in labels(at)
    assert "Stop" not in labels(at)
    assert any("ended unexpectedly" in warning.value for warning in at.warning)


def test_a_link_to_a_run_that_is_not_here_falls_back_and_says_so(runs_root: Path) -> None:
    run = write_run(runs_root)
    at = healthy(opened("train", run="20200101-000000-gone"))
    assert any("cannot be found" in warning.value for warning in at.warning)
    assert at.query_params["run"] == run.id


def test_one_click_starts_a_preset_and_shows_it(started: list[RunConfig]) -> None:
    at = healthy(opened("train"))
    at.segmented_control(key="start-data-page").set_value("digits").run()
    at.button(key="start-lenet-500-300-quick-page").click().run()
    assert [config.preset for config in started] == ["quick"]
    assert started[0].data.dataset == "digits"
    assert at.query_params["run"]
    assert "Start" not in labels(healthy(at))
    assert "start-done" not in at.session_state, "page Random labels would go to the run"


def test_what_stops_a_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_config: RunConfig, _root: Path | None) -> str:
        raise OSError("No space left on device")

    monkeypatch.setattr(launcher, "start", refuse)
    at = healthy(opened("train"))
    at.button(key="start-lenet-500-300-quick-page").click().run()
    assert "No space left on device" in at.error[0].value


def test_a_card_promises_what_was_measured_on_its_data_and_device(monkeypatch: pytest.MonkeyPatch) -> None:
    at = healthy(opened("train"))
    promise = PRESETS["lenet-500-300", "quick"].promise
    at.segmented_control(key="start-data-page").set_value("mnist").run()
    assert promise in texts(at)
    assert "About 59 s on 2 CPU cores" in texts(at)
    assert "on a GPU" not in texts(at).replace("in seconds, on a GPU", "")
    at.segmented_control(key="start-data-page").set_value("fashion-mnist").run()
    assert "test error" not in texts(at)
    assert "About" not in texts(at)
    monkeypatch.setattr(new_run, "devices_here", lambda: ["cuda", "cpu"])
    at = healthy(opened("train"))
    at.segmented_control(key="start-data-page").set_value("mnist").run()
    assert "About 6 s on a GPU" in texts(at)
    at.segmented_control(key="start-device-page").set_value("cpu").run()
    assert "About 59 s on 2 CPU cores" in texts(healthy(at))


def test_a_refusal_is_said_on_the_page(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = write_run(runs_root, "stopped", epochs_done=4)

    said = ["It has a *living* worker."]

    def refuse(_run_id: str, _root: Path | None) -> None:
        if said:
            raise store.BadRequest(said.pop())

    monkeypatch.setattr(launcher, "resume", refuse)
    at = opened("train", run=run.id)
    at.button(key="resume").click().run()
    assert [error.value for error in healthy(at).error] == [r"It has a \*living\* worker."]
    assert not at.toast
    at.button(key="resume").click().run()
    assert not healthy(at).error


def test_the_folded_sections_open_without_a_word_of_error(runs_root: Path) -> None:
    run = write_run(runs_root)
    at = opened("train", run=run.id)
    for key in ("details-figures", "details-numbers", "details-config"):
        at.session_state[key] = True
    healthy(at.run())
    assert len(at.get("vega_lite_chart") or at.get("arrow_vega_lite_chart")) == 6
    assert at.dataframe
    assert '"noise_lr"' in texts(at)


def test_where_there_are_more_groups_than_maps_it_says_so_and_leads_to_all(runs_root: Path, monkeypatch: Any) -> None:
    run = write_run(runs_root, network="lenet-5-caffe")
    assert not any("first" in link.proto.label for link in healthy(opened("train", run=run.id)).get("page_link"))
    monkeypatch.setattr(film, "AREAS", "abc")
    links = [link.proto for link in healthy(opened("train", run=run.id)).get("page_link")]
    (link,) = [link for link in links if "first 3 of 4 groups" in link.label]
    assert link.page.startswith("channels")

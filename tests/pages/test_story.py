"""Page Story: a recorded run plays by itself; without any run it says how to get one."""

from pathlib import Path

from tests.made_up import write_run
from tests.pages.opened import healthy, opened, played, texts


def test_without_any_run_it_says_what_to_do() -> None:
    at = healthy(opened("story"))
    assert "start one on the page Train" in texts(at)


def test_a_recording_plays_without_a_click(recorded: str) -> None:
    at = healthy(opened("story"))
    given = played(at, "story")
    assert given["film"]["id"] == recorded
    assert given["play"]
    assert given["loop"]
    assert [panel["kind"] for panel in given["panels"]] == ["network", "cells", "trajectories"]
    assert "Recorded run: LeNet-500-300 on digits" in texts(at)


def test_three_doors_lead_on_a_tour_and_a_talk(recorded: str) -> None:
    at = healthy(opened("story"))
    links = [link.proto for link in at.get("page_link")]
    assert [link.page for link in links] == ["gate", "train", "channels", "", "talk"]  # the tour begins on this page
    assert links[2].query_string == f"run={recorded}", "Channels opens the run that was watched"


def test_a_recording_is_preferred_to_what_trains_now(recorded: str, runs_root: Path) -> None:
    writer = write_run(runs_root, "running", epochs_done=3, hold=True)
    try:
        given = played(healthy(opened("story")), "story")
    finally:
        writer.close()
    assert given["film"]["id"] == recorded


def test_a_finished_run_of_ones_own_plays_where_nothing_is_recorded(runs_root: Path) -> None:
    run = write_run(runs_root)
    assert played(healthy(opened("story")), "story")["film"]["id"] == run.id


def test_the_image_layer_is_shown_where_there_is_one(no_recordings: Path) -> None:
    write_run(no_recordings, network="lenet-5-caffe")
    write_run(no_recordings, network="lenet-500-300")
    given = played(healthy(opened("story")), "story")
    shown = given["film"]["layers"][given["panels"][1]["layer"]]
    assert shown["shape"] == [28, 28]


def test_a_failed_run_alone_is_still_a_story(runs_root: Path) -> None:
    write_run(runs_root, "failed", epochs_done=4, message="The disk is full.")
    at = healthy(opened("story"))
    assert played(at, "story")["film"]["epochs"] == [0, 1, 2, 3, 4]

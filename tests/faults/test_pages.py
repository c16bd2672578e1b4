"""Bad files on the pages: every page shows the other runs, and of a bad one its sentence and nothing drawn."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbp.runs import store
from tests.faults.bad import FAULTS, OTHER_FILES, UNREADABLE_CONFIG
from tests.faults.test_one_run_alone import no_hang, spoilt, tree_of
from tests.made_up import write_run
from tests.pages.opened import healthy, labels, opened, played, texts

PAGES = (
    "story",
    "gate",
    "train",
    "channels",
    "pixels",
    "random_labels",
    "threshold",
    "methods",
    "runs",
)
ABOUT_A_RUN = ("train", "channels", "pixels", "threshold")
HALVES = {"configs": list(UNREADABLE_CONFIG), "other files": list(OTHER_FILES)}

__all__ = ["no_hang"]  # a fixture of theirs that is ours too


@pytest.fixture
def all_bad(request: pytest.FixtureRequest, runs_root: Path) -> dict[str, store.RunView]:
    """A run for each fault of a half, and one that is well, called "good"."""
    runs = {"good": write_run(runs_root, epochs=3, seed=5)}
    return runs | {fault: spoilt(runs_root, *FAULTS[fault]) for fault in HALVES[request.param]}


@pytest.mark.parametrize("all_bad", HALVES, indirect=True)
@pytest.mark.parametrize("page", PAGES)
def test_every_page_is_well_among_all_that_is_bad(page: str, all_bad: dict[str, store.RunView]) -> None:
    at = healthy(opened(page))
    if page in ("story", "train", "channels"):
        played(at, "story" if page == "story" else "player" if page == "train" else "channels")
        assert "cannot be read" not in texts(at), "the one that is well is shown"
    if page == "runs":
        at.toggle(key="runs-all").set_value(True).run()
        said = texts(healthy(at))
        for fault, run in all_bad.items():
            if fault != "good":
                assert run.id in said.replace("\\", ""), fault
                assert at.checkbox(key=f"tick-{run.id}").disabled, "it cannot be compared"
                assert at.button(key=f"delete-{run.id}"), "it can be deleted"
        assert not at.checkbox(key=f"tick-{all_bad['good'].id}").disabled


SOME = (
    "config cut by two bytes",
    "config {}",
    "config is a pipe",
    "state is a list",
    "created is no time",
    "a record with a word for a number",
    "noise of random bytes",
    "a result of another seed",
)


@pytest.mark.parametrize("page", ABOUT_A_RUN)
@pytest.mark.parametrize("fault", SOME)
def test_a_link_to_a_bad_run_says_what_is_wrong_with_it(fault: str, page: str, runs_root: Path) -> None:
    bad, good = spoilt(runs_root, *FAULTS[fault]), write_run(runs_root, epochs=3, seed=5)
    before = list(tree_of(bad.folder))
    at = healthy(opened(page, run=bad.id))
    assert FAULTS[fault][0] in texts(at).replace("\\", "")
    if page == "train":
        assert not {"Resume", "Stop", "Records (CSV)"} & set(labels(at))
        with pytest.raises(AssertionError, match="no player"):
            played(at)
    else:
        assert at.session_state["run-shown"] == good.id, "another is shown instead, and said"
    assert list(tree_of(bad.folder)) == before


@pytest.mark.parametrize("page", ABOUT_A_RUN)
def test_with_nothing_but_bad_runs_a_page_says_so(page: str, runs_root: Path) -> None:
    bad = spoilt(runs_root, *FAULTS["config {}"])
    for at in (opened(page), opened(page, run=bad.id)):
        healthy(at)


def test_a_bad_recording_takes_nothing_down(recordings: Path) -> None:
    for fault in ("config {}", "state is a list", "created is no time"):
        spoilt(recordings, *FAULTS[fault])
    for page in ("story", "train", "runs", "methods"):
        at = healthy(opened(page))
    at = healthy(opened("runs"))
    assert "config.json" in texts(at).replace("\\", "")


@pytest.mark.parametrize("fault", ["config cut by two bytes", "a record with a word for a number"])
def test_a_run_that_goes_bad_while_it_is_shown(fault: str, runs_root: Path) -> None:
    """The page was opened while all was well; its fragments run again on what is there now."""
    run = write_run(runs_root, epochs=6)
    for page in ABOUT_A_RUN:
        view = write_run(runs_root, epochs=6)
        at = healthy(opened(page, run=view.id))
        FAULTS[fault][1](view.folder / FAULTS[fault][0])
        healthy(at.run())
    assert store.open_run(run.id).problem == ""

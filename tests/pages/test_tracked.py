"""Every page on a run of a loop that is not ours, while it trains, before its first epoch, and after it has ended."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import torch
from torch import nn

import sbp
from sbp.runs import store
from tests.made_up import write_run
from tests.noise.zoo import ZOO
from tests.pages.opened import healthy, labels, opened, played, texts
from tests.tracking.small import N, adam, digits, network

PAGES = ("story", "gate", "train", "channels", "pixels", "random_labels", "threshold", "methods", "runs")
OF_ONE_RUN = ("train", "channels", "pixels", "threshold")
STATES = ("begun", "live", "ended")


def begun(root: Path, model: nn.Module | None = None) -> sbp.TrackedRun:
    model = model or network()
    return sbp.track(model, root / "mine", digits(2)[0], adam(model), n_train=N, epochs=3)


def log_two(run: sbp.TrackedRun, model: nn.Module) -> None:
    """Two epochs, without any error, in which half of the units are pruned."""
    for _ in range(2):
        with torch.no_grad():
            model.sbp_noise.log_scale[::2] += 4.0  # type: ignore[index, operator, union-attr]
        run.log(nll=0.5)


@pytest.fixture(scope="module", params=STATES)
def tracked(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The state of a tracked run, and the folder of runs that it is alone in."""
    root, model = tmp_path_factory.mktemp("runs"), network()
    with begun(root, model) as run:
        if request.param != "begun":
            log_two(run, model)
        if request.param == "ended":
            run.finish()
        yield request.param, root


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(tracked: tuple[str, Path], monkeypatch: pytest.MonkeyPatch, page: str) -> None:
    state, root = tracked
    monkeypatch.setenv("SBP_RUNS", str(root))
    at = healthy(opened(page, run="mine"))
    assert texts(at).strip() or at.get("bidi_component"), "The page is empty."
    if page not in OF_ONE_RUN:
        return
    if state == "begun" and page != "train":
        assert "The first picture comes" in texts(at)
    assert at.query_params["run"] in ("mine", ["mine"])
    assert ("Stop" in labels(at)) == (page == "train" and state != "ended")
    assert "Resume" not in labels(at)


@pytest.fixture
def ended(runs_root: Path) -> str:
    """A tracked run that has ended, with half of its units pruned."""
    model = network()
    with begun(runs_root, model) as run:
        log_two(run, model)
    return run.path.name


def test_channels_shows_its_units(ended: str) -> None:
    at = healthy(opened("channels", run=ended, layer="3", unit="0"))
    film = played(at, "channels")["film"]
    assert [(layer["units"], layer["kept"]) for layer in film["layers"]] == [(8, [8, 8, 4]), (16, [16, 16, 8])]
    assert "Density of neuron 0" in texts(at)
    assert "has no weights to show" in texts(at)


def test_threshold_counts_its_cost(ended: str) -> None:
    at = healthy(opened("threshold", run=ended))
    costs = next(table.value for table in at.dataframe if "MACs" in table.value)
    description = store.open_run(ended).description
    assert costs["MACs"].iloc[-1] == f"{description.dense_macs():,} → {description.macs((4, 8)):,}"
    assert "sbp.compact(model)" in texts(at)
    assert "Measure here" not in labels(at)


def test_pixels_says_what_it_lacks_and_where_else(ended: str, no_recordings: Path) -> None:
    write_run(no_recordings)
    at = healthy(opened("pixels", run=ended))
    assert "neither images nor weights" in texts(at)
    assert [link.proto.page for link in at.get("page_link")] == ["channels", "pixels"]


def test_runs_lists_it(ended: str) -> None:
    at = healthy(opened("runs"))
    assert "Sequential on own data" in texts(at)
    assert "4–8 kept" in texts(at)
    assert "batch" not in texts(at)


def test_it_compares_with_a_run_of_ours(ended: str, runs_root: Path) -> None:
    other = write_run(runs_root)
    at = opened("runs")
    for run in (ended, other.id):
        at.checkbox(key=f"tick-{run}").check()
    assert "Compared" in texts(healthy(at.run()))


@pytest.mark.parametrize("name", ["transformers/resnet", "transformers/bert", "conv1d"])
def test_other_networks_open_too(runs_root: Path, name: str) -> None:
    """Many groups, names with dots, tokens and signals instead of images."""
    model, example = ZOO[name].build(), ZOO[name].example_input(2)
    sbp.attach(model, example)
    with sbp.track(model, runs_root / "mine", example, adam(model), n_train=N, epochs=1) as run:
        run.log(nll=1.0, validation_error_percent=50.0)
    assert len(store.open_run("mine").layers) > 1
    for page in (*OF_ONE_RUN, "runs"):
        healthy(opened(page, run="mine"))


def test_an_exceptions_words_are_no_markup(runs_root: Path) -> None:
    with pytest.raises(RuntimeError), begun(runs_root):
        raise RuntimeError("[here](http://example.org)")
    for page in ("train", "runs"):
        assert "[here](http" not in texts(healthy(opened(page, run="mine")))

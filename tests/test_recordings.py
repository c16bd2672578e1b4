"""The recordings that ship with the code: whole, small, and what they say holds for the weights they hold."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
import torch

from pages.random_labels import run_pair
from pages.shared import film, run_picker
from sbp.compaction import compact, masked, masks_of
from sbp.compaction.folded import Folded
from sbp.compaction.weights import network_of
from sbp.data.datasets import load, prepare
from sbp.networks.describe import described
from sbp.runs import store
from sbp.runs.store import RunView
from sbp.spec.networks import SPECS
from tests.pruning.networks import kept_of

RECORDINGS = [run for run in store.list_runs() if run.recorded]
# What issue and paper ask of MACs: the paper's own reduction, as printed.
LEAST_REDUCTION = {"lenet-500-300-paper": 11.23, "lenet-5-caffe-paper": 10.49}
MOST_ERROR_PERCENT = {"lenet-500-300-paper": 1.55, "lenet-5-caffe-paper": 0.86}


def slow_on_cifar(run: RunView) -> tuple[pytest.MarkDecorator, ...]:
    """Ten thousand images through a whole VGG-like take minutes."""
    return (pytest.mark.slow,) if run.config.data.dataset == "cifar-10" else ()


each = pytest.mark.parametrize("run", RECORDINGS, ids=lambda run: run.id)


def test_there_are_the_two_of_the_paper_and_they_are_small() -> None:
    assert set(LEAST_REDUCTION) <= {run.id for run in RECORDINGS}
    files = [path for path in Path(store.recorded_root()).parent.rglob("*") if path.is_file()]
    assert sum(path.stat().st_size for path in files) < 40e6


@each
def test_a_recording_is_whole(run: RunView) -> None:
    assert run.problem == ""
    summary = run.summary()
    assert summary["state"] == "finished"
    for name in ("hardware", "seed", "n_train", "n_test", "kl_weights", "versions", "commit"):
        assert summary[name] is not None, name
    if run.id in LEAST_REDUCTION or run.id.startswith("table-1-"):
        assert run.speed() is not None
    if not run.config.has_noise:
        assert len(run.snapshots()) == 0
        return
    shots = run.snapshots()
    assert (shots.epochs[0], shots.epochs[-1]) == (0, run.config.schedule.epochs)
    sweep = run.sweep()
    if run.id == "interval-short":  # nothing can go at any threshold below its floor; its sweep was not kept
        assert summary["kept"] == [layer.units for layer in run.layers]
        return
    if run.id == "resnet-20-pixels":  # its sweep ended with an error that is mended since
        assert sweep is None
        return
    assert sweep is not None
    at_one = next(point for point in sweep["criteria"]["snr"]["points"] if point["threshold"] == 1.0)
    assert at_one["kept"] == summary["kept"]
    assert at_one["macs"] == summary["macs"]


def test_first_steps_show_how_units_go_in_the_story_and_in_the_race() -> None:
    story = film.for_story(RECORDINGS)
    race = next(pair for pair in run_pair.pairs_of(RECORDINGS) if pair.key == "rates")
    assert race.names == ("collapse (30×)", "memorise (10×)")
    assert story is not None
    for run in (story, *race.runs):
        steps = run.step_records()
        assert run.step_snapshots().epochs.tolist() == [record.step for record in steps]
    slowly, at_once = ([sum(record.kept or ()) for record in run.step_records()] for run in (story, race.runs[0]))
    assert len(set(slowly)) > 40
    assert sorted(set(at_once)) == [0, 15, 251, 1584], "from all to none within 30 steps"
    assert (race.runs[1].records()[-1].train_error_percent or 100) < 1


@each
def test_its_name_says_nothing_twice(run: RunView) -> None:
    said = re.split(", | on ", run_picker.name(run).lower())
    assert len(said) == len({run.config.network.name, *said[1:]})


@each
def test_it_beats_the_papers_row(run: RunView) -> None:
    if run.id not in LEAST_REDUCTION:
        pytest.skip("No row of the paper to beat.")
    summary = run.summary()
    assert summary["test_error_percent"] <= MOST_ERROR_PERCENT[run.id]
    assert SPECS[run.config.network.name].dense_macs() / summary["macs"] >= LEAST_REDUCTION[run.id]


@pytest.mark.parametrize("run", [pytest.param(run, id=run.id, marks=slow_on_cifar(run)) for run in RECORDINGS])
def test_masked_and_compact_agree_on_every_test_image(run: RunView, request: pytest.FixtureRequest) -> None:
    """And the recorded error is theirs, up to an image that another device's rounding may turn."""
    if run.model_path is None:
        pytest.skip("Recorded without its weights.")
    dataset = run.config.data.dataset
    root = request.getfixturevalue("cifar_root" if dataset == "cifar-10" else "mnist_root")
    network = network_of(run.config, run.model_path)
    split = prepare(load(dataset, root))
    masks = masks_of(network)
    networks = masked(network, masks), compact(network, masks), Folded(network).cut(masks)
    with torch.no_grad():
        parts = [[one(part) for one in networks] for part in split.test_x.split(1000)]
    first, second, third = (torch.cat(logits) for logits in zip(*parts, strict=True))
    assert len(first) == 10_000
    assert torch.equal(first.argmax(1), second.argmax(1))
    assert torch.equal(first.argmax(1), third.argmax(1))
    error = 100 * float((second.argmax(1) != split.test_y).float().mean())
    assert error == pytest.approx(run.summary()["test_error_percent"], abs=0.02)
    assert described(network).macs(kept_of(network, masks)) == run.summary()["macs"]

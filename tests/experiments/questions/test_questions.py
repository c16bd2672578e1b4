"""Questions: the overlap and the crossings by hand, what is measured on made-up runs, and what is recorded."""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sbp.experiments import results
from sbp.experiments.questions import QUESTIONS, kept_set, revivals, seed_runs, verdict
from sbp.experiments.questions.question import Sources, path_of, store, stored
from sbp.experiments.results import NoResults
from sbp.pruning.masks import Masks
from tests.experiments.made import result
from tests.made_up import write_run

RECORDED = ("calibration", "kept-set", "verdict", "samplers", "bounds", "prior", "revivals", "fashion")


@pytest.fixture
def elsewhere(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty place for results."""
    monkeypatch.setattr(results, "results_root", lambda: tmp_path)
    return tmp_path


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Runs of two recipes and networks on two seeds, and which units each kept."""
    root, masks = tmp_path_factory.mktemp("seeds"), {}
    for network in seed_runs.NETWORKS:
        for key in seed_runs.RECIPES:
            for seed in (4, 3):
                view = write_run(root / "runs", network=network, preset=f"table-1-{key}", seed=seed)
                units = sum(group.units for group in view.layers)
                kept = np.random.default_rng(seed).random((13, units)) < 0.3
                kept[0] = True
                masks[f"{view.id}/kept"] = np.packbits(kept, axis=1)
    np.savez(root / "masks.npz", **masks)  # type: ignore[arg-type]
    return root


def sources(folder: Path | None) -> Sources:
    def errors(view: Any, masks: Iterable[Masks]) -> list[dict[str, float]]:
        return [{"nll": float(sum(mask.sum() for mask in one.values()))} for one in masks]

    return Sources(folder, lambda view: {}, errors, lambda view: {})


def test_each_question_stands_under_its_own_name() -> None:
    assert all(name == question.name and question.title.endswith("?") for name, question in QUESTIONS.items())
    assert {name for name, question in QUESTIONS.items() if question.answered} >= set(RECORDED)


def test_what_is_not_recorded_is_not_answered(elsewhere: Path) -> None:
    assert not any(question.answered for question in QUESTIONS.values())
    with pytest.raises(NoResults, match="reproduce questions --only kept-set --record"):
        stored("kept-set")


@pytest.mark.parametrize("text", ["[]", "{"])
def test_a_broken_file_is_no_answer(elsewhere: Path, text: str) -> None:
    store("kept-set", {"seeds": [1]})
    assert stored("kept-set") == {"seeds": [1]}
    path_of("kept-set").write_text(text, encoding="utf-8")
    assert QUESTIONS["kept-set"].answered is None


@pytest.mark.parametrize("name", RECORDED)
def test_recorded_answers_have_figure_sentences_and_sources(name: str) -> None:
    answer = QUESTIONS[name].answered
    assert answer is not None
    figure = answer.figure
    for line in figure.lines or answer.lines:
        assert {figure.x, figure.y, figure.of} <= line.keys()
    assert len(answer.sentences) == 2
    assert all(part in answer.stands_on for part in ("n = ", "seed"))
    assert len(json.dumps([answer.lines, figure.lines], allow_nan=False)) < 200_000


def test_recorded_files_are_small() -> None:
    assert sum(path.stat().st_size for path in path_of("x").parent.glob("*.json")) < 60_000


def test_samplers_are_answered_by_gradients_and_later_by_runs_too(elsewhere: Path) -> None:
    variances = {"noise": 0.5, "weights": 2.0, "noise_norm": 1.0, "weights_norm": 0.1}
    by = {"example": variances, "minibatch": {**variances, "weights": 80.0}}
    run = {"network": "lenet-500-300", "seed": 0, "samplers": by, "batch": 500, "draws": 9, "hardware": "a CPU"}
    store("samplers", {"runs": [run]})
    answer = QUESTIONS["samplers"].answered
    assert answer is not None
    assert "40 times the variance" in answer.sentences[0]
    assert "not measured yet" in answer.sentences[1]
    assert [line["units kept"] for line in answer.lines] == ["not trained"] * 2
    one = dataclasses.replace(result(error=1.5), config={**result().config, "theta_per": "minibatch"})
    table = results.Table("samplers", (results.Row("minibatch", "The minibatch", "lenet-500-300", (one,)),))
    (elsewhere / "samplers.json").write_text(table.to_json(), encoding="utf-8")
    answer = QUESTIONS["samplers"].answered
    assert answer is not None
    assert [line["units kept"] for line in answer.lines] == ["not trained", "245–160–55"]
    assert answer.sentences[1] == (
        "LeNet-500-300, trained with one for each minibatch, ends at 1.50 % with 48.5 kMACs."
    )


def test_equal_sets_overlap_wholly_and_independent_ones_by_chance() -> None:
    one = np.arange(1000) < 300
    assert kept_set.overlap(np.stack([one, one, one])) == {
        "jaccard": 1.0,
        "by_chance": pytest.approx(90 / 510),
        "kappa": pytest.approx(1.0),
    }
    drawn = np.random.default_rng(0).random((8, 5000)) < 0.3
    found = kept_set.overlap(drawn)
    assert found["jaccard"] == pytest.approx(found["by_chance"], abs=0.01)
    assert found["kappa"] == pytest.approx(0, abs=0.02)
    assert kept_set.overlap(np.ones((2, 5), bool))["kappa"] == 0


def test_crossings_are_counted_by_epoch() -> None:
    one, two = [[1, 1, 1], [0, 1, 0], [1, 1, 0], [0, 1, 1]], [[1, 1, 1], [1, 1, 1], [1, 1, 0], [1, 1, 1]]
    falls, rises, back = revivals.crossings(np.array([one, two], bool))
    assert (falls.tolist(), rises.tolist(), back) == ([2, 1, 1], [0, 1, 2], 2)


def test_runs_are_found_by_their_recipe_and_sorted_by_seed(folder: Path) -> None:
    runs = seed_runs.seed_runs(folder, "lenet-5-caffe", "sbp")
    assert (runs.seeds, runs.hardware, runs.kept.shape) == ([3, 4], "2 cores", (2, 13, 1370))
    assert [(group.name, kept.shape[2]) for group, kept in runs.by_group()][:2] == [("conv1", 20), ("conv2", 50)]
    with pytest.raises(NoResults, match="got none"):
        seed_runs.seed_runs(folder, "vgg-like", "sbp")


@pytest.mark.parametrize("none", [None, Path("nowhere")])
def test_without_runs_the_folder_is_named(none: Path | None) -> None:
    with pytest.raises(NoResults, match=r"--runs: expected a folder with runs and masks\.npz"):
        seed_runs.seed_runs(none, "lenet-5-caffe", "sbp")


def test_what_is_measured_is_answered(folder: Path, elsewhere: Path) -> None:
    for name in ("kept-set", "revivals"):
        question = QUESTIONS[name]
        assert question.measure is not None
        store(name, question.measure(sources(folder)))
        assert question.answered is not None
    facts = stored("kept-set")
    assert (facts["seeds"], len(facts["pixels"]), max(facts["pixels"])) == ([3, 4], 784, 2)
    assert sum(facts["pixels"]) == sum(facts["groups"][0]["kept"])


def test_each_unit_is_removed_alone(folder: Path) -> None:
    view = seed_runs.seed_runs(folder, "lenet-500-300", "sbp").views[0]
    found = verdict.worth(view, sources(None))
    kept = verdict.verdicts(view)
    either = sum(int((kept["SNR"][name] | kept["U"][name]).sum()) for name in kept["SNR"])
    assert found["nll"] == either
    assert {value for of in found["units"].values() for value in of["nll"]} == {-1.0}
    assert sum(len(of["snr"]) for of in found["units"].values()) == either
    assert min(found["units"][verdict.BOTH]["snr"]) >= 1


def test_bmrs_n_by_its_formula_keeps_what_training_leaves_near_b() -> None:
    facts = stored("verdict")
    for row, units in zip(facts["rows"], (1584, 1370), strict=True):
        assert row["N kept"] == units * len(row["seeds"])
        assert row["U SNR alone"] == 0
        assert 0 < row["N_released alone"] < 0.05 * row["SNR"]

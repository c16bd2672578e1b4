"""What is started, what is resumed, what is left alone: against a store of made-up runs and a launcher that notes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from sbp.experiments import running
from sbp.experiments.planned import PlannedRow, UnknownExperiment
from sbp.experiments.plans import PLANS, plan_of
from sbp.runs import launcher, store
from sbp.runs.speed import write_speed
from sbp.runs.states import State
from sbp.spec import RunConfig
from tests.experiments.made import SPEED
from tests.made_up import write_run

ROWS = (
    PlannedRow("sbp", "SBP", RunConfig.flat(dataset="digits", epochs=12, preset="t-sbp"), "SBP"),
    PlannedRow("ssl", "SSL", RunConfig.flat(dataset="digits", epochs=12, method="ssl", preset="t-ssl")),
)


def finished(root: Path, error: float, **changes: Any) -> Any:
    """A finished run with a result."""
    view = write_run(root, **changes)
    result = {
        "test_error_percent": error,
        "kept": [10, 5, 4],
        "macs": 110,
        "macs_reduction": 545_000 / 110,
        "seconds": 7.0,
        "n_train": 1150,
        "n_test": 360,
        "kl_weights": [1.0, 1.0, 1.0],
        "commit": "abc",
        "versions": {},
    }
    (view.folder / "result.json").write_text(json.dumps({"id": view.id, **result}))
    return store.open_run(view.id, root)


def status(jobs: list[running.Job]) -> dict[str, Any]:
    return {f"{job.row.key} {job.config.seed}": (job.finished, job.wanted) for job in jobs}


def test_finished_runs_are_found_wherever_they_were_trained_and_whatever_they_were_called(runs_root: Path) -> None:
    view = finished(runs_root, 1.5, device="cpu", threads=2, preset="mine")
    finished(runs_root, 9.9, noise_lr=0.5)  # another recipe
    jobs = running.jobs_of(ROWS[:1], 1)
    assert status(jobs) == {"sbp 0": (True, None)}
    assert jobs[0].view is not None
    assert jobs[0].view.id == view.id


def test_the_missing_are_started_the_cut_resumed_the_diverged_and_the_finished_left(runs_root: Path) -> None:
    finished(runs_root, 1.5)
    cut = write_run(runs_root, State.STOPPED, epochs_done=3, seed=1)
    write_run(runs_root, State.DIVERGED, epochs_done=3, seed=2)
    lost = write_run(runs_root, "running", epochs_done=3, method="ssl")  # whose worker has ended
    going = write_run(runs_root, "running", epochs_done=3, method="ssl", seed=1, hold=True)
    jobs = running.jobs_of(ROWS, 3)
    found = status(jobs)
    going.close()
    assert found["sbp 0"] == (True, None)
    assert found["sbp 1"] == (False, cut.id)
    assert found["sbp 2"] == (False, None)
    assert found["ssl 0"] == (False, lost.id)
    assert found["ssl 1"] == (False, None)
    assert found["ssl 2"] == (False, ROWS[1].recipe.replace(seed=2))
    assert [job.config.seed for job in jobs] == [0, 0, 1, 1, 2, 2], "a first seed of every row comes first"


def test_a_finished_run_comes_before_a_newer_one_that_was_cut(runs_root: Path) -> None:
    done = finished(runs_root, 1.5)
    write_run(runs_root, State.STOPPED, epochs_done=3)
    (job,) = running.jobs_of(ROWS[:1], 1)
    assert job.view is not None
    assert job.view.id == done.id


def test_a_recording_does_not_count_as_a_run_of_ones_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "recorded_root", lambda: tmp_path / "assets")
    finished(tmp_path / "assets", 1.5)
    assert status(running.jobs_of(ROWS[:1], 1)) == {"sbp 0": (False, ROWS[0].recipe)}


@pytest.fixture
def packs(monkeypatch: pytest.MonkeyPatch) -> list[tuple[Any, ...]]:
    """What the launcher was asked for."""
    asked: list[tuple[Any, ...]] = []

    def start_pack(wanted: list[Any], root: Any, together: int, gpu: int | None) -> list[str]:
        asked.append((wanted, together, gpu))
        return [f"run-{len(asked)}-{number}" for number in range(len(wanted))]

    monkeypatch.setattr(launcher, "start_pack", start_pack)
    return asked


def test_one_process_trains_all_that_is_missing_on_one_device(packs: list[Any], runs_root: Path) -> None:
    cut = write_run(runs_root, State.STOPPED, epochs_done=3, device="cpu")
    ids = running.start_missing(running.jobs_of(ROWS, 2), "cpu", 8)
    ((wanted, together, gpu),) = packs
    assert (together, gpu) == (8, None)
    assert [one if isinstance(one, str) else (one.method.name, one.seed, one.device) for one in wanted] == [
        cut.id,
        ("ssl", 0, "cpu"),
        ("sbp", 1, "cpu"),
        ("ssl", 1, "cpu"),
    ]
    assert list(ids.values()) == ["run-1-0", "run-1-1", "run-1-2", "run-1-3"]


def test_several_gpus_share_the_runs_and_equal_recipes_are_run_once(packs: list[Any]) -> None:
    twin = PlannedRow("sbp-frontier-1", "SBP", ROWS[0].recipe.replace(preset="t-frontier"))
    jobs = running.jobs_of((*ROWS, twin), 2)
    ids = running.start_missing(jobs, "cuda", 4, gpus=2)
    assert [(len(wanted), together, gpu) for wanted, together, gpu in packs] == [(2, 4, 0), (2, 4, 1)]
    assert len(ids) == 4
    assert all(running.identity(job.config) in ids for job in jobs)


def test_a_table_of_what_is_there_by_hand(runs_root: Path) -> None:
    first, second = finished(runs_root, 1.4), finished(runs_root, 1.8, seed=1)
    measurement = {
        "device": "cpu",
        "hardware": "a CPU",
        "threads": 2,
        "versions": {},
        "when": 1.0,
        "rows": [{k: v for k, v in row.items() if k not in ("device", "hardware", "threads")} for row in SPEED],
    }
    write_speed(first, measurement)
    table = running.table_of("t", running.jobs_of(ROWS, 2))
    sbp, ssl = table.rows
    assert (ssl.key, ssl.runs) == ("ssl", ())
    assert [run.run for run in sbp.runs] == [first.id, second.id]
    assert sbp.mean == pytest.approx(1.6)
    assert sbp.spread == pytest.approx(0.2828427)  # sqrt(0.04 + 0.04)
    run = sbp.runs[0]
    assert (run.kept, run.macs, run.n_train, run.hardware, run.seconds) == ((10, 5, 4), 110, 1150, "2 cores", 7.0)
    assert run.speed == SPEED
    assert run.times_as_fast("cpu", 1000) == pytest.approx(6.0)
    assert run.last["epoch"] == 12
    assert run.config["seed"] == 0
    assert type(table).from_json(table.to_json()) == table


# -- the plans themselves -------------------------------------------------------------------------------------


def test_the_rows_that_the_papers_table_has_are_planned_for_both_networks() -> None:
    keys = {
        network: {row.key for row in plan_of("table-1").only(network=network)}
        for network in ("lenet-500-300", "lenet-5-caffe")
    }
    wanted = {
        "original",
        "sparse-vd",
        "ssl",
        "sbp",
        "sbp-small",
        "binary-dropout",
        "gaussian-dropout",
        "sbp-weights",
        "sbp-fixed-mu",
    }
    for found in keys.values():
        assert wanted <= found


def test_every_planned_run_trains_on_all_objects_and_has_a_name_of_its_own() -> None:
    for plan in PLANS.values():
        names = [name for row in plan.rows if (name := plan.recording(row))]
        assert len(set(names)) == len(names)
        for row in plan.rows:
            assert row.recipe.data.validation_size == 0, "a recipe is chosen before; its runs train on everything"
            digit = "fashion-mnist" if row.key.endswith("-fashion") else "mnist"
            assert row.dataset == ("cifar-10" if row.network in ("vgg-like", "resnet-20") else digit)
            assert [config.seed for config in row.configs(3)] == [0, 1, 2]
    assert plan_of("figure-2").rows[0] in plan_of("table-1").rows


def test_the_short_interval_is_where_knowing_nothing_is_not_pruned() -> None:
    from sbp.distributions import moments

    noises = {row.key: row.recipe.noise for row in plan_of("interval").rows}
    priors = {key: moments.prior_snr(noise.log_low, noise.log_high) for key, noise in noises.items()}
    assert priors.pop("short") > 1
    assert all(value < 1 for value in priors.values())
    lengths = {row.key: row.recipe.noise.log_high - row.recipe.noise.log_low for row in plan_of("interval").rows}
    assert lengths == {"a5": 5.0, "a10": 10.0, "a20": 20.0, "a40": 40.0, "a80": 80.0, "short": 3.0}


def test_an_unknown_name_is_answered_with_the_known_ones() -> None:
    with pytest.raises(UnknownExperiment, match="table-1, .*, torch-pruning, got 'table-9'"):
        plan_of("table-9")
    with pytest.raises(UnknownExperiment, match="interval has the rows a5, a10, a20, a40, a80, short"):
        plan_of("interval").only(["a20", "a7"])
    assert [row.key for row in plan_of("interval").only(["a20", "a5"])] == ["a5", "a20"]

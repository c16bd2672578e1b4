"""Results: their JSON, their means by hand, and what a reader is told where there are none."""

from __future__ import annotations

import dataclasses
import json
import math
import subprocess
import sys
import time
from pathlib import Path

import pytest

from sbp.experiments import results
from sbp.experiments.plans import PLANS
from sbp.experiments.results import NoResults, Row, Table, recorded
from tests.experiments.made import result, table, timing

ROOT = Path(__file__).parents[2]


def test_a_table_is_read_as_it_was_written(tmp_path: Path) -> None:
    (tmp_path / "table-1.json").write_text(table().to_json(), encoding="utf-8")
    assert recorded("table-1", tmp_path) == table()


def test_mean_and_spread_by_hand() -> None:
    row = table().row("lenet-500-300", "sbp")
    assert row.n == 3
    assert row.mean == pytest.approx(1.5)
    # squares of -0.1, 0, 0.1 sum to 0.02, over n - 1 = 2 is 0.01, its root 0.1
    assert row.spread == pytest.approx(0.1)
    assert row.mean_of("macs_reduction") == pytest.approx(11.0)
    assert row.spread_of("macs_reduction") == pytest.approx(1.0)
    assert table().row("lenet-500-300", "ssl").spread is None, "one run spreads nowhere"
    assert math.isnan(Row("x", "X", "lenet-500-300").mean)


def test_a_network_with_nothing_left_has_no_reduction_to_average() -> None:
    row = Row("x", "X", "lenet-500-300", (result(0, macs=0, macs_reduction=None), result(1)))
    assert row.mean_of("macs_reduction") == 11.0


def test_the_run_that_stands_for_a_row_is_the_best_held_out_else_the_first_seed() -> None:
    validated = (result(0, validation_error_percent=2.0), result(1, validation_error_percent=1.0))
    assert [Row("x", "X", "", runs).shown.seed for runs in (validated, (result(2), result(1)))] == [1, 1]  # type: ignore[union-attr]
    assert Row("x", "X", "").shown is None


def test_times_as_fast_is_dense_over_compact_where_both_were_measured() -> None:
    run = result(speed=(timing("cpu", "dense", 32, 0.006), timing("cpu", "compact", 32, 0.002)))
    assert run.times_as_fast("cpu", 32) == pytest.approx(3.0)
    assert run.times_as_fast("cpu", 1) is None
    assert run.times_as_fast("cuda", 32) is None


def test_runs_an_hour_alone_and_in_a_pack() -> None:
    assert result(0).runs_per_hour == 120.0  # 30 s each
    assert result(0, pack_runs=8, pack_seconds=60.0).runs_per_hour == 480.0


@pytest.mark.parametrize("text", ["", "[]", "{}", '{"experiment": "x", "rows": [{}]}', '{"experiment": 1, "rows": 2}'])
def test_what_is_no_table_is_said_in_a_sentence(tmp_path: Path, text: str) -> None:
    (tmp_path / "table-1.json").write_text(text, encoding="utf-8")
    with pytest.raises(NoResults, match=r"table-1.json cannot be read. Expected an experiment with its rows"):
        recorded("table-1", tmp_path)


def test_no_results_and_no_way_out_of_the_folder(tmp_path: Path) -> None:
    with pytest.raises(NoResults, match="table-1 has no recorded results"):
        recorded("table-1", tmp_path)
    with pytest.raises(NoResults, match="Expected an experiment's name"):
        recorded("../table-1", tmp_path)


def test_a_number_that_is_not_finite_is_not_written() -> None:
    with pytest.raises(ValueError, match="not JSON compliant"):
        Table("x", (Row("x", "X", "", (result(error=math.nan),)),)).to_json()


def shipped(experiment: str) -> Path:
    path = results.results_root() / f"{experiment}.json"
    if not path.is_file():
        pytest.skip(f"Needs {path.relative_to(ROOT)}, which python -m sbp reproduce {experiment} --record writes.")
    return path


def test_table_1_is_printed_from_the_recordings_in_seconds_and_without_torch(tmp_path: Path) -> None:
    shipped("table-1")
    code = (
        "import sys; from typer.testing import CliRunner; from sbp.cli import app\n"
        "done = CliRunner().invoke(app, ['reproduce', 'table-1', '--from-recordings'])\n"
        "assert done.exit_code == 0, done.output\n"
        "assert 'torch' not in sys.modules\n"
        "print(done.output)"
    )
    begun = time.monotonic()
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert time.monotonic() - begun < 10, "5 s, doubled for a busy machine"
    for word in ("LeNet-500-300", "LeNet-5-Caffe", "the paper's SBP", "MACs reduction"):
        assert word in done.stdout


@pytest.mark.parametrize(
    "experiment", ["table-1", "table-1-check", "figure-1", "interval", "kl-warmup", "random-labels"]
)
def test_what_ships_agrees_with_itself(experiment: str) -> None:
    """Each recorded run is in its folder, with the very figures of the table."""
    from sbp.runs import store
    from sbp.spec.networks import SPECS

    shipped(experiment)
    for row in recorded(experiment).rows:
        for run in row.runs:
            assert run.macs == SPECS[run.network].macs(run.kept)
            if run.run:
                summary = store.open_run(run.run).summary()
                said = json.loads(json.dumps(dataclasses.asdict(run)))
                for name in ("seed", "method", "test_error_percent", "kept", "macs", "n_train", "hardware", "commit"):
                    assert summary[name] == said[name], f"{run.run}: {name}"


def test_what_ships_has_ten_seeds_of_sbp_and_of_the_original() -> None:
    shipped("table-1")
    rows = [row for row in recorded("table-1").rows if row.key.startswith("sbp") or row.key == "original"]
    ten = [row for row in rows if row.key not in ("sbp-fixed-mu", "sbp-weights")]
    assert len(ten) == 15, "six rows of two networks, and three that a network with dropout teaches"
    for row in ten:
        assert [run.seed for run in row.runs] == list(range(10)), row.key
        seed_0 = row.key not in PLANS["table-1"].figures_only
        assert [bool(run.run) for run in row.runs] == [seed_0] + 9 * [False], "at most seed 0 is recorded"
    further = results.check_recorded("table-1")
    assert further is not None
    assert {run.seed for row in further.rows for run in row.runs} == {100, 101}


def test_a_table_without_a_check_has_none(tmp_path: Path) -> None:
    assert results.check_recorded("table-1", tmp_path) is None


def test_an_installed_package_says_where_results_are(tmp_path: Path) -> None:
    with pytest.raises(NoResults, match=r"^table-1: .*in a clone"):
        recorded("table-1", tmp_path / "site-packages" / "assets")

"""python -m sbp bench: what it measures, where it leaves it, and what it says when it cannot."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from typer.testing import CliRunner, Result

from sbp.benchmarks import table_latency as timing
from sbp.cli import app
from sbp.evaluation import latency
from sbp.networks.tensors import file_tensors
from sbp.runs import launchers, store
from sbp.spec import RunConfig
from tests.evaluation.quick import measured_here
from tests.pruning.networks import DATASET, WIDTHS, kept_of, random_network
from tests.search.made import Made


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch) -> None:
    """Two turns of a millisecond, twice, in this process."""
    monkeypatch.setattr(timing, "measure_afresh", measured_here)


def networks(*quick: str) -> list[Any]:
    """All of them, for `make test` these alone."""
    return [pytest.param(name, marks=() if name in quick else pytest.mark.slow) for name in WIDTHS]


@pytest.fixture(params=networks("lenet-5-caffe"))
def trained(request: pytest.FixtureRequest) -> Any:
    """A run with weights, of which some units are kept and some are not."""
    name = request.param
    with store.create(RunConfig.flat(network=name, widths=WIDTHS[name], dataset=DATASET[name])) as folder:
        tensors = file_tensors(random_network(name, torch.float32))
        folder.write_model({key: value.detach().numpy() for key, value in tensors.items()})
        folder.write_status("finished")
    return store.open_run(folder.id)


def bench(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["bench", *arguments])


@pytest.mark.parametrize("trained", networks("lenet-500-300", "vgg-like"), indirect=True)
def test_it_measures_the_runs_own_networks_and_leaves_them_with_the_run(trained: Any) -> None:
    result = bench("compact", trained.id, "--threads", "1", "--json")
    assert result.exit_code == 0, result.output
    (line,) = result.stdout.splitlines()
    said = json.loads(line)
    network = random_network(trained.config.network.name, torch.float32)
    assert said["id"] == trained.id
    assert said["network"] == trained.config.network.name
    assert said["kept"] == kept_of(network)
    assert (said["device"], said["threads"]) == ("cpu", 1)
    assert [(r["batch"], r["variant"]) for r in said["rows"]] == [
        (b, v) for b in (1, 32, 1000) for v in latency.VARIANTS
    ]
    (kept,) = trained.speed()["measurements"]
    assert kept == {key: said[key] for key in kept}


def test_a_finished_run_without_weights_is_measured_by_its_shapes(trained: Any) -> None:
    """As recordings of large networks are."""
    kept = json.loads(bench("compact", trained.id, "--json").stdout)["kept"]
    trained.model_path.unlink()
    (trained.folder / "result.json").write_text(json.dumps({"kept": kept}))
    result = bench("compact", trained.id, "--json")
    assert result.exit_code == 0, result.output
    assert json.loads(result.stdout)["kept"] == kept
    assert "weights; networks of its shapes get random ones" in " ".join(result.stderr.split())
    speed = store.open_run(trained.id).speed()
    assert speed is not None
    assert len(speed["measurements"]) == 1


def test_people_get_a_table_with_what_it_stands_on(trained: Any) -> None:
    result = bench("compact", trained.id, "--threads", "1")
    assert result.exit_code == 0, result.output
    (measured,) = trained.speed()["measurements"]
    for part in (
        trained.id,
        measured["hardware"],
        "1 thread,",
        f"torch {torch.__version__}",
        "median",
        "2 processes",
        "IQR",
        "between",
        "images/s",
        "speed-up",
        "1,000",
        "speed.json",
    ):
        assert part in result.stdout
    row = next(row for row in measured["rows"] if (row["variant"], row["batch"]) == ("compact", 1))
    assert f"{1e3 * row['median_seconds']:,.3f} ms" in result.stdout
    assert result.stdout.count("1.00x") >= 3, "dense is the measure of the others"


@pytest.mark.parametrize(
    ("iqr", "between", "said"), [(0.0002, None, False), (0.0004, None, True), (0.0002, 0.0004, True)]
)
def test_a_busy_machine_is_noticed(
    trained: Any, monkeypatch: pytest.MonkeyPatch, iqr: float, between: float | None, said: bool
) -> None:
    rows = tuple(
        latency.Row(variant, 32, 0.001, *((0.0, 9) if variant == "dense" else (iqr, 9, between)))
        for variant in latency.VARIANTS
    )
    made = latency.Measurement("cpu", "a machine", 2, {}, 1.8e9, rows)
    monkeypatch.setattr(timing, "measure_afresh", lambda *_, **__: made)
    result = bench("compact", trained.id)
    assert result.exit_code == 0, result.output
    remark = "Spread above 25% of the median (masked at 32, compact at 32)"
    assert (remark in " ".join(result.stderr.split())) is said


def test_it_says_what_it_cannot_measure(runs_root: Path, trained: Any) -> None:
    with store.create(RunConfig.flat(dataset="digits")) as folder:
        pass
    for arguments, sentence in (
        (("compact", "nothing"), "There is no run 'nothing'"),
        (("compact", folder.id), "has no weights yet"),
        (("compact", trained.id, "--device", "tpu"), "--device: expected one of cpu, cuda, auto, got 'tpu'"),
        (("compact", trained.id, "--threads", "-1"), "--threads"),
    ):
        result = bench(*arguments)
        assert result.exit_code == 2, result.output
        assert sentence in " ".join(result.stderr.split())
        assert "Traceback" not in result.stderr
    assert trained.speed() is None


@pytest.mark.skipif(torch.cuda.is_available(), reason="Needs a machine without CUDA.")
def test_without_cuda_auto_is_the_cpu_and_cuda_is_refused(trained: Any) -> None:
    assert json.loads(bench("compact", trained.id, "--device", "auto", "--json").stdout)["device"] == "cpu"
    refused = bench("compact", trained.id, "--device", "cuda")
    assert refused.exit_code == 2
    assert "cuda was asked for, but" in refused.stderr


def test_bench_alone_lists_what_can_be_measured() -> None:
    assert "compact" in bench("--help").stdout


class Quick(Made):
    """Leaves runs that have trained for two seconds."""

    def _train(self, folder: store.RunFolder, first: int) -> None:
        super()._train(folder, first)
        folder.write_result({"seconds": 2.0})


def test_bench_launch_at_once_says_runs_a_minute_and_what_a_run_takes_beside_its_training(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(launchers, "chosen", lambda: Quick(room=2))
    told = json.loads(bench("launch", "--n", "4", "--at-once", "--json").stdout)
    assert (told["n"], told["places"], len(store.list_runs(recorded=False))) == (4, 2, 4)
    assert told["runs_a_minute"] == pytest.approx(240 / told["seconds"])
    assert told["overhead_seconds"] == pytest.approx(2 * told["seconds"] / 4 - 2.0)
    assert "4 at once, 2 at a time" in bench("launch", "--n", "4", "--at-once").stdout

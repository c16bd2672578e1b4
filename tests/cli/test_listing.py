"""Runs and what is known of one: objects for machines, lines for people; and the table of verbs."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from sbp import __version__
from sbp.cli.app import BENCH_VERBS, VERBS
from sbp.pruning.diagnosis import Finding
from sbp.runs.states import State
from sbp.viz import findings
from tests.cli.shell import REPOSITORY, sbp
from tests.made_up import write_run
from tests.runs.made import REQUIRED


def test_show_gives_machines_one_object_in_every_state(runs_root: Path) -> None:
    for state in State:
        if state is State.LOST:
            continue
        view = write_run(runs_root, state, epochs_done=3)
        result = sbp("show", view.id, "--json")
        assert result.exit_code == 0
        (line,) = result.stdout.splitlines()
        run = json.loads(line)
        assert set(REQUIRED) <= set(run)
        assert run["id"] == view.id
        assert run["state"] == str(State.LOST if state.active else state)
        assert run["macs_reduction"] == pytest.approx(run["macs_dense"] / run["macs"], abs=1e-3)


def test_show_says_how_many_labels_were_random(runs_root: Path) -> None:
    some, every = write_run(runs_root, label_noise=0.2), write_run(runs_root, random_labels=True)
    assert json.loads(sbp("show", some.id, "--json").stdout)["label_noise"] == 0.2
    assert "with 20 % random labels" in " ".join(sbp("show", some.id).stdout.split())
    assert " with random labels" in " ".join(sbp("show", every.id).stdout.split())


def test_runs_lists_the_same_objects_newest_first(runs_root: Path) -> None:
    first, second = write_run(runs_root), write_run(runs_root, seed=1)
    runs = json.loads(sbp("runs", "--live", "--json").stdout)
    assert [run["id"] for run in runs] == [second.id, first.id]
    assert all(set(REQUIRED) <= set(run) for run in runs)
    table = sbp("runs", "--live").stdout
    assert table.index(second.id) < table.index(first.id)
    assert "finished" in table


def test_no_runs_is_an_empty_list_and_a_hint() -> None:
    assert json.loads(sbp("runs", "--live", "--json").stdout) == []
    assert "python -m sbp train starts one" in sbp("runs", "--live").stdout


def test_show_says_which_bound_seed_n_and_hardware(runs_root: Path) -> None:
    view = write_run(runs_root, seed=5)
    text = sbp("show", view.id).stdout
    for part in (
        "plain bound (every KL weight 1)",
        "seed 5",
        "n = 1,297",
        "2 cores",
        str(view.folder),
        "MACs",
    ):
        assert part in text
    view = write_run(runs_root, network="lenet-5-caffe", method="sbpa", kl_weights=(60.0, 60.0, 1.0, 1.0))
    assert "weighted bound (KL weights 60, 60, 1, 1)" in sbp("show", view.id).stdout


def test_show_says_what_is_wrong(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "diagnose", lambda *_: [Finding("slow", "Raise [noise_lr].")])
    view = write_run(runs_root)
    assert "Raise [noise_lr]." in sbp("show", view.id).stderr


def test_latest_and_a_unique_start_name_a_run(runs_root: Path) -> None:
    view = write_run(runs_root)
    for name in ("latest", view.id[:10], view.id):
        assert json.loads(sbp("show", name, "--json").stdout)["id"] == view.id


def test_a_lost_run_shows_its_log_and_how_to_go_on(runs_root: Path) -> None:
    view = write_run(runs_root, State.RUNNING, epochs_done=2, log="Killed by the kernel\n")
    result = sbp("show", view.id)
    assert "lost" in result.stdout
    assert "Killed by the kernel" in result.stdout
    assert f"python -m sbp resume {view.id}" in result.stderr


def test_a_corrupt_run_is_listed_as_failed(runs_root: Path) -> None:
    view = write_run(runs_root)
    (view.folder / "config.json").write_text("{")
    (run,) = json.loads(sbp("runs", "--live", "--json").stdout)
    assert run["state"] == "failed"
    assert "config.json" in run["message"]
    assert sbp("runs", "--live").exit_code == 0
    assert "config.json" in sbp("show", view.id).stdout


def test_the_help_imports_no_verb() -> None:
    """Nor torch, nor pydantic: it is to be quick."""
    code = "import sys; from sbp.cli import app; app(['--help'], standalone_mode=False); print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, capture_output=True, text=True, timeout=60)
    assert done.returncode == 0, done.stderr
    assert "reproduce" in done.stdout
    assert not {"torch", "pydantic", "sbp.cli.train"} & set(done.stdout.split())


def test_it_says_its_version() -> None:
    done = sbp("--version")
    assert (done.exit_code, done.stdout) == (0, f"sbp {__version__}\n")


def test_a_list_of_runs_waits_for_no_pandas() -> None:
    code = "import sys, sbp.cli.runs; assert not {'torch', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], cwd=REPOSITORY, check=True, timeout=60)


WITHOUT_EXTRAS = """
import sys
sys.modules |= dict.fromkeys(sys.argv[1:])
from typer.testing import CliRunner
from sbp.cli import app
from sbp.cli.app import BENCH_VERBS, VERBS
for verb in [[verb] for verb in VERBS] + [["bench", verb] for verb in BENCH_VERBS]:
    done = CliRunner().invoke(app, [*verb, "--help"])
    if done.exit_code:
        print(done.output.strip())
"""


def test_without_the_extras_a_verb_starts_or_says_which_it_needs() -> None:
    extras = tomllib.loads((REPOSITORY / "pyproject.toml").read_text())["project"]["optional-dependencies"]
    named = [
        re.split("[>=]", package)[0]
        for name in ("app", "export", "track", "dask", "search")
        for package in extras[name]
    ]
    modules = [{"vl-convert-python": "vl_convert", "pyyaml": "yaml"}.get(name, name) for name in named]
    command = [sys.executable, "-c", WITHOUT_EXTRAS, *modules]
    done = subprocess.run(command, cwd=REPOSITORY, capture_output=True, text=True, timeout=120, check=True)
    assert done.stdout.splitlines() == [
        f"Error: {verb} needs {module}, which is not installed: pip install {module}."
        for verb, module in (("figure", "altair"), ("attribute", "captum"))
    ]


@pytest.mark.parametrize("verb", [*((verb,) for verb in VERBS), *(("bench", verb) for verb in BENCH_VERBS)])
def test_every_verb_of_the_table_is_there(verb: tuple[str, ...]) -> None:
    result = sbp(*verb, "--help")
    assert result.exit_code == 0, result.output
    assert f"{' '.join(verb)} " in result.stdout

"""The command line: objects for machines, sentences for people, exit codes, and two real trainings."""

from __future__ import annotations

import json
import os
import re
import signal
import subprocess
import sys
import time
import tomllib
import weakref
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from rich.console import Console
from rich.table import Table
from typer.testing import CliRunner, Result

from sbp.cli import app
from sbp.cli.app import BENCH_VERBS, VERBS
from sbp.cli.follow import follow
from sbp.cli.output import stderr, stdout
from sbp.pruning.diagnosis import Finding
from sbp.runs import launcher, store
from sbp.runs.states import State
from sbp.spec import RunConfig, fits
from sbp.viz import findings
from tests.made_up import write_run

REPOSITORY = Path(__file__).resolve().parents[2]
REQUIRED = (
    "id",
    "network",
    "dataset",
    "method",
    "state",
    "seed",
    "device",
    "epochs",
    "test_error_percent",
    "kept",
    "macs",
    "macs_dense",
    "macs_reduction",
    "seconds",
)
TINY = (
    "--data",
    "digits",
    "--device",
    "cpu",
    "--batch-size",
    "100",
    "--train-size",
    "200",
    "--validation-size",
    "50",
    "--set",
    "threads=1",
)


def sbp(*arguments: str) -> Result:
    return CliRunner().invoke(app, list(arguments))


def sentence(result: Result) -> str:
    """What stderr says, on one line, without a traceback."""
    assert "Traceback" not in result.stderr
    return " ".join(result.stderr.split())


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """The configs that the launcher was asked to start; it starts none, but leaves a finished run."""
    configs: list[RunConfig] = []

    def start(config: RunConfig, root: Path | None = None) -> str:
        configs.append(config)
        with store.create(config) as folder:
            folder.write_status("finished", "Nothing was trained.")
        return folder.id

    monkeypatch.setattr(launcher, "start", start)
    return configs


# -- what there is -------------------------------------------------------------------------------------------


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


# -- what was typed ------------------------------------------------------------------------------------------

BAD = [
    (("show", "nothing"), "There is no run 'nothing'"),
    (("show", "../../etc"), "There is no run"),
    (("show", "latest"), "There is no run in"),
    (("stop", "nothing"), "There is no run"),
    (("resume", "nothing"), "There is no run"),
    (("train", "vgg"), "expected one of lenet-500-300, lenet-5-caffe, vgg-like, resnet-20, resnet-56, got 'vgg'"),
    (("train", "--data", "cifar"), "expected one of auto, mnist"),
    (("train", "--preset", "magic"), "got 'magic'"),
    (("train", "--data", "digits", "--epochs", "0"), "epochs (schedule.epochs): expected at least 1, got 0"),
    (("train", "--data", "digits", "--lr", "nan"), "lr (optimisation.lr): expected a number above 0"),
    (("train", "--data", "digits", "--device", "tpu"), "device: expected one of auto"),
    (("train", "--set", "epochs"), "expected field=value"),
    (("train", "--set", "colour=red"), "no field 'colour'"),
    (("train", "--set", "widths=a,b"), "widths: expected a list like 50,30"),
    (("train", "--set", "network=lenet-5-caffe"), "put the network right after train"),
    (("train", "--epochs", "many"), "--epochs"),
    (("dance",), "dance"),
]


@pytest.mark.parametrize(("arguments", "expected"), BAD, ids=[" ".join(arguments) for arguments, _ in BAD])
def test_bad_input_is_a_sentence_and_exit_code_2(arguments: tuple[str, ...], expected: str) -> None:
    result = sbp(*arguments)
    assert result.exit_code == 2
    assert expected in sentence(result)
    assert store.list_runs(recorded=False) == [], "nothing was started"


def test_what_cannot_be_done_to_a_run_is_bad_input_too(runs_root: Path) -> None:
    view = write_run(runs_root)
    for verb, expected in (("stop", "this one is finished"), ("resume", "more epochs")):
        result = sbp(verb, view.id)
        assert result.exit_code == 2
        assert expected in sentence(result)


def test_an_unexpected_error_is_a_sentence_too(monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(**_: object) -> None:
        raise ZeroDivisionError("somewhere")

    monkeypatch.setattr(store, "list_runs", fail)
    result = sbp("runs")
    assert result.exit_code == 1
    assert sentence(result) == "Error: ZeroDivisionError: somewhere (SBP_DEBUG=1 shows the traceback.)"


def test_options_settings_and_presets_make_the_config(started: list[RunConfig]) -> None:
    arguments = ("--data", "digits", "--epochs", "7", "--noise-lr", "0.02", "--seed", "3", "--random-labels")
    settings = ("--set", "widths=50,30", "--set", "log_low=-10", "--set", "weight-decay=1e-4")
    assert sbp("train", "lenet-500-300", "--preset", "quick", *arguments, *settings).exit_code == 0
    (config,) = started
    values = [config.value(n) for n in ("dataset", "epochs", "noise_lr", "seed", "random_labels", "widths", "log_low")]
    assert values == ["digits", 7, 0.02, 3, True, (50, 30), -10.0]
    assert config.optimisation.weight_decay == 1e-4


def test_a_preset_that_is_not_touched_keeps_its_name(started: list[RunConfig]) -> None:
    from sbp.spec.presets import PRESETS

    for network, preset in PRESETS:
        data = "digits" if fits(network, "digits") else "cifar-10"
        assert sbp("train", network, "--preset", preset, "--data", data, "--seed", "2").exit_code == 0
        wanted = PRESETS[network, preset].on(data).replace(seed=2)
        assert started[-1] == wanted
    assert sbp("train", "lenet-5-caffe", "--preset", "custom", "--data", "digits").exit_code == 0
    assert started[-1] == RunConfig.flat(network="lenet-5-caffe", dataset="digits")


def test_without_data_the_embedded_digits_are_taken_and_said(
    started: list[RunConfig], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("SBP_DATA", str(tmp_path))
    result = sbp("train")
    assert result.exit_code == 0
    assert started[0].data.dataset == "digits"
    assert "digits" in sentence(result)


def test_detach_returns_at_once_with_the_run(started: list[RunConfig]) -> None:
    result = sbp("train", "--data", "digits", "--detach", "--json")
    assert json.loads(result.stdout.splitlines()[-1])["id"] == store.list_runs()[0].id
    assert "python -m sbp show" in sbp("train", "--data", "digits", "--detach").stdout


@pytest.mark.parametrize(
    ("state", "code"), [("finished", 0), ("stopped", 0), ("failed", 1), ("diverged", 1), ("running", 1)]
)
def test_the_exit_code_is_what_the_end_deserves(state: str, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    def start(config: RunConfig, root: Path | None = None) -> str:
        with store.create(config) as folder:
            folder.write_status(state, "This is why.")
            (folder.path / "log.txt").write_text("the last line\n")
        return folder.id

    monkeypatch.setattr(launcher, "start", start)
    result = sbp("train", "--data", "digits", "--json")
    assert result.exit_code == code
    run = json.loads(result.stdout.splitlines()[-1])
    assert run["state"] == ("lost" if state == "running" else state)
    assert ("the last line" in result.stderr) is (state in ("failed", "running"))
    assert ("python -m sbp resume" in result.stderr) is (state in ("stopped", "failed", "running"))


# -- real trainings, in processes of their own ---------------------------------------------------------------


def start_process(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "sbp", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd=REPOSITORY,
        start_new_session=True,
    )


def test_train_json_ends_with_the_run_as_its_last_line() -> None:
    with start_process("train", "lenet-500-300", *TINY, "--epochs", "2", "--json") as process:
        out, err = process.communicate(timeout=120)
    assert process.returncode == 0, err
    run: dict[str, Any] = json.loads(out.splitlines()[-1])
    assert set(REQUIRED) <= set(run)
    assert (run["state"], run["dataset"], run["epochs"], run["device"]) == ("finished", "digits", 2, "cpu")
    assert len(run["kept"]) == 3
    assert 0 <= run["test_error_percent"] <= 100
    assert run["seconds"] > 0
    assert "sbp epoch 2" in err
    assert json.loads(sbp("show", "latest", "--json").stdout) == run


@pytest.mark.parametrize("ask", [lambda pid: os.killpg(pid, signal.SIGINT), lambda pid: os.kill(pid, signal.SIGTERM)])
def test_ctrl_c_and_sigterm_stop_the_run_with_a_checkpoint_and_say_how_to_resume(ask: Callable[[int], None]) -> None:
    with start_process("train", *TINY, "--epochs", "100000") as process:
        end = time.monotonic() + 90
        while time.monotonic() < end and process.poll() is None:
            views = store.list_runs(recorded=False)
            if views and len(views[0].records()) > 1:
                break
            time.sleep(0.05)
        ask(process.pid)
        out, err = process.communicate(timeout=60)
    (view,) = store.list_runs(recorded=False)
    assert process.returncode == 130, err
    assert view.state is State.STOPPED
    assert view.has("checkpoint.safetensors")
    assert "stopped" in out
    assert f"python -m sbp resume {view.id}" in err
    assert "Traceback" not in err


def test_a_ctrl_c_in_a_callback_of_the_interpreter_is_not_lost(
    runs_root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An exception raised there would only be printed; such callbacks run while modules are imported."""
    writer = write_run(runs_root, state=State.RUNNING, epochs_done=4, hold=True)
    seen: list[bool] = []

    class Thing:
        pass

    def sleep(_: float) -> None:
        seen.append((writer.path / "stop").exists())
        if len(seen) == 1:
            thing = Thing()
            callback = weakref.ref(thing, lambda _: os.kill(os.getpid(), signal.SIGINT))
            del thing
            assert callback() is None
        else:
            writer.write_status(State.STOPPED)
            writer.close()

    monkeypatch.setattr("sbp.cli.follow.time.sleep", sleep)
    before = signal.getsignal(signal.SIGINT)
    view, asked = follow(writer.id, runs_root)
    assert (view.state, asked, seen) == (State.STOPPED, True, [False, True])
    assert signal.getsignal(signal.SIGINT) is before


@pytest.mark.parametrize("console", [stdout, stderr])
def test_text_from_outside_is_never_markup(console: Callable[[], Console], capsys: pytest.CaptureFixture[str]) -> None:
    text = "data[/v2] [red]x[/red] :smile:"
    table = Table("name")
    table.add_row(text)
    console().print(text)
    console().print(table)
    assert "".join(capsys.readouterr()).count(text) == 2

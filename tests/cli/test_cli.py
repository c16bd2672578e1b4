"""What is typed, and what is said to it: sentences for people, exit codes, text that is never markup."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console
from rich.table import Table

from sbp.cli.output import stderr, stdout
from sbp.runs import launcher, store
from sbp.spec import RunConfig, fits
from tests.cli.shell import sbp, sentence
from tests.made_up import write_run


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


@pytest.mark.parametrize("console", [stdout, stderr])
def test_text_from_outside_is_never_markup(console: Callable[[], Console], capsys: pytest.CaptureFixture[str]) -> None:
    text = "data[/v2] [red]x[/red] :smile:"
    table = Table("name")
    table.add_row(text)
    console().print(text)
    console().print(table)
    assert "".join(capsys.readouterr()).count(text) == 2

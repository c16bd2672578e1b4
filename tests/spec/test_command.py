"""The command that repeats a run, parsed back by the command line itself."""

from __future__ import annotations

import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from sbp.cli import app, train
from sbp.runs import launcher
from sbp.spec import ConfigError, RunConfig
from sbp.spec.command import train_command, train_script

RECORDED = sorted((Path(__file__).parents[2] / "assets" / "runs").glob("*/config.json"))
CONFIGS = {
    "defaults": RunConfig(),
    "lists": RunConfig.flat(method="sbpa", kl_weights=(55.0, 40.0, 1 / 3), kl_warmup=(2, 5), seed=7, device="cpu"),
    "widths": RunConfig.flat(widths=(50, 30), dataset="digits", random_labels=True, preset="quick"),
    "another method": RunConfig.flat(method="torch-pruning", criterion="taylor", uniform=True, finetune_epochs=2),
    "hostile": RunConfig.flat(preset="$(touch x) --set '`touch y`' \"; exit 3 # --set lr=9\\\n!"),
}


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[RunConfig]:
    """The configs that the command line would have trained."""
    found: list[RunConfig] = []
    monkeypatch.setattr(launcher, "start", lambda config, root: found.append(config))
    monkeypatch.setattr(train, "follow_to_exit", lambda *_: None)
    return found


@pytest.fixture
def words_of(tmp_path: Path) -> Callable[[str], list[str]]:
    """Runs a script in a shell, with a `python` that says the words it was given."""
    stand_in = tmp_path / "python"
    stand_in.write_text("#!/bin/sh\nprintf '%s\\0' \"$@\"\n")
    stand_in.chmod(0o755)

    def run(script: str) -> list[str]:
        made = tmp_path / "again.sh"
        made.write_text(script)
        done = subprocess.run(["/bin/sh", made], cwd=tmp_path, env={"PATH": str(tmp_path)}, capture_output=True)
        assert (done.returncode, done.stderr) == (0, b"")
        assert {path.name for path in tmp_path.iterdir()} == {"python", "again.sh"}
        return done.stdout.decode().removesuffix("\0").split("\0")

    return run


@pytest.mark.parametrize("config", CONFIGS.values(), ids=CONFIGS)
def test_a_script_parses_back_to_the_same_config(
    config: RunConfig, started: list[RunConfig], words_of: Callable[[str], list[str]]
) -> None:
    words = words_of(train_script(config, "a note\nexit 3\r\ntouch y"))
    assert words == train_command(config)[1:]
    answer = CliRunner().invoke(app, words[2:])
    assert answer.exit_code == 0, answer.output
    assert started == [config]


@pytest.mark.parametrize("path", RECORDED, ids=lambda path: str(path.parent.name))
def test_the_command_of_a_recorded_run_parses_back(path: Path, started: list[RunConfig]) -> None:
    config = RunConfig.from_json(path.read_text(encoding="utf-8"))
    answer = CliRunner().invoke(app, train_command(config)[3:])
    assert answer.exit_code == 0, answer.output
    assert started == [config]


def test_a_tracked_run_has_no_command() -> None:
    tracked: Any = RunConfig.flat(network="own", dataset="own")
    with pytest.raises(ConfigError):
        train_command(tracked)

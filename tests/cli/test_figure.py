"""python -m sbp figure: a file of either kind, and what is refused."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from sbp.cli.app import app
from tests.made_up import write_run


@pytest.mark.parametrize(("ending", "first"), [("svg", b"<svg"), ("png", b"\x89PNG")])
def test_it_writes_a_file(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, ending: str, first: bytes) -> None:
    monkeypatch.setenv("SBP_RUNS", str(tmp_path))
    run, out = write_run(tmp_path), tmp_path / f"f.{ending}"
    result = CliRunner().invoke(app, ["figure", run.id, "death-curve", "-o", str(out), "--json"])
    assert result.exit_code == 0, result.output
    assert out.read_bytes().startswith(first)
    told = json.loads(result.output)
    assert (told["id"], told["figure"], told["file"]) == (run.id, "death-curve", str(out))


@pytest.mark.parametrize("asked", [["nope"], ["kept", "-o", "f.pdf"], ["kept", "--layer", "x"], ["twins-kept"]])
def test_what_cannot_be_drawn_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: list[str]) -> None:
    monkeypatch.setenv("SBP_RUNS", str(tmp_path))
    run = write_run(tmp_path)
    result = CliRunner().invoke(app, ["figure", run.id, *asked])
    assert result.exit_code == 2
    assert not list(tmp_path.glob("*.pdf"))

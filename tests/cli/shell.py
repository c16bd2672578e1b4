"""What the tests of the command line type, and how they read its answers."""

from __future__ import annotations

from pathlib import Path

from typer.testing import CliRunner, Result

from sbp.cli import app

REPOSITORY = Path(__file__).resolve().parents[2]
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

"""`python -m sbp` on terminals that know little more than ASCII."""

from __future__ import annotations

import codecs
import os
import subprocess
import sys
from pathlib import Path

import pytest

from sbp.__main__ import spelled

REPOSITORY = Path(__file__).resolve().parents[1]


def test_what_cannot_be_encoded_is_spelled() -> None:
    codecs.register_error("spelled", spelled)
    assert "1.4 ± 0.1 %, 12× → lauf-ü ☃".encode("ascii", "spelled") == b"1.4 +- 0.1 %, 12x -> lauf-u ?"


@pytest.mark.parametrize(("encoding", "arguments"), [("ascii", ["runs"]), ("latin-1", ["show", "lenet-500-300-paper"])])
def test_every_encoding_gets_the_figures(encoding: str, arguments: list[str]) -> None:
    environment = {**os.environ, "PYTHONIOENCODING": encoding}
    command = [sys.executable, "-m", "sbp", *arguments]
    done = subprocess.run(command, env=environment, cwd=REPOSITORY, capture_output=True, timeout=60)
    assert (done.returncode, done.stderr) == (0, b"")
    assert "253-138-63" in done.stdout.decode(encoding)

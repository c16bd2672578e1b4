"""Files with random faults, through the shell: each command ends by itself, with a result or a sentence on stderr."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter
from pathlib import Path

import numpy as np
import pytest

from tests.faults.test_fuzz import FINISHED, KINDS, VERBS, originals, spoil
from tests.faults.torture import MOST_BYTES, times

__all__ = ["originals"]  # a fixture of theirs that is ours too
LONGEST = 300  # seconds that a command may take on a busy machine; what takes longer hangs
RUN = "20261128-120000-lenet-500-300-custom-s0"


@pytest.mark.parametrize("part", range(times(1, 4)))
def test_a_command_ends_with_a_result_or_a_sentence(
    part: int, originals: dict[str, dict[str, bytes]], tmp_path: Path, runs_root: Path
) -> None:
    chance, ended = np.random.default_rng(part), Counter[str]()
    folder = runs_root / RUN
    folder.mkdir(parents=True)
    largest = 0
    for number in range(times(2, 50)):
        name = KINDS[FINISHED][number % len(KINDS[FINISHED])]
        for file, whole in originals[FINISHED].items():
            (folder / file).write_bytes(spoil(whole, name, chance) if file == name else whole)
        verb, *rest = VERBS[int(chance.integers(len(VERBS)))].replace("OUT", str(tmp_path / "out")).split()
        if verb == "record":  # would write beside the code
            verb, rest = "runs", ["--live"]
        words = [sys.executable, "-m", "sbp", verb, *([RUN] if verb != "runs" else []), *rest]
        code, said, error, size = _ended(words, tmp_path)
        assert code in (0, 1, 2), error
        assert "Traceback" not in said + error, error
        assert code == 0 or "Error: " in error, error
        ended[f"{verb}: {'a clean result' if code == 0 else 'a sentence'}"] += 1
        largest = max(largest, size)
    assert largest < MOST_BYTES
    print(dict(sorted(ended.items())), f"at most {largest / 2**20:.0f} MB")


# Between pytest and the command: Linux counts, as the child's, what the process that started it has held.
MEASURE = """
import resource, subprocess, sys
code = subprocess.call(sys.argv[2:])
with open(sys.argv[1], "w") as file:
    file.write(str(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss))
sys.exit(code)
"""


def _ended(words: list[str], folder: Path) -> tuple[int, str, str, int]:
    """How a command ended: its exit code, what it said on stdout and on stderr, and the most bytes that it held."""
    size = folder / "size"
    done = subprocess.run(
        [sys.executable, "-S", "-c", MEASURE, str(size), *words],
        capture_output=True,
        encoding="utf-8",
        errors="replace",
        timeout=LONGEST,
    )
    held = int(size.read_text()) * (1 if sys.platform == "darwin" else 1024)
    return done.returncode, done.stdout, done.stderr, held

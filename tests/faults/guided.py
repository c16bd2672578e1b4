"""Files that reach new lines of the readers: `python -m tests.faults.guided --runs 100000`, with atheris installed.

Where the other fuzz draws faults blindly, this one keeps each file that led somewhere new and goes on from there. It
begins with the files of tests/recorded_formats; anything but a sentence ends it, with the file beside it.
"""

from __future__ import annotations

import argparse
import importlib
import sys
import tempfile
from pathlib import Path

from tests.faults.torture import sentence

KEPT = Path(__file__).parents[1] / "recorded_formats" / "format-1"
BEGIN = (
    *("noise.safetensors", "finished/description.json", "finished/meta.json", "finished/status.json"),
    *("finished/result.json", "finished/speed.json", "tracked/description.json"),
)
MOST_BYTES = 8000


def main() -> None:
    """The command."""
    parser = argparse.ArgumentParser(prog="python -m tests.faults.guided")
    parser.add_argument("--runs", type=int, default=100_000)
    runs = parser.parse_args().runs
    atheris = importlib.import_module("atheris")
    with atheris.instrument_imports(include=["sbp.runs", "sbp.spec"]):
        from sbp.runs import models, noise_file
        from sbp.runs.description_model import DESCRIPTION
        from sbp.spec.description import Description

    kinds = (models.META, models.STATUS, models.RESULT, models.SPEED, models.RECORD)
    readers = (noise_file.from_bytes, lambda content: Description.from_dict(DESCRIPTION.parse(content)))

    def tried(content: bytes) -> None:
        for read in (*readers, *(kind.parse for kind in kinds)):
            try:
                read(content)
            except ValueError as error:
                if not sentence(str(error)):
                    raise AssertionError(str(error)) from error

    with tempfile.TemporaryDirectory() as corpus:
        for number, name in enumerate(BEGIN):
            (Path(corpus) / str(number)).write_bytes((KEPT / name).read_bytes())
        atheris.Setup([sys.argv[0], f"-atheris_runs={runs}", f"-max_len={MOST_BYTES}", corpus], tried)
        atheris.Fuzz()


if __name__ == "__main__":
    main()

"""Writes docs/licences.md: the licence of every package in requirements.lock, as the installed package states it.

Run it in an environment that was installed from the lock: `python -m tests.licences`. It asks no network.
"""

from __future__ import annotations

import re
from importlib.metadata import PackageMetadata, distribution
from pathlib import Path

from packaging.requirements import Requirement

ROOT = Path(__file__).parents[1]
LOCK, PAGE = ROOT / "requirements.lock", ROOT / "docs" / "licences.md"
INTRO = """# Licences

What `requirements.lock` installs on Linux with CPython 3.11, and the licence that each package states in its own
metadata. `python -m tests.licences` writes this page, in an environment that was installed from the lock.

| package | version | licence |
|---|---|---|
"""


def locked(text: str) -> list[tuple[Requirement, list[str]]]:
    """The requirements of a lock and the hashes of each.

    >>> locked("a==1 ; python_version >= '3' \\\\\\n    --hash=sha256:12 \\\\\\n    --hash=sha256:34\\n")
    [(<Requirement('a==1; python_version >= "3"')>, ['sha256:12', 'sha256:34'])]
    """
    joined = re.sub(r"\\\n\s*", "", text)
    lines = [line for line in joined.splitlines() if line and not line.startswith("#")]
    parts = (re.split(r"\s*--hash=", line) for line in lines)
    return [(Requirement(requirement), hashes) for requirement, *hashes in parts]


def licence(metadata: PackageMetadata) -> str:
    """What a package says of its licence: an SPDX expression, its classifiers or the first line of its text."""
    classifiers = [value for value in metadata.get_all("Classifier", []) if value.startswith("License ::")]
    named = [value.split(" :: ")[-1] for value in classifiers if value != "License :: OSI Approved"]
    text = "".join(metadata.get_all("License", [])).strip().splitlines() or ["not stated"]
    return "".join(metadata.get_all("License-Expression", [])) or ", ".join(named) or text[0]


def page(lock: str) -> str:
    """The page for a lock whose packages are installed here; raises PackageNotFoundError for one that is not."""
    rows = []
    for requirement, _ in locked(lock):
        if requirement.marker is None or requirement.marker.evaluate():
            metadata = distribution(requirement.name).metadata
            rows.append(f"| {requirement.name} | {metadata['Version']} | {licence(metadata)} |\n")
    return INTRO + "".join(rows)


if __name__ == "__main__":
    PAGE.write_text(page(LOCK.read_text(encoding="utf-8")), encoding="utf-8")

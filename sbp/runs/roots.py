"""Where runs lie: in a folder, or in a bucket with a folder of this machine before it. No torch."""

from __future__ import annotations

import hashlib
import os
import re
from pathlib import Path

_CODE = Path(__file__).resolve().parents[2]
_URL = re.compile(r"[a-z][a-z0-9+.-]*://")


def runs_root() -> Path:
    """Where live runs are: $SBP_RUNS, or ./runs; where that is a URL, the cache that stands for it on this machine.

    It need not exist yet.
    """
    if url := runs_url():
        cache = Path(os.environ.get("XDG_CACHE_HOME") or "~/.cache").expanduser().absolute()
        name = re.sub(r"[^a-z0-9]+", "-", url.lower()).strip("-")[:60]
        return cache / "sbp" / "runs" / f"{name}-{hashlib.sha256(url.encode()).hexdigest()[:8]}"
    return Path(os.environ.get("SBP_RUNS") or "runs").expanduser().absolute()


def runs_url() -> str:
    """What $SBP_RUNS says where it is a URL, such as s3://bucket/runs (`sbp.runs.remote`), else nothing."""
    said = os.environ.get("SBP_RUNS", "").strip()
    return said.rstrip("/") if _URL.match(said) else ""


def recorded_root() -> Path:
    """Where the recorded runs that ship with the code are."""
    return _CODE / "assets" / "runs"

"""Where runs lie on disk. No torch."""

from __future__ import annotations

import os
from pathlib import Path

_CODE = Path(__file__).resolve().parents[2]


def runs_root() -> Path:
    """Where live runs are: $SBP_RUNS, or ./runs; it need not exist yet."""
    return Path(os.environ.get("SBP_RUNS") or "runs").expanduser().absolute()


def recorded_root() -> Path:
    """Where the recorded runs that ship with the code are."""
    return _CODE / "assets" / "runs"

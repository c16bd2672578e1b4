"""Deleted runs: moved into a hidden folder beside the others, so that a deletion can be undone. No torch."""

from __future__ import annotations

import os
import shutil
import stat
import time
from pathlib import Path

from sbp.runs.names import BadRequest, checked_name, is_plain

TRASH = ".trash"
KEPT = 10  # deleted runs; with the next one the oldest goes for good


def throw(folder: Path) -> None:
    """Moves a run's folder into the trash beside it, and removes what was deleted long before.

    Args:
        folder: the run's, which nobody writes.

    Raises:
        BadRequest: something else lies in the place of the trash.
        OSError: it cannot be moved.
    """
    trash = folder.parent / TRASH
    if not os.path.lexists(trash):
        trash.mkdir()
    if not is_plain(trash, stat.S_IFDIR):
        raise BadRequest(f"{trash} should be a folder, for deleted runs, and is something else; move it away.")
    folder.rename(trash / f"{time.time_ns()}-{folder.name}")
    for old in _thrown(trash)[:-KEPT]:
        shutil.rmtree(old, ignore_errors=True)


def restore(run_id: str, root: Path) -> None:
    """Brings back the run of this id that was deleted last.

    Args:
        run_id: the run's.
        root: where runs are.

    Raises:
        BadRequest: it is no longer in the trash, or another run has its id.
        OSError: it cannot be moved.
    """
    found = [path for path in _thrown(root / TRASH) if path.name.partition("-")[2] == checked_name(run_id, "the run")]
    if not found:
        raise BadRequest(f"{run_id} is not in the trash, which keeps the last {KEPT} runs that were deleted.")
    if os.path.lexists(root / run_id):
        raise BadRequest(f"There is a run {run_id} again; rename its folder, then bring the deleted one back.")
    found[-1].rename(root / run_id)


def _thrown(trash: Path) -> list[Path]:
    """The folders in the trash, the one that was deleted first before the others."""
    return sorted(trash.iterdir()) if is_plain(trash, stat.S_IFDIR) else []

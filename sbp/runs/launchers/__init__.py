"""Where runs are trained: the launchers, behind one interface, and the choice between them. No torch."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from sbp.runs.launchers.base import Launcher, Local
from sbp.runs.names import BadRequest
from sbp.runs.roots import runs_url

ADDRESS_VARIABLE = "SBP_DASK"


def chosen(root: Path | None = None) -> Launcher:
    """The launcher for new runs: Dask where $SBP_DASK names a scheduler, else processes of this machine.

    Args:
        root: the folder of the runs, by default `runs_root()`.

    Raises:
        BadRequest: $SBP_DASK is set, and dask.distributed is not installed, or the runs are in a bucket.

    >>> chosen().name
    'local'
    """
    address = os.environ.get(ADDRESS_VARIABLE, "").strip()
    if not address:
        return Local(root)
    if root is None and runs_url():
        raise BadRequest(
            f"{ADDRESS_VARIABLE} is set, and SBP_RUNS is {runs_url()}: expected a folder that all machines of the "
            f"cluster see. Name one, or unset {ADDRESS_VARIABLE}: each machine trains what it starts."
        )
    try:
        dask = importlib.import_module("sbp.runs.launchers.dask")  # an extra: not everybody has it
    except ImportError as error:
        raise BadRequest(
            f"{ADDRESS_VARIABLE} is set, and dask.distributed cannot be imported ({error}): pip install distributed, "
            f"or unset {ADDRESS_VARIABLE} to train on this machine."
        ) from None
    launcher: Launcher = dask.Dask(address, root)
    return launcher


def resume(run_id: str) -> str:
    """Has the chosen launcher take up a run; raises as `chosen` and `Launcher.resume` do."""
    return chosen().resume(run_id)

"""Where runs are trained: the launchers, behind one interface, and the choice between them. No torch."""

from __future__ import annotations

import importlib
import os
from pathlib import Path

from sbp.runs.launchers.base import Launcher, Local
from sbp.runs.names import BadRequest

ADDRESS_VARIABLE = "SBP_DASK"


def chosen(root: Path | None = None) -> Launcher:
    """The launcher for new runs: Dask where $SBP_DASK names a scheduler, else processes of this machine.

    Args:
        root: the folder of the runs, by default `runs_root()`.

    Raises:
        BadRequest: $SBP_DASK is set, and dask.distributed is not installed.

    >>> chosen().name
    'local'
    """
    address = os.environ.get(ADDRESS_VARIABLE, "").strip()
    if not address:
        return Local(root)
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

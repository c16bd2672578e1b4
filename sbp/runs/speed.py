"""speed.json: how fast a run's networks were, one measurement for each device and number of threads. No torch.

```
{"measurements": [{"device": "cpu", "hardware": "AMD EPYC", "threads": 2, "versions": {"torch": "2.13.0"},
                   "when": 1.8e9, "rows": [{"variant": "compact", "batch": 32, "median_seconds": 4e-4,
                                            "iqr_seconds": 1e-5, "n": 900}]}]}
```
A recorded run is not written to (but by `sbp.experiments.archive.record_speed`): what was measured of it here lies
under `runs_root()/.speed/` and comes first. processes and each row's between_seconds are missing in older files.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sbp.runs import models
from sbp.runs.filenames import SPEED
from sbp.runs.files import BadFile, write_json
from sbp.runs.roots import runs_root

if TYPE_CHECKING:
    from sbp.runs.view import RunView

OWN_FOLDER = ".speed"


def speed_path(view: RunView) -> Path:
    """Where a measurement of this run is written: in its folder, or for a recorded run under `runs_root()`."""
    return runs_root() / OWN_FOLDER / f"{view.id}.json" if view.recorded else view.folder / SPEED


def read_speed(view: RunView) -> dict[str, Any] | None:
    """What is known of this run's speed: the first file that can be read, or None.

    One that is corrupt counts as none: a measurement can be made again.
    """
    return _first(speed_path(view), view.folder / SPEED)


def _first(*paths: Path) -> dict[str, Any] | None:
    for path in paths:
        try:
            return models.SPEED.read(path)
        except BadFile:
            continue
    return None


def write_speed(view: RunView, measurement: Mapping[str, Any], path: Path | None = None) -> Path:
    """Adds a measurement, which replaces that of the same device and threads; hands back the file's path.

    path: another file than `speed_path`. Raises `BadRequest` for a run that has a problem, ValueError when it lacks
    something, and OSError when the place cannot be written.
    """
    view.sound()
    if not models.SPEED.holds({"measurements": [dict(measurement)]}):
        raise ValueError(
            "measurement: expected device, hardware, threads, versions, rows, each row with variant, batch, "
            "median_seconds, iqr_seconds, n."
        )
    known = ((_first(path) if path else read_speed(view)) or {"measurements": []})["measurements"]
    others = [one for one in known if _key(one) != _key(measurement)]
    path = path or speed_path(view)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, {"measurements": [*others, dict(measurement)]})
    return path


def _key(measurement: Mapping[str, Any]) -> tuple[str, int]:
    return measurement["device"], measurement["threads"]

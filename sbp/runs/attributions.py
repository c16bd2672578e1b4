"""attribution.json: what gradients say of a run's pixels and units, beside what its noise says. No torch.

```
{"weights": SHA-256 of the model.safetensors it is of, "n": 200, "per_class": 20, "data": "MNIST", "seconds": 6.1,
 "hardware": "AMD EPYC, 1 thread", "versions": {"captum": "0.9.0"}, "when": 1.8e9,
 "pixels": {"maps": {"saliency": [784 numbers], ...}, "lit": [784 times 0 or 1], "snr": [784] or null, "kept": ... or null,
            "correlation": {"saliency": {"lit": 0.81, "kept": 0.2}, ...}},
 "units": {"dense1": {"conductance": [...], "snr": [...], "kept": [...], "correlation": {"all": 0.7, "kept": 0.3}}}}
```
A recording is not written to: what was computed of it here lies under `runs_root()/.attribution/` and comes first.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sbp.runs.files import BadFile, read_json, write_json
from sbp.runs.format import ATTRIBUTION

if TYPE_CHECKING:
    from sbp.runs.view import RunView

OWN_FOLDER = ".attribution"
_PARTS = {"weights": str, "n": int, "per_class": int, "data": str, "seconds": float, "pixels": dict, "units": dict}


def own_folder() -> Path:
    """Where locks, logs and what is computed of recordings lie."""
    from sbp.runs.store import runs_root  # it imports the view, which asks here

    return runs_root() / OWN_FOLDER


def lock_path(view: RunView) -> Path:
    """Held by the one process that computes this run's attributions."""
    return own_folder() / f"{view.id}.lock"


def log_path(view: RunView) -> Path:
    """What that process printed."""
    return own_folder() / f"{view.id}.log"


def attribution_path(view: RunView) -> Path:
    """Where this run's attributions are written: in its folder, or for a recording under `runs_root()`."""
    return own_folder() / f"{view.id}.json" if view.recorded else view.folder / ATTRIBUTION


def read_attribution(view: RunView) -> dict[str, Any] | None:
    """What was computed of this run's weights as they are now, or None: one that is corrupt or of other weights can be
    computed again.
    """  # fmt: skip
    for path in dict.fromkeys((attribution_path(view), view.folder / ATTRIBUTION)):
        try:
            found = read_json(path)
        except BadFile:
            continue
        if all(isinstance(found.get(name), kind) for name, kind in _PARTS.items()):
            if found["weights"] == weights_digest(view):
                return found
    return None


def write_attribution(view: RunView, found: Mapping[str, Any]) -> Path:
    """Replaces this run's attributions; hands back the file's path. Raises OSError when it cannot be written."""
    path = attribution_path(view)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, dict(found))
    return path


def weights_digest(view: RunView) -> str:
    """SHA-256 of the run's weights, empty while there are none."""
    try:
        return hashlib.sha256(view.model_path.read_bytes()).hexdigest() if view.model_path else ""
    except OSError:
        return ""

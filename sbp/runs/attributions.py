"""attribution.json: attributions of a run's pixels and units by gradients, beside its noise. No torch.

```
{"weights": SHA-256 of the model.safetensors it is of, "n": 200, "per_class": 20, "data": "MNIST", "seconds": 6.1,
 "hardware": "AMD EPYC, 1 thread", "versions": {"captum": "0.9.0"}, "when": 1.8e9,
 "pixels": {"maps": {"saliency": [784 numbers], ...}, "lit": [784 times 0 or 1], "snr": [784] or null,
            "kept": [784] or null,
            "correlation": {"saliency": {"lit": 0.81, "kept": 0.2}, ...}},
 "units": {"dense1": {"conductance": [...], "snr": [...], "kept": [...], "correlation": {"all": 0.7, "kept": 0.3}}}}
```
A recorded run is not written to: what was computed of it here lies under `runs_root()/.attribution/` and comes first.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from sbp.runs import models
from sbp.runs.filenames import ATTRIBUTION
from sbp.runs.files import BadFile, write_json
from sbp.runs.plain_files import sha256_of
from sbp.runs.roots import runs_root

if TYPE_CHECKING:
    from sbp.runs.view import RunView

OWN_FOLDER = ".attribution"
METHODS, PIXELS = ("integrated_gradients", "saliency", "occlusion"), 784
MOST_WEIGHTS = 2**32  # bytes: no network here has a hundredth of it


def own_folder() -> Path:
    """Where locks, logs and what is computed of recorded runs lie."""
    return runs_root() / OWN_FOLDER


def lock_path(view: RunView) -> Path:
    """Held by the one process that computes this run's attributions."""
    return own_folder() / f"{view.id}.lock"


def log_path(view: RunView) -> Path:
    """What that process printed."""
    return own_folder() / f"{view.id}.log"


def attribution_path(view: RunView) -> Path:
    """Where this run's attributions are written: in its folder, or for a recorded run under `runs_root()`."""
    return own_folder() / f"{view.id}.json" if view.recorded else view.folder / ATTRIBUTION


def read_attribution(view: RunView) -> dict[str, Any] | None:
    """What was computed of this run's weights as they are now, or None: one that is corrupt or of other weights can be
    computed again.
    """
    for path in dict.fromkeys((attribution_path(view), view.folder / ATTRIBUTION)):
        try:
            found = models.ATTRIBUTION.read(path)
        except BadFile:
            continue
        if _fits(found, view) and found["weights"] == weights_digest(view):
            return found
    return None


def _fits(found: Mapping[str, Any], view: RunView) -> bool:
    """Whether it has a number for every pixel, and for every unit of layers that this run has."""
    pixels, units = found["pixels"], {layer.name: layer.units for layer in view.layers}
    maps = [pixels["lit"], *pixels["maps"].values(), *(pixels[name] for name in ("snr", "kept") if pixels[name])]
    if any(len(values) != PIXELS for values in maps) or (pixels["snr"] is None) != (pixels["kept"] is None):
        return False
    if not set(METHODS) <= set(pixels["maps"]) or not found["units"]:
        return False
    if pixels["correlation"] and not all(_ranked(pixels["correlation"].get(name), "lit") for name in METHODS):
        return False
    return all(
        name in units
        and all(len(unit[part]) == units[name] for part in ("conductance", "snr", "kept"))
        and _ranked(unit["correlation"], "all")
        for name, unit in found["units"].items()
    )


def _ranked(correlation: Mapping[str, Any] | None, over: str) -> bool:
    """Whether there is a rank correlation over these and over the kept ones, and no other."""
    return correlation is not None and set(correlation) == {over, "kept"}


def write_attribution(view: RunView, found: Mapping[str, Any]) -> Path:
    """Replaces this run's attributions; hands back the file's path.

    Raises `BadRequest` for a run that has a problem, and OSError when it cannot be written.
    """
    view.sound()
    path = attribution_path(view)
    path.parent.mkdir(parents=True, exist_ok=True)
    write_json(path, dict(found))
    return path


def weights_digest(view: RunView) -> str:
    """SHA-256 of the run's weights, empty while there are none."""
    try:
        if view.model_path is None:
            return ""
        return sha256_of(view.model_path, MOST_WEIGHTS)
    except (OSError, BadFile):
        return ""

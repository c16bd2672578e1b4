"""Structured Bayesian Pruning: multiplicative log-normal noise that learns which units to remove.

Names are loaded when they are first asked for, so that reading a run folder never imports torch.
"""

from __future__ import annotations

import importlib
from typing import Any

__version__ = "0.1.0"

_HOME = {
    "TruncatedLogNormal": "sbp.distributions",
    "LogUniform": "sbp.distributions",
    "attach": "sbp.noise",
    "detach": "sbp.noise",
    "elbo_loss": "sbp.noise",
    "parameter_groups": "sbp.noise",
    "observe": "sbp.noise",
    "diagnose": "sbp.pruning.diagnosis",
    "JointNoise": "sbp.noise",
    "compact": "sbp.compaction",
    "masked": "sbp.compaction",
    "load_compact": "sbp.compaction.load",
    "SBPLayer": "sbp.noise.sbp_layer",
    "DropConnect": "sbp.methods.weights",
    "RunConfig": "sbp.spec",
    "ConfigError": "sbp.spec",
    "train": "sbp.training.loop",
    "track": "sbp.tracking",
    "TrackedRun": "sbp.tracking",
    "save_noise": "sbp.tracking",
    "load_noise": "sbp.tracking",
    "build": "sbp.networks.registry",
    "load": "sbp.data.datasets",
}

__all__ = [*_HOME, "__version__"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sbp' has no attribute {name!r}")

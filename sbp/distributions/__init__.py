"""The noise and its prior. Names are loaded when asked for: `moments` serves pages that never import torch."""

from __future__ import annotations

import importlib
from typing import Any

_HOME = {"TruncatedLogNormal": "sbp.distributions.truncated_log_normal", "LogUniform": "sbp.distributions.log_uniform"}

__all__ = ["LogUniform", "TruncatedLogNormal"]


def __getattr__(name: str) -> Any:
    if name in _HOME:
        importlib.import_module("sbp.distributions.kl")  # registers KL(q || p) with torch.distributions
        return getattr(importlib.import_module(_HOME[name]), name)
    raise AttributeError(f"module 'sbp.distributions' has no attribute {name!r}")

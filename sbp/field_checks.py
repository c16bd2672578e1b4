"""What a field of a run's config may hold; the sentence that a wrong value is refused with names the field."""

from __future__ import annotations

import math
from typing import Any


class ConfigError(ValueError):
    """A run was described in a way that cannot be trained; the message says what to change."""


def finite(value: Any) -> bool:
    """Whether it is a number that is neither infinite nor NaN."""
    return isinstance(value, (int, float)) and math.isfinite(value)


def one_of(name: str, value: Any, allowed: tuple[str, ...]) -> None:
    """Raises `ConfigError` for a field's value that is none of those allowed."""
    if value not in allowed:
        raise ConfigError(f"{name}: expected one of {', '.join(allowed)}, got {value!r}.")


def at_least(name: str, value: Any, least: int) -> None:
    """Raises `ConfigError` for a field's value that is no finite number or below the least."""
    if not (finite(value) and value >= least):
        raise ConfigError(f"{name}: expected at least {least}, got {value!r}.")


def check_type(name: str, value: Any, default: Any) -> None:
    """Raises `ConfigError` for a field's value that is of another type than its default: numbers stay numbers and texts
    stay texts, so that a hand-written file fails here and not in training."""
    ok: bool
    if isinstance(default, bool):
        ok = isinstance(value, bool)
    elif isinstance(default, int):
        ok = isinstance(value, int) and not isinstance(value, bool)
    elif isinstance(default, float):
        ok = isinstance(value, (int, float)) and not isinstance(value, bool)
    elif isinstance(default, tuple):
        ok = isinstance(value, (list, tuple)) and all(isinstance(v, (int, float)) for v in value)
    else:
        ok = isinstance(value, str)
    if not ok:
        raise ConfigError(f"{name}: expected something like {default!r}, got {value!r}.")

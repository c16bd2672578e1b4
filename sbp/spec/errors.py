"""What is said when a run is described wrongly: one sentence that names the field, what was expected and what came."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, get_args

from pydantic import ValidationError
from pydantic.fields import FieldInfo


class ConfigError(ValueError):
    """A run was described in a way that cannot be trained; the message says what to change."""

    @classmethod
    def of(cls, path: str, sentence: str) -> ConfigError:
        """An error about the field at a dotted path, which is named by its flat name too.

        >>> print(ConfigError.of("optimisation.lr", "expected a number above 0, got -1."))
        lr (optimisation.lr): expected a number above 0, got -1.
        """
        return cls(f"{label(path)}: {sentence}")


def flat_name(path: str) -> str:
    """The name of a field where no section is told: its own, and for a section's `name` the section's.

    >>> flat_name("optimisation.lr"), flat_name("network.name"), flat_name("seed")
    ('lr', 'network', 'seed')
    """
    section, _, own = path.rpartition(".")
    return section if section and own == "name" else own


def label(path: str) -> str:
    """A field by both of its names.

    >>> label("optimisation.lr"), label("seed")
    ('lr (optimisation.lr)', 'seed')
    """
    return path if flat_name(path) == path else f"{flat_name(path)} ({path})"


def expected(field: FieldInfo, in_range: bool) -> str:
    """What a field may hold, in words. in_range: whether the value is of the right type, and only out of range."""
    bounds = {
        kind: value
        for at in field.metadata
        for kind in ("ge", "gt", "le", "lt")
        if (value := getattr(at, kind, None)) is not None
    }
    if isinstance(field.default, tuple):
        kind = {int: "whole numbers", str: "texts"}.get(get_args(field.annotation)[0], "numbers")
        return f"a list of {kind}"
    if not in_range or not bounds:
        return f"something like {field.default!r}"
    if "gt" in bounds:
        return f"a number above {bounds['gt']}"
    if "le" in bounds:
        return f"a number from {bounds['ge']:g} to {bounds['le']:g}"
    if "lt" in bounds:
        return f"a number from {bounds['ge']:g} to below {bounds['lt']:g}"
    return f"at least {bounds['ge']}"


_OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "finite_number")


def first_error(
    found: ValidationError, prefix: str, fields: Mapping[str, FieldInfo], values: Mapping[str, Any]
) -> ConfigError:
    """The first of pydantic's complaints as one `ConfigError`.

    Args:
        found: what pydantic raised.
        prefix: the section's name and a dot, or "".
        fields: the section's fields.
        values: what it was to be made of.
    """
    error = found.errors(include_url=False)[0]
    inner = error.get("ctx", {}).get("error")
    if isinstance(inner, ConfigError):
        return inner
    name = str(error["loc"][0]) if error["loc"] else ""
    if error["type"] == "extra_forbidden":
        where = f"{prefix.rstrip('.')} has" if prefix else "a run has"
        return ConfigError(f"Unknown field(s) {name}; {where} {', '.join(fields)}.")
    if name not in fields:
        return ConfigError(f"{prefix.rstrip('.') or 'config'}: {error['msg']}.")
    allowed = expected(fields[name], error["type"] in _OUT_OF_RANGE)
    return ConfigError.of(f"{prefix}{name}", f"expected {allowed}, got {values.get(name, error['input'])!r}.")

"""Sorts the fields of a run, named in any of the ways that they may be named, into their sections."""

from __future__ import annotations

from typing import Any

from sbp.spec.errors import ConfigError
from sbp.spec.fields import SECTIONS, RunField, find_field, run_fields
from sbp.spec.method import METHOD_CONFIGS, MethodConfig
from sbp.spec.section import Section

# What flat files of before have whatever the method is, used or not.
ONCE_FOR_ALL = frozenset({"dropout", "group_penalty", "kl_exponent"})


def sorted_values(values: dict[str, Any], method: str, lenient: bool) -> dict[str, dict[str, Any]]:
    """Values by section and by their names there; "" for what is the run's own.

    Args:
        values: by flat names, dotted names, or names of sections.
        method: the method in case the values name none.
        lenient: leaves out what flat files of before have of other methods.

    Raises:
        ConfigError: a field does not exist, or is a setting of another method.

    >>> sorted_values({"lr": 0.1, "method": "ssl", "schedule.epochs": 3}, "sbp", lenient=False)
    {'optimisation': {'lr': 0.1}, 'method': {'name': 'ssl'}, 'schedule': {'epochs': 3}}
    """
    found: dict[str, dict[str, Any]] = {}
    unknown = []
    for name, value in values.items():
        if name in SECTIONS and isinstance(value, (dict, Section)):
            section, own = name, value if isinstance(value, dict) else value.model_dump()
        elif field := find_field(name):
            section, own = field.section, {field.own_name: value}
        else:
            unknown.append(name)
            continue
        known = found.setdefault(section, {})
        if twice := sorted(own.keys() & known):
            raise ConfigError.of(f"{section}.{twice[0]}".lstrip("."), "expected one value, got two by two names.")
        known |= own
    if unknown:
        raise ConfigError(f"Unknown field(s) {', '.join(sorted(unknown))}; a run has {', '.join(run_fields())}.")
    if chosen := found.get("method"):
        method = chosen.get("name", method)
        settings = {n: v for n, v in chosen.items() if n == "name" or not _left_out(n, v, method, lenient)}
        found["method"] = {"name": method, **settings}
    return found


def method_config(values: dict[str, Any], before: dict[str, Any] | None = None) -> MethodConfig:
    """A method's settings from plain values, `name` among them.

    Args:
        values: by their own names.
        before: settings to go on from, as far as this method has them.

    Raises:
        ConfigError: there is no such method or setting, or a value is out of range.
    """
    name = values.get("name", "sbp")
    if not isinstance(name, str) or name not in METHOD_CONFIGS:
        choices = run_fields()["method"].choices
        raise ConfigError.of("method.name", f"expected one of {', '.join(choices)}, got {name!r}.")
    section = METHOD_CONFIGS[name]
    kept = {n: v for n, v in (before or {}).items() if n in section.model_fields}
    return section(**{**kept, **values})


def _left_out(name: str, value: Any, method: Any, lenient: bool) -> bool:
    """Whether a setting says nothing because the method does not have it; raises where it would say something."""
    field = run_fields().get(name)
    if field is None or not field.methods or method in field.methods or method not in METHOD_CONFIGS:
        return False
    if _neutral(field, value) or (lenient and name in ONCE_FOR_ALL):
        return True
    if name == "kl_weights":
        sentence = f"expected none with method {method} (all are 1); choose method sbpa to set them."
    else:
        sentence = f"expected {field.default!r} with method {method}, which does not have it; it is for " + (
            f"{', '.join(field.methods)}, got {value!r}."
        )
    raise ConfigError.of(field.path, sentence)


def _neutral(field: RunField, value: Any) -> bool:
    """The default, or KL weights that are what every method without any has."""
    if isinstance(value, (list, tuple)):
        return not value or set(value) == {1.0}
    return bool(value == field.default)

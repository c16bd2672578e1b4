"""Parses --set field=value into the values of a run's fields."""

from __future__ import annotations

from typing import Any

from sbp.cli.errors import BadInput
from sbp.spec import find_field, run_fields

_TRUE, _FALSE = ("true", "yes", "on", "1"), ("false", "no", "off", "0")


def parse_settings(settings: list[str]) -> dict[str, Any]:
    """Fields and values from "field=value" texts, by flat or dotted names; lists with commas.

    Raises `BadInput` when a text has no "=", the field does not exist, or the value has the wrong type.

    >>> parse_settings(["log_low=-10", "network.widths=50,30", "random_labels=yes"])
    {'log_low': -10.0, 'widths': (50, 30), 'random_labels': True}
    """
    values: dict[str, Any] = {}
    for setting in settings:
        name, equals, text = setting.partition("=")
        name = name.strip().replace("-", "_")
        if not equals:
            raise BadInput(f"--set: expected field=value, got {setting!r}.")
        field = find_field(name)
        if field is None:
            raise BadInput(f"--set: a run has no field {name!r}; it has {', '.join(run_fields())}.")
        values[field.name] = parse_value(field.name, text.strip(), field.default)
    return values


def parse_value(name: str, text: str, default: Any) -> Any:
    """A field's value from text, of the type of its default."""
    try:
        if isinstance(default, bool):
            if text.lower() not in _TRUE + _FALSE:
                raise ValueError
            return text.lower() in _TRUE
        if isinstance(default, tuple):
            number = int if name in ("widths", "kl_warmup") else float
            return tuple(number(part) for part in text.strip("[]()").replace(",", " ").split())
        return type(default)(text)
    except ValueError:
        kind = "a list like 50,30" if isinstance(default, tuple) else f"something like {default!r}"
        raise BadInput(f"{name}: expected {kind}, got {text!r}.") from None

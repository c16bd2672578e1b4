"""All fields of a run by one flat name each, as the form, the command line and files of before know them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

from sbp.spec.data import DataConfig
from sbp.spec.errors import flat_name
from sbp.spec.method import METHOD_CONFIGS, METHODS, MethodConfig
from sbp.spec.network import NetworkConfig
from sbp.spec.noise import NoiseConfig
from sbp.spec.optimisation import OptimisationConfig
from sbp.spec.schedule import ScheduleConfig
from sbp.spec.section import Section, choices_of

SECTIONS: dict[str, type[Section]] = {
    "network": NetworkConfig,
    "data": DataConfig,
    "method": MethodConfig,
    "noise": NoiseConfig,
    "optimisation": OptimisationConfig,
    "schedule": ScheduleConfig,
}


@dataclass(frozen=True)
class RunField:
    """One field of a run.

    name: its flat name, which no other field has. path: its section and its name there, "optimisation.lr". help: a
    sentence; unit: of a number, or "". choices: the texts it may hold, () for any value of the default's kind.
    methods: those that have this setting, () where it is no setting of a method.
    """

    name: str
    path: str
    default: Any
    help: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    methods: tuple[str, ...] = ()

    @property
    def section(self) -> str:
        """The section's name, "" for what is the run's own."""
        return self.path.rpartition(".")[0]

    @property
    def own_name(self) -> str:
        """The name within its section."""
        return self.path.rpartition(".")[2]


def run_fields() -> dict[str, RunField]:
    """Every field of a run by its flat name, those of all methods among them.

    >>> field = run_fields()["lr"]
    >>> field.path, field.default, field.unit
    ('optimisation.lr', 0.002, 'per step')
    >>> run_fields()["dropout"].methods
    ('binary-dropout', 'gaussian-dropout')
    """
    return _run_fields(tuple(METHOD_CONFIGS.items()))


def find_field(name: str) -> RunField | None:
    """The field with this flat or dotted name, or None.

    >>> find_field("optimisation.lr") is find_field("lr")
    True
    """
    fields = run_fields()
    if found := fields.get(name):
        return found
    found = fields.get(flat_name(name))
    return found if found is not None and found.path == name else None


@cache
def _run_fields(methods: tuple[tuple[str, type[MethodConfig]], ...]) -> dict[str, RunField]:
    from sbp.spec.run import RunConfig  # it imports this module

    found: list[RunField] = []
    for name, section in SECTIONS.items():
        found += _of_methods(dict(methods)) if name == "method" else _of(section)
    found += [field for field in _of(RunConfig) if field.name not in SECTIONS]
    return {field.name: field for field in found}


def _of(section: type[Section]) -> list[RunField]:
    return [_field(section, name) for name in section.model_fields]


def _of_methods(methods: dict[str, type[MethodConfig]]) -> list[RunField]:
    """`method` itself, and every setting once, with the methods that have it."""
    first = _field(METHOD_CONFIGS["sbp"], "name")
    names = tuple(dict.fromkeys((*METHODS, *methods)))
    found = [RunField("method", first.path, "sbp", first.help, choices=names)]
    for section in dict.fromkeys(methods.values()):
        own = tuple(name for name in names if methods[name] is section)
        found += [_field(section, name, own) for name in section.model_fields if name != "name"]
    return found


def _field(section: type[Section], name: str, methods: tuple[str, ...] = ()) -> RunField:
    info = section.model_fields[name]
    path = f"{section.section}.{name}" if section.section else name
    extra = info.json_schema_extra if isinstance(info.json_schema_extra, dict) else {}
    unit = str(extra.get("unit", ""))
    return RunField(flat_name(path), path, info.default, info.description or "", unit, choices_of(info), methods)

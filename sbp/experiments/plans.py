"""The experiments: which runs each of them needs, as `plans.toml` has them. No torch."""

from __future__ import annotations

import tomllib
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from sbp.experiments.planned import Plan, PlannedRow, UnknownExperiment
from sbp.spec.presets import PARTS, recipe

_TABLE = tomllib.loads(Path(__file__).with_suffix(".toml").read_text(encoding="utf-8"))
_PARTS = {**PARTS, **_TABLE.pop("parts")}


def _plan(
    name: str, rows: Sequence[Sequence[Any]], weights: Sequence[str] = (), figures_only: Sequence[str] = (), **told: Any
) -> Plan:
    planned = [
        PlannedRow(key, label, recipe(f"{name}-{key}", _PARTS, of, own), paper) for key, label, paper, of, own in rows
    ]
    return Plan(name, rows=tuple(planned), weights=tuple(weights), figures_only=tuple(figures_only), **told)


PLANS: dict[str, Plan] = {name: _plan(name, **told) for name, told in _TABLE.items()}


def plan_of(experiment: str) -> Plan:
    """The experiment of this name; raises `UnknownExperiment`."""
    if experiment not in PLANS:
        raise UnknownExperiment(f"Expected one of the experiments {', '.join(PLANS)}, got {experiment!r}.")
    return PLANS[experiment]

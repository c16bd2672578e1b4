"""What an experiment is: rows of recipes, each run with several seeds. No torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from sbp.spec import RunConfig


class UnknownExperiment(LookupError):
    """No experiment, row or network has this name; the message says which there are."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


@dataclass(frozen=True)
class PlannedRow:
    """A recipe with a key and a label: what a row of the experiment's table is made of.

    paper: the method in the paper's table that it is compared with, "" for none.
    """

    key: str
    label: str
    recipe: RunConfig
    paper: str = ""

    @property
    def network(self) -> str:
        """The network's name."""
        return self.recipe.network.name

    def configs(self, seeds: int, first: int = 0) -> tuple[RunConfig, ...]:
        """The recipe with so many seeds: first, first + 1, ...

        >>> from sbp.experiments.plans import TABLE_1
        >>> [config.seed for config in TABLE_1.rows[0].configs(3)], TABLE_1.rows[0].configs(1, first=9)[0].seed
        ([0, 1, 2], 9)
        """
        return tuple(self.recipe.replace(seed=seed) for seed in range(first, first + seeds))


@dataclass(frozen=True)
class Plan:
    """An experiment: its name, what it shows, its rows.

    seeds: how many by default. recordings: the name of a row's recorded run, by network and key, where it is not
    experiment, network and key. weights: the keys whose recorded runs hold weights, and enough snapshots for a film.
    """

    name: str
    title: str
    rows: tuple[PlannedRow, ...]
    seeds: int = 3
    recordings: Mapping[tuple[str, str], str] = field(default_factory=dict)
    weights: tuple[str, ...] = ()

    def recording(self, row: PlannedRow) -> str:
        """The name of a row's recorded run."""
        return self.recordings.get((row.network, row.key), f"{self.name}-{row.network}-{row.key}")

    def only(self, key: str = "", network: str = "") -> tuple[PlannedRow, ...]:
        """The rows of one key, of one network, or both; raises `UnknownExperiment` when none is left."""
        rows = tuple(row for row in self.rows if key in ("", row.key) and network in ("", row.network))
        if not rows:
            keys = ", ".join(dict.fromkeys(row.key for row in self.rows))
            networks = ", ".join(dict.fromkeys(row.network for row in self.rows))
            raise UnknownExperiment(
                f"{self.name} has the rows {keys} of {networks}; got {key or 'any'} of {network or 'any'}."
            )
        return rows


def planned_row(
    key: str, label: str, paper: str, experiment: str, shared: dict[str, Any], own: dict[str, Any]
) -> PlannedRow:
    """A row whose recipe is what the rows of a network share and what is its own."""
    return PlannedRow(key, label, RunConfig.flat(**{**shared, **own, "preset": f"{experiment}-{key}"}), paper)

"""What an experiment is: rows of recipes, each run with several seeds. No torch."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

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

    @property
    def dataset(self) -> str:
        """The data set's name."""
        return self.recipe.data.dataset

    def configs(self, seeds: int, first: int = 0) -> tuple[RunConfig, ...]:
        """The recipe with so many seeds: first, first + 1, ...

        >>> from sbp.experiments.plans import PLANS
        >>> row = PLANS["table-1"].rows[0]
        >>> [config.seed for config in row.configs(3)], row.configs(1, first=9)[0].seed
        ([0, 1, 2], 9)
        """
        return tuple(self.recipe.replace(seed=seed) for seed in range(first, first + seeds))


@dataclass(frozen=True)
class Plan:
    """An experiment: its name, what it shows, its rows.

    seeds: how many by default. recorded_as: the name of a row's recorded run, made of the experiment's name, the row's
    network and its key; empty where figures alone are kept, as for the keys in `figures_only`. weights: the keys whose
    recorded runs hold weights, and enough snapshots for a film. methods: whether its rows are methods to be compared,
    as page Methods does.
    """

    name: str
    title: str
    rows: tuple[PlannedRow, ...]
    seeds: int = 3
    recorded_as: str = "{name}-{network}-{key}"
    figures_only: tuple[str, ...] = ()
    weights: tuple[str, ...] = ()
    methods: bool = False

    def recording(self, row: PlannedRow) -> str:
        """The name of a row's recorded run, or "" where there is to be none."""
        if row.key in self.figures_only:
            return ""
        return self.recorded_as.format(name=self.name, network=row.network, key=row.key)

    def only(self, keys: Collection[str] = (), network: str = "") -> tuple[PlannedRow, ...]:
        """The rows of some keys, of one network, or both; raises `UnknownExperiment` when a key has none."""
        rows = tuple(row for row in self.rows if (not keys or row.key in keys) and network in ("", row.network))
        if not rows or not {row.key for row in rows}.issuperset(keys):
            keys = ", ".join(dict.fromkeys(row.key for row in self.rows))
            networks = ", ".join(dict.fromkeys(row.network for row in self.rows))
            raise UnknownExperiment(
                f"{self.name} has the rows {keys} of {networks}; got {', '.join(keys) or 'any'} of {network or 'any'}."
            )
        return rows

"""Runs of one recipe on many seeds, and which units each kept at every epoch. No torch."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np

from sbp.experiments.results import NoResults
from sbp.runs.view import RunView
from sbp.spec.layout import Group

RECIPES = ("sbp", "sbp-plain")
NETWORKS = ("lenet-500-300", "lenet-5-caffe")


@dataclass(frozen=True)
class SeedRuns:
    """The runs of a recipe by seed. kept: bool [runs, epochs + 1, units], SNR >= 1; views: their folders."""

    network: str
    key: str
    views: tuple[RunView, ...]
    kept: np.ndarray

    @property
    def seeds(self) -> list[int]:
        """Their seeds, rising."""
        return [view.config.seed for view in self.views]

    @property
    def hardware(self) -> str:
        """What they were trained on, each name once."""
        return "; ".join(dict.fromkeys(str(view.meta["hardware"]) for view in self.views))

    def by_group(self) -> list[tuple[Group, np.ndarray]]:
        """Each group with its part of `kept`."""
        groups = self.views[0].layers
        edges = np.cumsum([group.units for group in groups])[:-1]
        return list(zip(groups, np.split(self.kept, edges, axis=2), strict=True))


def seed_runs(folder: Path | None, network: str, key: str) -> SeedRuns:
    """The runs of a row of Table 1 under a folder, with the units that each kept at every epoch.

    Args:
        folder: has `runs`, a folder a run, and `masks.npz` with an array RUN/kept for each: bits, packed along the
            units.
        network: its name.
        key: of the row.

    Raises:
        NoResults: there is no folder, no such run in it, or no masks of one.
    """
    if folder is None or not (folder / "masks.npz").is_file():
        raise NoResults(f"--runs: expected a folder with runs and masks.npz, got {folder}. Name one that has them.")
    found = [RunView(path) for path in sorted((folder / "runs").glob("*"))]
    wanted = f"table-1-{key}", network
    views = [view for view in found if view.described and (view.config.preset, view.config.network.name) == wanted]
    if not views:
        raise NoResults(f"--runs: expected runs of {wanted[0]} on {network} in {folder / 'runs'}, got none.")
    views.sort(key=lambda view: view.config.seed)
    units = sum(group.units for group in views[0].layers)
    with np.load(folder / "masks.npz", allow_pickle=False) as masks:  # noqa: TID251  # plain bits
        try:
            bits = [np.unpackbits(masks[f"{view.id}/kept"], axis=1, count=units) for view in views]
        except KeyError as error:
            raise NoResults(f"masks.npz: expected an array for every run of {wanted[0]}, got none: {error}.") from None
    return SeedRuns(network, key, tuple(views), np.stack(bits).astype(bool))

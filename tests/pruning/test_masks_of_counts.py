"""Masks with given counts: closed, of every recorded row, and refused where no masks have them."""

from __future__ import annotations

import pytest

from sbp.experiments.results import RunResult, recorded
from sbp.pruning.masks import kept_counts, masks_of_counts, propagate
from sbp.spec import RunConfig
from sbp.spec.networks import SPECS

RUNS = [row.shown for name in ("table-1", "table-2") for row in recorded(name).rows if row.shown]


@pytest.mark.parametrize("run", RUNS, ids=lambda run: str(run.config["preset"]) + " " + run.network)
def test_every_recorded_rows_counts_are_those_of_closed_masks(run: RunResult) -> None:
    layers = SPECS[run.network].layers(RunConfig.from_dict(run.config).network.widths)
    masks = masks_of_counts(run.kept, layers)
    assert kept_counts(masks, layers) == run.kept
    assert all((mask == propagate(masks, layers)[name]).all() for name, mask in masks.items())


@pytest.mark.parametrize("kept", [(1, 2, 1, 1), (1, 2, 33, 1), (1, 0, 4, 1)])
def test_counts_that_do_not_belong_together_are_refused(kept: tuple[int, ...]) -> None:
    """Two channels need a feature each, and have 16 each at most; none has none."""
    layers = SPECS["lenet-5-caffe"].layers(())
    with pytest.raises(ValueError, match="counts that belong together"):
        masks_of_counts(kept, layers)

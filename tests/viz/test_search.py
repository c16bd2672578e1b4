"""The figures of a search: what a configuration that lost everything does to the axes of the others."""

from __future__ import annotations

import json

import pandas as pd
import pytest

from sbp.viz import search


@pytest.mark.parametrize(
    ("macs", "ends"), [([545_000.0, 0.0, 300_000.0], [240_000.0, 654_000.0]), ([0.0, 0.0], [0.8, 2.4])]
)
def test_a_network_with_nothing_left_does_not_stretch_the_axis(macs: list[float], ends: list[float]) -> None:
    n = len(macs)
    rows = pd.DataFrame({"trial": range(n), "state": "finished", "macs": macs, "error_percent": [6.0, 89.0, 9.0][:n]})
    drawn = json.dumps(search.cost(rows, best=0).to_dict())
    assert f'"domain": {ends}' in drawn

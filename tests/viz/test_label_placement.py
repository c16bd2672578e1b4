"""Names stand clear of points and of each other, and where there is no room for all, those that matter stay."""

from __future__ import annotations

import pandas as pd

from sbp.viz import label_placement

VIEW = (1e3, 1e6, 1.0, 20.0)


def test_names_keep_out_of_each_other_s_way() -> None:
    marks = pd.DataFrame(
        {
            "macs": [40_000] * 4,
            "error_percent": [1.5, 1.5, 1.5, 1.55],
            "name": ["SNR ≥ 1", "BMRS_N ≥ 0", "BMRS_U ≥ 0", "SBP"],
        }
    )
    places = label_placement.places(marks, VIEW, 620, 380)
    assert len({(place["align"], place["dx"], place["dy"]) for place in places}) == 4


def test_what_is_clear_of_each_other_on_a_wide_plot_may_not_be_on_a_narrow_one() -> None:
    marks = pd.DataFrame(
        {
            "macs": [10_000, 30_000, 400_000],
            "error_percent": [3.0, 3.0, 3.0],
            "name": ["the first of all", "the second of all", "far"],
        }
    )
    at = label_placement.places(marks, VIEW, 1000, 380)
    assert label_placement.fit(marks, VIEW, at, [True] * 3, 380, width=1000) == [True] * 3
    assert label_placement.fit(marks, VIEW, at, [True] * 3, 380) == [True, False, True]
    assert label_placement.fit(marks, VIEW, at, [False, True, True], 380) == [False, True, True], (
        "those first that matter"
    )

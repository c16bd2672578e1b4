"""Names stand clear of points and of each other, and where there is no room for all, those that matter stay."""

from __future__ import annotations

import numpy as np
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
    assert len({(place["align"], place["dx"], place["dy"]) for place in places if place}) == 4


def test_a_name_is_nearer_to_its_own_point_than_to_any_other_or_a_line_leads_to_it() -> None:
    rng = np.random.default_rng(0)
    marks = pd.DataFrame(
        {
            "macs": np.exp(rng.uniform(np.log(2e3), np.log(5e5), 25)),
            "error_percent": np.exp(rng.uniform(np.log(1.1), np.log(15), 25)),
            "name": [f"method {i}" for i in range(25)],
        }
    )
    points = label_placement._points(marks, VIEW, 1000, 380)
    at = label_placement.places(marks, VIEW, 1000, 380)
    led = 0
    for index, place in enumerate(at):
        assert place, "there is room for all of them"
        led += place["led"]
        box = label_placement._box(points[index], marks["name"][index], place["align"], place["dx"], place["dy"])
        off = [label_placement._distance(box, point) for point in points]
        assert min(off) >= 6, "no point is hidden"
        assert place["led"] or off[index] == min(off)
    assert 0 < led < 10


def test_a_name_keeps_off_the_bars_of_errors_and_off_lines() -> None:
    marks = pd.DataFrame({"macs": [3e4], "error_percent": [4.0], "name": ["one"], "low": [2.0], "high": [8.0]})
    (beside_its_bar,) = label_placement.places(marks, VIEW, 620, 380)
    assert beside_its_bar
    assert beside_its_bar["align"] != "center"
    line = pd.DataFrame({"macs": [2e3, 5e5], "error_percent": [4.0, 4.0]})
    (off_the_line,) = label_placement.places(marks, VIEW, 620, 380, [line])
    assert off_the_line
    assert abs(off_the_line["dy"]) >= 10


def test_what_is_clear_of_each_other_on_a_wide_plot_may_not_be_on_a_narrow_one() -> None:
    marks = pd.DataFrame(
        {
            "macs": [10_000, 30_000, 400_000],
            "error_percent": [3.0, 3.0, 3.0],
            "name": ["first", "second one", "far"],
        }
    )
    at = label_placement.places(marks, VIEW, 1000, 380)
    assert label_placement.fit(marks, VIEW, at, [True] * 3, 380, width=1000) == [True] * 3
    assert label_placement.fit(marks, VIEW, at, [True] * 3, 380) == [True, False, True]
    assert label_placement.fit(marks, VIEW, at, [False, True, True], 380) == [False, True, True], (
        "those first that matter"
    )

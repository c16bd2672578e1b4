"""Figures and sentences of page Threshold and cost: true, described, with units, and safe against a bad file."""

from __future__ import annotations

import copy
import dataclasses
import json
import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from sbp.pruning.masks import keep_masks, kept_counts
from sbp.reference.paper import rows_of
from sbp.spec.networks import SPECS
from sbp.viz import ensemble, export, frontier, palette, snr_counts, sweep, threshold
from sbp.viz.tables import RunTables, tables
from tests.viz.sweeps import sweep_of

DENSE = 545_000


@pytest.fixture(scope="module")
def value(runs: dict[str, Any]) -> dict[str, Any]:
    return sweep_of(runs["lenet-500-300"])


@pytest.fixture
def swept(value: dict[str, Any]) -> sweep.Sweep:
    return sweep.read(value, 3)


@pytest.fixture
def charts(found: RunTables, swept: sweep.Sweep) -> dict[str, Callable[[bool], Any]]:
    stops = sweep.stops(found, SPECS["lenet-500-300"], swept)
    return {
        "error": lambda dark: threshold.error_chart(stops, found.prior_snr, "5,000 held-out digits", 20, dark),
        "left": lambda dark: threshold.left_chart(stops, found.layers, DENSE, found.prior_snr, 20, dark),
        "frontier": lambda dark: frontier.chart(
            swept, rows_of("lenet-500-300"), DENSE, (40_000, 1.5), "held-out digits", dark=dark
        ),
        "ensemble": lambda dark: ensemble.chart(swept, "error_percent", dark),
        "snr": lambda dark: snr_counts.chart(found, dark=dark),
    }


@pytest.mark.parametrize("name", ["error", "left", "frontier", "ensemble", "snr"])
def test_every_figure_is_described_has_titles_on_its_axes_and_two_themes(
    name: str, charts: dict[str, Callable[[bool], Any]]
) -> None:
    specs = [json.loads(charts[name](dark).to_json()) for dark in (False, True)]
    for spec in specs:
        assert spec["description"].endswith(".")
        assert "params" not in spec
        titled = [
            axis["title"]
            for layer in spec["layer"]
            for key, axis in layer["encoding"].items()
            if key in ("x", "y") and "title" in axis
        ]
        assert titled
        assert all(title for title in titled)
    text = [json.dumps(spec) for spec in specs]
    light, dark = (getattr(theme, "ink" if name == "error" else "kept") for theme in (palette.LIGHT, palette.DARK))
    assert light in text[0]
    assert dark in text[1]
    assert export.svg(charts[name](False)).startswith(b"<svg")


def test_both_rules_and_the_chosen_threshold_are_drawn(charts: dict[str, Callable[[bool], Any]]) -> None:
    for name in ("error", "left"):
        text = json.dumps(json.loads(charts[name](False).to_json()))
        assert "pruned below" in text
        assert "uninformative" in text


def test_the_frontier_names_the_paper_and_every_natural_point(charts: dict[str, Callable[[bool], Any]]) -> None:
    text = charts["frontier"](False).to_json()
    for name in ("SBP", "SSL", "SparseVD", "original", "this run, test", "BMRS_N", "BMRS_U"):
        assert f'"name": "{name}' in text
    assert '"name": "SNR \\u2265 1"' in text or '"name": "SNR ≥ 1"' in text
    assert "random \\u2265" not in text


def test_a_frontier_is_what_nothing_beats(swept: sweep.Sweep) -> None:
    points = swept.of("random")
    best = frontier.frontier(points)
    for point in best.itertuples():
        others = points[points["macs"] > 0]
        assert not ((others["macs"] <= point.macs) & (others["error_percent"] < point.error_percent)).any()
    assert (np.diff(best["macs"]) > 0).all()


def test_without_a_sweep_the_stops_count_what_the_noise_keeps(caffe: RunTables) -> None:
    stops = sweep.stops(caffe, SPECS["lenet-5-caffe"], None)
    at_one = stops.iloc[sweep.nearest(stops, 1.0)]
    assert at_one["threshold"] == pytest.approx(1.0)
    snr = {name: rows[-1] for name, rows in caffe.snr.items()}
    assert at_one["kept"] == kept_counts(keep_masks(snr), caffe.layers)
    # By hand: 24·24·25 per channel of conv 1, 8·8·25 per pair, then the dense layers.
    first, second, features, dense = at_one["kept"]
    assert at_one["macs"] == 14_400 * first + 1_600 * first * second + features * dense + dense * 10
    assert stops["error_percent"].isna().all()
    assert (np.diff(stops["macs"]) <= 0).all()
    assert stops["threshold"].iloc[[0, -1]].tolist() == pytest.approx([0.2, 100], rel=0.01)


def test_the_headline_says_the_stop_and_no_error_that_nobody_measured(found: RunTables) -> None:
    stop = pd.Series({"threshold": 1.0, "kept": (216, 132, 43), "macs": 34_618})

    def said(error: threshold.Scored | None, **more: int) -> str:
        return "".join(threshold.headline(found.layers, pd.Series({**stop, **more}), DENSE, error))

    scored = threshold.Scored(1.42, "held-out", 5000)
    assert said(scored) == (
        "At SNR ≥ 1: 216–132–43 of 784–500–300 units kept, 15.7× fewer MACs, 1.42 % held-out error (n = 5,000)."
    )
    assert said(None).endswith("15.7× fewer MACs.")
    assert "units kept, all MACs remain, 1.42 % held-out error" in said(scored, macs=DENSE)
    nothing = said(threshold.Scored(90.2, "held-out", 5000), macs=0)
    assert "no MACs remain: every image gets the same answer, 90.20 % held-out error" in nothing


def test_a_headline_never_states_a_training_error(swept: sweep.Sweep) -> None:
    stop = pd.Series({"threshold": 1.0, "kept": (216, 132, 43), "error_percent": 0.2})
    result = {"test_error_percent": 6.47, "n_test": 10_000, "kept": [216, 132, 43]}
    on_training = dataclasses.replace(swept, examples="training")
    assert threshold.error_at(stop, swept, result) == (0.2, "held-out", 5000)
    assert threshold.error_at(stop, on_training, result) == (6.47, "test", 10_000)
    assert threshold.error_at(stop, on_training, {**result, "kept": [216, 132, 42]}) is None, "another stop"
    assert threshold.error_at(stop, on_training, None) is None


def test_no_test_error_is_drawn_beside_training_errors(swept: sweep.Sweep) -> None:
    on_training = dataclasses.replace(swept, examples="training")
    for found, drawn in ((swept, True), (on_training, False)):
        text = frontier.chart(found, rows_of("lenet-500-300"), DENSE, (40_000, 1.5), "images").to_json()
        assert ("this run, test" in text) is drawn
        assert ("SparseVD" in text) is drawn
        assert ('"training error, % (log)"' in text) is not drawn


def test_the_frontier_and_the_counts_follow_the_threshold(found: RunTables, swept: sweep.Sweep) -> None:
    stops = sweep.stops(found, SPECS["lenet-500-300"], swept)
    for at in (1.0, 2.0):
        stop = stops.iloc[sweep.nearest(stops, at)]
        chosen = float(stop["threshold"])
        spec = frontier.chart(swept, (), DENSE, None, "images", stop).to_dict()
        rings = [it["data"]["values"] for it in spec["layer"] if it["mark"].get("size") == 260]
        assert rings == [[{"macs": float(stop["macs"]), "error_percent": stop["error_percent"]}]]
        table = snr_counts.table(found, chosen)
        assert table[table["kept"]]["units"].sum() == sum(
            int((rows[-1] >= chosen).sum()) for rows in found.snr.values()
        )
        assert f"at SNR ≥ {threshold.number(chosen)}" in snr_counts.describe(found, chosen)


def test_the_cheapest_stop_is_within_its_slack() -> None:
    stops = pd.DataFrame(
        {"threshold": [0.5, 1.0, 2.0, 4.0], "macs": [40, 30, 20, 10], "error_percent": [1.4, 1.5, 1.6, 1.61]}
    )
    assert sweep.cheapest(stops) == 2
    assert sweep.cheapest(stops.assign(error_percent=math.nan)) is None
    assert sweep.cheapest(stops.assign(macs=40)) is None, "nothing is cheaper"


@pytest.mark.parametrize(
    ("spoil", "said"),
    [
        (lambda v: v.pop("criteria"), "'criteria' is missing"),
        (lambda v: v["criteria"].pop("snr"), "no points of the SNR"),
        (lambda v: v["criteria"]["snr"]["points"][3].update(kept=[1, 2]), "2 kept counts for 3 noise layers"),
        (lambda v: v["criteria"]["snr"]["points"][3].update(macs="many"), "many"),
        (lambda v: v["criteria"].update(snr=7), "int"),
        (lambda v: v.update(n=None), "NoneType"),
        (lambda v: v["ensemble"].update(mean={"nll": "low"}), "low"),
    ],
)
def test_a_bad_sweep_is_said_in_a_sentence(value: dict[str, Any], spoil: Callable[[Any], Any], said: str) -> None:
    spoilt = copy.deepcopy(value)
    spoil(spoilt)
    with pytest.raises(sweep.BadSweep, match="does not hold a sweep of this run") as caught:
        sweep.read(spoilt, 3)
    assert said in str(caught.value)


def test_the_csv_has_every_point(swept: sweep.Sweep, found: RunTables) -> None:
    lines = sweep.csv(swept, found).decode().splitlines()
    assert len(lines) == 1 + len(swept.points)
    assert {"kept_input", "kept_dense1", "kept_dense2", "criterion", "n"} <= set(lines[0].split(","))


def test_averaging_is_judged_by_what_n_examples_can_tell(value: dict[str, Any]) -> None:
    # Standard error of 2 % on 5,000 examples: sqrt(0.02 · 0.98 / 5000) = 0.198 points.
    def said(error: float) -> str:
        changed = copy.deepcopy(value)
        changed["ensemble"] = {
            "samples": [{"samples": 10, "error_percent": error, "nll": 0.1, "seconds": 0.5}],
            "mean": {"error_percent": 2.0, "nll": 0.1, "seconds": 0.05},
        }
        return ensemble.describe(sweep.read(changed, 3))

    assert "within chance for 5,000 examples (standard error 0.20 points)" in said(1.85)
    assert "0.50 points gained" in said(1.5)
    assert "0.50 points lost" in said(2.5)
    assert "in 10× the time (0.5 s against 0.05 s)" in said(2.0)


def test_units_are_counted_on_their_side_of_one(found: RunTables) -> None:
    table = snr_counts.table(found)
    alive = sum(int((rows[-1] >= 1).sum()) for rows in found.snr.values())
    assert table[table["kept"]]["units"].sum() == alive
    assert table["units"].sum() == 1584
    assert (table[table["kept"]]["threshold"] >= 1).all()
    assert (table[~table["kept"]]["high"] <= 1 + 1e-9).all()
    assert sweep.near_one(found) == pytest.approx(
        100 * np.mean([0.5 <= s <= 2 for rows in found.snr.values() for s in rows[-1]])
    )


def test_units_that_go_with_others_are_said(caffe: RunTables) -> None:
    snr = {name: rows.copy() for name, rows in caffe.snr.items()}
    snr["conv2"][-1] = 2.0
    snr["conv2"][-1][0] = 0.5
    snr["features"][-1] = 2.0  # those of the channel that is pruned too
    said = snr_counts.describe(dataclasses.replace(caffe, snr=snr))
    features = len(snr["features"][-1]) // len(snr["conv2"][-1])
    assert f"({features} of these are pruned too: channels without features, features without channels)" in said
    snr["conv2"][-1][0] = 2.0
    assert "are pruned too" not in snr_counts.describe(dataclasses.replace(caffe, snr=snr))


def test_a_run_without_an_epoch_is_said_in_words(nothing: RunTables) -> None:
    assert "ended yet" in snr_counts.chart(nothing).to_json()


def test_both_networks_have_a_frontier(runs: dict[str, Any]) -> None:
    run = runs["lenet-5-caffe"]
    found = sweep.read(sweep_of(run), 4)
    assert tables(run).layers[2].name == "features"
    spec = frontier.chart(found, rows_of("lenet-5-caffe"), 2_293_000, None, "held-out digits").to_json()
    assert "SparseVD" in spec


@pytest.mark.parametrize(
    ("dataset", "things"),
    [("mnist", "digits"), ("digits", "digits"), ("fashion-mnist", "images"), ("cifar-10", "images")],
)
def test_what_was_scored_is_called_what_it_is(swept: sweep.Sweep, dataset: str, things: str) -> None:
    assert threshold.examples_of(swept, dataset).split()[-1] == things

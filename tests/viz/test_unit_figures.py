"""The figures of one unit: densities and path against SciPy and the library, weights and maps by hand."""

from __future__ import annotations

import json
from typing import Any

import numpy as np
import pytest
from scipy import stats

from sbp.distributions import moments
from sbp.spec.layout import Group
from sbp.viz import bars, density, filters, palette, snr_map, tiles
from sbp.viz.tables import RunTables

LOW, HIGH = -20.0, 0.0


def spec_of(chart: Any) -> dict[str, Any]:
    return dict(json.loads(chart.to_json()))


def rows_of(spec: dict[str, Any], column: str) -> list[dict[str, Any]]:
    """The first data set that has this column."""
    return next(rows for rows in spec["datasets"].values() if rows and column in rows[0])


@pytest.mark.parametrize("space", density.SPACES)
@pytest.mark.parametrize("row", [0, 7, 12])
def test_the_densities_are_scipys(found: RunTables, space: str, row: int) -> None:
    order = found.order("dense1")
    for unit in (int(order[0]), int(order[-1])):
        chart = density.chart(found, "dense1", unit, int(found.epochs[row]), LOW, HIGH, space)
        data = [r for r in rows_of(spec_of(chart), "density") if r["epoch"] == found.epochs[row]]
        loc, scale = float(found.loc["dense1"][row, unit]), float(np.exp(float(found.log_scale["dense1"][row, unit])))
        x = np.array([r["x"] for r in data])
        at = x if space == "log theta" else np.log(x)
        expected = stats.truncnorm((LOW - loc) / scale, (HIGH - loc) / scale, loc, scale).pdf(at)
        expected = expected if space == "log theta" else expected / x
        inside = expected > 1e-6 * expected.max()
        np.testing.assert_allclose(np.array([r["density"] for r in data])[inside], expected[inside], rtol=1e-6)
        heights = np.array([r["foot"] - r["top"] for r in data])
        assert 0.8 < heights.max() <= 1  # every row has its peak, however narrow
        prior = 1 / 20 if space == "log theta" else 1 / (20 * x)
        np.testing.assert_allclose([r["prior_density"] for r in data], prior, rtol=1e-6)


def test_rows_are_log_spaced_and_end_at_the_epoch_shown(found: RunTables) -> None:
    assert density.rows_of(0).tolist() == [0]
    assert density.rows_of(2).tolist() == [0, 1, 2]
    rows = density.rows_of(200)
    assert (rows[0], rows[-1], len(rows)) == (0, 200, 8)
    assert (np.diff(rows, 2)[1:] > 0).all()
    data = rows_of(spec_of(density.chart(found, "dense1", 0, 5, LOW, HIGH)), "density")
    assert max(r["epoch"] for r in data) == 5


def test_the_axis_stays_while_the_clock_moves(found: RunTables) -> None:
    for make in (density.chart, snr_map.chart):
        texts = [json.dumps(spec_of(make(found, "dense1", 3, epoch, LOW, HIGH))) for epoch in (2, 12)]
        domains = [[part.split("]")[0] for part in text.split('"domain": [')[1:]] for text in texts]
        assert domains[0][0] == domains[1][0]


def test_the_spread_is_that_of_a_truncated_normal(found: RunTables) -> None:
    for row, unit in ((0, 1), (12, 4), (9, 77)):
        loc, scale = float(found.loc["dense1"][row, unit]), float(np.exp(float(found.log_scale["dense1"][row, unit])))
        same = stats.truncnorm((LOW - loc) / scale, (HIGH - loc) / scale, loc, scale)
        mean, deviation = density.spread(found, "dense1", unit, row, LOW, HIGH)
        assert mean == pytest.approx(same.mean(), rel=1e-4, abs=1e-6)
        assert deviation == pytest.approx(same.std(), rel=1e-3)


@pytest.mark.parametrize("level", snr_map.LEVELS)
def test_a_contour_has_its_level(level: float) -> None:
    mu, log_sigma = (-3.0, 0.5), (-6.0, 4.0)
    points = snr_map.contour(snr_map.snr_grid(mu, log_sigma, LOW, HIGH), mu, log_sigma, level)
    assert len(points) > 100
    found = moments.snr(points[:, 0], points[:, 1], LOW, HIGH)
    np.testing.assert_allclose(found, level, rtol=0.02)


def test_where_every_unit_is_kept_there_is_no_line_at_1() -> None:
    mu, log_sigma = (-3.0, 0.5), (-6.0, 4.0)
    grid = snr_map.snr_grid(mu, log_sigma, -2.0, 0.0)  # shorter than 3.83: the prior's own SNR is above 1
    assert len(snr_map.contour(grid, mu, log_sigma, 1.0)) == 0


def test_the_map_holds_every_unit_and_names_its_stations(found: RunTables) -> None:
    mu, log_sigma = snr_map.extents(found, "dense1")
    assert mu[0] < found.loc["dense1"].min() <= found.loc["dense1"].max() < mu[1]
    assert log_sigma[0] < found.log_scale["dense1"].min() <= found.log_scale["dense1"].max() < log_sigma[1]
    text = json.dumps(spec_of(snr_map.chart(found, "dense1", 3, 7, LOW, HIGH)))
    for word in ("start", "epoch 7", '"end"', "SNR = 1: pruned above"):
        assert word in text


@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_described_and_cannot_be_zoomed(found: RunTables, dark: bool) -> None:
    values, keep = np.linspace(-1, 1, 90), np.arange(90) % 3 == 0
    for chart in (
        density.chart(found, "dense1", 3, 7, LOW, HIGH, dark=dark),
        density.chart(found, "dense1", 3, 7, LOW, HIGH, "theta", dark),
        snr_map.chart(found, "dense1", 3, 7, LOW, HIGH, dark),
        bars.weights(values, keep, "neurons of Dense 2", "weight", dark),
        bars.ranked(np.abs(values), keep, 3, "neuron", "neurons", dark),
    ):
        spec = spec_of(chart)
        assert spec["description"].endswith(".")
        assert spec["width"] == "container"
        assert "params" not in spec


def test_without_an_epoch_both_say_so(nothing: RunTables) -> None:
    for make in (density.chart, snr_map.chart):
        assert "ended yet" in json.dumps(spec_of(make(nothing, "dense1", 0, None, LOW, HIGH)))


def test_bars_show_the_largest_and_say_how_large(found: RunTables) -> None:
    values = np.concatenate([np.full(70, 0.1), [-0.9, 0.2]])
    keep = np.arange(72) >= 70
    spec = spec_of(bars.weights(values, keep, "neurons of Dense 2", "weight"))
    data = rows_of(spec, "w")
    assert [r["unit"] for r in data[:2]] == [70, 71]
    assert len(data) == bars.MOST
    assert "The largest weight is −0.9, at number 70" in spec["description"]
    assert "0.55 for the 2 kept and 0.1 for the 70 pruned" in spec["description"]


def test_classes_keep_their_order() -> None:
    data = rows_of(
        spec_of(
            bars.weights(np.arange(10) / 10, np.ones(10, bool), "classes", "weight", names=[str(i) for i in range(10)])
        ),
        "w",
    )
    assert [r["unit"] for r in data] == list(range(10))
    assert bars.describe_weights(np.full(10, 0.5), np.ones(10, bool), "classes", "weight").endswith("magnitude 0.5.")


def test_a_unit_among_its_layer() -> None:
    values, keep = np.array([0.5, 3.0, 9.0, 0.0, 1.0]), np.array([1, 1, 0, 1, 1], bool)
    assert "Neuron 4 outputs 1 for this image. Number 2 of 4 kept neurons; 1 is silent" in bars.describe_ranked(
        values, keep, 4, "neuron", "neurons"
    )
    assert "pruned: it always outputs 0" in bars.describe_ranked(values, keep, 2, "neuron", "neurons")
    assert "silent" in bars.describe_ranked(values, keep, 3, "neuron", "neurons")
    assert "keeps no unit" in json.dumps(spec_of(bars.ranked(values, ~np.ones(5, bool), 1, "neuron", "neurons")))


@pytest.mark.parametrize("dark", [False, True])
def test_signs_are_told_apart_and_nothing_is_the_ground(dark: bool) -> None:
    theme = palette.theme(dark)
    colours = palette.signed_rgb(np.array([-1.0, 0.0, 1.0, 5.0]), 1.0, dark)
    hexes = ["#{:02X}{:02X}{:02X}".format(*colour) for colour in colours]
    assert hexes == [theme.negative, theme.ground, theme.positive, theme.positive]
    assert palette.strength_rgb(np.array([0.0]), 0.0, dark)[0].tolist() == colours[1].tolist()


def test_pruned_pixels_are_no_weight() -> None:
    keep = np.zeros((28, 28), bool)
    keep[3, 4] = True
    picture = filters.image(np.full((28, 28), 0.3), keep, 12, 0.3)
    assert (picture.rgb[..., 3] == 255).sum() == 1
    assert picture.names is not None
    assert picture.names[3][4] == "row 3, column 4: 0.3"
    assert picture.names[0][0].endswith("pruned")
    assert filters.describe_image(np.full(784, 0.3), keep.ravel(), 0.3).startswith("1 of 784 pixels are kept")


def test_filters_of_a_layer_say_number_snr_and_fate() -> None:
    own, snr = np.random.default_rng(0).standard_normal((3, 2, 5, 5)), np.array([5.0, 0.3, 2.0])
    kept, inputs = np.array([True, False, True]), np.array([False, True])
    made = filters.of_layer(own, snr, kept, np.array([True, True, True]), inputs, 2)
    assert [tile.kept for tile in made] == [True, False, True]
    assert [tile.marked for tile in made] == [False, False, True]
    assert made[1].caption == "1 · SNR 0.3\npruned by hand"
    means = np.abs(own[:, 1])  # the one kept input channel, all filters at one scale
    place = np.unravel_index(means.argmax(), means.shape)
    assert made[place[0]].rgb[place[1:]].tolist() == palette.strength_rgb(np.array(1.0), 1.0).tolist()
    layer = Group("conv2", "channel", 3, (3,))
    assert "2 of 3 channels are kept" in filters.describe_layer(layer, own, snr, kept, inputs)


def test_tiles_are_safe_and_named() -> None:
    tile = tiles.Tile(np.zeros((2, 2, 3), np.uint8), "<b>", '"x"', names=[["a", "<"], ["c", "d"]], spot=(1, 0))
    text = tiles.page([tile], 60, label="all")
    assert "&lt;b&gt;" in text
    assert 'title="&lt;"' in text
    assert text.count("<i ") == 3
    assert text.count("<b ") == 1
    assert "pruned" in tiles.page([tiles.Tile(np.zeros((2, 2, 3), np.uint8), "", "", kept=False)], 60)


def test_the_weights_of_a_pruned_unit_are_drawn_on_the_layer_s_scale_and_called_gone() -> None:
    dead, keep = np.linspace(-4e-38, 4e-38, 784, dtype=np.float32), np.ones(784, bool)
    layer = np.stack([dead, np.linspace(-0.6, 0.6, 784, dtype=np.float32)])
    limit = filters.limit_of(layer)
    assert limit == pytest.approx(0.6, rel=0.02)
    picture = filters.image(dead.reshape(28, 28), keep.reshape(28, 28), 0, limit)
    ground = [int(palette.theme().ground[at : at + 2], 16) for at in (1, 3, 5)]
    assert (picture.rgb[..., :3] == ground).all()
    assert filters.describe_image(dead, keep, limit) == filters.gone(limit)
    assert "0.59" in filters.gone(limit)
    assert filters.describe_channel(dead.reshape(1, 28, 28), np.ones(1, bool), limit) == filters.gone(limit)
    spec = spec_of(bars.weights(dead, keep, "neurons", "weight", limit=limit))
    assert spec["encoding"]["y"]["scale"]["domain"] == [-limit, limit]
    assert spec["description"] == filters.gone(limit)
    alive = spec_of(bars.weights(layer[1], keep, "neurons", "weight", limit=limit))
    assert alive["description"] != filters.gone(limit)

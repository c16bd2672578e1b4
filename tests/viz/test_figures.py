"""Every figure: a description, units, fixed axes, no zoom, few marks, light and dark, and a sentence that is true."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from sbp.viz import bound, compare, export, heatmap, kept, pixel_map, trajectories
from sbp.viz.cell_layout import cells
from sbp.viz.pixels import png
from sbp.viz.tables import RunTables

Make = Callable[..., Any]
FIGURES: dict[str, Make] = {
    "trajectories": lambda t, **k: trajectories.chart(t, t.layers[-1].name, 20, **k),
    "kept": lambda t, **k: kept.chart(t, 20, **k),
    "bound": lambda t, **k: bound.chart(t, 20, **k),
    "error": lambda t, **k: bound.error_chart(t, 20, **k),
    "heatmap": lambda t, **k: heatmap.chart(t, t.layers[-1].name, 20, **k),
    "survivors": lambda t, **k: heatmap.kept_curve(t, t.layers[0].name, 20, **k),
    "compare": lambda t, dark=False, **k: compare.chart({"A": t, "B": t}, "loss", 20, dark),
}


def spec_of(chart: Any) -> dict[str, Any]:
    return dict(json.loads(chart.to_json()))


def rows_in(spec: dict[str, Any]) -> int:
    return sum(len(rows) for rows in spec.get("datasets", {}).values())


@pytest.mark.parametrize("name", FIGURES)
@pytest.mark.parametrize("dark", [False, True])
def test_every_figure_is_described_and_cannot_be_zoomed(
    name: str, dark: bool, found: RunTables, caffe: RunTables
) -> None:
    for tables in (found, caffe):
        spec = spec_of(FIGURES[name](tables, dark=dark))
        assert spec["description"].endswith(".")
        assert spec["width"] == "container"
        assert "params" not in spec


@pytest.mark.parametrize("name", FIGURES)
def test_a_run_without_an_epoch_is_said_in_words(name: str, nothing: RunTables) -> None:
    text = json.dumps(spec_of(FIGURES[name](nothing)))
    assert "ended yet" in text or "finished an epoch" in text or "keeps" in text


@pytest.mark.parametrize("name", ["trajectories", "kept", "bound", "error", "heatmap", "survivors"])
def test_axes_stay_while_a_run_grows(name: str, tmp_path: Any) -> None:
    from sbp.viz.tables import tables
    from tests.made_up import write_run

    early, late = (tables(write_run(tmp_path, seed=s, epochs=20, epochs_done=n)) for s, n in ((0, 6), (0, 12)))
    domains = [_domains(spec_of(FIGURES[name](t))) for t in (early, late)]
    assert domains[0] == domains[1]
    assert domains[0]


def test_trajectories_draw_few_lines_and_name_both_rules(found: RunTables) -> None:
    spec = spec_of(trajectories.chart(found, "input", 12))
    assert rows_in(spec) <= 40 * 80 + 100
    text = json.dumps(spec)
    assert "pruned below 1" in text
    assert "uninformative" in text
    assert '"type": "log"' in text


def test_a_sample_has_every_fate_in_proportion(found: RunTables) -> None:
    units = trajectories.sample(found, "input", 40)
    assert len(set(units)) == 40
    share = (found.snr["input"][-1] >= 1).mean()
    assert abs((found.snr["input"][-1][units] >= 1).mean() - share) < 0.05
    assert trajectories.sample(found, "dense2", 999).tolist() == list(range(300))


def test_kept_counts_are_those_of_the_records(found: RunTables) -> None:
    table = kept.table(found)
    last = table[table["epoch"] == 12]["kept"].tolist()
    assert last == list(found.records.iloc[-1]["kept"])
    assert "784 pixels" in kept.describe(found)


def test_a_dead_channel_counts_with_its_features(caffe: RunTables) -> None:
    counts = kept._by_snr(caffe, 12)
    raw = (caffe.snr["features"][-1] >= 1).sum()
    assert counts[2] < raw
    assert counts[2] <= counts[1] * 16


def test_sentences_restate_the_figures(found: RunTables) -> None:
    alive = int((found.snr["dense1"][-1] >= 1).sum())
    assert f"{alive} of 500 neurons" in trajectories.describe(found, "dense1")
    assert f"{alive} of 500 neurons" in heatmap.describe(found, "dense1")
    assert "No neuron of this layer was pruned by epoch 0" in heatmap.describe(found, "dense1", 0)
    assert f"{found.records.iloc[-1]['nll']:.3f}" in bound.describe(found)
    assert f"{found.records.iloc[-1]['validation_error_percent']:.2f} %" in bound.describe_error(found)


def test_the_heatmap_has_a_row_a_unit_and_a_column_an_epoch(found: RunTables) -> None:
    picture = heatmap.rgb(found, "dense2")
    assert picture.shape == (300, 13, 3)
    order = found.order("dense2")
    from sbp.viz.palette import snr_rgb

    np.testing.assert_array_equal(picture[17, 5], snr_rgb(found.snr["dense2"][5, order[17]]))


def test_the_image_keeps_row_0_at_the_top(found: RunTables) -> None:
    layer = found.layers[0]
    snr = np.full(784, 0.3)
    snr[:28] = 100  # the first row
    picture = pixel_map.picture(layer, snr, size=28)
    assert picture.shape == (28, 28, 4)
    from sbp.viz.palette import snr_rgb

    assert (picture[0, :, :3] == snr_rgb(np.array(100.0))).all()
    assert not (picture[1, :, :3] == snr_rgb(np.array(100.0))).all(axis=-1).any()


def test_cells_hold_every_unit_once(found: RunTables, caffe: RunTables) -> None:
    for layer in (*found.layers, *caffe.layers):
        places = cells(layer)
        assert sorted(places[places >= 0]) == list(range(layer.units))


def test_feature_maps_stand_apart(caffe: RunTables) -> None:
    places = cells(caffe.layer("features"))
    assert (places[:4, :4].ravel() == np.arange(16)).all()
    assert (places[4] == -1).all()
    assert (places[:, 4] == -1).all()


def test_png_is_read_back(tmp_path: Any) -> None:
    from PIL import Image

    rgb = np.arange(5 * 3 * 3, dtype=np.uint8).reshape(5, 3, 3)
    (tmp_path / "a.png").write_bytes(png(rgb))
    with Image.open(tmp_path / "a.png") as image:
        np.testing.assert_array_equal(np.asarray(image), rgb)
    with pytest.raises(ValueError, match="Expected uint8"):
        png(rgb.astype(float))


@pytest.mark.parametrize("name", ["trajectories", "heatmap", "bound"])
def test_figures_leave_as_files(name: str, found: RunTables) -> None:
    pytest.importorskip("vl_convert")
    chart = FIGURES[name](found)
    assert export.svg(chart).lstrip().startswith(b"<svg")
    assert export.png(chart).startswith(b"\x89PNG")


def test_compared_runs_are_told_apart_without_colour(found: RunTables) -> None:
    text = json.dumps(spec_of(compare.chart({"A": found, "B": found}, "macs_percent", 12)))
    assert "strokeDash" in text
    assert "MACs, % of the dense network" in text


def _domains(spec: Any) -> list[str]:
    """Every scale's domain of both axes, wherever it stands."""
    found = []
    if isinstance(spec, dict):
        for axis in ("x", "y"):
            scale = spec.get("encoding", {}).get(axis, {}).get("scale") if "encoding" in spec else None
            if scale and "domain" in scale:
                found.append(f"{axis} {scale['domain']}")
        for value in spec.values():
            found += _domains(value)
    elif isinstance(spec, list):
        for value in spec:
            found += _domains(value)
    return found

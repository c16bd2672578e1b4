"""Methods beside each other, the interval and the twins: figures described and fixed, sentences and numbers true."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from sbp.distributions import moments
from sbp.experiments.results import Row
from sbp.reference.paper import all_of, rows_of
from sbp.reference.published import BEST, LAST, NOT_STATED, PUBLISHED, UNITS, points_of
from sbp.spec.networks import SPECS
from sbp.viz import export, figure_1, interval, methods, methods_chart, palette, twins
from sbp.viz.methods import OTHERS, OURS, PAPER
from tests import made_results
from tests.made_up import write_run

NETWORKS = ("lenet-500-300", "lenet-5-caffe", "vgg-like")


def rows(network: str) -> tuple[Row, ...]:
    table = made_results.table_2() if network == "vgg-like" else made_results.table_1()
    return table.of(network)


def entries_of(network: str) -> list[methods.Entry]:
    return methods.entries(rows(network), all_of(network), points_of(network), made_results.AGAINST)


def spec_of(chart: Any) -> dict[str, Any]:
    return dict(json.loads(chart.to_json()))


def domains(spec: dict[str, Any]) -> set[str]:
    """The domains of all x and y scales of a layered chart, as text."""
    return {
        f"{axis} {layer['encoding'][axis]['scale']['domain']}"
        for layer in spec["layer"]
        for axis in ("x", "y")
        if "scale" in layer.get("encoding", {}).get(axis, {})
    }


@pytest.mark.parametrize("network", NETWORKS)
def test_every_row_of_every_source_is_there_once(network: str) -> None:
    found = entries_of(network)
    assert len({entry.key for entry in found}) == len(found)
    counts = {origin: sum(entry.origin == origin for entry in found) for origin in (OURS, PAPER, OTHERS)}
    assert counts == {OURS: len(rows(network)), PAPER: len(all_of(network)), OTHERS: len(points_of(network))}
    assert len(methods.table(found, network)) == len(methods.numbers(found)) == len(found)


def test_a_row_without_a_run_is_left_out_and_the_papers_stays() -> None:
    found = methods.entries([Row("ssl", "SSL", "lenet-500-300")], rows_of("lenet-500-300"), (), made_results.AGAINST)
    assert [entry.label for entry in found if "SSL" in entry.label] == ["SSL (paper)"]


def test_mean_spread_and_speed_are_those_of_the_runs() -> None:
    (sbp,) = (entry for entry in entries_of("lenet-500-300") if entry.key == "sbp")
    assert (round(sbp.error, 3), round(sbp.spread or 0, 3), sbp.n) == (1.46, 0.05, 3)
    # t of 2 degrees of freedom at 97.5 %, 4.3027, times 0.05 / sqrt(3)
    assert sbp.half_width == pytest.approx(0.12421, abs=1e-5)
    macs = SPECS["lenet-500-300"].macs((220, 130, 45))
    assert sbp.fewer == pytest.approx(545_000 / macs)
    assert sbp.cpu[32] == pytest.approx(1e-3 / (1e-3 * macs / 545_000 + 2e-4))
    assert sbp.gpu == {}
    assert "CPU speed-up" in methods.speed_of(sbp)


def test_where_printed_and_counted_differ_it_is_said() -> None:
    remarks = {entry.key: entry.remark for entry in entries_of("lenet-5-caffe") if entry.origin == PAPER}
    assert remarks["paper-SBP"] == "printed as 10.49×"
    assert {entry.remark for entry in entries_of("lenet-500-300") if entry.origin == PAPER} == {""}


@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("dark", [False, True])
def test_the_frontier_holds_every_point_and_names_the_clicked_one(network: str, dark: bool) -> None:
    found = entries_of(network)
    chart = methods_chart.chart(found, network, "sbp", dark)
    spec = spec_of(chart)
    assert spec["description"].endswith(".")
    rows = max(spec["datasets"].values(), key=len)
    assert {row["key"] for row in rows} == {entry.key for entry in found}
    dense = max(row.macs for row in all_of(network))
    low, high = dense / 200, dense * 1.6
    assert all(low < row["macs"] < high for row in rows)
    assert methods_chart.PICK in json.dumps(spec.get("params", spec))
    assert len(domains(spec)) == 2
    assert export.svg(methods_chart.chart(found, network)).startswith(b"<svg")


def test_the_sentence_restates_ours_beside_the_papers() -> None:
    said = methods.describe(entries_of("lenet-500-300"), "lenet-500-300")
    times = 545_000 / SPECS["lenet-500-300"].macs((220, 130, 45))
    kilo = SPECS["lenet-500-300"].macs((220, 130, 45)) / 1000
    assert (
        f"SBP 1.46 % at {times:.1f}× fewer MACs ({kilo:.1f} kMACs), the paper’s 1.55 % at 11.2× (48.5 kMACs)"
    ) in said
    assert said.endswith("ours are means of 3 seeds.")
    none = methods.entries((), rows_of("lenet-500-300"), (), {})
    assert methods.describe(none, "lenet-500-300") == "No run of ours is recorded."


def test_each_width_of_a_network_is_held_against_its_own_original() -> None:
    found = {entry.key: entry for entry in entries_of("vgg-like")}
    order = list(found)
    for key, printed in (("sbp", "paper-SBP"), ("sbp-wide", "paper-SBP-k1.5"), ("sbpa", "paper-SBP-with-KL-weights")):
        assert order[order.index(key) + 1] == printed
    assert found["sbp-wide"].label == "SBP, k = 1.5"
    assert found["paper-SBP-k1.5"].label == "SBP, k = 1.5 (paper)"
    assert found["paper-SBP-k1.5"].fewer == pytest.approx(3.32, abs=0.005)
    assert found["sbp-wide"].fewer == pytest.approx(703_962_624 / found["sbp-wide"].macs)
    assert found["sbpa-half"].bound == "MACs^0.5"
    said = methods.describe(list(found.values()), "vgg-like")
    assert "SBP, k = 1.5: 6.10 %" in said
    assert "the original of its own width (313 M at k = 1 and 704 M at k = 1.5)" in said
    assert "k =" not in "".join(entry.label for entry in entries_of("lenet-5-caffe")), "one width needs no name"


def test_the_units_of_fifteen_layers_are_written_block_by_block() -> None:
    table = methods.table(entries_of("vgg-like"), "vgg-like").set_index("method")["units kept"]
    assert table["SBP, k = 1"] == "64–62 128–120 220–150–60 79–73–20 59–73–56 56 27"
    assert table["SBP, k = 1 (paper)"] == "64–62 128–126 234–155–31 79–73–9 59–73–56 27"


def test_a_point_that_stands_alone_is_named() -> None:
    made = list(rows("lenet-500-300"))
    lone = made_results.run("lenet-500-300", "sbp-weights", 4.2, (324, 41, 92))
    made.append(Row("sbp-weights", "SBP on weights", "lenet-500-300", (lone,)))
    found = methods.entries(made, rows_of("lenet-500-300"), (), made_results.AGAINST)
    spec = spec_of(methods_chart.chart(found, "lenet-500-300"))
    written = {row["name"] for layer in spec["layer"] for row in layer.get("data", {}).get("values", ())}
    assert "SBP on weights" in written
    assert "SBP, frontier" not in written


def test_nothing_at_all_is_said_in_words() -> None:
    assert "No method has a result" in json.dumps(spec_of(methods_chart.chart([], "lenet-500-300")))


@pytest.mark.parametrize(
    ("method", "fewer"),
    [
        ("BC-GHS", 14.95),
        ("BC-GNJ", 8.1),
        ("L0", 2.1),
        ("L0, sep", 5.9),
        ("BB dropout, 17x", 17.36),
        ("BB dropout, 31x", 30.63),
        ("VIBNet", 57.0),
        ("GAL", 22.2),
        ("CHIP", 4.69),
        ("HRankPlus", 4.69),
        ("OTOv2", 3.76),
        ("CORING, 2.4x", 2.39),
        ("CORING, 3.0x", 2.99),
        ("CORING, 4.7x", 4.69),
        ("NORTON, 4.2x", 4.23),
        ("NORTON, 8.3x", 8.33),
    ],
)
def test_published_points_count_as_their_sources_say(method: str, fewer: float) -> None:
    (point,) = (point for point in PUBLISHED if point.title == method)
    assert point.fewer == pytest.approx(fewer, abs=0.05)
    assert point.macs == pytest.approx(SPECS[point.network].dense_macs() / fewer, rel=0.02)


@pytest.mark.parametrize(
    ("kept", "macs"),
    [((260, 100, 49), 260 * 100 + 100 * 49 + 490), ((227, 66, 37), 227 * 66 + 66 * 37 + 370), ((97, 71, 33), 9560)],
)
def test_published_macs_are_those_of_the_published_units(kept: tuple[int, ...], macs: int) -> None:
    (point,) = (point for point in PUBLISHED if point.kept == kept)
    assert point.macs == macs


def test_every_published_point_names_its_source_and_its_protocol_and_low_rank_is_said() -> None:
    assert all(point.source and point.protocol in (LAST, BEST, NOT_STATED) for point in PUBLISHED)
    assert {point.method for point in PUBLISHED if point.removes != UNITS} == {"NORTON"}
    table = methods.table(entries_of("vgg-like"), "vgg-like").set_index("method")
    assert table["protocol"]["NORTON, 8.3x"] == "best test epoch; units, rest low rank"
    assert table["kMACs"]["NORTON, 8.3x"] == "37,680"
    assert table["protocol"]["SBP, k = 1"] == "last epoch"
    assert table["protocol"]["SBP, k = 1 (paper)"] == "not stated"


def test_a_row_of_several_seeds_is_told_with_its_interval_its_spread_and_its_kilo_macs() -> None:
    runs = [made_results.run("lenet-500-300", "sbp", 1.4 + at / 10, (200 + at, 100, 50), seed=at) for at in range(3)]
    found = methods.entries([Row("sbp", "SBP", "lenet-500-300", tuple(runs))], (), (), {})
    line = methods.table(found, "lenet-500-300").iloc[0]
    assert line["test error, %"] == "1.50 ± 0.25 (0.10)"
    # 25,500 MACs, 100 more for each pixel: standard deviation 100, half-width 4.3027 · 100 / sqrt(3)
    assert line["kMACs"] == "25.6 ± 0.2 (0.1)"
    numbers = methods.numbers(found).iloc[0]
    assert (numbers["macs"], numbers["macs_spread"]) == (25_600, pytest.approx(100))
    assert numbers["macs_half_width"] == pytest.approx(248.41, abs=0.01)


@pytest.mark.parametrize("what", interval.WHAT)
@pytest.mark.parametrize("dark", [False, True])
def test_the_interval_is_drawn_with_its_critical_length(what: str, dark: bool) -> None:
    found = interval.table(made_results.interval().rows)
    spec = spec_of(interval.chart(found, what, dark))
    assert "below it nothing can be pruned" in json.dumps(spec)
    assert list(found["length"]) == [3, 5, 10, 20, 40]
    assert next(iter(found["kept_percent"])) == 100
    assert found["prior_snr"].is_monotonic_decreasing
    assert "below 3.83" in spec["description"]
    assert interval.describe(interval.table(()), what) == "No interval has been tried yet."


def test_the_critical_length_is_where_the_prior_crosses_1() -> None:
    assert moments.prior_snr(-interval.CRITICAL, 0) == pytest.approx(1, abs=1e-3)


@pytest.fixture
def pair(tmp_path: Path) -> tuple[twins.Twin, twins.Twin]:
    """SBP for 6 epochs, dropout for 12."""
    one = write_run(tmp_path, random_labels=True, epochs=6)
    other = write_run(tmp_path, random_labels=True, method="binary-dropout")
    return twins.pair_of((one, other), ("SBP", "dropout"))


@pytest.mark.parametrize("what", twins.WHAT)
@pytest.mark.parametrize("dark", [False, True])
def test_twins_are_drawn_over_both_their_epochs(pair: tuple[twins.Twin, twins.Twin], what: str, dark: bool) -> None:
    spec = spec_of(twins.chart(pair, what, dark))
    assert spec["layer"][0]["encoding"]["x"]["scale"]["domain"] == [0, 12]
    lines = {row["line"] for rows in spec["datasets"].values() for row in rows}
    assert lines == ({"SBP: N·NLL", "SBP: KL", "dropout: N·NLL"} if what == "terms" else {"SBP", "dropout"})
    assert "(epoch 6)" in spec["description"]
    assert "(epoch 12)" in spec["description"]
    assert palette.theme(dark).pruned not in json.dumps(spec), "the colour of pruned units"


def test_the_twins_table_is_in_nats_of_all_examples(pair: tuple[twins.Twin, twins.Twin]) -> None:
    table = twins.table(pair)
    assert len(table) == 18
    last = pair[0].records.iloc[-1]
    row = table[table["run"] == "SBP"].iloc[-1]
    assert row["n_nll_nats"] == pytest.approx(1297 * last["nll"])
    assert row["kl_nats"] == pytest.approx(last["kl_weighted"])
    assert row["train_accuracy_percent"] == pytest.approx(100 - last["train_error_percent"])


def test_a_twins_clock_stops_at_every_epoch_of_both(pair: tuple[twins.Twin, twins.Twin]) -> None:
    packed = twins.pack(pair)
    assert packed["epochs"] == list(range(13))
    assert packed["total"] == 12
    assert packed["sentences"][0].startswith("At the start")
    assert packed["layers"][0]["kept"][6:] == [pair[0].records.iloc[-1]["kept"][0]] * 7
    guess = packed["charts"][1]["rules"][0]
    assert guess["y"] == pytest.approx(1.297 * math.log(10), abs=1e-3)
    assert packed["charts"][1]["top"] >= guess["y"]


def test_twins_that_have_not_begun_are_packed_too(tmp_path: Path) -> None:
    runs = [write_run(tmp_path, epochs_done=0, method="binary-dropout", seed=seed) for seed in (0, 1)]
    pair = twins.pair_of(runs, ("A", "B"))
    assert twins.pack(pair)["epochs"] == []
    assert twins.describe(pair, "kept") == "Neither run has finished an epoch."


def test_bounds_that_coincide_are_both_to_be_seen() -> None:
    curve = [(epoch, 1000.0 / epoch) for epoch in range(1, 20)]
    spec = spec_of(figure_1.chart({"mu trained": curve, "mu fixed": curve}))
    first, second = spec["encoding"]["strokeWidth"]["scale"]["range"]
    assert first > 2 * second
    assert spec["encoding"]["color"]["legend"]["columns"] == 1, "their names fit a phone below each other"
    assert "at most 0 % apart" in spec["description"]

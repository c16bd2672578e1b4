"""Tables of a run: SNR computed once, epochs of death, orders."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from sbp.distributions import moments
from sbp.runs import store
from sbp.spec.records import Snapshot
from sbp.viz import tables
from sbp.viz.tables import ALIVE
from tests.made_up import config, trajectory, write_run

# Three epochs, five units: never below, always below, pruned last, comes back, pruned twice.
EPOCHS = np.array([0, 2, 5])
SNR = np.array([[9, 0.3, 9, 0.3, 0.3], [9, 0.3, 9, 0.3, 9], [1, 0.3, 0.99, 2, 0.3]], dtype=np.float32)


def test_epochs_of_death_by_hand() -> None:
    assert tables.epochs_of_death(EPOCHS, SNR).tolist() == [ALIVE, 0, 5, ALIVE, 5]


def test_without_a_snapshot_all_are_alive() -> None:
    assert (tables.epochs_of_death(np.zeros(0, int), np.zeros((0, 3))) == ALIVE).all()


def test_snr_is_that_of_the_library(found: tables.RunTables) -> None:
    for layer in found.layers:
        expected = moments.snr(found.loc[layer.name], found.log_scale[layer.name])
        np.testing.assert_array_equal(found.snr[layer.name], expected)
        assert found.snr[layer.name].dtype == np.float32


def test_the_order_of_death_puts_the_longest_lived_first(found: tables.RunTables) -> None:
    order = found.order("dense1")
    assert sorted(order) == list(range(500))
    assert (np.diff(found.death["dense1"][order].astype(np.int64)) <= 0).all()


def test_the_other_orders(found: tables.RunTables) -> None:
    assert (np.diff(found.snr["dense2"][-1][found.order("dense2", "snr")]) <= 0).all()
    assert found.order("dense2", "unit").tolist() == list(range(300))
    with pytest.raises(ValueError, match="Expected an order among death, snr, unit"):
        found.order("dense2", "colour")


def test_index_takes_the_last_snapshot_not_after(found: tables.RunTables) -> None:
    assert [found.index(e) for e in (None, 0, 7, 99, -1)] == [12, 0, 7, 12, 0]


def test_a_run_without_numbers_has_empty_tables(nothing: tables.RunTables) -> None:
    assert nothing.last == -1
    assert nothing.records.empty
    assert nothing.order("dense1").tolist() == list(range(500))


def test_records_have_their_epoch_and_the_kl_per_example(found: tables.RunTables) -> None:
    records = found.records
    assert records["epoch"].tolist() == list(range(1, 13))
    np.testing.assert_allclose(records["nll"] + records["kl_per_example"], records["loss"])


def test_a_live_run_pays_for_new_epochs_only(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = write_run(tmp_path, "running", epochs_done=3, hold=True)
    computed: list[int] = []
    real = moments.snr

    def counted(loc: Any, *rest: Any) -> Any:
        computed.append(len(loc))
        return real(loc, *rest)

    monkeypatch.setattr(tables.moments, "snr", counted)
    try:
        before = tables.tables(store.open_run(writer.id, tmp_path))
        assert computed == [4, 4, 4]
        assert tables.tables(store.open_run(writer.id, tmp_path)) is before
        loc, log_scale = trajectory(writer.layers, config())(4)
        writer.append_snapshot(Snapshot(4, loc, log_scale))
        after = tables.tables(store.open_run(writer.id, tmp_path))
    finally:
        writer.close()
    assert computed == [4, 4, 4, 1, 1, 1]
    np.testing.assert_array_equal(after.snr["dense1"][:4], before.snr["dense1"])
    assert after.last == 4


def test_a_resumed_run_is_computed_again(tmp_path: Path) -> None:
    first = tables.build(write_run(tmp_path))
    second = tables.build(write_run(tmp_path, seed=3), before=first)
    expected = moments.snr(second.loc["dense1"], second.log_scale["dense1"])
    np.testing.assert_array_equal(second.snr["dense1"], expected)


def test_the_cache_is_bounded(tmp_path: Path) -> None:
    for seed in range(tables._CACHE_SIZE + 3):
        tables.tables(write_run(tmp_path, seed=seed, epochs_done=0))
    assert tables._known.cache_info().currsize <= tables._CACHE_SIZE


def test_of_all_that_ask_at_once_one_builds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    writer = write_run(tmp_path, "running", epochs_done=3, hold=True)
    built, build, all_here = [], tables.build, threading.Barrier(6)

    def slowly(*args: Any) -> tables.RunTables:
        time.sleep(0.05)
        built.append(args)
        return build(*args)

    def ask(view: Any) -> tables.RunTables:
        all_here.wait()
        return tables.tables(view)

    monkeypatch.setattr(tables, "build", slowly)
    try:
        earlier = store.open_run(writer.id, tmp_path)
        path = trajectory(earlier.layers, earlier.config)
        writer.append_snapshot(Snapshot(4, *path(4)))
        views = [earlier, *(store.open_run(writer.id, tmp_path) for _ in range(5))]
        with ThreadPoolExecutor(len(views)) as pool:
            found = list(pool.map(ask, views))
        assert len(built) == 1  # also for the view of a moment before, whatever it saw: the tables hold more
        assert all(one is found[0] for one in found)
        writer.append_snapshot(Snapshot(5, *path(5)))
        assert tables.tables(store.open_run(writer.id, tmp_path)).last == 5
    finally:
        writer.close()


def test_long_form(found: tables.RunTables) -> None:
    table = tables.snr_table(found, "dense1")
    assert len(table) == 500 * 13
    row = table[(table["unit"] == 5) & (table["epoch"] == 7)].iloc[0]
    assert row["snr"] == found.snr["dense1"][7, 5]
    assert row["kept"] == (row["snr"] >= 1)


def test_deaths_brought_up_to_date_are_those_of_all_epochs() -> None:
    random = np.random.default_rng(3)
    snr = np.exp(random.normal(0, 1, (40, 60))).astype(np.float32)
    epochs = np.cumsum(random.integers(1, 3, 40))
    for known in (1, 17, 39, 40):
        before = tables.epochs_of_death(epochs[:known], snr[:known])
        assert np.array_equal(tables.epochs_of_death(epochs, snr, known, before), tables.epochs_of_death(epochs, snr))

"""Measured speed as a table and a sentence: what is compared, what is unsteady, what is refused."""

from __future__ import annotations

from typing import Any

import pytest

from sbp.reference.paper import rows_of
from sbp.viz import speed
from tests.viz.sweeps import speed_of


def test_an_unsteady_timing_is_said_to_be_one() -> None:
    (measured,) = speed_of()["measurements"]
    for row in measured["rows"]:
        if (row["variant"], row["batch"]) == ("compact", 32):
            row["iqr_seconds"] = 0.11 * row["median_seconds"]
    shown = speed.shown(measured)
    assert shown["compact, ×"].tolist() == ["1.02", "2.10 ?", "5.60"]
    assert [text.endswith("?") for text in shown["compact, ms"]] == [False, True, False]
    assert not shown["dense, ms"].str.contains("?", regex=False).any()
    said = speed.sentence(measured)
    assert "2.1×" not in said
    assert "5.6× faster at batch 1,000" in said
    assert "Unsteady at batch 32" in said


def test_processes_that_disagree_make_a_timing_unsteady_too() -> None:
    (measured,) = speed_of()["measurements"]
    measured["processes"] = 5
    for row in measured["rows"]:
        far = 1.1 if (row["variant"], row["batch"]) == ("compact", 1000) else 0.02
        row["between_seconds"] = far * row["median_seconds"]
    shown = speed.shown(measured)
    assert shown["compact, ×"].tolist() == ["1.02", "2.10", "5.60 ?"]
    assert shown["dense, ms"].tolist()[0] == "0.0600 (0.0024; 0.0012)"
    assert shown["compact, ms"].tolist()[-1] == "0.714 (0.029; 0.79) ?"
    assert "Unsteady at batch 1,000" in speed.sentence(measured)
    assert speed.where(measured) == "CPU, 2 cores, 2 threads, 5 processes"


def test_speed_compares_with_dense_at_the_same_batch_size() -> None:
    (measured,) = speed.measurements(speed_of())
    shown = speed.shown(measured, rows_of("lenet-500-300"))
    assert shown["batch"].tolist() == ["1", "32", "1,000", "paper, Intel Xeon E5-2630"]
    assert shown["compact, ×"].tolist() == ["1.02", "2.10", "5.60", "2.33"]
    assert shown["dense, ms"].tolist()[0] == "0.0600 (0.0024)"
    assert "1.0× faster at batch 1, 2.1× faster at batch 32 and 5.6× faster at batch 1,000" in speed.sentence(measured)
    assert "No gain at batch 1:" in speed.sentence(measured)
    assert speed.where(measured) == "CPU, 2 cores, 2 threads"
    assert speed.measurements(None) == []


def test_the_newest_measurement_comes_first() -> None:
    old, new = speed_of()["measurements"][0], {**speed_of("cuda")["measurements"][0], "when": 1.8e9}
    assert speed.measurements({"measurements": [old, new]}) == [new, old]


@pytest.mark.parametrize(
    "bad",
    [
        {"measurements": [{"device": "cpu"}]},
        {"measurements": 3},
        {},
        {
            "measurements": [
                {
                    **speed_of()["measurements"][0],
                    "rows": [{"variant": "compact", "batch": 1, "median_seconds": 1.0, "iqr_seconds": 0.1, "n": 3}],
                }
            ]
        },
    ],
)
def test_a_bad_measurement_is_said_in_a_sentence(bad: dict[str, Any]) -> None:
    with pytest.raises(speed.BadSpeed, match="does not hold measurements"):
        speed.measurements(bad)


def test_the_paper_s_gpu_stands_beside_a_gpu() -> None:
    shown = speed.shown({**speed_of("cuda")["measurements"][0]}, rows_of("lenet-5-caffe"))
    assert shown.iloc[-1]["batch"] == "paper, Tesla K40"
    assert shown.iloc[-1]["compact, ×"] == "1.91"

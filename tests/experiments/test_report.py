"""The table as CSV and Markdown, against what was written by hand."""

from __future__ import annotations

import csv
import io

from sbp.experiments import report, table_rows
from sbp.experiments.results import Row, Table
from tests import made_results
from tests.experiments.made import result, table

MARKDOWN = """\
| method | KL weights | test error, % | units kept | kMACs | MACs reduction | CPU | GPU | n | trained on | s per run |
|---|---|---|---|---|---|---|---|---|---|---|
| SBP | plain | 1.50 ± 0.25 (0.10) | 245–160–55 | 48.5 | 11.0 ± 2.5x (1.0) \
| 3.00x / 3.00x / 6.00x | – | 3 | a GPU | 31 |
| *the paper's SBP* | *–* | *1.55* | *245–160–55* | *48.5* | *11.2x* | *2.33x* | *1.08x* | *–* | *–* | *–* |
| SSL | – | 1.70 | 245–160–55 | 48.5 | 10.0x | – | – | 1 | a GPU | 30 |
| *the paper's SSL* | *–* | *1.49* | *434–174–78* | *89.9* | *6.06x* | *2.21x* | *1.04x* | *–* | *–* | *–* |
| SparseVD | – | – | – | – | – | – | – | 0 | – | – |
| *the paper's SparseVD* | *–* | *1.57* | *537–217–130* | *146* | *3.73x* | *1.19x* | *1.03x* | *–* | *–* | *–* |
"""


def test_markdown_is_what_one_would_write_by_hand() -> None:
    text = report.markdown(table())
    assert text.startswith("# Error, sparsity and speed-up of every method (the paper's Table 1)\n\n## LeNet-500-300\n")
    assert MARKDOWN in text
    assert "on 10,000 test images, each read once per run; trained on 60,000 images." in text
    assert "Seeds: n = 1: 0; n = 3: 0 to 2." in text
    assert "medians at batch 1, 32 and 1,000, float32, eager (CPU: a CPU, 2 threads)." in text


def test_a_printed_reduction_that_the_printed_widths_do_not_give_is_named() -> None:
    ours = Row("sbp", "SBP", "lenet-5-caffe", (result(network="lenet-5-caffe", kept=(3, 18, 284, 283)),))
    assert any("its own column says 10.49x for SBP." in said for said in report.notes(Table("table-1", (ours,))))
    assert not any("its own column" in said for said in report.notes(table())), "those of LeNet-500-300 agree"


def test_csv_holds_plain_numbers_and_leaves_empty_what_is_not_known() -> None:
    rows = list(csv.DictReader(io.StringIO(table_rows.csv_of(table_rows.lines_of(table())))))
    assert [(row["source"], row["key"]) for row in rows] == [
        ("ours", "sbp"),
        ("paper", "sbp"),
        ("ours", "ssl"),
        ("paper", "ssl"),
        ("ours", "sparse-vd"),
        ("paper", "sparse-vd"),
    ]
    ours, paper = rows[:2]
    wanted = {
        "n": "3",
        "test_error_percent": "1.5",
        "test_error_spread": "0.1",
        "kept": "245-160-55",
        "macs": "48550",
        "test_error_half_width": "0.248414",
        "seeds": "0 1 2",
        "macs_mean": "48550",
        "macs_half_width": "",
        "macs_reduction": "10",
        "macs_reduction_mean": "11",
        "cpu_1": "3",
        "cpu_1000": "6",
        "gpu_1": "",
        "bound": "plain",
        "n_nll": "600",
        "kl": "400",
        "n_loss": "1200",
        "prior_snr": "0.333333",
        "seconds": "31",
        "hardware": "a GPU",
        "seed": "0",
        "run": "run-0",
        "commit": "abc",
        "n_train": "60000",
        "n_test": "10000",
    }
    assert {name: ours[name] for name in wanted} == wanted
    assert (paper["test_error_percent"], paper["macs_reduction"], paper["cpu"]) == ("1.55", "11.2255", "2.33")
    assert rows[4]["n"] == "0"
    assert rows[4]["test_error_percent"] == ""


def test_random_labels_show_accuracies_and_what_the_race_is_between() -> None:
    empty = result(
        0,
        90.2,
        kept=(0, 0, 0),
        macs=0,
        macs_reduction=None,
        last={"nll": 2.3, "kl": 0.0, "loss": 2.3, "train_error_percent": 89.5},
    )
    text = report.markdown(Table("random-labels", (Row("sbp", "SBP", "lenet-500-300", (empty,)),)))
    assert "| SBP | 0–0–0 | 10.50 | 9.80 | 138,000 | 0 | 1 | a GPU | 30 |" in text


def test_a_network_with_nothing_left_saves_all() -> None:
    empty = result(0, 90.2, kept=(0, 0, 0), macs=0, macs_reduction=None)
    text = report.markdown(Table("table-1", (Row("sbp", "SBP", "lenet-500-300", (empty,)),)))
    assert "| 0–0–0 | 0.00 | all |" in text


def test_an_experiment_without_runs_says_so() -> None:
    assert "No run of this experiment has finished." in report.markdown(Table("interval", ()))


def test_a_table_of_two_data_sets_has_a_section_for_each() -> None:
    found = table_rows.sections_of(made_results.torch_pruning())
    assert {title: [line["key"] for line in lines] for title, lines in found.items()} == {
        "LeNet-500-300 on MNIST": ["sbp", "magnitude"],
        "LeNet-500-300 on Fashion-MNIST": ["magnitude-fashion"],
    }

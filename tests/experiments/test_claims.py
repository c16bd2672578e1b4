"""Every figure that README and docs take from recordings is that of the recordings."""

from __future__ import annotations

import dataclasses
import re
from pathlib import Path

import pytest

from sbp.experiments import claims, readme
from sbp.experiments.results import NoResults, Row, Table, recorded
from sbp.runs import store
from sbp.spec.networks import SPECS
from sbp.viz import labels

ROOT = Path(__file__).parents[2]


def prose(file: str) -> str:
    """The text of a file on one line."""
    return " ".join((ROOT / file).read_text(encoding="utf-8").split())


def share(row: Row) -> str:
    """The MACs of a row in per cent of the dense network."""
    return f"{100 * row.mean_of('macs') / SPECS[row.network].dense_macs():.1f}"


@pytest.mark.parametrize("file", readme.FILES)
def test_a_file_is_up_to_date(file: str) -> None:
    text = (ROOT / file).read_text(encoding="utf-8")
    assert text.count("<!-- recorded: ") == text.count("<!-- end of recorded -->") > 0
    assert readme.refreshed(text) == text, "python -m sbp.experiments.readme brings it up to date"


def test_every_claim_stands_somewhere_once() -> None:
    text = "".join((ROOT / file).read_text(encoding="utf-8") for file in readme.FILES)
    assert sorted(re.findall(r"<!-- recorded: (\S+) -->", text)) == sorted(claims.BLOCKS)


def test_a_claim_follows_the_results(monkeypatch: pytest.MonkeyPatch) -> None:
    table = recorded("table-1")
    others = [row for row in table.rows if (row.network, row.key) != ("lenet-5-caffe", "sbp")]
    row = table.row("lenet-5-caffe", "sbp")
    worse = tuple(dataclasses.replace(run, test_error_percent=2.5) for run in row.runs)
    changed = Table("table-1", (*others, dataclasses.replace(row, runs=worse)))
    monkeypatch.setattr(claims, "recorded", lambda _: changed)
    assert "LeNet-5-Caffe at 2.50 ± 0.00 %" in " ".join(claims.block("headline").split())
    with pytest.raises(NoResults, match="Expected one of the claims headline"):
        claims.block("nothing")


def test_the_prose_on_table_2_is_that_of_its_rows() -> None:
    table, text = recorded("table-2"), prose("docs/reproducing.md")
    sbpa, first = table.row("vgg-like", "sbpa"), table.row("vgg-like", "sparse-vd")
    errors = labels.join([f"{run.test_error_percent:.2f}" for run in sbpa.runs])
    reductions = labels.join([f"{run.macs_reduction:.2f}x" for run in sbpa.runs])
    assert f"({errors} % with {reductions})" in text
    assert f"Its first recipe ({first.mean:.1f} %" in text
    assert f"it has {table.row('vgg-like', 'sparse-vd-frontier').mean:.1f} % at the paper's MACs" in text


def test_the_prose_on_torch_pruning_is_that_of_its_rows() -> None:
    table, text = recorded("torch-pruning"), prose("docs/reproducing.md")
    sbp = {(row.network, row.dataset): row for row in table.rows if row.label == "SBP"}
    networks = ("lenet-500-300", "lenet-5-caffe")
    digits, clothes = ([share(sbp[net, data]) for net in networks] for data in ("mnist", "fashion-mnist"))
    assert f"{labels.join(digits)} % on MNIST, {labels.join(clothes)} % on Fashion-MNIST" in text
    magnitude = next(row for row in table.of("lenet-500-300") if "magnitude" in row.label and row.dataset == "mnist")
    kept = [row.shown.kept[1] for row in (magnitude, sbp["lenet-500-300", "mnist"]) if row.shown]
    assert f"they have {kept[0]} neurons where SBP has {kept[1]}" in text


@pytest.mark.parametrize("name", ["lenet-500-300-paper", "lenet-5-caffe-paper"])
def test_the_presets_that_ship_are_measured_as_they_are_recorded(name: str) -> None:
    run = store.open_run(name).summary()
    (line,) = (
        line
        for line in (ROOT / "docs" / "measured.md").read_text(encoding="utf-8").splitlines()
        if line.startswith(f"| {SPECS[run['network']].title}, `paper`")
    )
    cells = [cell.strip() for cell in line.split("|")]
    assert f"{run['test_error_percent']:.2f} %" in cells
    assert f"{labels.kilo_macs(run['macs'])} k, {run['macs_reduction']:.1f}x fewer" in cells
    assert labels.widths(run["kept"]) in cells
    assert f"{run['seed']}, {run['n_train']:,}" in cells


def test_resnet_20_is_measured_as_it_is_recorded() -> None:
    row = recorded("resnets").row("resnet-20", "sbp")
    reduction, spread = row.mean_of("macs_reduction"), row.spread_of("macs_reduction")
    figures = f"**{row.mean:.2f} % ± {row.spread:.2f} test error at {reduction:.2f}x ± {spread:.2f}**"
    assert figures in prose("docs/measured.md")


def test_choosing_advises_by_what_is_recorded() -> None:
    text = prose("docs/choosing.md")
    for row in recorded("table-1").rows:
        if row.shown and row.shown.method in ("sbp", "sbpa"):
            weights = ", ".join(f"{weight:g}" for weight in row.shown.kl_weights)
            reduction = f"{row.mean_of('macs_reduction'):.1f}x fewer"
            if row.key != "sbp-plain" or row.network == "lenet-5-caffe":  # two rows have the plain bound
                assert f"| {weights} | {row.mean:.2f} % ± {row.spread:.2f} | {reduction} |" in text
    for row in recorded("interval").rows:
        spread = f" ± {row.spread:.2f}" if row.spread else ""
        assert f"| {row.mean:.2f} %{spread} | {row.mean_of('macs_reduction'):.1f}x" in text
    for row in recorded("kl-warmup").rows:
        assert f"| {row.mean:.2f} % |" in text
    for key in ("sbpa-frontier", "sbpa-frontier-2", "sbpa"):
        row = recorded("table-2").row("vgg-like", key)
        assert f"{row.mean:.2f} % ± {row.spread:.2f} at {row.mean_of('macs_reduction'):.1f}x" in text

"""A method that a test adds, by one class and one line: it trains, prunes and leaves a run's network like any other."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import ClassVar, Literal

import pytest
import torch
from safetensors.torch import save_file
from streamlit.testing.v1 import AppTest
from torch import Tensor, nn
from typer.testing import CliRunner

from sbp.cli import app
from sbp.compaction import compact, masks_of
from sbp.compaction.weights import network_of
from sbp.data.datasets import load
from sbp.experiments import results
from sbp.experiments.planned import PlannedRow
from sbp.experiments.plans import PLANS
from sbp.experiments.results import Row
from sbp.methods.dropout import Original
from sbp.methods.registry import METHOD_CLASSES
from sbp.noise.install import noise_of
from sbp.spec import RunConfig
from sbp.spec.method import METHOD_CONFIGS, MethodConfig
from sbp.spec.records import PHASES, Record
from sbp.spec.section import setting
from sbp.training.evaluation import error_percent
from sbp.training.loop import Training
from tests import made_results
from tests.pages.opened import healthy, opened

NAME = "magnitude"


class Magnitude(Original):
    """Keeps the hidden neurons whose incoming weights are longest, a share of each layer."""

    def project_(self, network: nn.Module) -> None:
        """Masks all but the longest rows of each dense layer."""
        mask = noise_of(network)
        rows = [(g.name, network.get_parameter(f"{g.name}.weight")) for g in mask.groups if g.kind == "neuron"]
        mask.set_masks({name: self.longest(weight.detach().norm(dim=1)) for name, weight in rows})

    def longest(self, length: Tensor) -> Tensor:
        """The places of the largest share of some numbers, bool of their shape."""
        most = int(len(length) * self.settings.share)  # type: ignore[attr-defined]
        return torch.zeros(len(length), dtype=torch.bool).index_fill(0, length.topk(most).indices, True)


@pytest.fixture
def magnitude() -> Iterator[type[Magnitude]]:
    """The method by name, for the time of a test."""

    class MagnitudeConfig(MethodConfig):
        """The share of each layer that it keeps."""

        titles: ClassVar[Mapping[str, str]] = {NAME: "Longest rows"}

        name: Literal["magnitude"] = "magnitude"
        share: float = setting(0.5, "The share of each layer's units that stays.", ge=0, le=1)

    METHOD_CLASSES[NAME] = Magnitude
    try:
        yield Magnitude
    finally:
        del METHOD_CLASSES[NAME], METHOD_CONFIGS[NAME]


@pytest.mark.usefixtures("magnitude")
def test_a_method_added_by_one_class_trains_and_its_network_is_stored_and_cut(tmp_path: Path) -> None:
    config = RunConfig.flat(
        method=NAME,
        dataset="digits",
        widths=(12, 8),
        batch_size=100,
        lr=5e-3,
        pretrain_epochs=3,
        epochs=1,
        finetune_epochs=3,
        validation_size=100,
        device="cpu",
    )
    training = Training(config, load("digits"))
    records = [event for event in training.events() if isinstance(event, Record)]
    assert [record.phase for record in records] == [PHASES[0]] * 3 + [PHASES[1]] + [PHASES[2]] * 3
    assert [record.kept for record in records][2:5] == [(784, 12, 8), (784, 6, 4), (784, 6, 4)]
    assert records[-1].nll < records[0].nll
    assert training.result()["macs"] == 784 * 6 + 6 * 4 + 4 * 10
    save_file({name: t.contiguous() for name, t in training.model_tensors().items()}, tmp_path / "model.safetensors")
    network = network_of(config, tmp_path / "model.safetensors")
    assert [int(mask.sum()) for mask in masks_of(network).values()] == [784, 6, 4]
    split, small = training.split, compact(network)
    with torch.no_grad():
        torch.testing.assert_close(small(split.test_x), network(split.test_x), rtol=1e-5, atol=1e-5)
    error = error_percent(small, split.validation_x, split.validation_y)
    assert error == pytest.approx(records[-1].validation_error_percent, abs=1e-9)


@pytest.mark.usefixtures("magnitude")
def test_its_settings_are_fields_of_a_run() -> None:
    config = RunConfig.flat(method=NAME, share=0.25)
    assert RunConfig.from_json(config.to_json()) == config
    assert config.method.name == NAME


def the_form() -> None:
    """The form of a run, alone on a page."""
    from pages.shared import run_form
    from sbp.spec import RunConfig

    run_form.form("test", RunConfig.flat(method="magnitude"))


@pytest.mark.usefixtures("magnitude")
def test_it_is_in_the_form_with_its_title_and_its_settings() -> None:
    at = AppTest.from_function(the_form, default_timeout=60).run()
    assert not at.exception
    (method,) = [box for box in at.selectbox if box.label == "Method"]
    assert "Longest rows" in method.options
    (share,) = [number for number in at.number_input if "(`share`)" in number.help]
    assert share.value == 0.5


@pytest.mark.usefixtures("magnitude")
def test_the_command_line_takes_it_and_checks_its_settings() -> None:
    words = ["train", "lenet-500-300", "--set", f"method={NAME}", "--set", "share=1.5"]
    result = CliRunner().invoke(app, words)
    assert result.exit_code == 2, result.output
    assert "share" in result.output
    assert "1.5" in result.output
    refused = CliRunner().invoke(app, ["train", "lenet-500-300", "--set", "method=nonsense"])
    assert (refused.exit_code, NAME in refused.output) == (2, True)


@pytest.mark.usefixtures("magnitude")
def test_a_row_of_it_stands_on_the_page_of_methods(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    kept = (784, 250, 150)
    row = PlannedRow("magnitude", "Longest rows", RunConfig.flat(network="lenet-500-300", method=NAME))
    plan = dataclasses.replace(PLANS["table-1"], rows=(*PLANS["table-1"].rows, row))
    monkeypatch.setitem(PLANS, "table-1", plan)
    table = made_results.table_1()
    own = Row(row.key, row.label, "lenet-500-300", (made_results.run("lenet-500-300", NAME, 1.9, kept),))
    made_results.write(tmp_path, dataclasses.replace(table, rows=(*table.rows, own)))
    monkeypatch.setattr(results, "results_root", lambda: tmp_path)
    shown = healthy(opened("methods")).dataframe[0].value
    assert "Longest rows" in list(shown["method"])

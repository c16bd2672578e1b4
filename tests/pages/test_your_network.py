"""Page Your network: its snippets are the documentation's, a file becomes a run that pages open, others are refused."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

import sbp
from pages.your_network import noise_files
from sbp.runs import noise_file, store
from sbp.viz.tables import tables
from tests.made_up import write_run
from tests.pages.opened import healthy, opened, texts


def test_it_shows_the_snippets_and_what_is_refused() -> None:
    at = healthy(opened("your_network"))
    assert [tab.label for tab in at.tabs] == ["PyTorch", "Accelerate", "Lightning", "transformers"]
    said = texts(at)
    assert "sbp.track(" in said
    assert "LayerNorm" in said


def test_any_run_with_noise_can_be_taken_out(runs_root: Path) -> None:
    run = write_run(runs_root)
    at = healthy(opened("your_network"))
    at = healthy(at.selectbox(key="noise-run").select(run.id).run())
    assert at.get("download_button")
    assert any("sbp.load_noise(model, " in code.value for code in at.code)


@pytest.mark.parametrize("network", ["lenet-500-300", "lenet-5-caffe", "resnet-20"])
def test_the_lines_of_a_network_run_as_they_stand(
    network: str, runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = write_run(runs_root, network=network)
    (tmp_path / "mine.safetensors").write_bytes(noise_file.of_run(run))
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    exec(noise_files.lines(run, "mine.safetensors"), names)
    last = {name: values[-1] for name, values in tables(run).snr.items()}
    found = names["model"].sbp_noise.snr()
    assert all(np.allclose(found[name].detach(), snr, rtol=1e-3) for name, snr in last.items())
    sizes = [sum(p.numel() for p in names[which].parameters()) for which in ("model", "small")]
    assert sizes[1] < sizes[0]


def test_the_lines_of_a_network_of_ones_own_run_beside_it(
    runs_root: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def network() -> nn.Module:
        return nn.Sequential(nn.Linear(4, 8), nn.ReLU(), nn.Linear(8, 3))

    model, example = network(), torch.randn(2, 4)
    noise = sbp.attach(model, example, log_low=-10.0)
    noise.log_scale.data[:3] = 5.0
    sbp.save_noise(model, tmp_path / "mine.safetensors", example)
    run_id, _ = noise_files.opened((tmp_path / "mine.safetensors").read_bytes())
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {"network": network, "example_input": example}
    exec(noise_files.lines(store.open_run(run_id, runs_root), "mine.safetensors"), names)
    assert names["small"][0].out_features == 5


@pytest.mark.parametrize("page", ["channels", "threshold", "runs", "your_network", "pixels", "methods"])
def test_a_file_becomes_a_run_that_pages_open(runs_root: Path, page: str) -> None:
    run_id, problem = noise_files.opened(noise_file.of_run(write_run(runs_root)))
    assert problem == ""
    assert store.open_run(run_id, runs_root).problem == ""
    at = healthy(opened(page, run=run_id))
    assert not any("Shown instead" in warning.value for warning in at.warning)


def test_another_file_is_refused_in_a_sentence(runs_root: Path) -> None:
    run_id, problem = noise_files.opened(b"\x80\x04pickle")
    assert run_id == ""
    assert problem.startswith("Expected a file that sbp.save_noise wrote")
    assert store.list_runs(recorded=False, root=runs_root) == []

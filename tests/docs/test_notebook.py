"""The notebook runs from top to bottom, and what it says of the network that it leaves is so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import onnxruntime
import pytest
import torch

from sbp.runs.noise_file import from_bytes
from sbp.runs.view import RunView

CELLS = json.loads((Path(__file__).parents[2] / "docs" / "notebook.ipynb").read_text(encoding="utf-8"))["cells"]
CODE = [cell for cell in CELLS if cell["cell_type"] == "code"]


def test_no_result_is_kept_in_it() -> None:
    assert [cell["outputs"] for cell in CODE] == [[]] * len(CODE)


@pytest.mark.filterwarnings("ignore")
def test_it_goes_from_the_distribution_to_the_export(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(".")  # what a cell adds to the path is taken off again
    names: dict[str, Any] = {"__name__": "notebook"}
    with torch.random.fork_rng(devices=[]):
        for number, cell in enumerate(CODE):
            exec(compile("".join(cell["source"]), f"cell {number}", "exec"), names)
    small, test_x, folder = names["small"], names["test_x"], names["folder"]
    assert names["macs"](small) < names["macs"](names["network"]()) / 2
    assert names["error"](small, test_x, names["test_y"]) < 6
    (logits,) = onnxruntime.InferenceSession(folder / "small.onnx").run(["logits"], {"images": test_x.numpy()})
    torch.testing.assert_close(torch.from_numpy(logits), small(test_x), atol=1e-4, rtol=1e-4)
    run = RunView(names["run"].path)
    assert (run.state.value, len(run.records())) == ("finished", names["epochs"])
    described, *_ = from_bytes((folder / "noise.safetensors").read_bytes())
    assert described.dense_macs() == names["macs"](names["network"]())

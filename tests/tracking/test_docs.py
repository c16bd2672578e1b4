"""The snippets of docs/own-loop.md run as they stand, and leave the runs that they name."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

from sbp.runs.view import RunView

PAGE = Path(__file__).parents[2] / "docs" / "own-loop.md"


@pytest.mark.filterwarnings("ignore")
def test_each_snippet_leaves_a_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    names: dict[str, Any] = {"__name__": "own_loop"}
    for snippet in re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL):
        exec(compile(snippet, PAGE.name, "exec"), names)
    found = {path.name: RunView(path) for path in (tmp_path / "runs").iterdir()}
    assert set(found) == {"mine", "accelerated", "lit", "trainer"}
    for view in found.values():
        assert (view.problem, view.state.value, len(view.records())) == ("", "finished", 2)
        assert view.records()[-1].step == 16
        assert view.records()[-1].macs == view.description.macs(view.records()[-1].kept)
    assert found["trainer"].description.title == "ResNetForImageClassification"

"""The README's quickstart runs as it stands."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest
import torch

README = Path(__file__).parents[2] / "README.md"


def test_the_quickstart_runs_and_the_compact_network_gives_the_same(capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("transformers")
    match = re.search(r"```python\n(.*?)```", README.read_text(encoding="utf-8"), re.DOTALL)
    assert match is not None
    lines = match.group(1)
    assert len(lines.splitlines()) <= 25
    names: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        exec(compile(lines, "README.md", "exec"), names)
    assert names["noise"].refused == ()
    assert all(kept.any() for kept in names["noise"].keep.values())
    count = {which: sum(p.numel() for p in names[which].parameters()) for which in ("small", "large")}
    assert count["small"] < 0.5 * count["large"]
    with torch.no_grad():
        scale = float(names["large"](names["images"]).logits.abs().max())
    assert float(names["difference"]) <= 1e-5 * scale
    assert "speed-up" in capsys.readouterr().out

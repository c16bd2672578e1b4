"""The README's lines for a network of one's own run as they stand."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import torch

README = Path(__file__).parents[2] / "README.md"


def test_the_lines_for_ones_own_network_run_and_the_compact_network_gives_the_same() -> None:
    section = README.read_text(encoding="utf-8").partition("## In your own network")[2]
    match = re.search(r"```python\n(.*?)```", section, re.DOTALL)
    assert match is not None
    lines = match.group(1)
    assert len(lines.splitlines()) <= 25
    names: dict[str, Any] = {}
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        exec(compile(lines, "README.md", "exec"), names)
    model, small, images = names["model"].eval(), names["small"], names["images"]
    assert names["noise"].refused == ()
    with torch.no_grad():
        masked, compact = model(images), small(images)
    assert torch.allclose(masked, compact, atol=1e-5 * float(masked.abs().max()))

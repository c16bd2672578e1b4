"""Runs that are known to have gone well: at no moment of theirs is anything found; the one that did not is named."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import sbp
from sbp.runs import store
from sbp.runs.roots import recorded_root
from sbp.viz import findings
from sbp.viz.findings import findings as of_run

# Recorded as failures: what is found, and nothing else.
FAILED = {"kl-warmup-no-warmup": {"fast"}}
RECORDED = sorted(path.name for path in recorded_root().iterdir() if (path / "config.json").is_file())


@pytest.mark.parametrize("name", RECORDED)
def test_a_recorded_run_is_left_in_peace_at_every_moment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    diagnose, asked = findings.diagnose, []

    def at_every_moment(seen: Any, n_train: int, steps: int) -> list[Any]:
        asked.append(len(seen))
        return [finding for end in range(len(seen)) for finding in diagnose(seen[: end + 1], n_train, steps)]

    monkeypatch.setattr(findings, "diagnose", at_every_moment)
    run = store.open_run(name)
    records = [record for record in run.records() if record.phase == "sbp"]
    assert {finding.kind for finding in of_run(run)} == FAILED.get(name, set())
    assert asked == ([len(records) + 1] if run.config.has_noise else [])


def test_a_tracked_run_is_judged_by_the_steps_that_it_took(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever its batch size, which need not be known: 64 examples in batches of 16."""
    model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    x = torch.randn(64, 4)
    sbp.attach(model, x[:2])
    adam = torch.optim.Adam(sbp.parameter_groups(model, lr=1e-3, noise_lr=0.1))
    asked: list[tuple[list[int], int]] = []

    def noted(seen: Any, n_train: int, steps: int) -> list[Any]:
        asked.append(([one.step for one in seen], steps))
        return []

    monkeypatch.setattr(findings, "diagnose", noted)
    with sbp.track(model, runs_root / "mine", x[:2], adam, n_train=64, epochs=5) as run:
        for _ in range(2):
            for batch in x.split(16):
                adam.zero_grad()
                model(batch).sum().backward()
                adam.step()
            run.log(nll=1.0)
    assert of_run(store.open_run("mine", runs_root)) == []
    assert asked == [([0, 4, 8], 20)]


class Residual(nn.Module):
    """A dense layer, another beside a shortcut, and the classes."""

    def __init__(self) -> None:
        super().__init__()
        self.stem, self.inner, self.back, self.head = (nn.Linear(*sizes) for sizes in ((4, 6), (6, 5), (5, 6), (6, 2)))

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        """Of x [n, 4], two numbers each."""
        x = self.stem(x).relu()
        return self.head((x + self.back(self.inner(x).relu())).relu())


@pytest.mark.parametrize(("group", "kinds"), [("inner", []), ("stem", ["empty"])])
def test_an_empty_group_is_a_finding_unless_a_shortcut_passes_it_by(
    runs_root: Path, group: str, kinds: list[str]
) -> None:
    model, x = Residual(), torch.randn(16, 4)
    noise = sbp.attach(model, x[:2])
    adam = torch.optim.Adam(sbp.parameter_groups(model, lr=1e-3, noise_lr=0.1))
    with sbp.track(model, runs_root / "mine", x[:2], adam, n_train=64, epochs=5) as run:
        for nll in (1.0, 0.5, 0.5):
            adam.zero_grad()
            model(x).sum().backward()
            adam.step()
            noise.log_scale.data[noise.layout.slices()[group]] = 5.0
            run.log(nll=nll)
    assert [finding.kind for finding in of_run(store.open_run("mine", runs_root))] == kinds

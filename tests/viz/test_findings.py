"""Runs that are known to have gone well: at no moment of theirs is anything found."""

from __future__ import annotations

from typing import Any

import pytest

from sbp.runs import store
from sbp.runs.roots import recorded_root
from sbp.viz import findings
from sbp.viz.findings import findings as of_run

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
    assert of_run(run) == []
    assert asked == ([len(records) + 1] if run.config.has_noise else [])

"""What a loop that is not ours may write: no more, and nothing else, than the readers of a run's folder take."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from sbp.runs.view import RunView
from sbp.tracking import described
from sbp.tracking import run as tracking
from tests.tracking.small import adam, network
from tests.tracking.test_run import begin


@pytest.mark.parametrize(
    ("named", "options"),
    [("epochs", {"epochs": 10**7}), ("epochs", {"epochs": 500_000}), ("n_train", {"n_train": 10**16})],
)
def test_numbers_that_no_reader_takes_are_refused_before_anything_is_written(
    named: str, options: dict[str, Any], runs_root: Path
) -> None:
    with pytest.raises(ValueError, match=named):
        begin(runs_root, **options)
    assert not list(runs_root.glob("*"))


def test_more_units_than_a_reader_takes(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(described, "MOST_UNITS", 5)
    with pytest.raises(ValueError, match="expected at most 5 units"):
        begin(runs_root)
    assert not list(runs_root.glob("*"))


def test_more_epochs_than_the_folder_can_hold(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "most_epochs", lambda found: 3)
    with begin(runs_root, epochs=1) as run:
        for _ in range(3):
            run.log(nll=1.0)
        with pytest.raises(ValueError, match="has 3 epochs"):
            run.log(nll=1.0)
    view = RunView(run.path)
    assert (view.problem, len(view.records()), len(view.snapshots())) == ("", 3, 4)


@pytest.mark.parametrize("lr", [-1.0, float("inf")])
def test_a_record_out_of_range_is_not_written(lr: float, runs_root: Path) -> None:
    model = network()
    optimiser = adam(model)
    with begin(runs_root, model, optimiser=optimiser) as run:
        run.log(nll=1.0)
        for group in optimiser.param_groups:
            group["lr"] = lr
        with pytest.raises(ValueError, match="lr"):
            run.log(nll=1.0)
    view = RunView(run.path)
    assert (view.problem, len(view.records()), len(view.snapshots())) == ("", 1, 2)

"""sweep.json: the worker leaves it at a run's end, and nothing that happens to it harms the run."""

from __future__ import annotations

import json
from unittest.mock import Mock

import numpy as np
import pytest

import sbp.evaluation.sweep
from sbp.data.datasets import load, prepare
from sbp.runs import store
from sbp.runs.folder import RunFolder
from sbp.runs.states import State
from sbp.runs.view import RunView
from sbp.spec import DataConfig
from sbp.worker.worker import Worker
from tests.runs.made import TINY


def worked(**changes: object) -> RunView:
    with store.create(TINY.replace(epochs=2, **changes)) as folder:
        Worker(folder).run()
    return store.open_run(folder.id)


def test_a_finished_run_has_its_sweep(monkeypatch: pytest.MonkeyPatch) -> None:
    said, write = [], RunFolder.write_status

    def note(self: RunFolder, state: State, message: str = "", *rest: object, **more: object) -> None:
        said.append((str(state), message))
        write(self, state, message, *rest, **more)  # type: ignore[arg-type]

    monkeypatch.setattr(RunFolder, "write_status", note)
    view = worked()
    assert view.state is State.FINISHED
    assert said.index(("running", "Tries thresholds.")) == len(said) - 2, "then it is finished"
    found = view.sweep()
    assert found is not None
    assert view.result is not None
    assert (found["objects"], found["n"]) == ("validation", 50)
    (at_one,) = [point for point in found["criteria"]["snr"]["points"] if point["threshold"] == 1]
    assert at_one["kept"] == view.result["kept"]
    assert at_one["error_percent"] == pytest.approx(view.result["validation_error_percent"])
    assert at_one["macs"] == view.result["macs"]


def test_without_a_validation_set_the_training_objects_are_tried() -> None:
    found = worked(validation_size=0).sweep()
    assert found is not None
    assert (found["objects"], found["n"]) == ("training", 200)


def test_objects_to_try_things_on_are_never_those_of_the_test_set() -> None:
    data = load("digits")
    x, y, which = prepare(data, DataConfig(validation_size=100)).trial()
    assert (which, len(y)) == ("validation", 100)
    np.testing.assert_array_equal((x[:, 0] * 255).round(), data.train_images[-100:])
    x, y, which = prepare(data, DataConfig(validation_size=0)).trial(30)
    assert (which, len(y)) == ("training", 30)
    np.testing.assert_array_equal((x[:, 0] * 255).round(), data.train_images[:30])


def test_a_sweep_that_fails_leaves_the_run_finished(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*_: object) -> None:
        raise ZeroDivisionError("nothing to try")

    monkeypatch.setattr(sbp.evaluation.sweep, "sweep", fail)
    view = worked()
    assert view.state is State.FINISHED
    assert view.sweep() is None
    assert view.result is not None
    assert "nothing to try" in capsys.readouterr().err, "log.txt has it"


def test_a_request_to_stop_ends_the_sweep_and_not_the_result(monkeypatch: pytest.MonkeyPatch) -> None:
    with store.create(TINY.replace(epochs=1)) as folder:
        one = Worker(folder)
        real = one._sweep

        def stopped() -> None:
            (folder.path / "stop").touch()
            real()

        sweep = Mock(side_effect=stopped)
        monkeypatch.setattr(one, "_sweep", sweep)
        assert one.run() is State.FINISHED
    sweep.assert_called_once()
    assert store.open_run(folder.id).sweep() is None


def test_a_sweep_goes_with_the_weights_it_was_made_of() -> None:
    """A stopped run may have one; when it trains on, its weights change."""
    with store.create(TINY.replace(epochs=1)) as folder:
        folder.write_sweep({"n": 1})
        one = Worker(folder)
        one._loop = lambda: False  # type: ignore[method-assign]
        one.run()
        assert store.open_run(folder.id).sweep() is None


@pytest.mark.parametrize("content", ["", "{", "[]", "\0\0", "null"])
def test_a_corrupt_sweep_is_no_sweep_and_no_problem(content: str) -> None:
    with store.create(TINY) as folder:
        folder.write_status("finished")
        assert store.open_run(folder.id).sweep() is None
        before = store.open_run(folder.id).data_stamp
        (folder.path / "sweep.json").write_text(content)
        view = store.open_run(folder.id)
    assert view.sweep() is None
    assert (view.problem, view.state) == ("", State.FINISHED)
    assert view.data_stamp != before


def test_what_is_no_number_is_not_written() -> None:
    with store.create(TINY) as folder:
        with pytest.raises(ValueError):
            folder.write_sweep({"nll": float("nan")})
        folder.write_sweep({"nll": 0.5})
        assert json.loads((folder.path / "sweep.json").read_text()) == {"nll": 0.5}

"""A plain loop as a run: what its folder holds, how it ends, and what it refuses."""

from __future__ import annotations

import json
import multiprocessing
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

import sbp
from sbp.cli import app
from sbp.noise.install import joint_noise_of
from sbp.runs import launcher, store
from sbp.runs.names import BadRequest
from sbp.runs.states import State
from sbp.runs.view import RunView
from sbp.tracking import run as tracking
from sbp.training.errors import Diverged
from tests.tracking.small import EPOCHS, STEPS, N, adam, batches, digits, loss_of, network, read_back


def begin(root: Path, model: nn.Module | None = None, **options: Any) -> sbp.TrackedRun:
    model = model or network()
    values = {"n_train": N, "epochs": EPOCHS, **options}
    return sbp.track(model, root / "mine", digits(2)[0], values.pop("optimiser", None) or adam(model), **values)


def epoch_of(model: nn.Module, optimiser: torch.optim.Optimizer, autocast: bool = False) -> float:
    """One epoch; the mean NLL."""
    total = 0.0
    for x, y in batches():
        with torch.autocast("cpu", torch.bfloat16, enabled=autocast):
            loss, nll = loss_of(model, x, y)
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
        total += float(nll)
    return total / STEPS


@pytest.mark.filterwarnings("ignore:.*autograd.function.Function.* should not be instantiated:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning")
@pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning")
@pytest.mark.parametrize("form", ["plain", "bf16", "compiled", "compiled in place"])
def test_a_loop_is_a_run(runs_root: Path, form: str) -> None:
    model = network()
    optimiser, called = adam(model), model
    if form == "compiled":
        called = torch.compile(model, backend="aot_eager")  # type: ignore[assignment]
    elif form == "compiled in place":
        model.compile(backend="aot_eager")
    with begin(runs_root, called, optimiser=optimiser, seed=3) as run:
        for _ in range(EPOCHS):
            nll = epoch_of(called, optimiser, autocast=form == "bf16")
            run.log(nll=nll, train_error_percent=4.0, validation_error_percent=5.0)
    view = read_back(run.path)
    last = view.records()[-1]
    assert last.nll == nll
    assert (last.train_error_percent, last.validation_error_percent) == (4.0, 5.0)
    assert last.loss == pytest.approx(nll + last.kl / N)
    kept = [int(keep.sum()) for keep in joint_noise_of(model).keep.values()]
    assert list(last.kept) == kept
    assert joint_noise_of(model).kl().item() == pytest.approx(last.kl, rel=1e-4)
    assert (view.config.seed, view.config.optimisation.noise_lr, view.meta["n_train"]) == (3, 0.4, N)
    assert [run.id for run in store.list_runs(recorded=False)] == ["mine"]


def test_kl_weights_are_those_of_the_objective(runs_root: Path) -> None:
    with begin(runs_root, kl_weights={"0": 3.0, "3": 0.5}) as run:
        run.log(nll=1.0)
    view = RunView(run.path)
    (record,) = view.records()
    assert view.config.value("kl_weights") == (3.0, 0.5)
    low, high = view.config.noise.log_low, view.config.noise.log_high
    assert (low, high) == (-20.0, 0.0)
    by_group = joint_noise_of(network()).kl_per_group()
    weighted = 3.0 * by_group["0"].item() + 0.5 * by_group["3"].item()
    assert record.kl_weighted == pytest.approx(weighted, rel=1e-4)
    assert record.loss == pytest.approx(1.0 + weighted / N, rel=1e-4)


def test_it_is_seen_while_it_trains(runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tracking, "HEARTBEAT_SECONDS", 0.01)
    model = network()
    optimiser = adam(model)
    with begin(runs_root, model, optimiser=optimiser) as run:
        view = RunView(run.path)
        assert (view.state, view.alive, len(view.snapshots()), view.records()) == (State.RUNNING, True, 1, [])
        run.log(nll=epoch_of(model, optimiser))
        told = RunView(run.path)
        assert told.progress is not None
        assert (told.progress["epoch"], told.progress["step"], told.progress["steps"]) == (2, STEPS, 2 * STEPS)
        before = told.updated
        waits = 0
        while RunView(run.path).updated == before and waits < 1000:
            waits += 1
            time.sleep(0.01)
        assert RunView(run.path).updated != before, "the sign of life comes by itself"
    assert not RunView(run.path).alive


def test_modes_stay_as_they_were(runs_root: Path) -> None:
    model = network()
    model[3].eval()  # type: ignore[index]
    with begin(runs_root, model):
        assert [module.training for module in model][:4] == [True, True, True, False]  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("error", "state", "said"),
    [
        (ValueError("the disk\nis full"), "failed", "ValueError in the training loop: the disk"),
        (KeyboardInterrupt(), "stopped", "epoch 1"),
        (Diverged("NaN.", 0), "diverged", "NaN."),
    ],
)
def test_an_exception_ends_it(runs_root: Path, error: BaseException, state: str, said: str) -> None:
    run = begin(runs_root)
    with pytest.raises(type(error)), run:
        raise error
    view = RunView(run.path)
    assert view.state == state
    assert said in view.message
    assert not view.resumable
    with pytest.raises(BadRequest, match="not ours"):
        launcher.resume(view.id)


def test_stop_in_the_app_is_for_the_loop_to_see(runs_root: Path) -> None:
    with begin(runs_root) as run:
        assert not run.stop_requested
        run.log(nll=1.0)
        launcher.stop("mine")
        assert run.stop_requested
        assert RunView(run.path).state is State.STOPPING
    assert RunView(run.path).state is State.STOPPED


def test_numbers_that_cannot_be_are_refused(runs_root: Path) -> None:
    with begin(runs_root) as run:
        with pytest.raises(ValueError, match="train_error_percent"):
            run.log(nll=1.0, train_error_percent=101.0)
        with pytest.raises(Diverged):
            run.log(nll=torch.tensor(float("nan")))
        run.log(nll=1.0)
    with pytest.raises(ValueError, match="has ended"):
        run.log(nll=1.0)
    assert len(RunView(run.path).records()) == 1


def test_nothing_is_overwritten(runs_root: Path) -> None:
    with begin(runs_root) as run:
        with pytest.raises(BadRequest, match="another process"):
            begin(runs_root, replace=True)
        run.log(nll=1.0)
    with pytest.raises(BadRequest, match="replace=True"):
        begin(runs_root)
    assert len(RunView(run.path).records()) == 1
    with begin(runs_root, replace=True) as run:
        pass
    assert RunView(run.path).records() == []


@pytest.mark.parametrize("content", ["", "notes.txt", "config.json"])
def test_a_folder_that_is_not_ours_stays(runs_root: Path, content: str) -> None:
    folder = runs_root / "mine"
    folder.mkdir(parents=True)
    if content:
        (folder / content).write_text("{}")
    with pytest.raises(BadRequest, match="not made by sbp.track"):
        begin(runs_root, replace=True)
    assert [path.name for path in folder.iterdir()] == [content] * bool(content)


def test_a_run_of_ours_stays(runs_root: Path) -> None:
    store.create(sbp.RunConfig(), runs_root).close()
    (ours,) = store.list_runs(recorded=False)
    model = network()
    with pytest.raises(BadRequest, match="not made by sbp.track"):
        sbp.track(model, ours.folder, digits(2)[0], adam(model), n_train=N, epochs=1, replace=True)


def test_what_does_not_fit_is_said_before_anything_is_written(runs_root: Path) -> None:
    bare = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    other = torch.optim.Adam(bare.parameters())
    with pytest.raises(ValueError, match=r"sbp\.attach"):
        begin(runs_root, bare, optimiser=other)
    with pytest.raises(ValueError, match="optimiser"):
        begin(runs_root, optimiser=other)
    with pytest.raises(ValueError, match="n_train"):
        begin(runs_root, n_train=0)
    with pytest.raises(ValueError, match="kl_weights"):
        begin(runs_root, kl_weights=[1.0])
    with pytest.raises(sbp.ConfigError, match="colour"):
        begin(runs_root, colour="red")
    sbp.attach(bare, torch.zeros(2, 4), threshold=2.0)
    with pytest.raises(ValueError, match="threshold"):
        begin(runs_root, bare, optimiser=adam(bare))
    assert not list(runs_root.glob("*"))


def test_names_that_would_be_markup_are_refused(runs_root: Path) -> None:
    with pytest.raises(ValueError, match="title"):
        begin(runs_root, title="![](http://example.org/pixel.png)")
    assert not list(runs_root.glob("*"))


def test_a_folder_with_markup_in_its_description_is_a_problem(runs_root: Path) -> None:
    with begin(runs_root) as run:
        pass
    path = run.path / "description.json"
    path.write_text(json.dumps({**json.loads(path.read_text()), "title": "[here](http://example.org)"}))
    assert "title" in RunView(run.path).problem
    path.unlink()
    assert "missing" in RunView(run.path).problem
    assert store.list_runs(recorded=False)[0].summary()["state"] == "failed"


def test_it_needs_no_framework() -> None:
    code = "import sys; sys.modules |= {'lightning': None, 'transformers': None}; import sbp; sbp.track; sbp.TrackedRun"
    subprocess.run([sys.executable, "-c", code], cwd=Path(__file__).parents[2], timeout=120, check=True)


DIES = """
import os, signal, sys
from pathlib import Path
from tests.tracking.test_run import begin
with begin(Path(sys.argv[1])) as run:
    run.log(nll=1.0)
    os.kill(os.getpid(), signal.SIGKILL)
"""


def test_a_process_that_dies_is_lost(runs_root: Path) -> None:
    done = subprocess.run([sys.executable, "-c", DIES, str(runs_root)], cwd=Path(__file__).parents[2], timeout=120)
    assert done.returncode == -signal.SIGKILL
    view = RunView(runs_root / "mine")
    assert (view.state, view.resumable, len(view.records())) == (State.LOST, False, 1)


@pytest.mark.parametrize("verb", ["sweep", "compact", "resume"])
def test_a_verb_that_needs_more_says_so(runs_root: Path, verb: str) -> None:
    with begin(runs_root):
        pass
    done = CliRunner().invoke(app, [verb, "mine"])
    assert done.exit_code == 2
    assert "sbp.track" in done.stderr or "not ours" in done.stderr


def test_a_child_that_outlives_the_run_does_not_hold_it(runs_root: Path) -> None:
    with begin(runs_root) as run:
        child = multiprocessing.get_context("fork").Process(target=time.sleep, args=(60,))
        child.start()
    assert not RunView(run.path).alive
    child.kill()
    store.delete("mine")


def test_macs_of_grouped_convolutions_count_their_own_inputs(runs_root: Path) -> None:
    model = nn.Sequential(
        nn.Conv2d(8, 8, 3, groups=4), nn.Flatten(), nn.Linear(8 * 36, 16), nn.ReLU(), nn.Linear(16, 2)
    )
    x = torch.randn(2, 8, 8, 8)
    sbp.attach(model, x)
    with sbp.track(model, runs_root / "mine", x, adam(model), n_train=N, epochs=1) as run:
        pass
    assert RunView(run.path).description.dense_macs() == 9 * 2 * 36 * 8 + 8 * 36 * 16 + 16 * 2

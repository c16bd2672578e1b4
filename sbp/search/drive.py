"""Carries a search out: has its runs trained by a launcher, tells Optuna what they came to, keeps its table. No torch.

Of a run it reads the records of its epochs, whose errors are of held-out images; never its result, which has the test
error. All that it needs to go on lies in the study and in the runs' folders, so it may die at any moment.
"""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from pathlib import Path
from statistics import fmean
from typing import Any

from optuna.trial import Trial, TrialState

from sbp.runs import store
from sbp.runs.files import Lock, Locked
from sbp.runs.launchers import Launcher
from sbp.runs.names import BadRequest
from sbp.runs.states import ACTIVE, State
from sbp.runs.store import RunView
from sbp.search.plan import SearchPlan
from sbp.search.study import Study, values_of
from sbp.search.table import Row, SearchTable, path_of, read_table
from sbp.spec import ConfigError

POLL_SECONDS = 0.5
PATIENCE_SECONDS = 300.0  # for a launcher that does not answer
MOST_LIVES = 5  # how often a run whose worker dies is taken up before its configuration fails
_TOLD = {"finished": TrialState.COMPLETE, "pruned": TrialState.PRUNED, "failed": TrialState.FAIL}


class Candidate:
    """A configuration that is being tried, with a run for each seed."""

    def __init__(self, trial: Trial, plan: SearchPlan) -> None:
        self.trial, self.plan, self.values = trial, plan, values_of(trial)
        self.runs: dict[int, str] = {}
        self.lives = dict.fromkeys(plan.seeds, MOST_LIVES)
        self.row = Row(number=trial.number, state="running", values=trial.params)
        self.pruned_at: int = trial.user_attrs.get("pruned_at", 0)
        # It has ended, and no run of it goes on or could be taken up by a cluster: not looked at again.
        self.over = False
        self.reported = len(trial.study.get_trials(deepcopy=False)[trial.number].intermediate_values)

    @property
    def ended(self) -> bool:
        """Whether it is known what it came to."""
        return self.row.state != "running"

    def set(self, **changes: Any) -> None:
        """Changes its row."""
        self.row = self.row.model_copy(update=changes)

    def fail(self, why: str) -> None:
        """It came to nothing."""
        self.set(state="failed", said=" ".join(why.split())[:1000])

    def look(self, views: dict[int, RunView]) -> None:
        """Reports the epochs that the runs of all seeds have had, until Optuna would prune it or all have finished."""
        whole = len(views) == len(self.plan.seeds)
        records = [view.records() for view in views.values()] if whole else []
        common = min(map(len, records), default=0)
        for epoch in range(self.row.epoch + 1, (self.pruned_at or common) + 1):
            if epoch > common:
                break
            at = [of_run[epoch - 1] for of_run in records]
            error = fmean(float(record.validation_error_percent or 0.0) for record in at)
            self.set(epoch=epoch, error_percent=round(error, 6), macs=fmean(record.macs for record in at))
            if epoch > self.reported:
                self.trial.report(error, epoch)
                if self.trial.should_prune():
                    self.pruned_at = epoch
                    self.trial.set_user_attr("pruned_at", epoch)
                    break
        if self.pruned_at and self.row.epoch == self.pruned_at:
            self.set(state="pruned")
        elif whole and all(view.state is State.FINISHED for view in views.values()):
            self.set(state="finished" if common else "failed", said="" if common else "It has no epoch.")


class Search:
    """A search in a folder of runs, begun or taken up; `run` carries it to its end.

    Args:
        plan: what is searched.
        launcher: where its runs are trained.
        say: hears a sentence for each configuration that has ended.

    Raises:
        ConfigError: the plan cannot be carried out here.
        BadRequest: another process carries it out, or the folder has another search of this name.
    """

    def __init__(self, plan: SearchPlan, launcher: Launcher, say: Callable[[str], None] = lambda text: None) -> None:
        self.plan, self.launcher, self.say = plan, launcher, say
        self.root = Path(launcher.root or store.runs_root())
        plan.check(self.root)
        self.study = Study(plan, self.root)
        path = path_of(plan.name, self.root)
        path.parent.mkdir(parents=True, exist_ok=True)
        try:
            self.lock = Lock(path.with_suffix(".lock"))
        except Locked:
            raise BadRequest(f"The search {plan.name} is being carried out by another process.") from None
        config = plan.config({name: values_at(of) for name, of in plan.search.items()}, 0, plan.seeds[0])
        self.device = config.device
        self.table = SearchTable(
            name=plan.name,
            fields=list(plan.search),
            seeds=plan.seeds,
            runs=plan.trials * len(plan.seeds),
            sampler=plan.sampler,
            pruner=plan.pruner,
            network=config.network.name,
            dataset=config.data.dataset,
        )
        with contextlib.suppress(FileNotFoundError, ValueError):
            self.table = self.table.model_copy(update={"rows": read_table(path).rows})
        self._known = {
            (view.config.preset, view.config.seed): view
            for view in store.list_runs(recorded=False, root=self.root, named=f"-{store.in_id(plan.name)}-")
            if not view.problem
        }

    def run(self, stop_asked: Callable[[], bool] = lambda: False) -> SearchTable:
        """Tries what the budget allows; gives the table, as far as it is when a stop is asked for.

        Then its runs are stopped with a checkpoint, and the next call goes on with them.
        """
        answered = time.monotonic()
        try:
            while trials := self.study.open() or self.study.propose():
                found = [Candidate(trial, self.plan) for trial in trials]
                for one in found:
                    self._take_up(one)
                while not all(one.ended for one in found):
                    if stop_asked():
                        self._stop(found)
                        return self.table
                    try:
                        self._advance(found)
                        answered = time.monotonic()
                    except BadRequest:  # a scheduler that is being restarted, most likely
                        if time.monotonic() - answered > PATIENCE_SECONDS:
                            raise
                    time.sleep(POLL_SECONDS)
                # In the order of their numbers, when all have ended: what Optuna proposes next, and prunes, does not
                # hang on which was the quickest.
                for one in found:
                    value = one.row.error_percent if one.row.state == "finished" else None
                    self.study.study.tell(one.trial, value, _TOLD[one.row.state])
            return self.table
        finally:
            self.lock.release()

    def _take_up(self, one: Candidate) -> None:
        """Finds the runs that there are of a configuration already; those that were cut off go on."""
        for seed in self.plan.seeds:
            config = self._config(one, seed)
            view = self._known.get((config.preset, seed)) if config else None
            if view is not None and view.config.replace(device=self.device) == config:
                one.runs[seed] = view.id
                if view.state is State.STOPPED and not one.pruned_at:
                    self.launcher.resume(view.id)

    def _config(self, one: Candidate, seed: int) -> Any:
        try:
            return self.plan.config(one.values, one.trial.number, seed)
        except ConfigError as error:
            one.fail(str(error))
            return None

    def _advance(self, found: list[Candidate]) -> None:
        """One look at all runs; starts as many as there is room for."""
        active = 0
        for one in (one for one in found if not one.over):
            views = {seed: store.open_run(run_id, self.root) for seed, run_id in one.runs.items()}
            was = one.ended
            if not was:
                one.look(views)
                self._mend(one, views)
            for view in views.values():
                active += view.state.active
                if one.ended and view.state in (State.QUEUED, State.STARTING, State.RUNNING):
                    with contextlib.suppress(BadRequest):  # it has just ended
                        self.launcher.stop(view.id)
            one.over = one.ended and not any(view.state in (*ACTIVE, State.LOST) for view in views.values())
            if one.ended and not was:
                self.say(sentence(one.row))
        room = max(1, self.launcher.capacity(self.device)) - active
        for one, seed in [(one, seed) for one in found for seed in self.plan.seeds if seed not in one.runs]:
            if room <= 0 or one.ended:
                continue
            config = self._config(one, seed)
            if config is None:
                continue
            try:
                one.runs[seed] = self.launcher.start(config)
            except ConfigError as error:
                one.fail(str(error))
            except BadRequest:  # the queue is as long as the owner allows
                break
            room -= 1
        self._write(found)

    def _mend(self, one: Candidate, views: dict[int, RunView]) -> None:
        """Takes up a run whose worker died; a configuration one of whose runs failed has failed."""
        for seed, view in views.items():
            if one.ended or view.state in (State.FINISHED, State.STOPPING):
                continue
            state = self.launcher.state(view.id)
            if state is State.LOST and one.lives[seed]:
                one.lives[seed] -= 1
                self.launcher.resume(view.id)
            elif not state.active and state is not State.FINISHED and view.state is state:
                one.fail(f"{view.id}: {view.message}")

    def _stop(self, found: list[Candidate]) -> None:
        for one in found:
            for run_id in one.runs.values():
                with contextlib.suppress(BadRequest):
                    self.launcher.stop(run_id)

    def _write(self, found: list[Candidate]) -> None:
        for one in found:
            one.set(runs={str(seed): one.runs[seed] for seed in self.plan.seeds if seed in one.runs})
        rows = {row.number: row for row in self.table.rows} | {one.row.number: one.row for one in found}
        changed = {"rows": [rows[number] for number in sorted(rows)]}
        if changed["rows"] != self.table.rows:
            self.table = self.table.model_copy(update=changed)
            self.table.write(self.root)


def values_at(of: Any) -> Any:
    """A first value of a field that is searched."""
    return of[0] if isinstance(of, list) else of.low


def sentence(row: Row) -> str:
    """A configuration that has ended, in a line."""
    values = ", ".join(f"{name} {value}" for name, value in row.values.items())
    if row.state == "failed":
        return f"{row.number}: {values}: failed. {row.said}"
    came_to = f"{row.error_percent:.2f} % held out, {row.macs:,.0f} MACs"
    return f"{row.number}: {values}: {row.state} at epoch {row.epoch}, {came_to}"

"""The study of a search, which Optuna keeps in a file beside the runs: what is proposed, what is told. No torch.

`optuna-dashboard sqlite:///runs/optuna.db` opens it.
"""

from __future__ import annotations

import itertools
from pathlib import Path
from typing import Any

import optuna
from optuna import distributions
from optuna.trial import FrozenTrial, Trial, TrialState

from sbp.runs.names import BadRequest
from sbp.search.plan import Interval, SearchPlan, as_text, from_text

FILE = "optuna.db"
_PRUNERS: dict[str, Any] = {
    "none": optuna.pruners.NopPruner,
    "median": optuna.pruners.MedianPruner,
    "percentile": lambda: optuna.pruners.PercentilePruner(25.0),
    "successive-halving": optuna.pruners.SuccessiveHalvingPruner,
    "hyperband": optuna.pruners.HyperbandPruner,
}


class Study:
    """A search's study, new or as it was left.

    Args:
        plan: of the search.
        root: the folder of the runs.

    Raises:
        BadRequest: the folder has a search of this name with other fields.
    """

    def __init__(self, plan: SearchPlan, root: Path) -> None:
        optuna.logging.set_verbosity(optuna.logging.WARNING)
        root.mkdir(parents=True, exist_ok=True)
        storage = optuna.storages.RDBStorage(f"sqlite:///{(root / FILE).resolve()}")
        self.plan = plan
        self.study = optuna.create_study(
            storage=storage, study_name=plan.name, pruner=_PRUNERS[plan.pruner](), load_if_exists=True
        )
        asked = plan.model_dump_json(exclude={"budget"})
        known = self.study.user_attrs.get("plan", asked)
        if known != asked:
            raise BadRequest(f"{root / FILE} holds a search {plan.name} of other fields. Give this one another name.")
        self.study.set_user_attr("plan", asked)
        self._space = {name: _distribution(of) for name, of in plan.search.items()}

    def trials(self) -> list[FrozenTrial]:
        """All that were proposed, in the order of their numbers."""
        return self.study.get_trials(deepcopy=False)

    def open(self) -> list[Trial]:
        """Those that have been proposed and not been told."""
        # Optuna hands out a living trial from `ask` alone; its constructor takes up one that another process asked for.
        return [Trial(self.study, one._trial_id) for one in self.trials() if one.state is TrialState.RUNNING]

    def propose(self) -> list[Trial]:
        """The next configurations; fewer than a batch where the budget ends, none when it is spent."""
        found: list[Trial] = []
        first = len(self.trials())
        for number in range(first, min(first + self.plan.batch, self.plan.trials)):
            if self.plan.sampler == "grid":
                grid = itertools.product(*self.plan.grid.values())
                values = next(itertools.islice(grid, number, None))
                fixed = {name: as_text(value) for name, value in zip(self.plan.grid, values, strict=True)}
                self.study.enqueue_trial(fixed)
            # A seed for each number: a search that is taken up proposes what it would have proposed.
            self.study.sampler = self._sampler(self.plan.sampler_seed + number)
            found.append(self.study.ask(self._space))
        return found

    def _sampler(self, seed: int) -> Any:
        if self.plan.sampler == "tpe":
            return optuna.samplers.TPESampler(seed=seed, constant_liar=True)
        return optuna.samplers.RandomSampler(seed=seed)


def values_of(trial: Trial | FrozenTrial) -> dict[str, Any]:
    """The fields of a trial and their values, as a config takes them."""
    return {name: from_text(value) for name, value in trial.params.items()}


def _distribution(of: list[Any] | Interval) -> distributions.BaseDistribution:
    if isinstance(of, list):
        return distributions.CategoricalDistribution([as_text(value) for value in of])
    if isinstance(of.low, int) and isinstance(of.high, int):
        return distributions.IntDistribution(of.low, of.high, of.log, int(of.step or 1))
    return distributions.FloatDistribution(of.low, of.high, of.log, of.step)

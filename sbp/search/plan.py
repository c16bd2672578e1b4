"""What a search is, as its file says it: the fields to try, seeds, sampler, pruner, budget. No torch, no Optuna."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from sbp.runs.limits import read_limits
from sbp.runs.models import told
from sbp.spec import ConfigError, RunConfig, find_field
from sbp.spec.presets import PRESETS, preset_config

SAMPLERS = Literal["grid", "random", "tpe"]
PRUNERS = Literal["none", "median", "percentile", "successive-halving", "hyperband"]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", strict=True, allow_inf_nan=False)


class Interval(_Part):
    """Numbers from low to high, both included; whole ones where both are whole. log: equally often in each decade."""

    low: int | float
    high: int | float
    log: bool = False
    step: int | float | None = None


class SearchPlan(_Part):
    """A search. Every configuration is trained once with each seed, and judged by the mean of the held-out errors.

    Args:
        name: of the search, its study and its runs.
        base: fields of a run by their names, the same in all; `network` and `preset` choose a recipe to begin with.
        search: fields of a run, each with the list of its values or with an `Interval`.
        seeds: of the runs.
        budget: the most runs that are started; 0, with a grid: all of it.
        sampler: which of Optuna's proposes configurations; sampler_seed is its seed.
        pruner: which of Optuna's stops hopeless runs, by the held-out error epoch by epoch.
        together: configurations that are proposed at a time, from what those before came to. So what is proposed
            hangs on the seed, not on which run ended first. 0: all that the budget allows with a grid or at random and
            without a pruner, else 8.

    >>> plan = SearchPlan(name="lr", search={"lr": [0.01, 0.1]}, seeds=[0, 1], sampler="grid")
    >>> plan.trials, plan.config({"lr": 0.1}, 0, seed=1).optimisation.lr
    (2, 0.1)
    """

    name: Annotated[str, Field(pattern=r"^[A-Za-z0-9][A-Za-z0-9-]{0,29}$")]
    base: dict[str, Any] = {}
    search: Annotated[dict[str, list[Any] | Interval], Field(min_length=1, max_length=20)]
    seeds: Annotated[list[Annotated[int, Field(ge=0)]], Field(min_length=1, max_length=100)] = [0]
    budget: Annotated[int, Field(ge=0, le=1_000_000)] = 0
    sampler: SAMPLERS = "random"
    sampler_seed: Annotated[int, Field(ge=0, lt=2**31)] = 0
    pruner: PRUNERS = "none"
    together: Annotated[int, Field(ge=0)] = 0

    @property
    def grid(self) -> dict[str, list[Any]]:
        """The values of each field, where all have a list."""
        return {name: values for name, values in self.search.items() if isinstance(values, list)}

    @property
    def trials(self) -> int:
        """How many configurations the budget allows."""
        most = self.budget // len(self.seeds) if self.budget else 10**9
        return min(most, math.prod(map(len, self.grid.values()))) if self.sampler == "grid" else most

    @property
    def batch(self) -> int:
        """How many of them are proposed at a time."""
        free = self.sampler in ("grid", "random") and self.pruner == "none"
        return self.together or (min(self.trials, 1000) if free else 8)

    def config(self, values: dict[str, Any], number: int, seed: int) -> RunConfig:
        """The run of a configuration with a seed; raises `ConfigError`.

        Args:
            values: of the fields that are searched.
            number: of the configuration, which becomes part of the run's name.
            seed: of the run.
        """
        fields = {_flat(name): _frozen(value) for name, value in (self.base | values).items()}
        network, preset = fields.pop("network", RunConfig().network.name), fields.pop("preset", "custom")
        label = {"seed": seed, "preset": f"{self.name}-{number:04d}"}
        if (network, preset) in PRESETS:
            return preset_config(network, preset, **fields).replace(**label)
        return RunConfig.flat(network=network, **{**fields, **label})

    def check(self, root: Path | None = None) -> None:
        """Raises `ConfigError` where the search cannot be carried out, or is larger than the owner of the folder of
        runs allows: each field is tried at its ends, the others at their first."""
        if self.sampler == "grid" and len(self.grid) < len(self.search):
            raise ConfigError("sampler: a grid needs a list of values for each field; an interval is for the others.")
        if self.sampler != "grid" and not self.budget:
            raise ConfigError("budget: expected a number of runs, as only a grid ends by itself.")
        if empty := [name for name, values in self.grid.items() if not values]:
            raise ConfigError(f"search.{empty[0]}: expected at least one value, got an empty list.")
        if self.trials < 1:
            raise ConfigError(f"budget: expected at least {len(self.seeds)}, a run for each seed, got {self.budget}.")
        ends = {name: it if isinstance(it, list) else [it.low, it.high] for name, it in self.search.items()}
        first = {name: values[0] for name, values in ends.items()}
        limits = read_limits(root)
        for name, value in [(name, value) for name, values in ends.items() for value in values]:
            config = self.config({**first, name: value}, 0, self.seeds[0])
            limits.check(config)
            if not config.data.validation_size:
                raise ConfigError(
                    "base.validation_size: expected at least 1, got 0. A search chooses by images that are held out; "
                    "the test set is for what was chosen."
                )


def read_plan(path: Path) -> SearchPlan:
    """The search that a YAML file describes.

    Args:
        path: of the file. Tags of Python's own are refused, so that nothing in it is executed.

    Raises:
        ConfigError: it is no such file; the sentence names what is wrong.
        OSError: it cannot be read.
    """
    try:
        found = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        why = " ".join(str(error).split())
        raise ConfigError(f"{path}: expected YAML, got text that does not parse: {why}.") from None
    if not isinstance(found, dict):
        raise ConfigError(f"{path}: expected the fields of a search, got {type(found).__name__}.")
    try:
        plan = SearchPlan.model_validate(found)
    except ValidationError as error:
        raise ConfigError(f"{path}: {told(error)}.") from None
    for name in (*plan.base, *plan.search):
        if _flat(name) in ("seed", "device") and name in plan.search:
            raise ConfigError(f"{path}: search.{name} is not searched; seeds has the seeds, base the device.")
    return plan


def _flat(name: str) -> str:
    field = find_field(name)
    if field is None:
        raise ConfigError(f"{name}: a run has no such field; python -m sbp train --help and config.json name them.")
    return field.name


def _frozen(value: Any) -> Any:
    return tuple(value) if isinstance(value, list) else value


def as_text(value: Any) -> Any:
    """A value as Optuna stores it: of lists, which it does not know, their JSON.

    >>> as_text([50, 30]), as_text(0.1), from_text("[50, 30]"), from_text("sbp")
    ('[50, 30]', 0.1, [50, 30], 'sbp')
    """
    return json.dumps(value) if isinstance(value, list) else value


def from_text(value: Any) -> Any:
    """The value again."""
    return json.loads(value) if isinstance(value, str) and value.startswith("[") else value

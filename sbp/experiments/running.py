"""What of an experiment is there, what is missing, and the start of what is missing. No torch.

A run is an experiment's when its config is the planned one: where it was trained, on how many threads, compiled or not,
and what the recipe was called make no other run of it.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from sbp.experiments.planned import PlannedRow
from sbp.experiments.results import Row, RunResult, Table, speed_rows
from sbp.runs import launcher, store
from sbp.runs.states import State
from sbp.runs.view import RunView
from sbp.spec import RunConfig
from sbp.spec.networks import description_of

ASIDE = ("device", "threads", "compiled", "preset")
_LAST = ("epoch", "nll", "kl", "kl_weighted", "loss", "train_error_percent")


@dataclass(frozen=True)
class Job:
    """One run that an experiment needs: a row's recipe with one seed, and the run that there is of it, if any."""

    row: PlannedRow
    config: RunConfig
    view: RunView | None = None

    @property
    def title(self) -> str:
        """It in a few words: "lenet-500-300 sbp seed 0"."""
        return f"{self.row.network} {self.row.key} seed {self.config.seed}"

    @property
    def finished(self) -> bool:
        """Whether its figures are there."""
        return self.view is not None and self.view.state is State.FINISHED and self.view.result is not None

    @property
    def active(self) -> bool:
        """Whether it waits or trains."""
        return self.view is not None and self.view.state.active

    @property
    def wanted(self) -> RunConfig | str | None:
        """What `launcher.start_pack` is to be given: a config, the id of a run that was cut off, or nothing."""
        if self.view is None:
            return self.config
        return self.view.id if self.view.resumable else None


def identity(config: RunConfig) -> str:
    """Equal for two configs that ask for the same run, wherever it is trained.

    >>> identity(RunConfig.flat(device="cpu", preset="quick")) == identity(RunConfig.flat(threads=2))
    True
    """
    values = {name: value for name, value in config.to_flat().items() if name not in ASIDE}
    return json.dumps(values, sort_keys=True)


def jobs_of(rows: Iterable[PlannedRow], seeds: int, root: Path | None = None, first: int = 0) -> list[Job]:
    """Every run of these rows, the first seeds first and of those the dearest first, with the best run there is of it.

    seeds: how many, from `first` on.
    Finished comes before active, active before what can be resumed, that before what diverged; then the newest.
    Recorded runs do not count: reproducing a figure means running it again.
    """
    found: dict[str, RunView] = {}
    for view in store.list_runs(recorded=False, root=root):
        if view.problem:
            continue
        key = identity(view.config)
        if key not in found or _rank(view) < _rank(found[key]):
            found[key] = view
    jobs = [Job(row, config, found.get(identity(config))) for row in rows for config in row.configs(seeds, first)]
    return sorted(jobs, key=lambda job: (job.config.seed, -_cost(job.config)))


def refresh(jobs: Iterable[Job], ids: dict[str, str], root: Path | None = None) -> list[Job]:
    """The same jobs with today's views. ids: runs that were started for them, by `identity`."""
    jobs, again = list(jobs), []
    for job in jobs:
        run_id = ids.get(identity(job.config)) or (job.view.id if job.view else "")
        again.append(dataclasses.replace(job, view=store.open_run(run_id, root)) if run_id else job)
    return again


def start_missing(
    jobs: Sequence[Job], device: str, together: int, gpus: int = 0, root: Path | None = None
) -> dict[str, str]:
    """Starts or resumes what is not there, a process a GPU, elsewhere one; gives the runs' ids by `identity`.

    device: cpu, cuda or mps. Two rows with the same recipe share their runs. A run that is resumed goes on where its
    own config says.
    """
    missing = {identity(job.config): job for job in jobs if job.wanted is not None}
    packs: dict[tuple[str, int | None], list[tuple[str, Any]]] = {}
    for number, (key, job) in enumerate(missing.items()):
        wanted = job.wanted
        if isinstance(wanted, RunConfig):
            wanted = wanted.replace(device=device)
        asked = device if isinstance(wanted, RunConfig) or job.view is None else job.view.config.device
        gpu = number % gpus if gpus > 1 and asked in ("cuda", "auto") else None
        packs.setdefault((asked, gpu), []).append((key, wanted))
    ids: dict[str, str] = {}
    for (_, gpu), members in packs.items():
        started = launcher.start_pack([wanted for _, wanted in members], root, together, gpu)
        ids |= {key: run_id for (key, _), run_id in zip(members, started, strict=True)}
    return ids


def table_of(experiment: str, jobs: Iterable[Job]) -> Table:
    """The finished ones as a table; a row without any is there, and empty."""
    rows: dict[tuple[str, str], list[Job]] = {}
    for job in jobs:
        rows.setdefault((job.row.network, job.row.key), []).append(job)
    found = []
    for (network, key), of_row in rows.items():
        finished = [job for job in sorted(of_row, key=lambda job: job.config.seed) if job.finished]
        runs = tuple(result_of(job.view) for job in finished if job.view)
        found.append(Row(key, of_row[0].row.label, network, runs))
    return Table(experiment, tuple(found))


def result_of(view: RunView) -> RunResult:
    """A finished run's figures, and all that they stand on."""
    run, records = view.summary(), view.records()
    last = records[-1].to_dict() if records else {}
    measurements = (view.speed() or {}).get("measurements", [])
    same = ("seed", "method", "network", "test_error_percent", "validation_error_percent", "macs", "macs_reduction")
    stands_on = ("n_train", "n_test", "hardware", "device", "commit", "seconds")
    return RunResult(
        **{name: run[name] for name in (*same, *stands_on)},
        config=json.loads(json.dumps(view.config.to_flat())),
        kept=tuple(run["kept"]),
        kl_weights=tuple(run["kl_weights"] or ()),
        versions=dict(run["versions"] or {}),
        run=view.id,
        speed=tuple(row for measured in measurements for row in speed_rows(measured)),
        last={name: last[name] for name in _LAST if name in last},
        pack_runs=int(view.meta.get("pack_runs", 1)),
        pack_seconds=view.meta.get("pack_seconds"),
    )


def _rank(view: RunView) -> int:
    if view.state is State.FINISHED:
        return 0
    return 1 if view.state.active else 2 if view.resumable else 3


def _cost(config: RunConfig) -> float:
    """About how long it takes, in no unit: epochs times the MACs per image."""
    epochs = config.schedule.pretrain_epochs + config.schedule.epochs + config.schedule.finetune_epochs
    return float(epochs * description_of(config.network).dense_macs())

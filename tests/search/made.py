"""A launcher that trains nothing: a run's errors follow from its config, at once or after some looks."""

from __future__ import annotations

from typing import Any

from sbp.runs import store
from sbp.runs.launchers import Launcher
from sbp.search.plan import SearchPlan
from sbp.spec import RunConfig
from tests.runs.made import record

BASE: dict[str, Any] = {
    **{"dataset": "digits", "epochs": 4, "widths": [8, 8], "device": "cpu", "threads": 1, "batch_size": 100},
    **{"train_size": 200, "validation_size": 50},
}


def plan(**changes: Any) -> SearchPlan:
    """A grid of three, with two seeds."""
    values = {
        "name": "rates",
        "base": BASE,
        "search": {"noise_lr": [0.1, 0.05, 0.2]},
        "seeds": [0, 1],
        "sampler": "grid",
    }
    return SearchPlan(**{**values, **changes})


def error_of(config: RunConfig, epoch: int) -> float:
    """The held-out error that a made-up run has: least at a noise_lr of 0.05, seeds apart by one."""
    return 20 - 4 * epoch + 100 * abs(config.optimisation.noise_lr - 0.05) + config.seed


class Made(Launcher):
    """Writes whole runs. died: how many of the next runs are left as a dead worker leaves them."""

    name = "made"

    def __init__(self, root: Any = None, died: int = 0, room: int = 2) -> None:
        super().__init__(root)
        self.started: list[str] = []
        self.resumed: list[str] = []
        self.died, self.room = died, room

    def start(self, config: RunConfig) -> str:
        with store.create(config, self.root) as folder:
            self.started.append(folder.id)
            self._train(folder, 1)
        return folder.id

    def resume(self, run_id: str) -> str:
        self.resumed.append(run_id)
        with store.RunFolder(store.open_run(run_id, self.root).folder) as folder:
            self._train(folder, len(store.open_run(run_id, self.root).records()) + 1)
        return run_id

    def capacity(self, device: str) -> int:
        return self.room

    def _train(self, folder: store.RunFolder, first: int) -> None:
        epochs = folder.config.schedule.epochs
        self.died -= (dies := self.died > 0)
        for epoch in range(first, 2 if dies else epochs + 1):
            error = error_of(folder.config, epoch)
            folder.append_record(record(epoch, validation_error_percent=error, kept=(64, 8, 8)))
        folder.write_status("running" if dies else "finished")

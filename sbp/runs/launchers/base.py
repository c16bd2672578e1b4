"""What every launcher does for a run: start, stop, state, log, capacity; and the one that needs nothing. No torch."""

from __future__ import annotations

from abc import ABC, abstractmethod
from pathlib import Path
from typing import ClassVar

from sbp.runs import launcher, store
from sbp.runs.device_queue import parallel
from sbp.runs.states import State
from sbp.spec import RunConfig


class Launcher(ABC):
    """Starts the worker of a run somewhere. The folder of the run says the rest, wherever the worker lives.

    Args:
        root: the folder of the runs, by default `runs_root()`.
    """

    name: ClassVar[str]

    def __init__(self, root: Path | None = None) -> None:
        self.root = root

    @abstractmethod
    def start(self, config: RunConfig) -> str:
        """Creates a run and has it trained; gives its id at once. Raises as `sbp.runs.launcher.start` does."""

    @abstractmethod
    def resume(self, run_id: str) -> str:
        """Takes up a run that has ended before its last epoch. Raises as `sbp.runs.launcher.resume` does."""

    @abstractmethod
    def capacity(self, device: str) -> int:
        """How many trainings go on at once on a device (auto, cpu, cuda, mps); 0 while there is none."""

    def stop(self, run_id: str) -> None:
        """Asks a run to stop at its next step. Raises as `sbp.runs.launcher.stop` does."""
        launcher.stop(run_id, self.root)

    def state(self, run_id: str) -> State:
        """Where a run is in its life; raises `UnknownRun`."""
        return store.open_run(run_id, self.root).state

    def log_tail(self, run_id: str, lines: int = 20) -> str:
        """The last lines of what a run's worker printed; raises `UnknownRun`."""
        return store.open_run(run_id, self.root).log_tail(lines)


class Local(Launcher):
    """Processes of this machine, in a queue for each device (`sbp.runs.launcher`); nothing to install or start."""

    name = "local"

    def start(self, config: RunConfig) -> str:
        """A process of its own, which outlives this one."""
        return launcher.start(config, self.root)

    def resume(self, run_id: str) -> str:
        """The same, from the last checkpoint."""
        return launcher.resume(run_id, self.root)

    def capacity(self, device: str) -> int:
        """$SBP_PARALLEL, or what the owner's file says, whichever the device. Raises `ConfigError`."""
        return parallel(self.root)

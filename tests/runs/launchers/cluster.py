"""A Dask cluster on loopback: a scheduler and workers, each a process of its own, as `dask worker` starts them."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import psutil
from distributed import Client

from sbp.runs.launchers import dask

PATIENCE = 60.0
ROOT = Path(__file__).resolve().parents[3]


class Cluster:
    """A scheduler; `add` gives it a worker with room for one training on the CPU."""

    def __init__(self, place: Path) -> None:
        self.place, self.port = place, 0
        self.workers: dict[str, subprocess.Popen[bytes]] = {}
        self._all: list[subprocess.Popen[bytes]] = []
        self.begin()

    def begin(self) -> None:
        """Starts the scheduler; where there was one, at its address."""
        told = self.place / "scheduler.json"
        told.unlink(missing_ok=True)
        words = ["--port", str(self.port), "--no-dashboard", "--scheduler-file", str(told)]
        self.scheduler = self._started("dask_scheduler", *words)
        end = time.monotonic() + PATIENCE
        while not told.exists() or not told.read_text():
            assert time.monotonic() < end
            time.sleep(0.05)
        self.address = str(json.loads(told.read_text())["address"])
        self.port = int(self.address.rpartition(":")[2])

    def add(self, *names: str) -> None:
        """Starts workers, or others in the place of those that lost their scheduler, until the scheduler knows all."""
        for name in names:
            words = ["--nthreads", "1", "--no-nanny", "--no-dashboard", "--name", name, "--resources", "CPU=1"]
            local = ["--local-directory", str(self.place)]
            self.workers[name] = self._started("dask_worker", self.address, *words, *local)
        with Client(self.address, set_as_default=False) as client:
            client.wait_for_workers(len(self.workers), timeout=PATIENCE)

    def kill(self, name: str) -> None:
        """kill -9 of a worker alone; what it started is in sessions of their own."""
        process = self.workers.pop(name)
        process.kill()
        process.wait()

    def worker_of(self, pid: int | None) -> str | None:
        """Whose child this process is; None when it has ended."""
        for name, process in self.workers.items():
            if pid in [child.pid for child in psutil.Process(process.pid).children(recursive=True)]:
                return name
        return None

    def kill_with_children(self, name: str) -> None:
        """kill -9 of a worker and of all that it started, as when its machine dies."""
        children = psutil.Process(self.workers[name].pid).children(recursive=True)
        self.kill(name)
        for child in children:
            child.kill()

    def end_with_children(self, name: str) -> None:
        """SIGTERM to a worker and to all that it started, as at the time limit of a Slurm job."""
        process = self.workers.pop(name)
        children = psutil.Process(process.pid).children(recursive=True)
        for one in (process, *children):
            one.terminate()

    def kill_scheduler(self) -> None:
        """kill -9 of the scheduler."""
        self.scheduler.kill()
        self.scheduler.wait()

    def close(self) -> None:
        """Ends all of it."""
        dask.close_all()
        for process in self._all:
            process.send_signal(signal.SIGKILL)
            process.wait()

    def _started(self, module: str, *words: str) -> subprocess.Popen[bytes]:
        environment = {**os.environ, "PYTHONPATH": str(ROOT)}
        log = open(self.place / f"{module}.log", "ab")  # noqa: SIM115
        command = [sys.executable, "-m", f"distributed.cli.{module}", "--host", "127.0.0.1", *words]
        with log:
            self._all.append(subprocess.Popen(command, stdout=log, stderr=log, env=environment, cwd=self.place))
        return self._all[-1]

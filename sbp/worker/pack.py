"""Several runs trained by one process on one device, so that a GPU has work while one of them waits for the host.

On a CUDA device up to $SBP_PACK of them (by default all) train at once, each in a thread and on a stream of its own;
elsewhere one after another. The pack takes the device's turn once. Its runs end as they would alone: what they share,
torch's global generator while a network is built, is guarded by `sbp.training.stepper._DEVICE_LOCK`.
"""

from __future__ import annotations

import contextlib
import os
import threading
import time
from collections.abc import Iterator, Sequence
from typing import Any

from sbp.data import datasets
from sbp.machine import devices
from sbp.runs.device_queue import acquire, gpu_slot
from sbp.runs.filenames import LOG
from sbp.runs.files import Locked
from sbp.runs.folder import RunFolder
from sbp.runs.limits import read_limits
from sbp.runs.states import State
from sbp.spec import ConfigError
from sbp.worker.worker import LOADING, Worker

POLL_SECONDS = 0.2


class Pack:
    """Takes runs that asked for one device from queued to their ends; `run` gives their last states, in order.

    together: how many train at once; None: what $SBP_PACK says on a CUDA device, else one.
    """

    def __init__(self, folders: Sequence[RunFolder], together: int | None = None) -> None:
        self.folders, self.together = list(folders), together
        self.signalled = False
        self.begun = time.monotonic()
        self._states: dict[str, State] = {}
        self._data: dict[str, Any] = {}
        self._training: list[Worker] = []
        self._waiting = self.folders.copy()
        self._streams: list[Any] = []

    def run(self) -> list[State]:
        """Trains all to their ends, whichever they are."""
        slot = None
        try:
            device = self._device()
            if device is not None:
                slot = acquire(self.folders[0], device, self._all_asked)
            if device is None or slot is None:  # each says by itself why it does not train
                for folder in self.folders:
                    self._end(Worker(folder), folder)
            else:
                self._train(device)
        finally:
            if slot is not None:
                slot.release()
        self._say_pace()
        return [self._states[folder.id] for folder in self.folders]

    def _device(self) -> str | None:
        """Where all train; None when it cannot be had."""
        try:
            device = devices.resolve(self.folders[0].config.device)
        except (devices.DeviceError, ConfigError):
            return None
        for folder in self.folders:
            folder.write_status(State.QUEUED, device=device, place=gpu_slot())
        return device

    def _all_asked(self) -> bool:
        return self.signalled or all(it.stop_requested or it.gone for it in self.folders)

    def _train(self, device: str) -> None:
        together = self.together or (_from_environment(len(self.folders)) if device == "cuda" else 1)
        together = min(together, read_limits(self.folders[0].path.parent).parallel or together)
        threads: list[threading.Thread] = []
        self.begun = time.monotonic()
        while self._waiting or any(thread.is_alive() for thread in threads):
            threads = [thread for thread in threads if thread.is_alive()]
            # One that is stopped while it waits need not wait for its turn to hear of it.
            for folder in [it for it in self._waiting if self.signalled or it.stop_requested or it.gone]:
                self._start(folder, device, threads)
            while self._waiting and len(threads) < together:
                self._start(self._waiting[0], device, threads)
            if self.signalled:
                for worker in self._training:
                    worker.signalled = True
            threads[0].join(POLL_SECONDS) if threads else None

    def _start(self, folder: RunFolder, device: str, threads: list[threading.Thread]) -> None:
        self._waiting.remove(folder)
        thread = threading.Thread(target=self._train_one, args=(folder, device), name=folder.id)
        thread.start()
        threads.append(thread)

    def _train_one(self, folder: RunFolder, device: str) -> None:
        if folder.gone:
            self._states[folder.id] = State.LOST
            folder.close()
            return
        with open(folder.path / LOG, "a", encoding="utf-8") as log, self._stream(device):
            worker = Worker(folder, device, self._load, log)
            worker.signalled = self.signalled
            self._training.append(worker)
            self._end(worker, folder)

    def _end(self, worker: Worker, folder: RunFolder) -> None:
        worker.signalled = worker.signalled or self.signalled
        self._states[folder.id] = State.LOST  # until it says otherwise
        try:
            self._states[folder.id] = worker.run()
        finally:
            folder.close()
            # A training holds tensors on the device.
            worker.training = None
            with contextlib.suppress(ValueError):
                self._training.remove(worker)

    @contextlib.contextmanager
    def _stream(self, device: str) -> Iterator[None]:
        """On a CUDA device a stream that no other training of the pack is on; torch hands out 32, again and again."""
        if device != "cuda":
            yield
            return
        import torch  # as in `worker`

        stream = self._streams.pop() if self._streams else torch.cuda.Stream()
        try:
            with torch.cuda.stream(stream):
                yield
        finally:
            self._streams.append(stream)

    def _load(self, name: str, progress: Any = None) -> Any:
        """The data set, read once; the caller holds `LOADING`."""
        assert LOADING.locked()
        if name not in self._data:
            self._data[name] = datasets.load(name, progress=progress)
        return self._data[name]

    def _say_pace(self) -> None:
        """Leaves with each finished run how many finished here, and in how many seconds."""
        seconds = time.monotonic() - self.begun
        finished = [folder for folder in self.folders if self._states[folder.id] is State.FINISHED]
        for folder in finished:
            # Somebody may have deleted it since it ended, or be writing its sweep.
            with contextlib.suppress(OSError, ValueError, Locked), RunFolder(folder.path) as again:
                again.write_meta({**again.meta, "pack_runs": len(finished), "pack_seconds": seconds})


def _from_environment(runs: int) -> int:
    text = os.environ.get("SBP_PACK", "").strip()
    return int(text) if text.isdigit() and int(text) >= 1 else runs

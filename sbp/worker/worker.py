"""The process that trains a run, or several on one device (`sbp.worker.pack`): python -m sbp.worker RUN_FOLDER ...

It waits for its device's turn, trains, writes what the training says into the folder, and looks for a request
to stop after each event. Whatever happens ends in a state and a sentence; a traceback goes to log.txt alone. So what
needs torch is imported inside functions: a signal or an error in the seconds that this takes finds its state too.
"""

from __future__ import annotations

import contextlib
import os
import sys
import threading
import time
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, TextIO

from sbp.data import datasets
from sbp.machine import devices
from sbp.runs import remote
from sbp.runs.device_queue import acquire, gpu_slot
from sbp.runs.filenames import BEFORE, CHECKPOINT, LOCK, RESERVE, SWEEP
from sbp.runs.files import Lock
from sbp.runs.folder import RunFolder
from sbp.runs.launcher import LOCK_VARIABLE
from sbp.runs.states import Event, State, advance
from sbp.spec import RunConfig
from sbp.spec.records import Progress, Record, Snapshot, StepSnapshot
from sbp.worker.outcome import (
    FolderGone,
    StopAsked,
    describe_result,
    end_event,
    explain_error,
    is_out_of_memory,
    to_numpy,
)
from sbp.worker.priority import lower_priority
from sbp.worker.provenance import code_version
from sbp.worker.signals import run_with_signals

if TYPE_CHECKING:
    from sbp.training.checkpoint import Checkpoint

STATUS_SECONDS = 0.25
CHECKPOINT_SECONDS = 10.0
# Of the runs in a process one at a time reads its data and builds its network: what was read is shared, and a warning
# is caught for the whole process.
LOADING = threading.Lock()


class Worker:
    """Takes one run from queued to an end; `run` gives the last state.

    device: where it trains, when somebody else has found that out and holds the turn on it. load: of its data set, by
    default `sbp.data.datasets.load`. log: where a traceback goes, by default stderr.
    """

    def __init__(
        self,
        folder: RunFolder,
        device: str | None = None,
        load: Callable[..., Any] | None = None,
        log: TextIO | None = None,
    ) -> None:
        self.folder = folder
        self.config = folder.config
        self.state = State.QUEUED
        self.device, self.has_turn = device, device is not None
        self.load, self.log = load, log
        self.training: Any = None
        self.signalled = False
        self._told = 0.0

    def stop_asked(self) -> bool:
        """A `stop` file in the folder, or a SIGTERM or SIGINT; raises `FolderGone`."""
        self._check_folder()
        return self.signalled or self.folder.stop_requested

    def _check_folder(self) -> None:
        if self.folder.gone:
            raise FolderGone

    def all_ranks_want(self, wanted: bool) -> bool:
        """Whether all that train this run do what one of them wants; a worker alone does what it wants."""
        return wanted

    def move(self, event: Event, message: str = "") -> None:
        """Advances the state and writes it."""
        self.state = advance(self.state, event)
        self.folder.write_status(self.state, message, device=self.device)

    def run(self) -> State:
        """Trains to an end, whichever it is, and never raises."""
        try:
            self.folder.prepare()
            self._train()
        except StopAsked:
            self._stop("Stopped before its first step.")
        except Exception as error:
            if self.folder.gone:  # whatever lies there now is another's to write
                print(f"The folder of {self.folder.id} was deleted: its training ends.", file=self.log or sys.stderr)
                self.state = State.LOST
            else:
                self._end_badly(error)
        with contextlib.suppress(OSError):
            self.folder.remove(RESERVE)
        return self.state

    def _train(self) -> None:
        if self.has_turn:
            self._train_now()
            return
        asked = self.config.device
        self.device = "cpu" if devices.is_surely_cpu(asked) else devices.resolve(asked)
        self.folder.write_status(State.QUEUED, device=self.device, place=gpu_slot())
        slot = acquire(self.folder, self.device, self.stop_asked)
        if slot is None:
            raise StopAsked
        try:
            devices.resolve(self.device)  # a CPU is tried only now: a run that waits for it needs no torch
            self._train_now()
        finally:
            slot.release()

    def _train_now(self) -> None:
        if self.all_ranks_want(self.stop_asked()):
            raise StopAsked
        self.move(Event.START, f"Loads {self.config.data.dataset}.")
        with LOADING:
            self.training = self._build()
        self.move(Event.TRAIN, self.folder.note)
        if self.folder.note:
            print(self.folder.note, file=self.log or sys.stderr)
        if self._loop():
            self._finish()

    def _build(self) -> Any:
        import torch

        from sbp.training.loop import Checkpoint

        config = self.config.replace(device=self.device)
        if config.threads:
            torch.set_num_threads(config.threads)
        dataset = (self.load or datasets.load)(config.data.dataset, progress=self._say_download)
        if self.all_ranks_want(self.stop_asked()):
            raise StopAsked
        self.folder.write_status(self.state, "Building the network.")
        self.folder.remove(SWEEP)
        checkpoint = None
        if saved := self.folder.read_checkpoint():
            checkpoint = Checkpoint({name: torch.from_numpy(array) for name, array in saved[0].items()}, saved[1])
        training = self._training(config, dataset, checkpoint)
        self.folder.write_meta({**self.folder.meta, **training.meta(), "commit": code_version(), "device": self.device})
        return training

    def _training(self, config: RunConfig, dataset: Any, checkpoint: Checkpoint | None) -> Any:
        from sbp.training.loop import Training

        return Training(config, dataset, checkpoint)

    def _loop(self) -> bool:
        """Writes what the training says; False when it was stopped."""
        saved, seen = time.monotonic(), self.folder.last_snapshot_epoch()
        for event in self.training.events():
            self._check_folder()
            if isinstance(event, Record):
                self.folder.append_record(event)
            elif isinstance(event, Snapshot):
                # A run stopped at its very first step gives its initialisation twice.
                if event.epoch > seen:
                    self.folder.append_snapshot(event)
                    seen = event.epoch
            elif isinstance(event, StepSnapshot):
                self.folder.append_step(event)
            elif isinstance(event, Progress):
                self._say(self.folder.note, event)
            # Not between a record and the snapshot of its epoch: a checkpoint covers both or none.
            if not isinstance(event, Record) and self.all_ranks_want(self.stop_asked()):
                self.move(Event.ASK_STOP, "Saves a checkpoint.")
                self._save()
                self._stop("Stopped; it can be resumed from its checkpoint.")
                return False
            if not isinstance(event, Record) and self.all_ranks_want(time.monotonic() - saved > CHECKPOINT_SECONDS):
                self._save()
                saved = time.monotonic()
        return True

    def _save(self) -> None:
        checkpoint = self.training.checkpoint()
        self.folder.write_checkpoint(to_numpy(checkpoint.tensors), checkpoint.state)
        self.folder.write_model(to_numpy(self.training.model_tensors()))

    def _finish(self) -> None:
        from sbp.training.stepper import exclusive

        self.folder.write_model(to_numpy(self.training.model_tensors()))
        result = self._result(self.training.result())
        self.folder.write_result(result)
        exclusive(self._graph)()
        exclusive(self._sweep)()
        self.move(Event.FINISH, describe_result(result))
        for name in (BEFORE, CHECKPOINT):
            self.folder.remove(name)

    def _graph(self) -> None:
        """Leaves the network's graph beside its weights, for pages that compute it; without it they make it."""
        try:
            from sbp.export.graph import graph_for

            self.folder.write_graph(graph_for(self.config.network))
        except Exception:
            traceback.print_exc(file=self.log)

    def _sweep(self) -> None:
        """Leaves sweep.json beside the result; a run whose thresholds cannot be tried is finished all the same."""
        if not self.config.has_noise:  # nothing to put a threshold on
            return
        self.folder.write_status(self.state, "Tries thresholds.")
        try:
            from sbp.evaluation.sweep import Cancelled, sweep

            network, (images, labels, examples) = self.training.trained(), self.training.split.trial()
            seed, hardware = self.config.seed, devices.describe(self.device or "cpu")
            with contextlib.suppress(Cancelled):
                self.folder.write_sweep(sweep(network, images, labels, examples, seed, hardware, self.stop_asked))
        except Exception:
            traceback.print_exc(file=self.log)

    def _result(self, numbers: dict[str, Any]) -> dict[str, Any]:
        """What was asked, what came out, and on what: the numbers mean little without the rest."""
        asked = ("network", "dataset", "method", "preset", "seed", "epochs", "random_labels")
        result: dict[str, Any] = {name: self.config.value(name) for name in asked}
        meta = self.folder.meta
        known = ("hardware", "n_train", "n_test", "kl_weights", "versions", "commit")
        result |= {name: meta[name] for name in known if name in meta}
        return {**result, **numbers, "state": str(State.FINISHED), "device": self.device}

    def _stop(self, message: str) -> None:
        if self.state is not State.STOPPING:
            self.move(Event.ASK_STOP)
        self.move(Event.STOP, message)

    def _end_badly(self, error: Exception) -> None:
        """Diverged and out of memory keep the last good epoch's weights; all else is a failure with a sentence."""
        with contextlib.suppress(OSError):
            self.folder.remove(RESERVE)  # on a full disk the last words need its room
            traceback.print_exc(file=self.log)
        event = end_event(error)
        if self.training is not None and (event is Event.DIVERGE or is_out_of_memory(error)):
            with contextlib.suppress(OSError):
                self.folder.write_model(to_numpy(self.training.model_tensors()))
        with contextlib.suppress(OSError):  # no room even so: readers will see the run as lost
            self.move(event, explain_error(error, self.config.value("batch_size")))

    def _say(self, message: str, progress: Progress | None = None) -> None:
        """Writes the status, not more often than somebody can read it."""
        if time.monotonic() - self._told >= STATUS_SECONDS:
            self._told = time.monotonic()
            self.folder.write_status(self.state, message, progress)

    def _say_download(self, file: str, done: int, total: int) -> None:
        if self.stop_asked():
            raise StopAsked
        self._say(f"Downloads {file}: {done / 1e6:.1f} of {total / 1e6:.1f} MB.")


def main(*paths: str) -> int:
    """Trains the runs in these folders; gives the exit code of the process."""
    inherited = os.environ.pop(LOCK_VARIABLE, "")
    descriptors = [int(number) for number in inherited.split(",") if number]
    for descriptor in descriptors:
        os.set_inheritable(descriptor, False)
    lower_priority()
    none: list[int | None] = [None] * len(paths)
    locks = zip(paths, descriptors or none, strict=True)
    folders = [RunFolder(Path(path), Lock(Path(path) / LOCK, descriptor=of)) for path, of in locks]
    sending = remote.pushing([folder.path for folder in folders])
    if len(folders) > 1:
        from sbp.worker.pack import Pack  # it imports this module

        with sending:
            states = run_with_signals(Pack(folders))
    else:
        with folders[0], sending:
            states = run_with_signals(Worker(folders[0]))
    for folder, state in zip(folders, states, strict=True):
        print(f"{folder.id}: {state}")
    return 0 if all(state in (State.FINISHED, State.STOPPED) for state in states) else 1

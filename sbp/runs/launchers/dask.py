"""Runs on a cluster that Dask keeps: a task supervises the worker process of a run; nothing is trained inside Dask.

The runs' folder is one that every machine sees at the same path, with file locks. A task asks for its device as a
resource (`dask worker ADDRESS --resources "CPU=1"` or "GPU=1"), takes the lock of the run's folder, starts the very
worker that a laptop starts, and waits for it. Dask gives a task to another machine when its own dies: what it finds in
the folder says what is left to do, so that a run is neither lost nor trained twice. No torch.
"""

from __future__ import annotations

import atexit
import contextlib
import platform
import time
from collections.abc import Iterator
from pathlib import Path

from distributed import Client, fire_and_forget, get_worker

from sbp.runs import launcher, store
from sbp.runs.filenames import LOCK, STOP
from sbp.runs.files import Lock, Locked
from sbp.runs.folder import RunFolder
from sbp.runs.launchers.base import Launcher
from sbp.runs.names import BadRequest
from sbp.runs.states import State
from sbp.runs.view import RunView
from sbp.spec import RunConfig

CONNECT_SECONDS = 10.0
POLL_SECONDS = 0.5
LEAVE_SECONDS = 10.0  # in which a Dask worker that was told to end is gone
RESOURCES = {"cpu": "CPU", "cuda": "GPU", "mps": "GPU"}  # auto: GPU where a Dask worker has one, else CPU

# A connection for each scheduler, for the life of the process: making one takes longer than using it.
_clients: dict[str, Client] = {}


@atexit.register
def close_all() -> None:
    """Ends all connections, once what was said last has gone out."""
    for client in _clients.values():
        client.close()
    _clients.clear()


class Dask(Launcher):
    """Has runs trained by the workers of a Dask cluster.

    Args:
        address: of its scheduler, such as "tcp://127.0.0.1:8786".
        root: the folder of the runs, by default `runs_root()`, which every machine of the cluster sees.

    Reference:
        Dask.distributed, worker resources: https://distributed.dask.org/en/stable/resources.html
    """

    name = "dask"

    def __init__(self, address: str, root: Path | None = None) -> None:
        super().__init__(root)
        self.address = address

    def start(self, config: RunConfig) -> str:
        """A task that waits for a Dask worker with this device. Raises `BadRequest` when no scheduler answers."""
        with self._scheduler() as client:
            has = _announced(client)
        with store.create(config, self.root) as folder:
            self._hand_over(folder)
        return self._submit(client, has, folder.id)

    def resume(self, run_id: str) -> str:
        """The same. A run that still waits is handed over again, which is harmless: one task alone has its lock."""
        view = store.open_run(run_id, self.root)
        with self._scheduler() as client:
            has = _announced(client)
        if not view.handed_over:
            with launcher.reopen(run_id, self.root) as folder:
                self._hand_over(folder)
        return self._submit(client, has, run_id)

    def state(self, run_id: str) -> State:
        """As the folder says; lost, too, where it waits and this scheduler has never heard of it.

        Raises `BadRequest` as `start` does.
        """
        view = store.open_run(run_id, self.root)
        if view.handed_over:
            with self._scheduler() as client:
                if not client.story(_key(run_id, view.queued)):
                    return State.LOST
        return view.state

    def capacity(self, device: str) -> int:
        """So many of the device as the Dask workers have announced. Raises `BadRequest` as `start` does."""
        with self._scheduler() as client:
            has = _announced(client)
        return sum(int(of_worker.get(_resource(device, has), 0)) for of_worker in has)

    def _hand_over(self, folder: RunFolder) -> None:
        folder.write_status(State.QUEUED, f"Waits for a worker of {self.address}.", launcher=self.name)

    def _submit(self, client: Client, has: list[dict[str, float]], run_id: str) -> str:
        view = store.open_run(run_id, self.root)
        resources = {_resource(view.config.device, has): 1}
        path, key = str(view.folder.resolve()), _key(run_id, view.queued)
        future = client.submit(supervise, path, view.queued, key=key, resources=resources, pure=False)
        # Until the scheduler has heard of it `state` would call it lost, and a wish to keep it would be for nothing;
        # whether the scheduler dies in the meantime is said in `state`.
        end = time.monotonic() + CONNECT_SECONDS
        with contextlib.suppress(OSError):
            while not client.story(key) and time.monotonic() < end:
                time.sleep(0.01)
        fire_and_forget(future)
        return run_id

    @contextlib.contextmanager
    def _scheduler(self) -> Iterator[Client]:
        """To be asked in here; raises `BadRequest` where it does not answer, from the start or any more."""
        try:
            client = _clients.get(self.address)
            if client is None or client.status != "running":
                client = _clients[self.address] = Client(self.address, timeout=CONNECT_SECONDS, set_as_default=False)
            yield client
        except (OSError, ValueError) as error:
            raise BadRequest(
                f"SBP_DASK: expected the address of a Dask scheduler that answers, got {self.address!r} "
                f"({type(error).__name__}). Start one with `dask scheduler`, or unset SBP_DASK."
            ) from None


def supervise(path: str, queued: float) -> str:
    """The task: sees to it that the run in this folder is trained to an end, by a process of its own.

    Args:
        path: of the run's folder.
        queued: when the run was queued for this task, in seconds since 1970.

    Returns:
        The state in which it was left: one that ends before it could say why is lost, and is not begun again here.
    """
    place = Path(path)
    while True:
        try:
            lock = Lock(place / LOCK)
        except FileNotFoundError:
            return "deleted"
        except Locked:  # it is still trained, perhaps by the child of a Dask worker that died
            if _view(place).queued != queued:
                return "superseded"  # by a task that was handed over later: its device is not kept waiting
            time.sleep(POLL_SECONDS)
            continue
        with RunFolder(place, lock) as folder:
            if not folder.state.active and not _told_to_leave(_view(place), queued):
                return str(folder.state)
            if folder.state is not State.QUEUED:  # its machine died or was taken away: on from the last checkpoint
                folder.write_queued()
            folder.write_status(State.QUEUED, launcher=Dask.name, host=platform.node(), queued=queued)
            launcher.attend(folder, f"dask-{get_worker().name}")
        left = _view(place)
        if not _told_to_leave(left, queued):
            return str(left.state)
        time.sleep(LEAVE_SECONDS)  # this Dask worker, too, as a rule: then another one goes on


def _view(place: Path) -> RunView:
    return store.open_run(place.name, place.parent)


def _told_to_leave(view: RunView, queued: float) -> bool:
    """Whether a signal stopped the run rather than a user, as at the time limit of a Slurm job."""
    return view.state is State.STOPPED and view.queued == queued and not view.has(STOP)


def _key(run_id: str, queued: float) -> str:
    """One for each time that a run was queued: submitting it twice is submitting it once."""
    return f"sbp-{run_id}-{queued}"


def _announced(client: Client) -> list[dict[str, float]]:
    return [worker["resources"] for worker in client.scheduler_info(n_workers=-1)["workers"].values()]


def _resource(device: str, has: list[dict[str, float]]) -> str:
    """What a run on this device asks for, of what the workers have announced."""
    if device == "auto":
        return "GPU" if any(of_worker.get("GPU") for of_worker in has) else "CPU"
    return RESOURCES[device]

"""A run that grows on this machine, and what is read of it on any."""

from __future__ import annotations

from sbp.runs import remote, store
from sbp.runs.folder import RunFolder
from sbp.runs.remote.push import Pusher
from sbp.runs.states import State
from tests.runs.made import TINY, record, snapshot


def bucket() -> remote.Reader:
    found = remote.reader_of(store.runs_root())
    assert found is not None
    return found


def made(epochs: int) -> tuple[RunFolder, Pusher]:
    """A run that trains on this machine, all of it sent."""
    folder = store.create(TINY)
    pusher = Pusher(bucket().bucket, folder.path)
    folder.write_status(State.RUNNING)
    extend(folder, 1, epochs)
    pusher.push()
    return folder, pusher


def extend(folder: RunFolder, first: int, last: int) -> None:
    for epoch in range(first, last + 1):
        folder.append_record(record(epoch))
        folder.append_snapshot(snapshot(folder, epoch))


def epochs(run_id: str) -> list[int]:
    view = store.open_run(run_id)
    assert not view.problem
    assert view.snapshots().epochs.tolist() == [record.epoch for record in view.records()]
    return view.snapshots().epochs.tolist()

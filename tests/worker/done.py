"""What a worker does in this process, and what it left."""

from __future__ import annotations

from typing import Any

from sbp.runs import store
from sbp.runs.filenames import STOP
from sbp.runs.folder import RunFolder
from sbp.runs.view import RunView
from sbp.spec.records import Record
from sbp.worker.worker import Worker


def work(folder: RunFolder) -> RunView:
    """Runs a worker on this folder to its end; the view is taken while the lock is still taken."""
    state = Worker(folder).run()
    view = store.open_run(folder.id)
    assert view.state is state
    return view


def again(view: RunView) -> RunView:
    """What resume does, without a process."""
    with RunFolder(view.folder) as folder:
        folder.remove(STOP)
        folder.write_queued()
        return work(folder)


def without_time(records: list[Record]) -> list[dict[str, Any]]:
    return [{key: value for key, value in r.to_dict().items() if key != "seconds"} for r in records]

"""Every run there is: made, found, listed and deleted here. The folder of a run is the seam; no torch.

A run lives in a folder of its own under `runs_root()`; recorded runs that ship with the code lie in
`recorded_root()` in the very same format. `RunFolder` writes one, `RunView` reads one.
"""

from __future__ import annotations

import contextlib
import itertools
import os
import re
import shutil
import stat
import time
from collections.abc import Callable, Iterator
from pathlib import Path

from sbp import __version__
from sbp.runs import remote
from sbp.runs.device_queue import joining
from sbp.runs.filenames import CONFIG, DESCRIPTION, FORMAT, LOCK, META, STATUS, layers_to_json
from sbp.runs.files import Lock, Locked, replace_bytes, sync, write_json
from sbp.runs.folder import RunFolder
from sbp.runs.limits import read_limits
from sbp.runs.names import BadRequest, checked_name, is_name, is_plain
from sbp.runs.roots import recorded_root, runs_root, runs_url
from sbp.runs.trash import restore, throw
from sbp.runs.view import RunView
from sbp.spec import RunConfig
from sbp.spec.description import Description
from sbp.spec.networks import description_of

NEWEST = 200  # runs of one's own that pages list
_DATED = re.compile(r"\d{8}-\d{6}-")


class UnknownRun(LookupError):
    """No run has this id; the message says where was looked and what there is."""

    def __str__(self) -> str:
        return str(self.args[0]) if self.args else ""


def create(config: RunConfig, root: Path | None = None) -> RunFolder:
    """Makes a new run's folder, queued, and hands back its writer, which holds the run's lock.

    The folder appears whole and locked in one rename: no reader sees it half made or takes it for lost.
    Raises `ConfigError` when it is larger than the owner of this server allows (`sbp.runs.limits`), `BadRequest` when
    the queue is full or no folder can be named after it, and OSError when the place cannot be written.
    """
    root, now = Path(root or runs_root()), time.time()
    read_limits(root).check(config)
    base = checked_name(_base_id(config, now), "the run's id", "Choose a smaller seed.")
    with _hidden(config, description_of(config.network), root, now) as (hidden, lock), joining(root):
        path = _claim(hidden, root, base)
    return RunFolder(path, lock)


def create_at(path: Path, config: RunConfig, description: Description, replace: bool = False) -> RunFolder:
    """Makes a new run's folder at a path that somebody chose, for a network that the folder alone describes.

    Args:
        path: of the folder; its name becomes the run's id.
        config: the run's.
        description: of its network.
        replace: whether a run that a loop of the same kind left there, and that has ended, is deleted first.

    Raises:
        BadRequest: the name cannot be a run's, or something is there that is not to be replaced.
        OSError: the place cannot be written.
    """
    root, name = path.parent, checked_name(path.name, "the run's folder", "Choose another name.")
    if os.path.lexists(path):
        _make_way(path, replace)
    with _hidden(config, description, root, time.time()) as (hidden, lock):
        try:
            hidden.rename(path)
        except OSError:
            raise BadRequest(f"{path} was made by another process a moment ago. Choose another folder.") from None
    return RunFolder(root / name, lock)


def _make_way(path: Path, replace: bool) -> None:
    """Deletes a tracked run that has ended; raises `BadRequest` where something else is there, or it is to stay."""
    view = RunView(path) if is_plain(path, stat.S_IFDIR) and _is_run(path) else None
    if view is None or not view.described or not view.config.tracked:
        raise BadRequest(f"{path} is there already and was not made by sbp.track. Choose another folder.")
    if view.alive:
        raise BadRequest(f"{path} is written by another process, which still runs. Choose another folder.")
    if not replace:
        raise BadRequest(f"{path} holds a run that is {view.state}. Choose another folder, or pass replace=True.")
    delete(path.name, path.parent)


@contextlib.contextmanager
def _hidden(config: RunConfig, description: Description, root: Path, now: float) -> Iterator[tuple[Path, Lock]]:
    """A whole, queued and locked folder under a name that no reader sees, to be renamed; gone where that fails."""
    try:
        root.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError):
        raise BadRequest(f"SBP_RUNS: expected a folder for runs, got {root}, which is or lies in a file.") from None
    hidden = root / f".new-{os.getpid()}-{time.monotonic_ns()}"
    hidden.mkdir()
    try:
        replace_bytes(hidden / CONFIG, (config.to_json() + "\n").encode(), durable=False)
        write_json(hidden / DESCRIPTION, description.to_dict(), durable=False)
        layers = description.groups
        meta = {
            "format": FORMAT,
            "sbp": __version__,
            "created": now,
            "network": config.network.name,
            "layers": layers_to_json(layers),
        }
        write_json(hidden / META, meta, durable=False)
        lock = Lock(hidden / LOCK)
        RunFolder(hidden, lock).write_queued()
        for path in (hidden / CONFIG, hidden / DESCRIPTION, hidden / META, hidden):
            sync(path)
        yield hidden, lock
        sync(root)
    except BaseException:
        shutil.rmtree(hidden, ignore_errors=True)
        raise


def open_run(run_id: str, root: Path | None = None) -> RunView:
    """The run of exactly this id, live or recorded; raises `UnknownRun` with a sentence."""
    remote.bring(Path(root or runs_root()), run_id)
    for place, recorded in ((Path(root or runs_root()), False), (recorded_root(), True)):
        if is_name(run_id) and _is_run(place / run_id):
            return RunView(place / run_id, recorded)
    said = f"There is no run {run_id!r} in {place_of(root)} or among the recorded runs."
    raise UnknownRun(" ".join(filter(None, [said, remote.trouble(root)])))


def find_run(text: str, root: Path | None = None) -> RunView:
    """The run of this id, the only one whose id starts so, or for `latest` the newest live one.

    Raises `UnknownRun` when none or several fit.
    """
    if text == "latest":
        live = list_runs(False, root, most=1)
        if not live:
            raise UnknownRun(f"There is no run in {place_of(root)} yet; python -m sbp train starts one.")
        return live[0]
    with contextlib.suppress(UnknownRun):
        return open_run(text, root)
    root = Path(root or runs_root())
    here = (path.name for place in (root, recorded_root()) for path in _newest_first(place, _dated))
    ids = dict.fromkeys([*here, *remote.names(root)])
    fitting = [run_id for run_id in ids if text and run_id.startswith(text)]
    if len(fitting) > 1:
        some = ", ".join(fitting[:5])
        raise UnknownRun(f"{len(fitting)} runs start with {text!r} ({some}); give more of the id.")
    return open_run(fitting[0] if fitting else text, root)


def list_runs(
    recorded: bool = True, root: Path | None = None, most: int | None = None, named: str = ""
) -> list[RunView]:
    """Every run, newest first, recorded runs last; a corrupt one shows as failed and never raises.

    most: of one's own runs the newest so many alone, as reading one takes milliseconds; None: all. named: of one's own
    runs those alone whose ids have this in them; no other is read.
    """
    remote.bring_newest(Path(root or runs_root()), most, _age_key)
    own = _newest_first(Path(root or runs_root()), _dated, named)
    runs = [RunView(path) for path in itertools.islice(own, most)]
    if recorded:
        known = {run.id for run in runs}
        runs += [RunView(path, True) for path in _newest_first(recorded_root()) if path.name not in known]
    return runs


def place_of(root: Path | None = None) -> str:
    """Where runs are, as people know it: a folder, or the URL of a bucket."""
    return str(root or runs_url() or runs_root())


def newest_runs(recorded: bool = True) -> list[RunView]:
    """What pages list: the newest `NEWEST` runs of one's own, and the recorded ones."""
    return list_runs(recorded, most=NEWEST)


def count_runs(root: Path | None = None) -> int:
    """How many runs of one's own there are; reads none of them."""
    place = Path(root or runs_root())
    elsewhere = set(remote.names(place))
    return len(elsewhere) + sum(is_name(it) and _is_run(place / it) for it in {*_names(place)} - elsewhere)


def unread(root: Path | None = None) -> list[str]:
    """Names of folders that hold a run and are not listed, since no run can be named so."""
    place = Path(root or runs_root())
    others = [name for name in _names(place) if not (name.startswith(".") or is_name(name))]
    return sorted(name for name in others if _is_run(place / name))


def delete(run_id: str, root: Path | None = None) -> None:
    """Moves a run's folder to the trash; raises `BadRequest` while a worker writes it, or when it is a recorded run."""
    view = open_run(run_id, root)
    if view.recorded:
        raise BadRequest(f"{view.id} is a recorded run that ships with the code; it cannot be deleted.")
    if not is_plain(view.folder, stat.S_IFDIR):
        raise BadRequest(f"{view.folder} is a link to a folder elsewhere; delete the link, or the folder, by hand.")
    try:
        lock = Lock(view.folder / LOCK)
    except Locked:
        raise BadRequest(f"{view.id} is {view.state}; stop it before you delete it.") from None
    try:
        remote.delete(view.folder)
        throw(view.folder)
    finally:
        lock.release()


def undelete(run_id: str, root: Path | None = None) -> None:
    """Brings a deleted run back; raises `BadRequest` when it is no longer there, or another has its id."""
    place = Path(root or runs_root())
    restore(run_id, place)
    remote.undelete(place / run_id)


def in_id(preset: str) -> str:
    """A preset's name as the ids of its runs have it.

    >>> in_id("wide, slow")
    'wide-slow'
    """
    return re.sub(r"[^A-Za-z0-9]+", "-", preset).strip("-")[:40]


def _base_id(config: RunConfig, now: float) -> str:
    moment = time.strftime("%Y%m%d-%H%M%S", time.localtime(now))
    return f"{moment}-{config.network.name}-{in_id(config.preset) or 'custom'}-s{config.seed}"


def _claim(hidden: Path, root: Path, base: str) -> Path:
    """Renames the finished folder to the first free id; a rename onto a folder with files in it fails."""
    number = 1
    while True:
        path = root / (base if number == 1 else f"{base}-{number}")
        if not os.path.lexists(path) and remote.claim_new(hidden, path):
            try:
                hidden.rename(path)
                return path
            except OSError:
                if not os.path.lexists(path):
                    raise
        number += 1


def _is_run(path: Path) -> bool:
    return (path / CONFIG).is_file() or (path / STATUS).is_file()


def _names(place: Path) -> list[str]:
    try:
        return os.listdir(place)
    except OSError:
        return []


def _newest_first(
    place: Path, dated: Callable[[Path, str], str] = lambda place, name: name, named: str = ""
) -> Iterator[Path]:
    """Folders of runs, newest id first, each looked into when its turn comes: few may be wanted of many.

    dated: gives an id that begins with the moment when a run was made. named: what the ids have in them.
    """
    names = [name for name in _names(place) if is_name(name) and named in name]
    for name in sorted(names, key=lambda name: _age_key(dated(place, name)), reverse=True):
        if _is_run(path := place / name):
            yield path


def _age_key(name: str) -> tuple[str, str, int, str]:
    """Date, time, then the suffix as a number, so that -10 is newer than -9."""
    date, _, rest = name.partition("-")
    clock, _, rest = rest.partition("-")
    suffix = rest.rpartition("-")[2]
    return date, clock, int(suffix) if suffix.isdigit() else 1, name


def _dated(place: Path, name: str) -> str:
    """The id; with the moment when its config was written before it, where somebody chose the name."""
    if _DATED.match(name):
        return name
    try:
        made = (place / name / CONFIG).lstat().st_mtime
    except OSError:
        made = 0.0
    return f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(made))}-{name}"

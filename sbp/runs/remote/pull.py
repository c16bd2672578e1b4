"""Brings runs of the bucket into the folders of this machine, where everybody reads them. No torch.

One listing says of all runs whether they have changed. Of the newest the manifest and the small files are brought, and
films as far as `BUDGET` goes, the rest at the next look; of one that is opened all that a reader wants. Of a run that
this machine writes nothing is brought: its folder is the truth, and what its worker could not send is sent from here.
"""

from __future__ import annotations

import contextlib
import functools
import hashlib
import shutil
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from typing import Any

from sbp.runs.filenames import LOCK
from sbp.runs.files import Lock, Locked, is_locked
from sbp.runs.names import is_name
from sbp.runs.plain_files import SMALL, BadFile
from sbp.runs.remote.bucket import DELETED, Bucket
from sbp.runs.remote.found import Found
from sbp.runs.remote.manifest import CHECKPOINTS, FILMS, LARGER, LEASE_SECONDS, LISTED, NOTE, Note, parse, read_note
from sbp.runs.remote.push import Pusher, Superseded
from sbp.runs.trash import throw

LOOK_SECONDS = 1.0  # between two looks at one run
LIST_SECONDS = 2.0  # between two listings, or four times what one takes
SLOW_SECONDS = 0.5  # of a listing, from which on nobody waits for the next
RETRY_SECONDS = 20.0  # until a bucket that did not answer is asked again
BUDGET = 16 * 2**20  # bytes of films that a list brings at a time


class Reader:
    """Keeps the folders of this machine up with a bucket.

    trouble: why they are not, empty where they are. answered: when the bucket last did.
    """

    def __init__(self, bucket: Bucket) -> None:
        self.bucket, self.root, self.trouble, self.answered = bucket, bucket.root, "", 0.0
        self.heads: dict[str, tuple[int, str]] = {}
        self._looked: dict[str, float] = {}
        self._changed: dict[str, float] = {}
        self._next = self._again = self._took = 0.0
        self._lock = threading.Lock()

    def names(self) -> Iterable[str]:
        """The ids of all runs in the bucket."""
        if time.monotonic() >= self._next:
            self._look(self._list, wait=not self.heads)
        return list(self.heads)

    def bring_newest(self, most: int | None, age: Callable[[str], Any]) -> None:
        """Brings the newest so many runs as far as a list shows them; age: what ids are sorted by."""
        look = functools.partial(self._look_at_newest, most, age)
        if time.monotonic() < self._next:
            return
        if not self.heads or self._took < SLOW_SECONDS:
            self._look(look, wait=not self.heads)
        else:  # a page shows what is here, and the rest when it looks again
            threading.Thread(target=self._look, args=(look, False), daemon=True).start()

    def bring(self, run_id: str) -> None:
        """Brings one run, with all that a reader wants of it."""
        if is_name(run_id) and time.monotonic() - self._looked.get(run_id, -LOOK_SECONDS) >= LOOK_SECONDS:
            self._look(lambda: self._bring(run_id), wait=not (self.root / run_id).exists())

    def latest(self, run_id: str) -> Found | None:
        """A run as the bucket has it now; None where it has none. Raises `Unreachable`, or `BadFile`."""
        writer = max(read_note(self.root / run_id).writer, self.heads.get(run_id, (1, ""))[0])
        while True:
            own, after = (self.bucket.manifest(run_id, number) for number in (writer, writer + 1))
            got = self.bucket.read({own: SMALL, after: SMALL})
            if after not in got:
                return self._found(run_id, writer, got[own]) if own in got else None
            writer += 1

    def lay(self, runs: Sequence[Found]) -> None:
        """Brings the files that are wanted of these. Raises `Unreachable`, or `BadFile` after it has brought others."""
        wanted = [(run, part) for run in runs for name in run.wanted for part in run.missing(name)]
        keys = [self.bucket.part(run.folder.name, part.writer, part.sha256) for run, part in wanted]
        contents = self.bucket.read({key: part.size for key, (_, part) in zip(keys, wanted, strict=True)})
        pieces = {key.rpartition("/")[2]: content for key, content in contents.items()}
        bad: list[BadFile] = []
        for run in runs:
            try:
                run.lay(pieces)
            except BadFile as error:  # replaced between the two looks, or spoilt
                bad.append(error)
        if bad:
            raise bad[0]

    def _look(self, look: Callable[[], None], wait: bool) -> None:
        """Asks the bucket, unless it has just not answered, or somebody else asks and need not be waited for."""
        if time.monotonic() < self._again or not self._lock.acquire(blocking=wait):
            return
        try:
            self.root.mkdir(parents=True, exist_ok=True)
            lock = Lock(self.root / ".bucket.lock", patience=LEASE_SECONDS if wait else 0.0)
            try:
                look()
                self.trouble, self.answered = "", time.time()
            finally:
                lock.release()
        except Locked:
            pass
        except (OSError, BadFile) as error:
            self.trouble = str(error)
            if isinstance(error, OSError):
                self._again = time.monotonic() + RETRY_SECONDS
        finally:
            self._lock.release()

    def _look_at_newest(self, most: int | None, age: Callable[[str], Any]) -> None:
        self._list()
        self._bring_listed(sorted(self.heads, key=age, reverse=True)[:most])

    def _list(self) -> None:
        begun = time.monotonic()
        listed = self.bucket.list()
        heads = {run_id: told for run_id, told in listed.items() if told[0] != DELETED}
        for run_id in (set(self.heads) or {path.parent.name for path in self.root.glob(f"*/{NOTE}")}) - set(heads):
            folder = self.root / run_id
            if not read_note(folder).owner and not is_locked(folder / LOCK):
                shutil.rmtree(folder, ignore_errors=True)  # it was no more than a copy
            elif run_id in listed and folder.exists():
                throw(folder)
        self.heads = heads
        self._took = time.monotonic() - begun
        self._next = time.monotonic() + max(LIST_SECONDS, 4 * self._took)

    def _bring_listed(self, ids: Sequence[str]) -> None:
        keys = {}
        for run_id in ids:
            writer, stamp = self.heads[run_id]
            note = read_note(self.root / run_id)
            fresh = (note.writer, note.stamp) != (writer, stamp) or set(note.pending) - {*LARGER}
            if fresh and not self._is_ours(run_id, writer):
                keys[self.bucket.manifest(run_id, writer)] = run_id
        contents, left, found, bad = self.bucket.read(dict.fromkeys(keys, SMALL)), BUDGET, [], ""
        for key, content in contents.items():
            try:
                run = self._found(keys[key], *self.heads[keys[key]][:1], content, self.heads[keys[key]][1])
            except BadFile as error:
                bad = bad or str(error)
                continue
            run.wanted = run.differing(LISTED)
            more = run.differing(FILMS, () if run.lives else CHECKPOINTS)
            left -= sum(part.size for name in more for part in run.missing(name))
            run.wanted += more if left >= 0 else []
            found.append(run)
        self.lay(found)
        if bad:
            raise BadFile(bad)

    def _bring(self, run_id: str) -> None:
        found = None if self._is_ours(run_id) else self.latest(run_id)
        if found and not (found.before.owner and found.writer == found.before.writer):
            found.wanted = found.differing(LISTED, FILMS, LARGER, () if found.lives else CHECKPOINTS)
            self.lay([found])
        self._looked[run_id] = time.monotonic()

    def _is_ours(self, run_id: str, writer: int = 0) -> bool:
        """Whether nothing is to be brought of a run, as it is written here; sends what its worker left unsent.

        writer: the number of its last one, where that is known.
        """
        folder = self.root / run_id
        note = read_note(folder)
        if is_locked(folder / LOCK):
            return True
        if note.owner and note.behind:
            with contextlib.suppress(Superseded, Locked):
                lock = Lock(folder / LOCK, patience=0.0)
                try:
                    Pusher(self.bucket, folder).push(last=True)
                finally:
                    lock.release()
                return True
        return bool(note.owner) and 0 < writer <= note.writer

    def _found(self, run_id: str, writer: int, content: bytes, stamp: str = "") -> Found:
        """Raises `BadFile`."""
        folder, now = self.root / run_id, time.time()
        manifest = parse(content, f"{self.bucket.manifest(run_id, writer)} in {self.bucket.url}")
        before, digest = read_note(folder), hashlib.sha256(content).hexdigest()
        heard = before.heard
        if digest != before.digest:
            watched = time.monotonic() - self._changed.get(run_id, -LEASE_SECONDS) < LEASE_SECONDS
            heard = now if watched else min(now, manifest.time)  # its clock is asked where ours cannot tell
            self._changed[run_id] = time.monotonic()
        here = {} if before.owner else before.here
        note = Note(writer=writer, stamp=stamp, digest=digest, heard=heard, ended=manifest.ended, here=here)
        return Found(folder, writer, manifest, note, before)

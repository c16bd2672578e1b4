"""Sends what a worker writes to the bucket, in a thread that training never waits for. No torch.

What is in the run's folder is the truth; the thread looks at it every two seconds. Parts are sent first, the manifest
that lists them after them, and what no manifest lists any more is removed one look later, for those who are reading it.
"""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import threading
import time
import traceback
from collections.abc import Iterator, Sequence
from pathlib import Path

from sbp.runs import models
from sbp.runs.filenames import STATUS, STOP
from sbp.runs.plain_files import SMALL, BadFile, read_plain
from sbp.runs.reading import scan_folder
from sbp.runs.remote.bucket import Bucket, Unreachable
from sbp.runs.remote.manifest import FILES, Manifest, Parts, as_parts, most_bytes, parse, read_note, write_note
from sbp.runs.states import ACTIVE
from sbp.runs.trash import throw

LOOK_SECONDS = 2.0
HEARTBEAT_SECONDS = 10.0  # without news
LAST_SECONDS = 120.0  # for the last words of a worker, when the bucket does not answer


class Superseded(Exception):
    """Another machine has taken the run over, or its folder here was deleted; the message says which."""


class Pusher:
    """Brings one run of the bucket up to what its folder here holds.

    Args:
        bucket: the runs'.
        folder: of a run whose writer this machine is (`sbp.runs.remote.claims`).
    """

    def __init__(self, bucket: Bucket, folder: Path) -> None:
        self.bucket, self.folder = bucket, folder
        note = read_note(folder)
        self.writer, self.owner = note.writer, note.owner
        self.told = -HEARTBEAT_SECONDS
        self._files: Parts | None = None
        self._seen: dict[str, object] = {}
        self._scanned: object = None
        self._dropped: set[str] = set()
        self._unread: set[str] = set()

    def push(self, last: bool = False) -> None:
        """Sends what is new.

        Args:
            last: whether this machine writes it no longer.

        Raises:
            Superseded: another machine has taken the run over, whereupon the folder here is in the trash; or it was
                deleted.
            Unreachable: the bucket does not answer; the next push sends what is missing.
        """
        own, run = self.bucket.manifest(self.folder.name, self.writer), self.folder.name
        after, stop = self.bucket.manifest(run, self.writer + 1), self.bucket.part(run, self.writer, STOP)
        asked = self.bucket.read({after: 1, stop: 1} | ({own: SMALL} if self._files is None else {}))
        if not self.folder.exists():
            raise Superseded(f"The folder of {run} was deleted; the bucket has what was sent before.")
        if after in asked:
            throw(self.folder)  # the worker finds it gone and ends
            raise Superseded(f"{run} was taken over or deleted by another machine.")
        if stop in asked:
            with contextlib.suppress(OSError):
                (self.folder / STOP).touch()
            self.bucket.remove(stop)
        if self._files is None:  # as it was taken over, with the parts of the writer before
            self._files = parse(asked[own], own).files if own in asked else {}
        scanned = scan_folder(self.folder)
        if not last and scanned == self._scanned and time.monotonic() - self.told < HEARTBEAT_SECONDS:
            return
        files, seen = self._sent(self._files)
        ended = last or not self._active()
        words = Manifest(owner=self.owner, machine=platform.node(), time=time.time(), ended=ended, files=files)
        self.bucket.write(own, words.model_dump_json(exclude_none=True).encode())
        self.told, self._scanned, self._seen = time.monotonic(), scanned, seen
        listed = self._keys(files)
        self.bucket.remove(*(self._dropped - listed))
        self._dropped, self._files = self._keys(self._files) - listed, files
        if last:
            self.bucket.remove(*self._dropped)
            write_note(self.folder, read_note(self.folder).model_copy(update={"behind": False, "ended": True}))

    def _sent(self, before: Parts) -> tuple[Parts, dict[str, object]]:
        """The parts of the files that are there now, those that are new sent; and what tells each from a later one.

        Each is looked at when its turn comes: what the status says of the others, or a checkpoint, is there by then.
        """
        files: Parts = {}
        seen, there = dict(self._seen), self._keys(before)
        for name in reversed(FILES):
            try:
                facts = os.lstat(self.folder / name)
                entry = facts.st_mtime_ns, facts.st_size, facts.st_ino
                if name in before and self._seen.get(name) == entry:
                    files[name] = before[name]
                    continue
                content = read_plain(self.folder / name, most_bytes(name))
            except FileNotFoundError:
                continue
            except BadFile as error:  # removed or replaced between the two looks, or larger than anybody reads
                if name not in self._unread:
                    print(f"Not sent to {self.bucket.url}: {error}", file=sys.stderr)
                self._unread.add(name)
                continue
            known = [part for part in before.get(name, []) if part.writer == self.writer]
            files[name], new = as_parts(content, known, self.writer)
            if new and files[name][-1].text is None:
                key = self.bucket.part(self.folder.name, self.writer, files[name][-1].sha256)
                if key not in there:  # a checkpoint becomes the one before as it is
                    self.bucket.write(key, new)
                    there.add(key)
            seen[name] = entry
        return files, seen

    def _active(self) -> bool:
        with contextlib.suppress(BadFile):
            return models.STATUS.read(self.folder / STATUS).get("state") in ACTIVE
        return True

    def _keys(self, files: Parts) -> set[str]:
        """Where the parts are that stand in no manifest."""
        parts = [part for some in files.values() for part in some if part.text is None]
        return {self.bucket.part(self.folder.name, part.writer, part.sha256) for part in parts}


@contextlib.contextmanager
def pushing(bucket: Bucket, folders: Sequence[Path]) -> Iterator[None]:
    """Sends what is written to these runs while it goes on in here, and at its end what is left, for two minutes."""
    pushers, ended = [Pusher(bucket, folder) for folder in folders], threading.Event()
    thread = threading.Thread(target=_push_all, args=(bucket, pushers, ended), daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join(LAST_SECONDS)


def _push_all(bucket: Bucket, pushers: list[Pusher], ended: threading.Event) -> None:
    trouble, going = "", list(pushers)
    while going:
        last, said = ended.wait(LOOK_SECONDS), ""
        try:
            for pusher in list(going):
                try:
                    pusher.push(last)
                    if last:
                        going.remove(pusher)
                except Superseded as error:
                    print(error, file=sys.stderr)
                    going.remove(pusher)
            if trouble:
                print(f"{bucket.url} answers again; it has all that was missing.", file=sys.stderr)
        except Unreachable as error:
            said = f"{error} Training goes on; what is missing is sent later."
        except Exception:  # whatever it is, it is no reason to end a training
            said = traceback.format_exc()
        if said and said != trouble:
            print(said, file=sys.stderr)
        trouble = said
        if last and going:
            time.sleep(LOOK_SECONDS)

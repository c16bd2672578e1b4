"""`bench bucket`: what runs in a bucket cost in requests, bytes and seconds. No torch."""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from sbp.benchmarks.synthetic_runs import SyntheticRun
from sbp.runs.plain_files import SMALL
from sbp.runs.remote.bucket import Bucket
from sbp.runs.remote.claims import claim_new
from sbp.runs.remote.manifest import parse
from sbp.runs.remote.pull import Reader
from sbp.runs.remote.push import Pusher
from sbp.runs.store import NEWEST
from sbp.spec import RunConfig

LISTED_EPOCHS = 5  # of each of many runs, as in `bench runs`
CHANGED = 20  # runs that train at once
AT_ONCE = 500


def measure(url: str, n: int, epochs: int, tell: Callable[[str], None] = lambda what: None) -> dict[str, float]:
    """Lists n copies of a made-up run in a place of its own in a bucket, follows another, and removes all of it.

    Args:
        url: of the bucket.
        n: runs in the list.
        epochs: that are written and followed; the writer sends, and a reader looks, once an epoch.
        tell: told of what is going on.

    Returns:
        By name: seconds, seconds of CPU here and requests of three looks at the newest runs; requests and bytes an
        epoch.

    Raises:
        BadRequest: the bucket cannot be used.
        Unreachable: it has stopped to answer.
    """
    with tempfile.TemporaryDirectory() as temporary:
        place = f"{url}/bench-{time.time_ns()}"
        bucket = Bucket(place, Path(temporary) / "writer")
        try:
            tell(f"makes {n:,} runs")
            names = _made(bucket, n)
            tell("lists them")
            found = _listed(Reader(Bucket(place, Path(temporary) / "list")), bucket, names)
            tell("follows a run")
            return found | _followed(bucket, Reader(Bucket(place, Path(temporary) / "reader")), epochs)
        finally:
            bucket.fs.rm(bucket.base, recursive=True)


def _begun(bucket: Bucket, epochs: int) -> tuple[SyntheticRun, Pusher]:
    run = SyntheticRun(bucket.root, RunConfig.flat(dataset="digits", epochs=epochs))
    claim_new(bucket, run.folder.id, run.folder.path)
    return run, Pusher(bucket, run.folder.path)


def _made(bucket: Bucket, n: int) -> list[str]:
    """The ids of n runs, a second apart; of those that are not among the newest the manifest alone is there."""
    run, pusher = _begun(bucket, LISTED_EPOCHS)
    run.go_on(LISTED_EPOCHS + 1)
    run.close()
    pusher.push(last=True)
    content = _manifest(bucket, run.folder.id)
    parts = [part for some in parse(content, "").files.values() for part in some if part.text is None]
    keys = {part.sha256: bucket.part(run.folder.id, 1, part.sha256) for part in parts}
    pieces = bucket.read({keys[part.sha256]: part.size for part in parts})
    names = [f"{time.strftime('%Y%m%d-%H%M%S', time.localtime(1.7e9 + i))}-lenet-500-300-custom-s{i}" for i in range(n)]
    objects = {bucket.manifest(name, 1): content for name in names}
    for name in names[-NEWEST:]:
        objects |= {bucket.part(name, 1, sha): pieces[key] for sha, key in keys.items()}
    pairs = [(f"{bucket.base}/{key}", told) for key, told in objects.items()]
    for first in range(0, len(pairs), AT_ONCE):
        bucket.fs.pipe(dict(pairs[first : first + AT_ONCE]))
    return names


def _listed(reader: Reader, bucket: Bucket, names: list[str]) -> dict[str, float]:
    """Three looks: with nothing here, with nothing new, with some runs changed."""
    found: dict[str, float] = {}
    for what in ("first", "unchanged", "changed"):
        if what == "changed":
            for name in names[-CHANGED:]:
                bucket.write(bucket.manifest(name, 1), _manifest(bucket, name) + b" ")
        before, begun, cpu = reader.bucket.requests, time.perf_counter(), time.process_time()
        reader._look(lambda: reader._look_at_newest(NEWEST, str), wait=True)
        found[f"{what}_seconds"] = time.perf_counter() - begun
        found[f"{what}_cpu_seconds"] = time.process_time() - cpu
        found[f"{what}_requests"] = reader.bucket.requests - before
    assert len(list(reader.root.glob("2*"))) == min(NEWEST, len(names) + 1), reader.trouble
    return found


def _followed(bucket: Bucket, reader: Reader, epochs: int) -> dict[str, float]:
    """What an epoch costs those who write and read it, beside its bytes in the folder."""
    run, pusher = _begun(bucket, epochs)
    run.go_on(1)
    told: list[tuple[float, ...]] = []
    for _ in range(epochs + 1):
        pusher.push()
        reader._look(lambda: reader._bring(run.folder.id), wait=True)
        size = sum(entry.stat().st_size for entry in os.scandir(run.folder.path) if not entry.name.startswith("."))
        told.append((bucket.requests, bucket.sent, reader.bucket.requests, reader.bucket.received, size))
        run.go_on(1)
    run.close()
    names = ("writer_requests", "writer_bytes", "reader_requests", "reader_bytes", "folder_bytes")
    return {name: (last - first) / epochs for name, first, last in zip(names, told[0], told[-1], strict=True)}


def _manifest(bucket: Bucket, run_id: str) -> bytes:
    return bucket.read({(key := bucket.manifest(run_id, 1)): SMALL})[key]

"""Whole-file replacement, appending, and locks that end with their holder."""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from pathlib import Path

import pytest

from sbp.runs import files
from sbp.runs.files import BadFile, Lock, Locked, is_locked
from tests.runs.made import another_process_holds


def test_a_lock_is_seen_by_others_and_gone_when_released(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    assert not is_locked(path), "a file that does not exist is locked by nobody"
    lock = Lock(path)
    assert is_locked(path)
    with pytest.raises(Locked, match="another process"):
        Lock(path, patience=0)
    lock.release()
    lock.release()
    assert not is_locked(path)


def test_probing_takes_nothing_away(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    Lock(path).release()
    assert not is_locked(path)
    assert not is_locked(path)
    lock = Lock(path, patience=0)
    assert is_locked(path)
    lock.release()


def test_the_kernel_drops_the_lock_of_a_killed_process_even_while_it_is_a_zombie(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    with another_process_holds(path) as holder:
        assert is_locked(path)
        holder.kill()
        end = time.monotonic() + 3
        while is_locked(path) and time.monotonic() < end:
            time.sleep(0.01)
        assert not is_locked(path)
        os.kill(holder.pid, 0)  # nobody has reaped it: asking for the process would call it alive
        Lock(path, patience=0).release()


def test_a_lock_waits_a_moment_for_a_reader(tmp_path: Path) -> None:
    path = tmp_path / "lock"
    path.touch()
    reader = os.open(path, os.O_RDONLY)
    fcntl.flock(reader, fcntl.LOCK_SH)
    timer = threading.Timer(0.05, os.close, (reader,))
    timer.start()
    Lock(path).release()
    timer.join()


def test_replacing_leaves_the_old_content_when_the_writer_dies_before_the_rename(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "status.json"
    files.write_json(path, {"state": "running"})

    def fail(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(files.os, "replace", fail)
    with pytest.raises(KeyboardInterrupt):
        files.write_json(path, {"state": "finished"})
    assert files.read_json(path) == {"state": "running"}
    assert [other.name for other in tmp_path.iterdir()] == ["status.json"], "half a file would keep a full disk full"


@pytest.mark.parametrize("error", [None, OSError(errno.ENOLCK, "No locks available")])
def test_a_file_system_without_locks_is_named(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: OSError | None
) -> None:
    def flock(*_: object) -> None:
        if error:
            raise error

    monkeypatch.setattr(files.fcntl, "flock", flock)
    with pytest.raises(OSError, match=r"lock.*point SBP_RUNS to a local folder"):
        Lock(tmp_path / "lock")


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        (None, "is missing"),
        (b"{", "cannot be read as JSON"),
        (b"\xff\xfe", "cannot be read"),
        (b"[]", "holds a list"),
    ],
)
def test_bad_json_is_named(tmp_path: Path, content: bytes | None, expected: str) -> None:
    path = tmp_path / "status.json"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(BadFile, match=expected) as bad:
        files.read_json(path)
    assert "status.json" in str(bad.value)


def test_appending_goes_on_after_a_short_write(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = os.write
    monkeypatch.setattr(files.os, "write", lambda descriptor, content: write(descriptor, content[:3]))
    files.append_bytes(tmp_path / "records.jsonl", b"0123456789\n")
    assert (tmp_path / "records.jsonl").read_bytes() == b"0123456789\n"

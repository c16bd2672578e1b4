"""Files read by their new end: whatever happens to them, what is known is what a fresh look would find."""

from __future__ import annotations

import json
import os
import random
from pathlib import Path

import numpy as np
import pytest

from sbp.runs import incremental
from sbp.runs.incremental import read_new_records, read_new_rows
from tests.runs.made import record

WIDTH = 5


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    incremental._cache.clear()


def line(epoch: int, nll: float = 0.5) -> bytes:
    return (json.dumps({**record(epoch).to_dict(), "nll": nll}) + "\n").encode()


def rows_of(path: Path) -> np.ndarray:
    """What a fresh look finds."""
    content = path.read_bytes() if path.exists() else b""
    return np.frombuffer(content[: len(content) // (4 * WIDTH) * 4 * WIDTH], dtype="<f4").reshape(-1, WIDTH)


def epochs_of(path: Path) -> list[int]:
    whole = [text for text in path.read_bytes().splitlines(True) if text.endswith(b"\n")] if path.exists() else []
    return [json.loads(text)["epoch"] for text in whole]


@pytest.mark.parametrize("seed", range(5))
def test_rows_are_those_of_the_file_whatever_is_done_to_it(tmp_path: Path, seed: int) -> None:
    path, random_ = tmp_path / "noise.f32", np.random.default_rng(seed)
    for _ in range(120):
        what = random_.integers(6)
        if what <= 2:  # some rows, or half of one
            with path.open("ab") as file:
                file.write(random_.random(random_.integers(1, 3 * WIDTH), dtype=np.float32).tobytes())
        elif what == 3 and path.exists():  # cut, as a resume does, and written on
            os.truncate(path, int(random_.integers(0, path.stat().st_size + 1)) // (4 * WIDTH) * 4 * WIDTH)
            with path.open("ab") as file:
                file.write(random_.random((random_.integers(0, 9), WIDTH), dtype=np.float32).tobytes())
        elif what == 4:  # replaced
            other = path.with_suffix(".new")
            other.write_bytes(random_.random((random_.integers(0, 9), WIDTH), dtype=np.float32).tobytes())
            other.replace(path)
        elif random_.random() < 0.2:
            path.unlink(missing_ok=True)
        assert np.array_equal(read_new_rows(path, WIDTH), rows_of(path))


@pytest.mark.parametrize("seed", range(5))
def test_records_are_those_of_the_file_whatever_is_done_to_it(tmp_path: Path, seed: int) -> None:
    path, random_ = tmp_path / "records.jsonl", random.Random(seed)
    for epoch in range(1, 121):
        what = random_.randrange(4)
        if what == 0:
            with path.open("ab") as file:
                file.write(line(epoch, random_.random()))
        elif what == 1 and path.exists() and path.read_bytes().endswith(b"\n"):  # a line in two parts
            whole = line(epoch, random_.random())
            with path.open("ab") as file:
                file.write(whole[:40])
            assert [it.epoch for it in read_new_records(path)[0]] == epochs_of(path)
            with path.open("ab") as file:
                file.write(whole[40:])
        elif what == 2 and path.exists():
            kept = path.read_bytes().splitlines(True)
            other = path.with_suffix(".new")
            other.write_bytes(b"".join(kept[: random_.randrange(len(kept) + 1)]) + line(epoch, random_.random()))
            other.replace(path)
        found, problem = read_new_records(path)
        assert (problem, [it.epoch for it in found]) == ("", epochs_of(path))


def test_only_the_new_end_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    noise, records = tmp_path / "noise.f32", tmp_path / "records.jsonl"
    noise.write_bytes(np.zeros((1000, WIDTH), dtype="<f4").tobytes())
    records.write_bytes(b"".join(line(epoch) for epoch in range(1, 1001)))
    read_new_rows(noise, WIDTH), read_new_records(records)
    read: list[int] = []
    pread = os.pread

    def watched(descriptor: int, length: int, offset: int) -> bytes:
        content = pread(descriptor, length, offset)
        read.append(len(content))
        return content

    monkeypatch.setattr(incremental.os, "pread", watched)
    for epoch in (1001, 1002):
        with noise.open("ab") as file:
            file.write(np.full(WIDTH, epoch, dtype="<f4").tobytes())
        with records.open("ab") as file:
            file.write(line(epoch))
        assert read_new_rows(noise, WIDTH)[-1].tolist() == [epoch] * WIDTH
        assert read_new_records(records)[0][-1].epoch == epoch
    assert sum(read) < 2 * (2 * 4 * WIDTH + 2 * len(line(1002)) + 10)


def test_rows_that_somebody_holds_stay_as_they_are(tmp_path: Path) -> None:
    path = tmp_path / "noise.f32"
    path.write_bytes(np.ones((3, WIDTH), dtype="<f4").tobytes())
    held = read_new_rows(path, WIDTH)
    for _ in range(20):
        with path.open("ab") as file:
            file.write(np.full((2, WIDTH), 2, dtype="<f4").tobytes())
        read_new_rows(path, WIDTH)
    path.write_bytes(np.full((9, WIDTH), 3, dtype="<f4").tobytes())
    read_new_rows(path, WIDTH)
    assert held.tolist() == [[1] * WIDTH] * 3
    with pytest.raises(ValueError, match="read-only"):
        held[0, 0] = 5


def test_a_bad_line_is_said_until_it_is_mended(tmp_path: Path) -> None:
    path = tmp_path / "records.jsonl"
    path.write_bytes(line(1) + b"garbage\n" + line(3))
    for _ in range(2):
        found, problem = read_new_records(path)
        assert [it.epoch for it in found] == [1]
        assert "cannot be read from line 2 on" in problem
    path.write_bytes(line(1) + line(2) + line(3))
    assert [it.epoch for it in read_new_records(path)[0]] == [1, 2, 3]
    assert read_new_records(path)[1] == ""


def test_no_more_files_are_kept_than_said(tmp_path: Path) -> None:
    for number in range(3 * incremental.KEPT_FILES):
        path = tmp_path / f"{number}.f32"
        path.write_bytes(np.full(WIDTH, number, dtype="<f4").tobytes())
        assert read_new_rows(path, WIDTH)[0, 0] == number
    assert len(incremental._cache) == incremental.KEPT_FILES

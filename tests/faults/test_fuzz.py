"""Files of every kind with random faults: each reader and each verb gives a clean result or a sentence."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from typer.testing import CliRunner

from sbp.cli import app
from sbp.compaction.load import LoadError, load_compact
from sbp.compaction.weights import network_of
from sbp.export.browser import read_weights
from sbp.export.files import exported
from sbp.runs import launcher, noise_file, recording, store
from sbp.runs.files import BadFile
from sbp.runs.folder import RunFolder
from sbp.runs.names import BadRequest
from sbp.runs.states import State
from sbp.viz.findings import findings
from sbp.viz.tables import tables
from sbp.worker.worker import Worker
from tests.faults.torture import bounded, sentence, times
from tests.runs.made import TINY
from tests.worker.done import again, work

FINISHED, STOPPED = "finished", "stopped"
COMPACT, SAVED_NOISE = "compact.safetensors", "noise.safetensors"
NASTY: list[Any] = [
    *(None, True, -1, 0, 1, 784, 99_999, 2**31, 2**63, 10**30, -(10**18), 0.5, -5.0, 5078.0, 1e300, -1e-300, 1e400),
    *(float("nan"), float("-inf"), "", "x", "../..", "\0", "\ud800", "a" * 3000, "[red]x[/red]", "![](http://x)"),
    *([], [[]], {}, {"a": 1}, [0, 0], ["sbp"], [1e9] * 50),
]
VERBS = ("show", "show --json", "sweep", "compact --out OUT/c", "export --out OUT", "record --name kept", "stop")


@pytest.fixture(scope="module")
def originals(tmp_path_factory: pytest.TempPathFactory) -> dict[str, dict[str, bytes]]:
    """The files of a run that has finished, of one that was stopped, and what is exported."""
    root = tmp_path_factory.mktemp("originals")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("SBP_RUNS", str(root))
        patch.setattr(Worker, "_graph", lambda self: None)
        config = TINY.replace(epochs=3, batch_size=15)
        with store.create(config) as folder:
            done = work(folder)
        assert done.state is State.FINISHED, done.message
        with store.create(config) as folder:
            one = Worker(folder)
            # How often it asks depends on the machine: after its first epoch it is stopped, however fast that was.
            recorded = folder.path / "records.jsonl"
            patch.setattr(one, "stop_asked", lambda: one.state is State.RUNNING and recorded.exists())
            assert one.run() is State.STOPPED
        stopped = store.open_run(folder.id)
        # Without its digests, as of an earlier version: with them no reader behind them would be tried.
        status = json.loads((done.folder / "status.json").read_text())
        (done.folder / "status.json").write_text(json.dumps({**status, "sha256": None}))
        extra = {COMPACT: exported(done, "safetensors").content, SAVED_NOISE: noise_file.of_run(done)}
    return {
        FINISHED: {path.name: path.read_bytes() for path in done.folder.iterdir() if path.name != "lock"},
        STOPPED: {path.name: path.read_bytes() for path in stopped.folder.iterdir() if path.name != "lock"},
        "exported": extra,
    }


KINDS: dict[str, tuple[str, ...]] = {
    FINISHED: (
        *("config.json", "description.json", "meta.json", "status.json", "records.jsonl", "noise.f32", "steps.jsonl"),
        *("steps.f32", "result.json", "model.safetensors", "sweep.json"),
    ),
    STOPPED: ("config.json", "meta.json", "status.json", "checkpoint.safetensors", "records.jsonl", "noise.f32"),
    "exported": (COMPACT, SAVED_NOISE),
}
EVERY = [(whose, name) for whose, names in KINDS.items() for name in names]


def spoil(content: bytes, name: str, chance: np.random.Generator) -> bytes:
    """The content with one to three faults: of its JSON, where it is text, or of its bytes."""
    for _ in range(chance.integers(1, 4)):
        as_json = name.endswith((".json", ".jsonl")) and chance.random() < 0.7
        content = _spoilt_json(content, chance) if as_json else _spoilt_bytes(content, chance)
    return content


def _spoilt_bytes(content: bytes, chance: np.random.Generator) -> bytes:
    if not content:
        return bytes(int(chance.integers(1, 100)))
    # Headers come first, and their lengths before them: half of the faults are there.
    most = len(content) if chance.random() < 0.5 else min(len(content), 600)
    start = int(chance.integers(most))
    end = min(start + int(chance.integers(1, 65)), len(content))
    middle = (
        bytes(b ^ (1 << int(chance.integers(8))) for b in content[start : start + 1]) + content[start + 1 : end],
        b"",
        chance.bytes(end - start),
        bytes(end - start),
        b"\xff" * (end - start),
        content[start:end] * int(chance.integers(2, 30)),
    )[int(chance.integers(6))]
    if chance.random() < 0.1:
        return content[:start]
    return content[:start] + middle + content[end:]


def _spoilt_json(content: bytes, chance: np.random.Generator) -> bytes:
    text = content.decode(errors="replace")
    lines = text.splitlines() if "\n{" in text else [text]
    at = int(chance.integers(len(lines))) if lines else 0
    try:
        value = json.loads(lines[at])
        value = _replaced(value, chance)
        lines[at] = json.dumps(value)
    except (ValueError, IndexError, RecursionError):
        return _spoilt_bytes(content, chance)
    return "\n".join(lines).encode(errors="replace") + b"\n"


def _replaced(value: Any, chance: np.random.Generator) -> Any:
    """The value with a nasty one somewhere in it, or without one of its fields."""
    if not isinstance(value, (dict, list)) or not value or chance.random() < 0.15:
        return NASTY[int(chance.integers(len(NASTY)))]
    keys = list(value) if isinstance(value, dict) else list(range(len(value)))
    key = keys[int(chance.integers(len(keys)))]
    if chance.random() < 0.1:
        del value[key]
    else:
        value[key] = _replaced(value[key], chance)
    return value


@pytest.mark.parametrize("part", range(times(1, 4)))
def test_a_clean_result_or_a_sentence(
    part: int,
    originals: dict[str, dict[str, bytes]],
    tmp_path: Path,
    runs_root: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # What a resumed run does is another test's; here no process is started.
    monkeypatch.setattr(launcher, "_spawn", lambda folders, *_: [folder.close() for folder in folders])
    monkeypatch.setattr(Worker, "_graph", lambda self: None)
    out, ended = tmp_path / "out", Counter[str]()

    @settings(max_examples=times(60, 2500), suppress_health_check=list(HealthCheck))
    @given(st.sampled_from(EVERY), st.integers(0, 2**32 - 1), st.sampled_from(VERBS))
    def tried(kind: tuple[str, str], seed: int, verb: str) -> None:
        whose, name = kind
        content = spoil(originals[whose][name], name, np.random.default_rng([part, seed]))
        for place in (runs_root, out):
            shutil.rmtree(place, ignore_errors=True)
            place.mkdir()
        if whose == "exported":
            path = out / name
            path.write_bytes(content)
            ended[said(lambda: load_compact(path) if name == COMPACT else noise_file.open_as_run(content))] += 1
            return
        run_id = f"20261128-120000-{verb.split()[0]}-s{seed}-{len(content)}"  # what is cached of a path is of one file
        (runs_root / run_id).mkdir()
        for file, whole in originals[whose].items():
            (runs_root / run_id / file).write_bytes(content if file == name else whole)
        ended[look_at(run_id)] += 1
        words = [word.replace("OUT", str(out)) for word in verb.split()]
        result = CliRunner().invoke(app, [words[0], run_id, *words[1:]])
        assert "Traceback" not in result.output
        assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
        assert result.exit_code == 0 or result.stderr.splitlines()[-1].startswith("Error: "), result.output
        ended[f"{verb.split()[0]}: {'a clean result' if result.exit_code == 0 else 'a sentence'}"] += 1

    with bounded(times(120, 1800)):
        tried()
    print(dict(sorted(ended.items())))


def look_at(run_id: str) -> str:
    """Reads all that there is of a run; whether it has a problem."""
    view = store.open_run(run_id)
    assert json.dumps(view.summary(), allow_nan=False)
    view.records(), view.snapshots(), view.step_records(), view.step_snapshots()
    view.log_tail(), view.sweep(), view.speed(), view.attribution()
    if view.problem:
        assert sentence(view.problem), view.problem
        assert len(view.problem) < 900
        return "a sentence"
    tables(view), findings(view)
    if view.model_path:
        said(lambda: network_of(view.config, view.model_path))
        said(lambda: read_weights(view.folder / "model.safetensors"))
    if view.resumable:
        with RunFolder(view.folder) as folder:
            said(folder.read_checkpoint)
    return "a clean result"


def said(read: Callable[[], object]) -> str:
    """Whether a reader gives something, or raises an error of its own with a sentence."""
    try:
        read()
        return "a clean result"
    except ValueError as error:
        kind, text = type(error), str(error)
    assert kind in (BadFile, BadRequest, LoadError, ValueError), kind
    assert sentence(text), text
    return "a sentence"


def test_what_was_not_spoilt_is_read(originals: dict[str, dict[str, bytes]], runs_root: Path) -> None:
    for whose in (FINISHED, STOPPED):
        folder = runs_root / whose
        folder.mkdir(parents=True)
        for file, whole in originals[whose].items():
            (folder / file).write_bytes(whole)
        assert look_at(whose) == "a clean result"
        assert str(store.open_run(whose).state) == whose
    assert again(store.open_run(STOPPED)).state is State.FINISHED
    assert recording.is_recording(runs_root / FINISHED)

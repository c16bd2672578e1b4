"""A file of mu and log sigma: out of a run and back in, every other file refused in a sentence."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import load, save

from sbp.runs import noise_file, store
from sbp.runs.names import BadRequest
from sbp.runs.states import State
from tests.made_up import write_run


def header(content: bytes) -> dict[str, str]:
    return dict(json.loads(content[8 : 8 + int.from_bytes(content[:8], "little")])["__metadata__"])


@pytest.fixture
def content(runs_root: Path) -> bytes:
    return noise_file.of_run(write_run(runs_root))


def test_a_run_goes_out_and_comes_back_in(runs_root: Path, content: bytes) -> None:
    (before,) = store.list_runs(recorded=False, root=runs_root)
    run = store.open_run(noise_file.open_as_run(content, runs_root), runs_root)
    assert (run.state, run.problem) == (State.FINISHED, "")
    assert run.config.tracked
    assert [(g.name, g.units) for g in run.layers] == [(g.name, g.units) for g in before.layers]
    assert run.description.dense_macs() == before.description.dense_macs()
    one, other = run.snapshots(), before.snapshots()
    assert one.epochs.tolist() == [0, 1]
    for name in one.loc:
        assert np.array_equal(one.loc[name][-1], other.loc[name][-1])
        assert np.array_equal(one.log_scale[name][-1], other.log_scale[name][-1])
    assert noise_file.from_bytes(noise_file.of_run(run))[2:] == (-20.0, 0.0)


def test_two_of_one_moment_have_two_names(runs_root: Path, content: bytes) -> None:
    assert noise_file.open_as_run(content, runs_root) != noise_file.open_as_run(content, runs_root)


def changed(content: bytes, tensors: dict[str, Any] | None = None, **told: str) -> bytes:
    return save({**load(content), **(tensors or {})}, {**header(content), **told})


def test_what_is_no_such_file_is_refused_in_a_sentence(runs_root: Path, content: bytes) -> None:
    name = next(iter(load(content)))
    values = load(content)[name]
    deep = json.dumps({**json.loads(header(content)["description"]), "title": "![](http://x)"})
    for bad in (
        b"",
        b"PK\x03\x04" + bytes(100),
        content[:-3],
        (10**18).to_bytes(8, "little") + b"{}",
        save({"a": np.zeros(3, np.float32)}),
        changed(content, format="sbp-noise-9"),
        changed(content, a="1e400"),
        changed(content, a="0", b="-1"),
        changed(content, a="nan"),
        changed(content, description="[" * 100_000),
        changed(content, description=deep),
        changed(content, description="{}"),
        changed(content, {name: values[:-1].copy()}),
        changed(content, {name: values.astype(np.float64)}),
        changed(content, {name: np.full_like(values, np.nan)}),
        changed(content, {"more.loc": values}),
    ):
        with pytest.raises(BadRequest, match=r"^[A-Z_a-z0-9.]+.*expected|^Expected"):
            noise_file.open_as_run(bad, runs_root)
    assert len(store.list_runs(recorded=False, root=runs_root)) == 1

"""Every page opens for a network that is no chain and for pixels of its own size, with and without weights."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from sbp.runs.store import RunView
from tests.made_up import write_run
from tests.made_up_weights import with_weights
from tests.pages.opened import healthy, opened, played, texts

ROOT = Path(__file__).parents[2]
PAGES = ("story", "train", "channels", "pixels", "random_labels", "threshold", "methods", "runs")
KINDS: dict[str, dict[str, Any]] = {
    "ResNet-20": {"network": "resnet-20"},
    "ResNet-20 with pixels": {"network": "resnet-20", "pixels": True},
    "LeNet-5 with pixels": {"network": "lenet-5-caffe", "pixels": True},
    "VGG-like": {"network": "vgg-like"},
}


def kinds(*quick: str) -> list[Any]:
    """All of them, for `make test` these alone."""
    return [pytest.param(kind, marks=() if kind in quick else pytest.mark.slow) for kind in KINDS]


@pytest.fixture(scope="module", params=KINDS)
def made(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> RunView:
    """A finished run with random weights, made once."""
    return with_weights(write_run(tmp_path_factory.mktemp("runs"), **KINDS[request.param]))


@pytest.fixture
def run(made: RunView, runs_root: Path, monkeypatch: pytest.MonkeyPatch) -> RunView:
    monkeypatch.setenv("SBP_RUNS", str(made.folder.parent))
    return made


@pytest.mark.parametrize("page", PAGES)
def test_every_page_opens(run: RunView, page: str) -> None:
    healthy(opened(page, run=run.id))


@pytest.mark.parametrize("made", kinds("ResNet-20 with pixels", "LeNet-5 with pixels"), indirect=True)
def test_every_group_has_its_panels(run: RunView) -> None:
    for group in run.layers:
        at = healthy(opened("channels", run=run.id, layer=group.name, unit="1"))
        said = texts(at)
        assert f"Density of {group.kind} 1" in said, group.name
        assert ("**Incoming" in said or "Its filter" in said) == (group.kind != "pixel"), group.name
        assert {metric.label for metric in at.metric} >= {"MACs", "Kept"}, group.name


def test_a_unit_pruned_by_hand_goes_into_the_link(run: RunView) -> None:
    name = run.layers[-1].name
    at = healthy(opened("channels", run=run.id, layer=name, unit="0"))
    before = [metric.value for metric in at.metric]
    at.button(key="hand-turn").click().run()
    assert at.query_params["hand"][:-1] == f"{name}.0"
    assert [metric.value for metric in healthy(at).metric] != before
    assert not at.warning


def test_the_train_page_has_a_map_of_every_group(run: RunView) -> None:
    given = played(healthy(opened("train", run=run.id)))
    assert sum(panel["kind"] == "cells" for panel in given["panels"]) == len(run.layers)


@pytest.mark.parametrize("made", kinds("ResNet-20 with pixels"), indirect=True)
def test_channels_brings_no_torch(run: RunView) -> None:
    code = (
        "import sys\nfrom tests.pages.opened import healthy, opened\n"
        "at = healthy(opened('channels', run=sys.argv[1]))\nassert at.metric\nassert 'torch' not in sys.modules"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, run.id], cwd=ROOT, env=os.environ, capture_output=True, text=True, timeout=300
    )
    assert done.returncode == 0, done.stderr[-2000:]

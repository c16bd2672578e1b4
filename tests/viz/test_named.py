"""Every figure of a run by its name, and what is refused."""

from __future__ import annotations

from pathlib import Path

import pytest

from sbp.runs import store
from sbp.runs.names import BadRequest
from sbp.viz import export, named
from tests.made_up import write_run

ROOT = Path(__file__).parents[2] / "assets" / "runs"
SBP = "table-1-lenet-500-300-sbp"


@pytest.fixture
def shipped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(store, "recorded_root", lambda: ROOT)


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize("name", [name for name in named.FIGURES if not name.startswith("twins")])
def test_a_figure_says_what_it_is_and_what_it_stands_on(name: str) -> None:
    chart = named.made(name, store.open_run(SBP), layer="dense1")
    drawn = export.svg(chart).decode()
    for said in ("LeNet-500-300 on MNIST", SBP, "seed 0", "60,000 training examples", "NVIDIA H100"):
        assert said in drawn
    assert ("Dense 1" in chart.title.text) == ("{layer}" in named.FIGURES[name][0])
    assert chart.description


@pytest.mark.usefixtures("shipped")
def test_twins_need_two_runs() -> None:
    run, other = store.open_run("random-labels-sbp"), store.open_run("random-labels-dropout")
    assert named.made("twins-kept", run, beside=other).description
    with pytest.raises(BadRequest, match="--beside"):
        named.made("twins-kept", run)


@pytest.mark.usefixtures("shipped")
@pytest.mark.parametrize(
    ("name", "more", "said"),
    [
        ("nope", {}, "death-curve"),
        ("pixels", {"layer": "conv9"}, "dense2"),
        ("pixels", {"epoch": 999}, "0 to 250"),
    ],
)
def test_what_there_is_not_is_named(name: str, more: dict[str, object], said: str) -> None:
    with pytest.raises(BadRequest, match=said):
        named.made(name, store.open_run(SBP), **more)  # type: ignore[arg-type]


def test_a_run_without_noise_is_refused(tmp_path: Path) -> None:
    run = write_run(tmp_path, method="ssl")
    with pytest.raises(BadRequest, match="no noise"):
        named.made("pixels", run)

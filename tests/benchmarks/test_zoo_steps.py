"""A step in a loop of one's own, on a tiny network: what is timed, what is compared, and what is refused."""

from __future__ import annotations

import json
import sys

import pytest
import torch
from torch import nn
from typer.testing import CliRunner

from sbp.benchmarks import zoo, zoo_steps
from sbp.benchmarks.timing import joined, line, report
from sbp.cli import app


def tiny() -> nn.Module:
    """Reads images of any size, and gives as many logits as the larger networks."""
    layers = nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten()
    return nn.Sequential(*layers, nn.Linear(4, zoo.CLASSES))


@pytest.mark.parametrize("precision", zoo_steps.PRECISIONS)
def test_a_step_stands_beside_the_same_network_without_noise(precision: str) -> None:
    case = zoo_steps.Case("tiny", batch=2, image_size=32, precision=precision, channels_last=True)
    found = zoo_steps.measure(case, rounds=3, make=tiny)
    (time,) = found.lines
    assert (time.n, time.unit, time.yardstick) == (3, "ms", zoo_steps.YARDSTICK)
    assert time.paired_ratio is not None
    assert time.paired_ratio > 0
    assert time.median > 0
    assert time.yardstick_median > 0
    assert f"batch 2, 32 px, {precision}" in time.what
    assert "4 units in 1 groups, seed 0" in found.remarks[0]
    assert {"torch", "transformers", "python"} <= set(found.versions)


def test_both_loops_train_the_same_network() -> None:
    """The noise stands at the layer that reads it in one of them alone; both move their weights."""
    made: list[nn.Module] = []

    def make() -> nn.Module:
        made.append(tiny())
        return made[-1]

    zoo_steps.measure(zoo_steps.Case("tiny", batch=2, image_size=32), rounds=3, make=make)
    bare, noisy = made
    torch.manual_seed(0)
    first = tiny()
    assert not hasattr(bare, "sbp_noise")
    assert hasattr(noisy, "sbp_noise")
    for one in made:
        moved = dict(one.named_parameters())
        assert all(not torch.equal(moved[name], value) for name, value in first.named_parameters())


def test_a_paired_line_by_hand() -> None:
    found = line("step", "ms", [3.0, 8.0, 5.0], "bare", [2.0, 4.0, 5.0], paired=True)
    assert (found.paired_ratio, found.paired_spread, found.yardstick_spread) == (1.5, 0.5, 1.5)
    assert line("step", "ms", [3.0], "bare", [2.0]).paired_ratio is None


def test_reports_of_one_call_become_one() -> None:
    one, other = report("step", ("torch",)), report("step", ("numpy",))
    assert set(joined([one, other]).versions) == {"python", "torch", "numpy"}
    assert joined([one, other]).when == one.when


@pytest.mark.parametrize(
    ("arguments", "parts"),
    [
        (("--network", "alexnet"), ("--network", "mobilenet-v2", "alexnet")),
        (("--network", "resnet-18", "--precision", "fp8"), ("--precision", "bf16", "'fp8'")),
        (("--compile",), ("--compile", "lenet-500-300")),
        (("--network", "resnet-18", "--image-size", "8"), ("--image-size",)),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: tuple[str, ...], parts: tuple[str, ...]) -> None:
    result = CliRunner().invoke(app, ["bench", "step", *arguments])
    assert result.exit_code == 2, result.output
    assert all(part in result.stderr for part in parts)


def test_without_transformers_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "transformers", None)
    result = CliRunner().invoke(app, ["bench", "step", "--network", "resnet-18", "--device", "cpu"])
    assert result.exit_code == 2
    assert "pip install transformers" in result.stderr


@pytest.mark.slow
def test_a_large_network_from_the_command_line() -> None:
    small = ["--batch", "2", "--image-size", "32", "--rounds", "3", "--device", "cpu", "--json"]
    result = CliRunner().invoke(app, ["bench", "step", "--network", "mobilenet-v2", *small])
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    (row,) = found["lines"]
    assert row["n"] == 3
    assert row["paired_ratio"] > 0
    assert "9,128 units in 25 groups" in found["remarks"][0]

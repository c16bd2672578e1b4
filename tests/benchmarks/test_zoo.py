"""Large networks, dense and compact: what is cut, what is compared, and what is refused; on a tiny one."""

from __future__ import annotations

import json

import pytest
import torch
from torch import nn
from typer.testing import CliRunner, Result

from sbp.benchmarks import zoo
from sbp.cli import app

IMAGE = (3, 8, 8)


def tiny() -> nn.Module:
    torch.manual_seed(0)
    layers = nn.Conv2d(3, 8, 3, padding=1), nn.BatchNorm2d(8), nn.ReLU(), nn.Conv2d(8, 6, 3, padding=1), nn.ReLU()
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(6, 5))


def bench_compact(*arguments: str) -> Result:
    return CliRunner().invoke(app, ["bench", "compact", *arguments])


def test_macs_by_hand_of_all_units_and_of_half_of_them() -> None:
    measured, facts = zoo.speed(tiny(), 0.5, IMAGE, batches=(1, 2), rounds=1, seconds=0.001)
    dense, half = 64 * 9 * (3 * 8 + 8 * 6) + 6 * 5, 64 * 9 * (3 * 4 + 4 * 3) + 3 * 5
    assert facts["macs"] == {"dense": dense, "compact": half}
    assert facts["apart"] < 1e-5
    assert [(row.batch, row.variant) for row in measured.rows] == [
        (batch, variant) for batch in (1, 2) for variant in ("dense", "compact")
    ]
    assert all(row.median_seconds > 0 for row in measured.rows)


def test_a_cut_that_changes_the_outputs_is_not_timed(monkeypatch: pytest.MonkeyPatch) -> None:
    def wrong(network: nn.Module) -> nn.Module:
        small = tiny().eval()
        with torch.no_grad():
            small[7].bias.add_(1.0)  # type: ignore[index]
        return small

    monkeypatch.setattr(zoo, "compact", wrong)
    with pytest.raises(RuntimeError, match="Masked and compact differ"):
        zoo.speed(tiny(), 0.5, IMAGE)


@pytest.mark.parametrize("share", [0.0, 1.1, float("nan")])
def test_a_share_outside_its_range_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="share: expected"):
        zoo.speed(tiny(), share, IMAGE)


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        ((), "either a RUN or --network"),
        (("some-run", "--network", "resnet-18"), "either a RUN or --network"),
        (("--network", "alexnet"), "mobilenet-v2, got 'alexnet'"),
        (("--network", "resnet-18", "--keep", "0"), "--keep: expected"),
    ],
)
def test_what_cannot_be_measured_is_refused(arguments: tuple[str, ...], part: str) -> None:
    result = bench_compact(*arguments)
    assert result.exit_code == 2, result.output
    assert part in " ".join(result.stderr.split())


@pytest.mark.slow
@pytest.mark.parametrize(("name", "macs"), [("resnet-18", 1_814_073_344), ("resnet-50", 4_089_184_256)])
def test_the_resnets_are_those_of_their_paper(name: str, macs: int) -> None:
    """1.8 and 4.1 thousand million multiply-accumulates at 224 pixels, as He et al. count them (CVPR 2016)."""
    assert zoo.macs_of(zoo.build(name).eval(), (3, 224, 224)) == macs


@pytest.mark.slow
def test_a_large_network_from_the_command_line() -> None:
    result = bench_compact("--network", "mobilenet-v2", "--image-size", "32", "--batch", "1", "--json")
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["macs"]["compact"] < found["macs"]["dense"]
    assert [row["variant"] for row in found["rows"]] == ["dense", "compact"]
    assert found["apart"] <= zoo.TOLERANCE

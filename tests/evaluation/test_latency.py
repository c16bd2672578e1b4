"""What is measured, and that it is the same function; how long it takes is for the machine to say."""

from __future__ import annotations

import json
import time
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from sbp.compaction import masked, masks_of
from sbp.evaluation import latency
from sbp.evaluation.latency import VARIANTS, Measurement, Row, measure, variants
from sbp.networks.describe import described
from sbp.noise.install import has_noise, joint_noise_of
from tests.pruning.networks import NAMES, cases, images_for, kept_of, random_network

ROUNDS = 2
TINY: dict[str, Any] = {"batches": (1, 3), "rounds": ROUNDS, "seconds": 0.001}


def sizes(network: nn.Module) -> list[torch.Size]:
    """The shape of each layer's weights, by its name."""
    weights = described(network).weights
    return [network.get_parameter(f"{layer.name}.weight").shape for layer in weights]


@pytest.mark.parametrize("name", NAMES)
def test_masked_and_compact_are_the_same_function_and_dense_the_one_without_removal(name: str) -> None:
    network = random_network(name)
    x = images_for(network)
    for case, masks in cases(network):
        networks = variants(network, masks)
        assert tuple(networks) == VARIANTS
        with torch.no_grad():
            logits = {variant: it(x) for variant, it in networks.items()}
            everything = masked(network, dict(cases(network))["all kept"])(x)
        torch.testing.assert_close(logits["masked"], logits["compact"], rtol=1e-10, atol=1e-10, msg=case)
        torch.testing.assert_close(logits["masked"], masked(network, masks)(x), rtol=1e-10, atol=1e-10, msg=case)
        torch.testing.assert_close(logits["dense"], everything, rtol=1e-10, atol=1e-10, msg=case)
        assert sizes(networks["dense"]) == sizes(networks["masked"]) == sizes(network)
        assert not any(it.training for it in networks.values())
        assert [variant for variant, it in networks.items() if has_noise(it)] == ["masked"], "its zeros are factors"


def test_without_masks_the_networks_own_keep_decides() -> None:
    network = random_network("lenet-5-caffe", torch.float32)
    kept = dict(zip(masks_of(network), kept_of(network), strict=True))
    shapes = [(layer.outputs(kept), layer.inputs(kept)) for layer in described(network).weights]
    assert [tuple(shape[:2]) for shape in sizes(variants(network)["compact"])] == shapes
    assert has_noise(network), "the network itself keeps its noise"


@pytest.mark.parametrize("name", NAMES)
def test_every_variant_is_timed_at_every_batch_size(name: str) -> None:
    before = time.time()
    shares: list[float] = []
    network = random_network(name, torch.float32)
    networks = variants(network)
    measurement = measure(networks, threads=1, progress=shares.append, image=described(network).image, **TINY)
    assert [(row.batch, row.variant) for row in measurement.rows] == [(b, v) for b in (1, 3) for v in VARIANTS]
    for row in measurement.rows:
        assert row.median_seconds > 0
        assert row.iqr_seconds >= 0
        assert row.n >= ROUNDS
        assert row.images_per_second == row.batch / row.median_seconds
    assert measurement.times_as_fast("dense", 3) == 1
    assert (measurement.device, measurement.threads) == ("cpu", 1)
    assert measurement.hardware
    assert measurement.versions["torch"] == torch.__version__
    assert before <= measurement.when <= time.time()
    assert shares == [0.25, 0.5, 0.75, 1.0]
    assert json.loads(json.dumps(measurement.to_dict(), allow_nan=False)) == measurement.to_dict()


class Watched(torch.nn.Module):
    """Remembers under which conditions it was called."""

    def __init__(self) -> None:
        super().__init__()
        self.seen: set[tuple[int, bool, bool, int, torch.dtype]] = set()

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        self.seen.add((len(x), torch.is_inference_mode_enabled(), self.training, torch.get_num_threads(), x.dtype))
        return x

    def __deepcopy__(self, memo: object) -> Watched:
        return self  # so that the test sees what the copy saw


def test_it_is_measured_in_inference_mode_and_with_the_threads_asked_for() -> None:
    threads, watched = torch.get_num_threads(), Watched()
    measure({"dense": watched}, threads=2, **TINY)
    assert watched.seen == {(batch, True, False, 2, torch.float32) for batch in (1, 3)}
    assert torch.get_num_threads() == threads
    assert measure({"dense": watched}, **TINY).threads == threads


def test_freed_memory_is_kept_while_it_is_measured(monkeypatch: pytest.MonkeyPatch) -> None:
    done: list[str] = []
    monkeypatch.setattr(latency, "keep_freed_memory", lambda: done.append("kept"))
    measure(
        {"dense": Slow()}, threads=1, batches=(1,), rounds=1, seconds=0.001, progress=lambda _: done.append("timed")
    )
    assert done == ["kept", "timed"]


def test_what_a_masked_network_multiplies_by_is_computed_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else 2 ms of float64 stood in each of its times."""
    network = random_network("lenet-500-300", torch.float32)
    networks = {"masked": variants(network)["masked"]}
    computed: list[str] = []
    kind = type(joint_noise_of(networks["masked"]))
    exact = kind.expected_theta

    def counted(noise: Any) -> torch.Tensor:
        computed.append("again")
        found: torch.Tensor = exact(noise)
        return found

    monkeypatch.setattr(kind, "expected_theta", counted)
    row = measure(networks, threads=1, batches=(1,), rounds=3, seconds=0.001).rows[0]
    assert row.n >= 3, "blocks of many passes each"
    assert len(computed) <= 2, "when it is copied, at most"


class Slow(torch.nn.Module):
    """Takes its time: the clock is right when it says so."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        time.sleep(0.01)
        return x


def test_the_clock_is_that_of_the_wall() -> None:
    (row,) = measure({"dense": Slow()}, threads=1, batches=(2,), rounds=3, seconds=0.001).rows
    assert row.median_seconds >= 0.01
    assert row.n == 3


def test_the_networks_given_are_left_where_they_are() -> None:
    network = random_network("lenet-500-300", torch.float32).train()
    measure({"dense": network}, threads=1, **TINY)
    assert network.training


def test_a_constant_predictor_is_measured_like_any_other() -> None:
    network: nn.Module = random_network("lenet-5-caffe", torch.float32)
    networks = variants(network, {layer.name: np.zeros(layer.units, bool) for layer in described(network).groups})
    assert sizes(networks["compact"])[-1] == (10, 1)
    assert measure(networks, threads=1, **TINY).row("compact", 3).median_seconds > 0


def test_ratios_by_hand() -> None:
    rows = (Row("dense", 32, 0.004, 0.0, 9), Row("compact", 32, 0.0005, 0.0, 9))
    measurement = Measurement("cpu", "a machine", 2, {}, 0.0, rows)
    assert measurement.times_as_fast("compact", 32) == 8
    with pytest.raises(KeyError, match="masked was not measured at batch 32"):
        measurement.times_as_fast("masked", 32)

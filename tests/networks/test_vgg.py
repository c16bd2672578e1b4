"""The VGG-like network: the paper's counts, a forward pass written out, batch statistics, and a training of it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import torch
from torch import Tensor
from torch.nn import functional

from sbp.data.datasets import Dataset
from sbp.networks.vgg import VGGLike
from sbp.noise.install import noise_of
from sbp.spec import ConfigError, RunConfig
from sbp.spec.networks import SPECS, widths_of
from sbp.spec.records import Record, Snapshot
from sbp.training.loop import Training
from tests.pruning.networks import images_for, random_network

SPEC = SPECS["vgg-like"]


def test_the_papers_counts() -> None:
    """facts: 15 layers of noise on 4,224 channels and 1,024 others, 313.46 million MACs."""
    units = {layer.name: layer.units for layer in SPEC.layers()}
    assert len(units) == 15
    assert sum(n for name, n in units.items() if name.startswith("conv")) == 4224
    assert units["features"] + units["dense1"] == 1024
    assert round(SPEC.dense_macs() / 1e6, 2) == 313.46
    # A filter of conv1_1 is 27 numbers, and 64 filters of 9 read it, at 32 x 32 places; a neuron has 512 + 10 weights.
    assert SPEC.unit_macs()[0] == (27 + 64 * 9) * 1024
    assert SPEC.unit_macs()[-1] == 522


def test_a_width_factor_scales_every_layer() -> None:
    assert widths_of(1) == SPEC.widths
    assert widths_of(0.25) == (16, 16, 32, 32, 64, 64, 64, *[128] * 7)
    assert widths_of(1e-6) == (1,) * 14
    with pytest.raises(ValueError, match="k: expected a scale above 0, got 0"):
        widths_of(0)


def forward(network: VGGLike, x: Tensor) -> Tensor:
    """Eval mode, block by block."""
    state = network.state_dict()
    noise = noise_of(network)
    theta = noise.by_group(noise.expected_theta())

    def normalised(name: str, z: Tensor) -> Tensor:
        mean, variance = state[f"norm.{name}.running_mean"], state[f"norm.{name}.running_var"]
        sides = (1, -1, 1, 1) if z.dim() == 4 else (1, -1)
        z = (z - mean.view(sides)) / torch.sqrt(variance.view(sides) + 1e-5)
        return z * state[f"norm.{name}.weight"].view(sides) + state[f"norm.{name}.bias"].view(sides)

    for block in ("11 12", "21 22", "31 32 33", "41 42 43", "51 52 53"):
        for number in block.split():
            name = f"conv{number[0]}_{number[1]}"
            x = torch.relu(normalised(name, functional.conv2d(x, state[f"{name}.weight"], padding=1)))
            x = x * theta[name].view(1, -1, 1, 1)
        x = functional.max_pool2d(x, 2)
    assert x.shape[2:] == (1, 1)
    x = x[:, :, 0, 0] * theta["features"]
    x = torch.relu(normalised("dense1", x @ state["dense1.weight"].T)) * theta["dense1"]
    return x @ state["output.weight"].T + state["output.bias"]


def test_the_forward_pass_written_out() -> None:
    network = random_network("vgg-like").eval()
    assert isinstance(network, VGGLike)
    x = images_for(network)
    torch.testing.assert_close(network(x), forward(network, x), rtol=1e-10, atol=1e-10)


# -- trained ---------------------------------------------------------------------------------------------------

CONFIG = RunConfig.flat(
    network="vgg-like",
    dataset="cifar-10",
    widths=(4,) * 14,
    epochs=2,
    pretrain_epochs=1,
    batch_size=20,
    device="cpu",
    validation_size=20,
    noise_lr=1e-1,
)


def coloured(n: int) -> tuple[Tensor, Tensor]:
    """Images of one colour each, which is their class, and noise."""
    generator = torch.Generator().manual_seed(n)
    labels = torch.arange(n) % 10
    shade = (labels % 2)[:, None] * 120 + torch.stack([labels == k for k in (0, 3, 7)], dim=1) * 90
    noise = torch.randint(0, 40, (n, 3, 32, 32), generator=generator)
    return (shade[:, :, None, None] + noise).to(torch.uint8), labels


@pytest.fixture(scope="module")
def data() -> Dataset:
    return Dataset("cifar-10", *coloured(120), *coloured(30), "Made by a test.")


def records(training: Training) -> Iterator[Record]:
    return (event for event in training.events() if isinstance(event, Record))


def test_a_training_that_was_resumed_is_one_that_was_not(data: Dataset) -> None:
    whole = Training(CONFIG, data)
    expected = list(records(whole))
    first = Training(CONFIG, data)
    for event in first.events():
        if isinstance(event, Record) and event.epoch == 1:
            break
        assert not isinstance(event, Record | Snapshot) or event.epoch < 1
    second = Training(CONFIG, data, first.checkpoint())
    assert [record.nll for record in records(second)] == [expected[-1].nll]
    for name, tensor in whole.model_tensors().items():
        assert torch.equal(tensor, second.model_tensors()[name]), name
    assert second.result()["macs"] == SPEC.macs(second.kept())


def test_other_data_are_refused() -> None:
    with pytest.raises(ConfigError, match=r"images of 3 x 32 x 32 for vgg-like \(cifar-10\), got 'mnist'"):
        RunConfig.flat(network="vgg-like", dataset="mnist")

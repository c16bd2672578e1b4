"""Two processes that share each batch do what one does with the whole, and notice when they do not."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from torch import Tensor

from sbp.data.datasets import load
from sbp.machine.devices import DeviceError
from sbp.machine.distributed import ONE_RANK, Ranks
from sbp.networks.describe import described
from sbp.noise.install import joint_noise_of
from sbp.spec import ConfigError
from sbp.spec.kl_weights import kl_weights
from sbp.training.checkpoint import Checkpoint
from sbp.training.clock import Pace
from sbp.training.local_batch import average_, draws_of, generator_of, part_of, resume_draws
from sbp.training.loop import Training
from sbp.training.schedule import order_of
from tests.machine.two_ranks import NORM, ONE, RUN, coloured, one_step, run_ranks

Found = list[tuple[dict[str, Tensor], dict[str, Any]]]


@pytest.fixture(scope="module", params=["cpu", "cuda"])
def device(request: pytest.FixtureRequest) -> str:
    if request.param == "cuda" and torch.cuda.device_count() < 2:
        pytest.skip("Needs two GPUs.")
    return str(request.param)


@pytest.fixture(scope="module")
def found(device: str, tmp_path_factory: pytest.TempPathFactory) -> Found:
    """What each of two ranks found: tensors and words."""
    folder = tmp_path_factory.mktemp("ranks")
    run_ranks("tests.machine.two_ranks", str(folder), device, patience=240)
    words = [json.loads((folder / f"{rank}.json").read_text(encoding="utf-8")) for rank in (0, 1)]
    assert [(it["rank"], it["world"]) for it in words] == [(0, 2), (1, 2)]
    return [(load_file(folder / f"{rank}.safetensors"), words[rank]) for rank in (0, 1)]


def named(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {name.removeprefix(prefix): t for name, t in tensors.items() if name.startswith(prefix)}


@pytest.mark.parametrize("prefix", ["step.", "held."])
def test_one_step_of_two_ranks_is_one_step_of_one_with_the_whole_batch(found: Found, device: str, prefix: str) -> None:
    """Noise fixed; weights, biases, mu, log sigma and their gradients, with KL weights of which none is 1."""
    config, data = (ONE, load("digits")) if prefix == "step." else (NORM.replace(hold_norm=True), coloured())
    expected = one_step(config.replace(device=device), data, ONE_RANK)
    # Of each layer's weights and biases, and last of mu and log sigma.
    assert {"gradient.0", f"gradient.{len(named(expected, 'gradient.')) - 1}"} <= set(expected)
    for tensors, _ in found:
        got = named(tensors, prefix)
        assert set(got) == set(expected)
        for name, tensor in expected.items():
            gradient = expected.get(name.replace("parameter", "gradient"), tensor)
            # Adam's first step is lr times the gradient's sign, and of one that is next to 0 a GPU may round it away.
            sure = gradient.abs() > 1e-5 if device == "cuda" and name.startswith("parameter") else ...
            torch.testing.assert_close(
                got[name][sure], tensor[sure], rtol=0, atol=1e-6, msg=partial("{}: {}".format, name)
            )


def test_the_kl_is_counted_once(found: Found) -> None:
    """From the gradient on mu: with the noise's part taken away, what is left is the weighted KL's, over N."""
    it = Training(ONE, load("digits"))
    noise = joint_noise_of(it.network)
    kl = torch.stack(list(noise.kl_per_group().values()))
    weights = torch.tensor(kl_weights(ONE.network, ONE.method))
    assert weights.tolist() == [3.0, 0.5, 2.0]
    (torch.dot(weights, kl) / it.n_train).backward()
    of_kl = noise.loc.grad
    assert of_kl is not None
    free = one_step(ONE.replace(kl_weights=(0.0, 0.0, 0.0)), load("digits"), ONE_RANK)["gradient.6"]
    of_both = found[0][0]["step.gradient.6"] - free
    assert float(of_kl.abs().max()) > 1e-4
    torch.testing.assert_close(of_both, of_kl, rtol=1e-3, atol=1e-7)


def test_each_rank_normalises_its_part_and_the_running_moments_are_the_mean(found: Found) -> None:
    """Of the first normalisation, whose input no other changes; by its convolution on both halves of the batch."""
    it = Training(NORM, coloured())
    batch = it.split.train_x[order_of(NORM.seed, 0, it.n_train)[: NORM.optimisation.batch_size]]
    layer = described(it.network).weights[0]
    with torch.no_grad():
        halves = [it.network.get_submodule(layer.name)(half) for half in batch.split(NORM.optimisation.batch_size // 2)]
    mean = torch.stack([half.mean((0, 2, 3)) for half in halves]).mean(0)
    variance = torch.stack([half.var((0, 2, 3)) for half in halves]).mean(0)
    for tensors, _ in found:
        torch.testing.assert_close(tensors[f"norm.moment.{layer.norm}.running_mean"], 0.1 * mean, rtol=1e-5, atol=1e-7)
        torch.testing.assert_close(tensors[f"norm.moment.{layer.norm}.running_var"], 0.9 + 0.1 * variance)


def test_both_ranks_hold_the_same_network_and_say_the_same_of_it(found: Found) -> None:
    """With noise of their own, for several methods and through all phases, to the last bit."""
    (first, said), (second, heard) = found
    for name, tensor in first.items():
        assert torch.equal(tensor, second[name]) is (name != "draws"), name
    own = {"rank", "other device"}
    assert {key: it for key, it in said.items() if key not in own} == {
        key: it for key, it in heard.items() if key not in own
    }
    assert [epoch for epoch, *_ in said["records"]] == [0, 1, 2, 3]


def test_a_run_of_two_ranks_resumed_equals_uninterrupted(found: Found) -> None:
    for tensors, words in found:
        assert words["cut records"] == words["records"]
        whole, cut = named(tensors, "whole."), named(tensors, "cut.")
        assert all(torch.equal(cut[name], tensor) for name, tensor in whole.items())


def test_ranks_shrink_alike_and_go_on_as_if_they_had_never_stopped(found: Found) -> None:
    (_, first), (_, second) = found
    assert first["shrinking"] == second["shrinking"] == first["cut shrinking"] == second["cut shrinking"]
    assert first["left"] == first["shrinking"][-1][3][1::-1] < [12, 784], "neurons and pixels when fine-tuning began"


def test_captured_steps_are_the_steps_that_are_run_by_themselves(found: Found) -> None:
    """On GPUs, where there are graphs."""
    for _, words in found:
        for captured, by_itself in zip(words["records"], words["eager records"], strict=True):
            assert captured[:3] == pytest.approx(by_itself[:3], rel=1e-4)


def test_ranks_draw_independently(found: Found, device: str) -> None:
    """1,000 uniform numbers each: correlated by more than 0.2 once in 10 billion, if they are independent."""
    draws = torch.stack([tensors["draws"] for tensors, _ in found])
    assert float(torch.corrcoef(draws)[0, 1].abs()) < 0.2
    alone = torch.rand(1000, generator=torch.Generator(device).manual_seed(0), device=device)
    assert torch.equal(draws[0], alone.cpu())


def test_what_cannot_be_is_said_on_every_rank(found: Found) -> None:
    for _, words in found:
        assert "a multiple of 2" in words["odd batch"]
        assert "no longer hold the same network (output.weight)" in words["apart"]
        assert "Expected one device" in words["other device"]
        assert words["any"] == [True, False]
        assert words["told"] == ["from 0", ""]


# What needs no second process


def test_the_ranks_are_those_of_torchruns_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RANK", "WORLD_SIZE", "LOCAL_RANK"):
        monkeypatch.delenv(name, raising=False)
    assert Ranks.of_environment().world == 1
    # Other programs set one of them alone.
    monkeypatch.setenv("WORLD_SIZE", "4")
    assert Ranks.of_environment().world == 1
    monkeypatch.setenv("RANK", "3")
    monkeypatch.setenv("LOCAL_RANK", "1")
    ranks = Ranks.of_environment()
    assert (ranks.rank, ranks.world, ranks.local) == (3, 4, 1)


def test_the_parts_are_the_whole() -> None:
    order = torch.randperm(12)
    assert torch.equal(torch.cat([part_of(order, Ranks(rank, 3)) for rank in range(3)]), order)
    with pytest.raises(ConfigError, match="multiple of 5"):
        part_of(order, Ranks(0, 5))


def test_alone_nothing_is_averaged_and_all_is_due() -> None:
    tensor = torch.ones(3)
    average_([tensor], ONE_RANK)
    assert tensor.tolist() == [1.0, 1.0, 1.0]
    assert not Pace(ONE_RANK, every=1e9).due()


class Heard(Ranks):
    """The second of two ranks, which hears these numbers of steps."""

    def __init__(self, *said: int) -> None:
        super().__init__(rank=1, world=2)
        self.said = [str(steps).encode() for steps in said]

    def broadcast_bytes(self, content: bytes = b"") -> bytes:
        return self.said.pop(0)


def test_a_rank_looks_up_after_the_steps_that_rank_0_says() -> None:
    pace = Pace(Heard(2, 3, 1, 9), every=0.25)
    due = [pace.due() for _ in range(9)]
    assert [step for step, now in enumerate(due, 1) if now] == [1, 3, 6, 7]


def test_the_first_rank_measures_how_many_steps_fit_and_doubles_at_most() -> None:
    class First(Ranks):
        said: list[int] = []

        def broadcast_bytes(self, content: bytes = b"") -> bytes:
            self.said.append(int(content))
            return content

    pace = Pace(First(0, 2), every=1e6)
    due = [pace.due() for _ in range(15)]
    assert First.said == [2, 4, 8, 16]
    assert [step for step, now in enumerate(due, 1) if now] == [1, 3, 7, 15]
    slow = Pace(First(0, 2), every=0.0)
    assert all(slow.due() for _ in range(3))


def test_draws_go_on_where_they_stood_and_start_again_with_other_ranks() -> None:
    generator = generator_of("cpu", 5, ONE_RANK)
    torch.rand(7, generator=generator)
    tensors, expected = draws_of(generator, ONE_RANK), torch.rand(4, generator=generator)
    resume_draws(generator, tensors, ONE_RANK, seed=5, step=9)
    assert torch.equal(torch.rand(4, generator=generator), expected)
    of_two = {**tensors, "generator.1": tensors["generator"]}
    seen = []
    for rank in range(3):
        for step in (9, 10):
            resume_draws(generator, of_two, Ranks(rank, 3), seed=5, step=step)
            seen.append(torch.rand(4, generator=generator))
    assert len({tuple(draw.tolist()) for draw in [expected, *seen]}) == 7


@pytest.mark.parametrize("begun", ["by two ranks", "on a GPU"])
def test_a_checkpoint_can_be_gone_on_from_elsewhere(begun: str) -> None:
    first = Training(RUN, load("digits"))
    events = first.events()
    for _ in range(2):
        next(events)
    saved = first.checkpoint()
    other = {
        "by two ranks": {"generator.1": saved.tensors["generator"]},
        "on a GPU": {"generator": torch.zeros(16, dtype=torch.uint8)},  # of the size that CUDA's generator has
    }
    second = Training(RUN, load("digits"), Checkpoint({**saved.tensors, **other[begun]}, saved.state))
    list(second.events())
    assert second.epoch == 3


def test_each_process_needs_a_gpu_of_its_own(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 1)
    with pytest.raises(DeviceError, match="got process 2 on a machine that shows 1"):
        Ranks(1, 2, 1).select_device("cuda")

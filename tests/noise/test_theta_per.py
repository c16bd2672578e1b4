"""One theta for each example, for the minibatch, or for each element: what shares a draw, and what is refused."""

from __future__ import annotations

import copy

import pytest
import torch
from torch import Tensor, nn

from sbp.compaction import compact
from sbp.noise import attach
from sbp.noise.element_hooks import MultiplyElements
from sbp.noise.install import joint_noise_of
from sbp.noise.joint_noise import JointNoise
from sbp.spec import ConfigError, RunConfig
from sbp.spec.noise import THETA_PER
from tests.noise.small import Residual, conv

SAME = torch.ones(4, 1, 3, 3)  # every place of every example alike: what differs is theta


def bare() -> nn.Sequential:
    """A convolution that passes its input on as one channel, and one that reads it."""
    network = nn.Sequential(nn.Conv2d(1, 1, 1, bias=False), nn.Conv2d(1, 1, 1, bias=False))
    with torch.no_grad():
        for weight in network.parameters():
            weight.fill_(1.0)
    return network


def noisy(theta_per: str) -> tuple[nn.Module, JointNoise]:
    network = bare()
    return network, attach(network, SAME[:1], init_log_scale=0.0, theta_per=theta_per)


def thetas(theta_per: str, x: Tensor = SAME) -> Tensor:
    """theta as the second layer's input was multiplied by it, [examples, places]."""
    torch.manual_seed(0)
    network, _ = noisy(theta_per)
    found: Tensor = network.train()(x).detach().flatten(1)
    return found


@pytest.mark.parametrize(("theta_per", "draws"), [("example", 4), ("minibatch", 1), ("element", 36)])
def test_so_many_draws_are_made(theta_per: str, draws: int) -> None:
    found = thetas(theta_per)
    assert len(found.unique()) == draws
    assert not torch.equal(found, noisy(theta_per)[0].train()(SAME).detach().flatten(1)), "afresh in each pass"
    if theta_per == "example":
        assert (found == found[:, :1]).all()


def test_an_element_has_the_law_of_its_unit() -> None:
    """Mean and variance of 90,000 draws within 5 standard errors: wrong by chance once in a million times."""
    found = thetas("element", torch.ones(10_000, 1, 3, 3)).double()
    q = noisy("element")[1].distribution()
    n, mean, variance = found.numel(), float(q.mean.detach()), float(q.variance.detach())
    assert abs(float(found.mean()) - mean) < 5 * (variance / n) ** 0.5
    spread = float(((found - mean) ** 2).var() / n) ** 0.5
    assert abs(float(((found - mean) ** 2).mean()) - variance) < 5 * spread


@pytest.mark.parametrize("theta_per", THETA_PER)
def test_gradients_reach_mu_and_sigma_and_a_removed_unit_stays_0(theta_per: str) -> None:
    torch.manual_seed(1)
    network = conv().train()
    noise = attach(network, torch.randn(2, 3, 8, 8), features=["7"], init_log_scale=-1.0, theta_per=theta_per)
    noise.prepare(5, torch.Generator().manual_seed(2))
    network(torch.randn(5, 3, 8, 8)).square().sum().backward()
    noise.project_()
    for gradient in (noise.loc.grad, noise.log_scale.grad):
        assert gradient is not None
        assert all(part.abs().sum() > 0 for part in noise.by_group(gradient).values())
    noise.set_masks({"3": [False, *[True] * 7]})
    seen: list[Tensor] = []
    network.get_submodule("7").register_forward_hook(lambda module, args, output: seen.append(args[0]))
    network(torch.randn(5, 3, 8, 8))
    assert (seen[0].view(5, 8, 4)[:, 0] == 0).all()
    assert (seen[0].view(5, 8, 4)[:, 1:] != 0).any()


def test_the_generator_decides_every_draw() -> None:
    def passed() -> Tensor:
        torch.manual_seed(3)  # the weights'
        network = conv().train()
        attach(network, torch.zeros(2, 3, 8, 8), init_log_scale=0.0, theta_per="element").prepare(
            2, torch.Generator().manual_seed(7)
        )
        torch.seed()
        result: Tensor = network(torch.ones(2, 3, 8, 8))
        return result

    assert torch.equal(passed(), passed())


@pytest.mark.parametrize("theta_per", THETA_PER)
def test_in_eval_and_compact_it_makes_no_difference(theta_per: str) -> None:
    torch.manual_seed(4)
    plain = conv()
    network, x = copy.deepcopy(plain), torch.randn(3, 3, 8, 8)
    for model, kind in ((plain, "example"), (network, theta_per)):
        attach(model, x, init_log_scale=-1.0, theta_per=kind)
    assert torch.equal(network.eval()(x), plain.eval()(x))
    torch.testing.assert_close(compact(network)(x), plain(x), rtol=1e-5, atol=1e-5)


def test_by_default_nothing_of_it_is_on_the_network() -> None:
    network, noise = noisy("example")
    hooks = [hook for module in network.modules() for hook in module._forward_pre_hooks.values()]
    assert not any(isinstance(hook, MultiplyElements) for hook in hooks)
    assert noise.rows_for(4) == 4


def test_what_reads_a_unit_twice_cannot_have_a_theta_an_element() -> None:
    with pytest.raises(ValueError, match="theta_per: expected example or minibatch, got element: several layers"):
        attach(Residual(), torch.randn(2, 3, 8, 8), theta_per="element")
    with pytest.raises(ValueError, match="theta_per: expected one of example, minibatch, element, got 'batch'"):
        attach(bare(), SAME[:1], theta_per="batch")


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"theta_per": "element"}, "its units have one element per example"),
        ({"theta_per": "minibatch", "method": "original"}, "method original, whose units have no noise"),
        ({"theta_per": "element", "network": "lenet-5-caffe", "compiled": True}, "which is compiled"),
        ({"theta_per": "element", "network": "resnet-20", "dataset": "cifar-10"}, "no chain of layers"),
        ({"theta_per": "batch"}, "expected one of example, minibatch, element"),
    ],
)
def test_a_config_refuses_what_makes_no_sense(changes: dict[str, object], sentence: str) -> None:
    with pytest.raises(ConfigError, match=sentence):
        RunConfig.flat(**changes)


@pytest.mark.parametrize("theta_per", ["minibatch", "element"])
def test_a_run_trains_and_resumes_with_it(theta_per: str) -> None:
    """The method asks for the draws, and what is drawn comes from the run's generator alone."""
    from sbp.methods.registry import method_for

    config = RunConfig.flat(network="lenet-5-caffe", widths=(3, 4, 5), theta_per=theta_per, init_log_scale=0.0)

    def passed() -> Tensor:
        torch.manual_seed(5)
        method = method_for(config.method, config.network, config.noise)
        network = method.build().train()
        method.sample_noise_(network, 6, torch.Generator().manual_seed(1))
        torch.seed()
        logits: Tensor = network(torch.ones(6, 1, 28, 28))
        assert joint_noise_of(network).theta_per == theta_per
        return logits

    first = passed()
    assert torch.equal(first, passed())
    assert bool((first[0] == first[1]).all()) is (theta_per == "minibatch")

"""The bound: where the KL's scale is decided, by hand-computed values and by its laws."""

from __future__ import annotations

import pytest
import torch

from sbp import SBPLayer
from sbp.methods.registry import method_for
from sbp.objective import kl_by_layer, negative_bound
from sbp.spec import RunConfig


def layers() -> list[SBPLayer]:
    return [SBPLayer(4, init_log_scale=-1.0), SBPLayer(2, init_log_scale=1.0, log_low=-10.0)]


def test_the_bound_is_the_mean_nll_plus_the_kl_over_the_number_of_training_objects() -> None:
    logits, labels = torch.tensor([[2.0, 0.0], [0.0, 1.0]]), torch.tensor([0, 0])
    # log(1 + e^-2) and log(1 + e^1), by hand
    nll = (0.12692801 + 1.31326169) / 2
    first, second = (layer.kl().item() for layer in layers())
    bound = negative_bound(logits, labels, layers(), n_train=50, kl_weights=(1.0, 3.0))
    assert bound.nll.item() == pytest.approx(nll)
    assert bound.kl.item() == pytest.approx(first + second)
    assert bound.kl_weighted.item() == pytest.approx(first + 3 * second)
    assert bound.loss.item() == pytest.approx(nll + (first + 3 * second) / 50)


def test_no_weights_is_the_papers_bound() -> None:
    logits, labels = torch.zeros(3, 10), torch.zeros(3, dtype=torch.long)
    plain = negative_bound(logits, labels, layers(), 7)
    ones = negative_bound(logits, labels, layers(), 7, (1.0, 1.0))
    assert plain.loss.item() == pytest.approx(ones.loss.item())


def test_the_batch_size_does_not_change_the_objective() -> None:
    """The mean over all ways to cut the data into batches is the objective of the whole."""
    torch.manual_seed(0)
    logits, labels = torch.randn(12, 10), torch.randint(0, 10, (12,))
    whole = negative_bound(logits, labels, layers(), 12)
    for size in (1, 3, 4, 6):
        parts = zip(logits.split(size), labels.split(size), strict=True)
        losses = [negative_bound(x, y, layers(), 12).loss for x, y in parts]
        assert torch.stack(losses).mean().item() == pytest.approx(whole.loss.item(), rel=1e-6)


def test_the_kl_of_all_layers_at_once_is_each_layers_own() -> None:
    at_once = kl_by_layer(layers())
    torch.testing.assert_close(at_once, torch.stack([layer.kl() for layer in layers()]))


def test_a_missing_weight_is_refused() -> None:
    with pytest.raises(ValueError, match="one KL weight for each of 2 layers, got 1"):
        negative_bound(torch.zeros(1, 10), torch.zeros(1, dtype=torch.long), layers(), 7, (1.0,))


@pytest.mark.parametrize(("method", "weights"), [("sbp", ()), ("sbpa", (3.0, 1.0, 0.5))])
def test_what_training_minimises_is_this_bound(method: str, weights: tuple[float, ...]) -> None:
    """The method's penalty at its full strength, drawn or not, is what `negative_bound` adds to the NLL."""
    config = RunConfig.flat(method=method, kl_weights=weights, widths=(4, 3), init_log_scale=-1)
    sbp = method_for(config)
    network = sbp.build()
    logits, labels = torch.zeros(2, 10), torch.zeros(2, dtype=torch.long)
    bound = negative_bound(logits, labels, network.noise_layers(), 100, weights)
    for draws in (False, True):
        if draws:
            sbp.draw(network, 2, torch.Generator().manual_seed(0))
        term, kl, weighted = sbp.penalty(network, 100, torch.tensor(1.0))
        assert term.item() == pytest.approx((bound.loss - bound.nll).item(), rel=1e-5)
        assert (kl.item(), weighted.item()) == pytest.approx((bound.kl.item(), bound.kl_weighted.item()), rel=1e-5)
    assert sbp.penalty(network, 100, torch.tensor(0.5)).term.item() == pytest.approx(term.item() / 2, rel=1e-6)

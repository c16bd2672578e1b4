"""Each way in which a training with noise fails is named, by its own finding alone; what goes well is left in peace."""

from __future__ import annotations

from dataclasses import replace
from math import nan

import pytest

from sbp.pruning.diagnosis import diagnose
from sbp.spec.observation import Observation
from tests.pruning.failing import FINE, NETWORKS, WAYS, trained


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("network", NETWORKS)
@pytest.mark.parametrize("way", WAYS)
def test_a_failure_is_named_and_no_other(way: str, network: str, seed: int) -> None:
    assert [finding.kind for finding in diagnose(*trained(network, WAYS[way], seed))] == [way]


@pytest.mark.slow
@pytest.mark.parametrize("seed", [0, 1, 2])
@pytest.mark.parametrize("network", NETWORKS)
def test_what_goes_well_is_left_in_peace_at_every_moment(network: str, seed: int) -> None:
    seen, n_train, steps = trained(network, FINE, seed)
    assert [diagnose(seen[:end], n_train, steps) for end in range(len(seen))] == [[]] * len(seen)
    assert min(sum(one.kept.values()) for one in seen) > 0


def made(step: int, **changes: object) -> Observation:
    """One moment of a training of two groups, in which nothing is wrong."""
    kinds = {"units": {"a": 8, "b": 4}, "kept": {"a": 8, "b": 4}, "log_snr": {"a": (4.0, 5.0), "b": (4.0, 5.0)}}
    return replace(Observation(step, 0.5, 0.5 + 60 / 1000, 60.0, 1e-3, 0.05, **kinds), **changes)  # type: ignore[arg-type]


def kinds(*seen: Observation, steps: int = 1000) -> list[str]:
    return [finding.kind for finding in diagnose(seen, 1000, steps)]


def test_nothing_seen_and_nothing_wrong() -> None:
    assert kinds() == []
    assert kinds(made(0), made(100)) == []


def test_a_figure_stands_in_each_sentence() -> None:
    (slow,) = diagnose([made(0, noise_lr=1e-3), made(100, noise_lr=1e-3)], 1000, 500)
    assert "noise_lr = 0.001" in str(slow)
    (ended,) = diagnose([made(0, noise_lr=1e-3), made(100, noise_lr=0.0)], 1000, 100)
    assert "noise_lr = 0.001" in str(ended), "a rate that has fallen to 0 by the end is not what was too low"
    (scale,) = diagnose([made(0, loss=0.5 + 60)], 1000, 500)
    assert "1,000 times" in str(scale)
    (norm,) = diagnose([made(0, error=34.25, own_error=1.0)], 1000, 500)
    assert "34.2 %" in str(norm)


def test_reach_counts_what_is_left() -> None:
    slow = [made(0, noise_lr=0.005), made(100, noise_lr=0.005)]  # 4 / 0.005 = 800 steps
    assert (kinds(*slow, steps=790), kinds(*slow, steps=810)) == (["slow"], [])


def test_an_empty_group_is_named_unless_nothing_was_learned() -> None:
    gone = {"a": 8, "b": 0}
    assert kinds(made(0), made(100, kept=gone, nll=0.6)) == ["empty"]
    assert kinds(made(0), made(100, kept=gone, nll=0.501)) == []


def test_a_network_that_is_gone_at_once_is_named_as_a_whole() -> None:
    """Whatever it had learned: here the NLL rose by 0.7 only."""
    seen = [made(0, nll=2.3), made(50, nll=1.6), made(100, nll=2.3, kept={"a": 0, "b": 0})]
    (finding,) = diagnose(seen, 1000, 1000)
    assert (finding.kind, "from step 50 to 100 the kept units fell from 12 to 0" in str(finding)) == ("fast", True)
    seen[1:1] = [made(25, nll=1.7, kept={"a": 8, "b": 0})]
    assert kinds(*seen) == ["empty"]


def test_a_network_that_is_gone_before_it_learned_is_named() -> None:
    gone = {"kept": {"a": 1, "b": 0}}
    assert kinds(made(0, nll=2.303), made(100, nll=2.301, **gone)) == ["fast"]
    assert kinds(made(0, nll=nan), made(100, nll=2.301, **gone)) == []  # of one NLL nobody knows whether it fell
    assert kinds(made(0, nll=nan), made(100, nll=2.301, **gone), made(200, nll=2.302, **gone)) == ["fast"]
    assert kinds(made(0, nll=2.303), made(100, nll=2.1, **gone)) == ["empty"]


def test_a_group_that_falls_as_one_is_named_before_it_is_gone() -> None:
    def falling(spread: float) -> list[Observation]:
        highs = {0: 3.0, 50: 2.1, 100: 1.3, 150: 0.5}
        log_snr = {step: {"a": (high - spread, high), "b": (4.0, 5.0)} for step, high in highs.items()}
        return [made(step, nll=0.5 + step / 1000, log_snr=pairs) for step, pairs in log_snr.items()]

    assert (kinds(*falling(0.0)[:3]), kinds(*falling(0.0)), kinds(*falling(0.5))) == ([], ["empty"], [])
    # A warning stands as long as what it warns of may come: here the group stays.
    assert kinds(*falling(0.0), made(200, nll=0.7, log_snr={"a": (-0.5, 0.4), "b": (4.0, 5.0)})) == []


def test_a_group_that_comes_back_from_above_its_start_is_left_in_peace() -> None:
    """Under a KL that is warmed up mu climbs above b first, where the SNR is thousands of times higher."""
    climbed = {0: (5.5, 5.5), 8: (9.9, 10.2), 16: (4.5, 4.9), 24: (3.0, 4.1)}
    seen = [made(step, nll=0.5 + step / 1000, log_snr={"a": pair}) for step, pair in climbed.items()]
    assert [kinds(*seen[:end]) for end in range(1, 5)] == [[]] * 4


def test_the_cause_is_named_and_not_what_follows_from_it() -> None:
    lost = {"kept": {"a": 1, "b": 0}, "nll": 2.3}
    assert kinds(made(0), made(100, **lost, loss=2.3 + 0.06)) == ["fast"]
    assert kinds(made(0, loss=60.5), made(100, **lost, loss=62.3)) == ["scale"]


def test_batch_norm_has_a_moment_to_follow() -> None:
    off, on = {"error": 30.0, "own_error": 2.0}, {"error": 2.0, "own_error": 2.0}
    assert kinds(made(0, **off), made(1, **on), made(2, **off)) == []
    assert kinds(made(0, **on), made(1, **off), made(2, **off)) == ["batch-norm"]
    closing = [made(step, error=error, own_error=18.0) for step, error in enumerate((74.0, 40.0, 20.0))]
    assert [kinds(*closing[:end]) for end in (2, 3)] == [[], []]


def test_what_is_not_known_is_not_judged() -> None:
    unknown = {"nll": nan, "loss": nan, "log_snr": {}}
    assert kinds(made(0, **unknown), made(100, **unknown), made(200, **unknown)) == []


def test_what_does_not_fit_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match="n_train, steps: expected at least 1 each, got 0"):
        diagnose([], 0, 10)
    with pytest.raises(ValueError, match=r"expected growing steps, got \[100, 100\]"):
        diagnose([made(100), made(100)], 10, 10)

"""The library on the vectors that the gate's JavaScript is tested on too (tests/browser/test_gate_maths.py)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from sbp.distributions import moments

CASES = json.loads(Path(__file__).with_name("gate.json").read_text(encoding="utf-8"))["cases"]


@pytest.mark.parametrize("name", ["mean", "snr", "kl", "entropy"])
@pytest.mark.parametrize("interval", sorted({(case["a"], case["b"]) for case in CASES}))
def test_the_library_agrees_with_mpmath(name: str, interval: tuple[float, float]) -> None:
    cases = [case for case in CASES if (case["a"], case["b"]) == interval]
    loc = np.array([case["mu"] for case in cases])
    log_scale = np.log([case["sigma"] for case in cases])
    got = getattr(moments, name)(loc, log_scale, *interval)
    expected = np.array([case[name] for case in cases])
    # The entropy passes through 0, where a relative error means nothing.
    np.testing.assert_allclose(got, expected, rtol=1e-6, atol=1e-6 if name == "entropy" else 0)

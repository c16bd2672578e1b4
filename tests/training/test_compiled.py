"""A training whose passes are compiled comes to what it comes to without."""

from __future__ import annotations

import pytest
import torch

from sbp.data.datasets import Dataset, load
from sbp.spec import RunConfig
from sbp.spec.records import Record
from sbp.training.loop import Training

pytestmark = [
    pytest.mark.slow,  # Inductor compiles for a minute
    pytest.mark.filterwarnings("ignore:.*autograd.function.Function.* should not be instantiated:DeprecationWarning"),
    pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf:UserWarning"),
    pytest.mark.filterwarnings("ignore:`torch.jit.script_method` is deprecated:DeprecationWarning"),
]
CONFIG = RunConfig.flat(
    dataset="digits", widths=(12, 8), pretrain_epochs=1, epochs=2, finetune_epochs=1, distillation=0.5, device="cpu"
)


def records(config: RunConfig, data: Dataset) -> list[Record]:
    torch._dynamo.reset()
    return [event for event in Training(config, data).events() if isinstance(event, Record)]


@pytest.mark.parametrize("method", ["sbp", "original"])
def test_a_compiled_training_ends_as_one_that_is_not(method: str) -> None:
    config, data = CONFIG.replace(method=method), load("digits")
    for plain, compiled in zip(records(config, data), records(config.replace(compiled=True), data), strict=True):
        assert compiled.loss == pytest.approx(plain.loss, rel=1e-3)
        assert compiled.kept == plain.kept

"""A training that follows a script, for tests of the worker."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import torch

from sbp.runs import store
from sbp.spec import RunConfig
from sbp.training.loop import Checkpoint
from tests.runs.made import progress, record, snapshot


class Scripted:
    """Stands in for `Training`: one record and snapshot an epoch, then whatever the script does."""

    script: Callable[[int], None] = staticmethod(lambda epoch: None)
    epochs = 3

    def __init__(self, config: RunConfig, data: Any, checkpoint: Checkpoint | None = None) -> None:
        self.config, self.done = config, int(checkpoint.state["done"]) if checkpoint else 0
        self.resumed = checkpoint is not None

    def events(self) -> Iterator[Any]:
        folder = store.open_run(store.list_runs()[0].id)
        if not self.resumed:
            yield snapshot(folder, 0)  # type: ignore[arg-type]
        while self.done < self.epochs:
            yield progress(self.done * 10 + 5)
            self.script(self.done + 1)
            self.done += 1
            yield record(self.done)
            yield snapshot(folder, self.done)  # type: ignore[arg-type]

    def checkpoint(self) -> Checkpoint:
        return Checkpoint({"w": torch.full((2,), float(self.done))}, {"done": self.done})

    def model_tensors(self) -> dict[str, torch.Tensor]:
        return {"w": torch.full((2,), float(self.done))}

    def meta(self) -> dict[str, Any]:
        return {"hardware": "a test", "n_train": 200, "n_test": 360, "kl_weights": [1.0, 1.0, 1.0]}

    def result(self) -> dict[str, Any]:
        return {
            "test_error_percent": 1.489,
            "kept": [3, 2, 1],
            "macs": 581,
            "macs_reduction": 6416 / 581,
            "seconds": 9.0,
        }

"""Finished runs whose weights are a random network's, for the tests of what is exported."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn

from sbp.compaction.folded import Folded
from sbp.networks.tensors import file_tensors
from sbp.runs import store
from sbp.runs.view import RunView
from tests.made_up import write_run
from tests.pruning.networks import DATASET, WIDTHS, random_network


def save_run(network: nn.Module, folder: Path) -> Path:
    """The weights of a run as its worker writes them."""
    tensors = {name: tensor.detach().clone() for name, tensor in file_tensors(network).items()}
    save_file(tensors, path := folder / "model.safetensors")
    return path


def saved_run(root: Path, name: str, network: nn.Module | None = None, **changes: Any) -> RunView:
    """A run of this network's name with a model.safetensors; by default of `random_network` in float32."""
    view = write_run(root, **{"network": name, "widths": WIDTHS[name], "dataset": DATASET[name], **changes})
    save_run(network or random_network(name, torch.float32), view.folder)
    return store.open_run(view.id, root)


def cut_wrongly(monkeypatch: pytest.MonkeyPatch) -> None:
    """Has every compact network with a layer called output answer one class otherwise than the masked one does."""
    cut = Folded.cut

    def wrong(self: Folded, *arguments: Any) -> nn.Module:
        small = cut(self, *arguments)
        with torch.no_grad():
            small.get_parameter("output.bias")[3] += 1
        return small

    monkeypatch.setattr(Folded, "cut", wrong)

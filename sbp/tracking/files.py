"""The noise of a network in training as one file that is safe to open, and back into a network."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import torch
from torch import nn

from sbp.runs.files import replace_bytes
from sbp.runs.noise_file import from_bytes, to_bytes
from sbp.spec.records import Snapshot
from sbp.tracking.described import description, interval_of, network_of


def save_noise(model: nn.Module, path: str | Path, example_input: Any, title: str = "") -> None:
    """Writes mu and log sigma of every unit, and what the network is, into a file that page Your network opens.

    Args:
        model: a network that `sbp.attach` has put noise on, or what wraps it.
        path: of the file, "mine.safetensors".
        example_input: what `sbp.attach` was called with, by which MACs are counted.
        title: what pages call the network; by default its class.

    Raises:
        ValueError: the model has no noise, or noise that pages would judge otherwise than it does.
        OSError: the file cannot be written.

    >>> import sbp, tempfile
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> noise = sbp.attach(model, torch.zeros(2, 4))
    >>> save_noise(model, path := f"{tempfile.mkdtemp()}/mine.safetensors", torch.zeros(2, 4))
    >>> noise.loc.data.fill_(-1.0)
    tensor([-1., -1., -1.])
    >>> load_noise(model, path)
    >>> noise.loc.data
    tensor([0., 0., 0.])
    """
    network, noise = network_of(model)
    loc, log_scale = (noise.layout.split(part.detach().float().cpu().numpy()) for part in (noise.loc, noise.log_scale))
    found = description(network, noise, example_input, title)
    replace_bytes(Path(path), to_bytes(found, Snapshot(0, loc, log_scale), *interval_of(noise)))


def load_noise(model: nn.Module, path: str | Path) -> None:
    """Puts mu and log sigma of such a file into a network with the same groups of units.

    Args:
        model: a network that `sbp.attach` has put noise on, or what wraps it.
        path: of the file.

    Raises:
        ValueError: it is no such file, or has other groups, or another interval [a, b].
        OSError: the file cannot be read.
    """
    _, noise = network_of(model)
    found, snapshot, *interval = from_bytes(Path(path).read_bytes())
    told = {group.name: group.units for group in found.groups}
    own = dict(zip(noise.layout.names, noise.layout.sizes, strict=True))
    if told != own or tuple(interval) != interval_of(noise):
        raise ValueError(f"{path}: expected the groups {own} on {interval_of(noise)}, got {told} on {tuple(interval)}.")
    with torch.no_grad():
        for parameter, values in ((noise.loc, snapshot.loc), (noise.log_scale, snapshot.log_scale)):
            parameter.copy_(torch.from_numpy(noise.layout.join(values)))

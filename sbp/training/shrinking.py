"""Shrinking while training: units that have stayed removed are cut out of the network that is being trained.

What they were is kept, in the same network at full width, so that all that is said of a run is said of the original
units: a unit that was cut has the mu, the log sigma, the KL, the weights and the batch statistics that it had last. Its
SNR was below 1 then (or it is a channel without features, or a feature without its channel), so it is removed there.
What an optimiser and its averages remembered of it is dropped.
"""

from __future__ import annotations

import copy

import numpy as np
import torch
from torch import Tensor, nn

from sbp.methods.base import Method
from sbp.networks.describe import described
from sbp.noise.install import NAME, install, joint_noise_of, uninstall
from sbp.noise.joint_noise import JointNoise
from sbp.noise.removal import remove_units
from sbp.pruning.masks import Masks, propagate
from sbp.spec.layout import Layout, kept_entries
from sbp.spec.ranges import Phase
from sbp.training.checkpoint import pack, unpack
from sbp.training.stepper import Stepper

# A cut must save at least this share of the MACs that are left: on a GPU each costs a new capture of the step.
WORTH = 0.1
# Where a smaller tensor stands in a larger one: large[key] is the small one, and can be assigned to.
Key = tuple[Tensor | slice, ...]
# What the optimiser holds of all units side by side.
UNITS = f"{NAME}.loc"


class Shrinking:
    """Which units of a network in training are left, how long the others have been removed, and what they were.

    stepper: what trains it, at full width. left: bool [units] by group, closed (`propagate`). removed_for: epochs in
    a row that a unit has not been kept, int64 [units] by group. Without `shrink_after` nothing is ever cut, and the
    network at full width is the stepper's own.
    """

    def __init__(self, stepper: Stepper) -> None:
        self.stepper, self.after = stepper, stepper.schedule.shrink_after
        self.spec = described(stepper.network)
        self.layers = self.spec.groups
        self.left: Masks = {layer.name: np.ones(layer.units, bool) for layer in self.layers}
        self.removed_for = {layer.name: np.zeros(layer.units, np.int64) for layer in self.layers}
        self.full: tuple[nn.Module, Method] | None = None  # once something has been cut
        self.keys: dict[str, Key] = {}
        self.moved: list[str] = []  # the weights, in the order in which an optimiser numbers them

    def start(self, phase: Phase) -> None:
        """Begins a phase; what is removed when fine-tuning begins is cut at once."""
        self.stepper.start(phase)
        if self.after and phase == "finetune":
            self.cut_to(self.masks())

    def after_epoch(self) -> None:
        """Counts an epoch of the main phase, and cuts what has been removed for `shrink_after` epochs in a row, where
        that saves `WORTH` of the MACs or more and leaves something of each group."""
        if not self.after:
            return
        for name, mask in self.masks().items():
            self.removed_for[name] = np.where(mask, 0, self.removed_for[name] + 1)
        # Closed too: a channel counts with its last feature, and a feature with its channel.
        self.cut_to({name: epochs < self.after for name, epochs in self.removed_for.items()}, WORTH)

    def masks(self) -> Masks:
        """Which units are kept, bool [units] by group, closed; those that were cut are not."""
        network, method = self.whole()
        return propagate(method.masks(network), self.layers)

    @torch.no_grad()
    def whole(self) -> tuple[nn.Module, Method]:
        """The network at full width, what is left of it as it stands in training, and its method."""
        if self.full is None:
            return self.stepper.network, self.stepper.method
        state = self.full[0].state_dict()
        for name, tensor in self.stepper.network.state_dict().items():
            if name in state:
                state[name][self._key(name, tensor)] = tensor
        return self.full

    def pack(self) -> dict[str, Tensor]:
        """What a step changes, at full width (`checkpoint.pack`); and what is left, and for how long the rest has been
        removed. Where something was cut, all that an optimiser or an average remembers is 0."""
        tensors = self._widened(pack(self.stepper))
        if self.after:
            for name, mask in self.left.items():
                tensors[f"left.{name}"] = torch.from_numpy(mask.copy())
                tensors[f"removed_for.{name}"] = torch.from_numpy(self.removed_for[name].copy())
        return tensors

    def unpack(self, tensors: dict[str, Tensor]) -> None:
        """Puts back what `pack` gave; nothing has been cut yet, and the stepper's phase has been started."""
        unpack(tensors, self.stepper)
        if self.after:
            self.removed_for = {name: tensors[f"removed_for.{name}"].numpy().copy() for name in self.left}
            self.cut_to({name: tensors[f"left.{name}"].numpy() for name in self.left})

    def cut_to(self, stay: Masks, share: float = 0.0) -> None:
        """Cuts all that does not stay, where that saves this share of the MACs, and goes on where the rest stands."""
        left = propagate({name: mask & self.left[name] for name, mask in stay.items()}, self.layers)
        layout = joint_noise_of(self.full[0] if self.full else self.stepper.network).layout
        if layout.scales_input:  # pixels that convolutions read cannot be cut out
            left[layout.pixels] = self.left[layout.pixels]
        now, then = (self.spec.macs([int(mask.sum()) for mask in masks.values()]) for masks in (self.left, left))
        emptied = not all(mask.any() for mask in left.values())
        if emptied or not 0 < then < now or now - then < share * now:
            return
        stepper = self.stepper
        tensors = self._widened(pack(stepper))
        self._cut(left)
        stepper.start(stepper.phase)
        unpack({name: self._part(self._of(name), tensor) for name, tensor in tensors.items()}, stepper)

    @torch.no_grad()
    def _cut(self, left: Masks) -> None:
        """Has the stepper train a network of the units that are left; no optimiser knows its new parameters."""
        network = self.stepper.network
        if self.full is None:
            self.full = copy.deepcopy(network), copy.copy(self.stepper.method)  # one for one network
        full, _ = self.whole()
        old = joint_noise_of(full)
        layout, keep = old.layout, old.layout.join(left)
        small = uninstall(copy.deepcopy(full))
        remove_units(small, layout, keep, np.ones(len(keep)), scale_pixels=False)
        bare = JointNoise(layout.reduced(keep), theta_per=old.theta_per)
        noise = install(small, bare.to(old.loc))  # its numbers follow, with all others
        noise.mode = old.mode
        self.left = left
        self.moved = [name for name, _ in full.named_parameters() if not name.startswith(f"{NAME}.")]
        self.keys = _keys(layout, keep)
        state = full.state_dict()
        for name, tensor in small.state_dict().items():
            if name in state:
                tensor.copy_(self._part(name, state[name]))
        self.stepper.network = small.train(network.training)

    def _widened(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """What `checkpoint.pack` copied of the network that was cut, at full width."""
        if self.full is None:
            return tensors
        state = {name: tensor.cpu() for name, tensor in self.full[0].state_dict().items()}
        wide = {}
        for packed, tensor in tensors.items():
            name = self._of(packed)
            if packed.startswith("network.") and name not in state:
                continue  # a selection of inputs, which the full network has none of
            wide[packed] = tensor
            if key := self._key(name, tensor):
                wide[packed] = state[name].clone() if packed.startswith("network.") else torch.zeros_like(state[name])
                wide[packed][key] = tensor
        return wide

    def _of(self, packed: str) -> str:
        """The parameter or buffer that a packed tensor is of or about, "" for none."""
        kind, _, rest = packed.partition(".")
        if kind == "network":
            return rest
        if kind not in ("optimiser", "average"):
            return ""
        index = int(rest.partition(".")[0])
        return self.moved[index] if index < len(self.moved) else UNITS

    def _key(self, name: str, tensor: Tensor) -> Key:
        return self.keys.get(name, ()) if tensor.dim() else ()

    def _part(self, name: str, tensor: Tensor) -> Tensor:
        return tensor[self._key(name, tensor)].clone(memory_format=torch.contiguous_format)


def _keys(layout: Layout, keep: np.ndarray) -> dict[str, Key]:
    """Where what is left stands in each parameter and buffer at full width; on the CPU, where it serves any device."""
    keys: dict[str, Key] = {}
    for name, dims in layout.axes.items():
        places = {dim: torch.from_numpy(np.flatnonzero(kept_entries(owners, keep))) for dim, owners in dims.items()}
        if len(places) == 2:
            keys[name] = places[0][:, None], places[1]
        else:
            [(dim, place)] = places.items()
            keys[name] = (*[slice(None)] * dim, place)
    at = torch.from_numpy(np.flatnonzero(keep))
    keys |= {f"{NAME}.{name}": (at,) for name in ("loc", "log_scale", "log_low", "log_high", "decided")}
    return keys

"""Shrinking while training: units that have stayed removed are cut out of the network that is being trained.

What they were is kept, in the same network at full width, so that all that is said of a run is said of the original
units: a unit that was cut has the mu, the log sigma, the KL, the weights and the batch statistics that it had last. Its
SNR was below 1 then (or it is a channel without features, or a feature without its channel), so it is removed there.
What an optimiser and its averages remembered of it is gone.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import torch
from torch import Tensor, nn

from sbp.checkpoint import pack, unpack
from sbp.layer import SBPLayer
from sbp.methods.base import Method
from sbp.methods.registry import method_for
from sbp.networks.lenet import NoisyNetwork
from sbp.networks.rebuild import tell_size
from sbp.networks.specs import SPECS
from sbp.networks.wiring import CLASSES, WIRING
from sbp.pruning.masks import Masks, close_masks, selected
from sbp.stepper import Stepper

# A cut must save at least this share of the MACs that are left: on a GPU each costs a new capture of the step.
WORTH = 0.1
# Where a smaller tensor stands in a larger one: large[key] is the small one, and can be assigned to.
Key = tuple[Tensor, ...]
# Units side by side, as `sbp.units.AllUnits` holds them for the optimiser.
UNITS = "units"


class Shrinking:
    """Which units of a network in training are left, how long the others have been removed, and what they were.

    stepper: what trains it, at full width. left: bool [units] by noise layer, closed (`close_masks`). removed_for:
    epochs in a row that a unit has not been kept, int64 [units] by noise layer. Without `shrink_after` nothing is ever
    cut, and the network at full width is the stepper's own.
    """

    def __init__(self, stepper: Stepper) -> None:
        self.stepper, self.config = stepper, stepper.config
        self.spec = SPECS[self.config.network.name]
        self.layers = self.spec.layers(self.config.network.widths)
        self.left: Masks = {layer.name: np.ones(layer.units, bool) for layer in self.layers}
        self.removed_for = {layer.name: np.zeros(layer.units, np.int64) for layer in self.layers}
        self.full: tuple[NoisyNetwork, Method] | None = None  # once something has been cut
        self.places: dict[str, Key] = {}
        self.moved: list[str] = []  # the weights, in the order in which an optimiser numbers them

    def start(self, phase: str) -> None:
        """Begins a phase; what is removed when fine-tuning begins is cut at once."""
        self.stepper.start(phase)
        if self.config.schedule.shrink_after and phase == "finetune":
            self.cut_to(self.masks())

    def after_epoch(self) -> None:
        """Counts an epoch of the main phase, and cuts what has been removed for `shrink_after` epochs in a row, where
        that saves `WORTH` of the MACs or more and leaves something of each layer."""
        if not self.config.schedule.shrink_after:
            return
        for name, mask in self.masks().items():
            self.removed_for[name] = np.where(mask, 0, self.removed_for[name] + 1)
        # Closed too: a channel counts with its last feature, and a feature with its channel.
        after = self.config.schedule.shrink_after
        self.cut_to({name: epochs < after for name, epochs in self.removed_for.items()}, WORTH)

    def masks(self) -> Masks:
        """Which units are kept, bool [units] by noise layer, closed; those that were cut are not."""
        network, method = self.whole()
        return close_masks(method.masks(network), self.layers)

    @torch.no_grad()
    def whole(self) -> tuple[NoisyNetwork, Method]:
        """The network at full width, what is left of it as it stands in training, and its method."""
        if self.full is None:
            return self.stepper.network, self.stepper.method
        held = self.full[0].state_dict()
        for name, tensor in self.stepper.network.state_dict().items():
            held[name][self._key(name, tensor)] = tensor
        return self.full

    def pack(self) -> dict[str, Tensor]:
        """What a step changes, at full width (`checkpoint.pack`); and what is left, and for how long the rest has been
        removed. Where something was cut, all that an optimiser or an average remembers is 0."""
        tensors = self._widened(pack(self.stepper))
        if self.config.schedule.shrink_after:
            for name, mask in self.left.items():
                tensors[f"left.{name}"] = torch.from_numpy(mask.copy())
                tensors[f"removed_for.{name}"] = torch.from_numpy(self.removed_for[name].copy())
        return tensors

    def unpack(self, tensors: dict[str, Tensor]) -> None:
        """Puts back what `pack` gave; nothing has been cut yet, and the stepper's phase has been started."""
        unpack(tensors, self.stepper)
        if self.config.schedule.shrink_after:
            self.removed_for = {name: tensors[f"removed_for.{name}"].numpy().copy() for name in self.left}
            self.cut_to({name: tensors[f"left.{name}"].numpy() for name in self.left})

    def cut_to(self, stay: Masks, share: float = 0.0) -> None:
        """Cuts all that does not stay, where that saves this share of the MACs, and goes on where the rest stands."""
        left = close_masks({name: mask & self.left[name] for name, mask in stay.items()}, self.layers)
        now, then = (self.spec.macs([int(mask.sum()) for mask in masks.values()]) for masks in (self.left, left))
        if not 0 < then < now or now - then < share * now:
            return
        stepper = self.stepper
        tensors = self._widened(pack(stepper))
        self._cut(stepper.network, left)
        stepper.method = method_for(self.config)  # one for one network
        stepper.start(stepper.phase)
        unpack({name: self._part(self._of(name), tensor) for name, tensor in tensors.items()}, stepper)

    @torch.no_grad()
    def _cut(self, network: NoisyNetwork, left: Masks) -> None:
        """Cuts a network down to the units that are left, in place; no optimiser knows its new parameters."""
        full, _ = self.whole()
        if self.full is None:
            full, _ = self.full = copy.deepcopy(network), method_for(self.config)
        self.left, self.places = left, _places(self.config.network.name, left)
        self.moved = [name for name, _ in full.named_parameters() if not name.startswith("noise.")]
        _fill(network, {name: self._part(name, tensor) for name, tensor in full.state_dict().items()})
        for wire in WIRING[self.config.network.name]:
            tell_size(getattr(network, wire.name))
        for name, norm in network.norm.items():
            norm.num_features = len(network.get_submodule(f"norm.{name}").weight)  # type: ignore[arg-type, assignment]
        chosen = selected(self.config.network.name, self.layers, left)
        for name, layer in network.noise.items():
            assert isinstance(layer, SBPLayer)
            layer.units = len(layer.loc)
            layer.places = torch.from_numpy(chosen[name].nonzero()[0]).to(layer.loc.device) if name in chosen else None
        made = [wire.makes for wire in WIRING[self.config.network.name] if wire.makes]
        network.widths = tuple(int(left[name].sum()) for name in made)
        sizes = {name: int(mask.sum()) for name, mask in left.items()}
        network.layers = tuple(
            replace(layer, units=sizes[layer.name], shape=(sizes[layer.name],), parent="") for layer in self.layers
        )

    def _widened(self, tensors: dict[str, Tensor]) -> dict[str, Tensor]:
        """What `checkpoint.pack` copied of the network that was cut, at full width."""
        if self.full is None:
            return tensors
        held = {name: tensor.cpu() for name, tensor in self.full[0].state_dict().items()}
        held[UNITS] = torch.zeros(sum(layer.units for layer in self.layers))
        wide = {}
        for packed, tensor in tensors.items():
            name = self._of(packed)
            wide[packed] = tensor
            if key := self._key(name, tensor):
                wide[packed] = held[name].clone() if packed.startswith("network.") else torch.zeros_like(held[name])
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
        return self.places.get(name, ()) if tensor.dim() else ()

    def _part(self, name: str, tensor: Tensor) -> Tensor:
        return tensor[self._key(name, tensor)].clone(memory_format=torch.contiguous_format)


def _places(name: str, left: Masks) -> dict[str, Key]:
    """Where what is left stands in each parameter and buffer at full width; on the CPU, where it serves any device."""
    units = {layer: torch.from_numpy(mask.nonzero()[0]) for layer, mask in left.items()}
    places: dict[str, Key] = {}
    for wire in WIRING[name]:
        rows = units[wire.makes] if wire.makes else torch.arange(CLASSES)
        columns = units[wire.reads[-1]] if wire.reads else torch.arange(wire.image_channels)
        places[f"{wire.name}.weight"] = rows[:, None], columns
        norm = [f"norm.{wire.name}.{part}" for part in ("weight", "bias", "running_mean", "running_var")]
        places |= dict.fromkeys([f"{wire.name}.bias", *norm], (rows,))
    for layer, at in units.items():
        places |= dict.fromkeys([f"noise.{layer}.loc", f"noise.{layer}.log_scale"], (at,))
    places[UNITS] = (torch.from_numpy(np.concatenate(list(left.values())).nonzero()[0]),)
    return places


def _fill(network: NoisyNetwork, tensors: Mapping[str, Tensor]) -> None:
    """Puts parameters and buffers of other sizes in the place of a network's own."""
    for name, tensor in tensors.items():
        path, _, leaf = name.rpartition(".")
        module = network.get_submodule(path)
        is_parameter = isinstance(getattr(module, leaf), nn.Parameter)
        setattr(module, leaf, nn.Parameter(tensor) if is_parameter else tensor)

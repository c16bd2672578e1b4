"""Takes units out of a network's tensors: every dimension loses the entries of the units that leave."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
import torch
from torch import Tensor, nn

from sbp.noise.input_scale import like_parameters, scale_input
from sbp.noise.layers import WEIGHTS, Convolution, is_depthwise
from sbp.noise.selected_linear import SelectedLinear, replace_module
from sbp.spec.layout import Layout, entry_factors, kept_entries


def present_units(layout: Layout, keep: np.ndarray) -> np.ndarray:
    """The units that are left in the tensors, bool [units]: those kept, and one of a group or layer that keeps none.

    torch's convolutions cannot have 0 channels, so the first unit of an emptied group or layer stays, with weights of 0
    in whatever reads it: it carries nothing. Of features it is the first of the channel that stays.

    >>> from sbp.spec.layout import Group
    >>> layout = Layout((Group("a", "neuron", 2, (2,)), Group("b", "neuron", 2, (2,))), {}, {})
    >>> present_units(layout, np.array([False, False, False, True])).tolist()
    [True, False, False, True]
    """
    present = keep.copy()
    at = layout.slices()
    for group in layout.groups:
        if group.parent or present[at[group.name]].any() or group.name == layout.pixels:
            continue
        present[at[group.name].start] = True
    for group in layout.groups:
        if group.parent and not present[at[group.name]].any():
            channels = at[group.parent]
            first = int(np.flatnonzero(present[channels])[0])
            present[at[group.name].start + first * (group.units // (channels.stop - channels.start))] = True
    if layout.pixels and not present[at[layout.pixels]].any():
        present[at[layout.pixels].start] = True
    for owners in (along for dims in layout.axes.values() for along in dims.values()):
        if not kept_entries(owners, present).any():  # a layer that makes part of a group may lose all of its own
            for of in owners:
                present[of[0]] = True
    return present


@torch.no_grad()
def remove_units(
    model: nn.Module, layout: Layout, keep: np.ndarray, theta: np.ndarray, *, scale_pixels: bool = True
) -> nn.Module:
    """Removes, in place, all units that are not kept; what reads a kept one is multiplied by its theta.

    With D the diagonal of theta over the inputs of a layer of weights W, R and C the entries that stay of its outputs
    and inputs: W <- (W D)[R, C], b <- b[R]. The product is taken in float64 and rounded once.

    Args:
        model: a network without noise, of the layout's names.
        keep: bool [units], closed (`close_units`).
        theta: [units], what stands for the noise of each unit, E[theta] as a rule.
        scale_pixels: whether the input is multiplied where pixels cannot be cut out.

    Returns:
        The model itself.
    """
    scaled = np.where(keep, theta, 0.0)
    for name, owners in layout.reads.items():
        module = model.get_submodule(name)
        assert isinstance(module, WEIGHTS)
        weight, dim = module.weight, 0 if _transposed(module) else 1
        factor = torch.from_numpy(entry_factors(owners, scaled)).to(weight.device)
        shape = [-1 if axis == dim else 1 for axis in range(weight.dim())]
        weight.copy_(weight.double() * factor.view(shape))
    if layout.scales_input and scale_pixels:
        pixels = next(group for group in layout.groups if group.name == layout.pixels)
        factors = scaled[layout.slices()[layout.pixels]].reshape(pixels.shape)
        scale_input(model, like_parameters(model, factors))
    present = present_units(layout, keep)
    _select_inputs(model, layout, present)
    _slice(model, layout, present)
    for module in model.modules():
        sync_sizes(module)
    return model


def _select_inputs(model: nn.Module, layout: Layout, present: np.ndarray) -> None:
    """Puts a selection before each layer some of whose inputs leave although what makes them cannot leave them out."""
    single = {group.name for group in layout.groups if group.parent or group.name == layout.pixels}
    of_single = np.zeros(layout.n_units, bool)
    for name, at in layout.slices().items():
        of_single[at] = name in single
    for name, owners in layout.reads.items():
        arriving = kept_entries(owners, present | of_single)
        stays = kept_entries(owners, present)
        if not np.array_equal(arriving, stays):
            index = torch.from_numpy(np.flatnonzero(stays[arriving]))
            linear = model.get_submodule(name)
            assert isinstance(linear, nn.Linear)
            replace_module(model, name, SelectedLinear.of(linear, index))


def _slice(model: nn.Module, layout: Layout, present: np.ndarray) -> None:
    new: dict[int, Tensor] = {}  # tied parameters stay tied
    for module, leaf, name in _tensors(model):
        dims = layout.axes.get(name)
        if leaf == "bias" and not dims:  # that of a normalisation which was folded into the layer
            made = layout.axes.get(f"{name.removesuffix('bias')}weight", {}).get(0)
            dims = {0: made} if made and isinstance(module, WEIGHTS) and not _transposed(module) else None
        if not dims:
            continue
        old = getattr(module, leaf)
        if id(old) not in new:
            new[id(old)] = _kept(old, {dim: kept_entries(owners, present) for dim, owners in dims.items()})
        setattr(module, leaf, new[id(old)])


def _transposed(module: nn.Module) -> bool:
    return isinstance(module, Convolution) and module.transposed


def _tensors(model: nn.Module) -> Iterator[tuple[nn.Module, str, str]]:
    for path, module in list(model.named_modules(remove_duplicate=False)):
        for leaf in [*module._parameters, *module._buffers]:
            if getattr(module, leaf) is not None:
                yield module, leaf, f"{path}.{leaf}".lstrip(".")


def _kept(tensor: Tensor, entries: dict[int, np.ndarray]) -> Tensor:
    part = tensor.detach()
    for dim, stays in entries.items():
        if len(stays) != part.shape[dim]:
            raise ValueError(f"A tensor has {part.shape[dim]} entries along dimension {dim}; {len(stays)} were found.")
        if not stays.all():
            part = part.index_select(dim, torch.from_numpy(np.flatnonzero(stays)).to(part.device))
    part = part.clone(memory_format=torch.contiguous_format)
    return nn.Parameter(part, tensor.requires_grad) if isinstance(tensor, nn.Parameter) else part


def sync_sizes(module: nn.Module) -> None:
    """Tells a module the sizes of the tensors that were put into it."""
    if isinstance(module, nn.Linear):
        module.out_features, module.in_features = module.weight.shape
    elif is_depthwise(module):
        assert isinstance(module, Convolution)
        module.in_channels = module.out_channels = module.groups = len(module.weight)
    elif isinstance(module, Convolution):
        first, second = module.weight.shape[:2]
        if module.transposed:
            module.in_channels, module.out_channels = first, second * module.groups
        else:
            module.in_channels, module.out_channels = second * module.groups, first
    elif isinstance(module, nn.modules.batchnorm._BatchNorm | nn.modules.instancenorm._InstanceNorm):
        known = module.weight if module.weight is not None else module.running_mean
        if known is not None:
            module.num_features = len(known)
    elif isinstance(module, nn.PReLU):
        module.num_parameters = len(module.weight)
    elif isinstance(module, nn.Embedding):
        module.embedding_dim = module.weight.shape[1]

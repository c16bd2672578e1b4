"""Puts noise on a network, finds it there, and takes it off: a submodule and a few hooks, nothing else changes."""

from __future__ import annotations

import copy
from typing import TypeVar

import torch
from torch import nn

from sbp.noise.element_hooks import MultiplyElements
from sbp.noise.hooks import BeginForward, EndForward, ForgetProduct, MultiplyInput
from sbp.noise.joint_noise import JointNoise
from sbp.noise.layers import Convolution
from sbp.noise.unit_mask import UnitMask
from sbp.spec.noise import ELEMENT

# The submodule's name, and so the prefix of what it adds to the network's `state_dict`.
NAME = "sbp_noise"
OURS = (BeginForward, EndForward, MultiplyInput, ForgetProduct)  # and what is made of them
M = TypeVar("M", bound=UnitMask)
N = TypeVar("N", bound=nn.Module)


def install(model: nn.Module, mask: M) -> M:
    """Has a network multiply its units by what `mask` says, wherever they are read; gives the mask.

    Raises:
        ValueError: as `check_bare`.
    """
    check_bare(model)
    for name, owners in mask.layout.reads.items():
        layer, rows = model.get_submodule(name), mask.layout.rows.get(name, 1)
        if isinstance(mask, JointNoise) and mask.theta_per == ELEMENT:
            multiply: MultiplyInput = MultiplyElements(mask, owners, rows)
        else:
            multiply = MultiplyInput(mask, owners, rows)
        layer.register_forward_pre_hook(multiply)
        if isinstance(layer, Convolution):
            layer.register_forward_hook(ForgetProduct(multiply), always_call=True)
    model.register_forward_pre_hook(BeginForward(mask), with_kwargs=True)
    model.register_forward_hook(EndForward(mask), always_call=True)
    example = next((p for p in model.parameters() if p.is_floating_point()), None)
    model.add_module(NAME, mask)
    if example is not None:  # once the hooks have made their indices
        # bfloat16 and float16 hold too few digits of mu; what they multiply is multiplied in their own type.
        mask.to(example.device, torch.float64 if example.dtype == torch.float64 else None)
    mask.train(model.training)
    return mask


def check_bare(model: nn.Module) -> None:
    """Sees to it that noise can be put on a network.

    Raises:
        ValueError: it or a part of it has noise already, or it is compiled.
    """
    if parts_with_noise(model):
        raise ValueError("This network has noise already; sbp.detach(model) takes it off.")
    if hasattr(model, "_orig_mod"):  # the wrapper hands on no submodule, and need not see new hooks
        raise ValueError("This network is compiled already. Call sbp.attach on the network itself, then torch.compile.")


def uninstall(model: nn.Module) -> nn.Module:
    """Takes the noise off a network, which then computes, and is, what it was before; gives the network."""
    for module in model.modules():
        for kind in (module._forward_pre_hooks, module._forward_hooks):
            for number, hook in list(kind.items()):
                if isinstance(hook, OURS):
                    _remove(module, number)
    for part in parts_with_noise(model):
        delattr(part, NAME)
    return model


def has_noise(model: nn.Module) -> bool:
    """Whether a network itself has noise or a mask on it; a compiled one has not, what it wraps has."""
    return isinstance(dict(model.named_children()).get(NAME), UnitMask)


def parts_with_noise(model: nn.Module) -> list[nn.Module]:
    """What noise was attached to: the network, what a wrapper such as DistributedDataParallel holds, or some parts."""
    return [module for module in model.modules() if has_noise(module)]


def noise_of(model: nn.Module) -> UnitMask:
    """The noise of a network, also of one inside a wrapper such as DistributedDataParallel.

    Raises:
        ValueError: it has none, or on several parts.
    """
    parts = [model] if has_noise(model) else parts_with_noise(model)
    if not parts:
        raise ValueError("Expected a network with noise; sbp.attach(model, example_input) puts it there.")
    if len(parts) > 1:
        raise ValueError(f"Noise was attached to {len(parts)} parts of this network; expected one of these parts.")
    return parts[0].get_submodule(NAME)  # type: ignore[return-value]  # a UnitMask, as `has_noise` has seen


def copied(model: N) -> N:
    """A deep copy of a network.

    Raises:
        ValueError: it holds a tensor that a forward pass computed, which torch cannot copy.
    """
    try:
        return copy.deepcopy(model)
    except RuntimeError as error:
        raise ValueError(
            f"The network cannot be copied ({type(error).__name__}: {str(error).splitlines()[0]}). Where a weight is "
            "computed by torch.nn.utils.weight_norm or torch.nn.utils.prune, take that off first (remove_weight_norm, "
            "prune.remove); where it keeps a tensor of its last forward pass, call it once under torch.no_grad()."
        ) from error


def joint_noise_of(model: nn.Module) -> JointNoise:
    """The noise of a network whose units learn it.

    Raises:
        ValueError: its units have masks alone, so no mu, no log sigma and no SNR.
    """
    noise = noise_of(model)
    if not isinstance(noise, JointNoise):
        raise ValueError(
            "This network's units have no mu and no log sigma, so no SNR: its method is none of sbp, sbpa and "
            "sbp-fixed-mu. Choose a run of one of these."
        )
    return noise


def _remove(module: nn.Module, number: int) -> None:
    module._forward_pre_hooks.pop(number, None)
    module._forward_pre_hooks_with_kwargs.pop(number, None)
    module._forward_hooks.pop(number, None)
    module._forward_hooks_with_kwargs.pop(number, None)
    module._forward_hooks_always_called.pop(number, None)

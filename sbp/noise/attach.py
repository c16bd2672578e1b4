"""Noise for any network: finds its units, leaves out those that cannot leave exactly, and multiplies the rest."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from dataclasses import replace
from fnmatch import fnmatchcase
from typing import Any

import torch
from torch import nn

from sbp.noise.graph import find_groups
from sbp.noise.inputs import arguments_of
from sbp.noise.install import NAME, check_bare, install, parts_with_noise, uninstall
from sbp.noise.joint_noise import JointNoise, PerGroup
from sbp.noise.special_groups import with_features, with_pixels, with_sharing
from sbp.noise.trial import REST, refuse_inexact
from sbp.noise.unit_mask import UnitMask
from sbp.spec.layout import Group, Layout
from sbp.spec.noise import EXAMPLE, SNR_THRESHOLD

Chosen = Sequence[str] | Callable[[Group], bool]


def attach(
    model: nn.Module,
    example_input: Any,
    *,
    include: Chosen = ("*",),
    exclude: Sequence[str] = (),
    pixels: bool = False,
    features: Sequence[str] | bool = (),
    share: Mapping[str, Any] | None = None,
    log_low: PerGroup = -20.0,
    log_high: PerGroup = 0.0,
    init_loc: PerGroup = 0.0,
    init_log_scale: PerGroup = -5.0,
    threshold: float = SNR_THRESHOLD,
    theta_per: str = EXAMPLE,
    layout: Layout | None = None,
) -> JointNoise:
    """Puts multiplicative noise on the units of any network, wherever they are read.

    A unit is a channel or a neuron. Units that can only leave together (by a residual sum, say) are one group, found by
    Torch-Pruning's dependency graph. Each layer that reads a unit reads x_i theta_i instead of x_i, with one theta an
    example and unit; theta >= 0 passes through ReLU, pooling and a channel's scale alike, so in a plain network that is
    noise after the activation (eq. 15). A unit whose theta is 0 is 0 wherever it is read, so that cutting it out
    changes nothing, whatever stands between. Where that does not hold, which is found by trying each group on
    `example_input`, the group is refused: it is listed in `refused` with the reason and stays as it is.

    The network is changed in place: it gets one submodule, `sbp_noise`, and hooks. `detach` takes both off again.

    It can then be copied, saved, cast, compiled (training and eval in one graph each), exported in eval, and trained
    under autocast, DistributedDataParallel and gradient checkpointing. Two things hide a network's own hooks or graph:
    `torch.fx.symbolic_trace` calls none of its hooks, so pixels that no layer can leave out are lost there; and a part
    under `checkpoint(use_reentrant=True)` shows no graph, so checkpointing is turned on after `attach`, or `layout`
    comes from the network without it. torch.func's transforms work in eval; in training theta has a first derivative
    only and no rule for `vmap`, so per-example gradients and second derivatives are refused by torch.

    Args:
        model: any `nn.Module`; neither its class nor its forward pass need know of noise.
        example_input: what it is called with: a tensor, a tuple of arguments or a dict of keyword arguments. Axis 0 of
            its first tensor counts the examples.
        include: which groups get noise: names with * and ?, or a function of a `Group`. A group is named after the
            first layer that makes its units.
        exclude: names of groups that get none, with * and ?.
        pixels: a unit for every pixel of the input too, the group "input".
        features: names of dense layers behind a flatten that get a unit for each input, beside the channel it belongs
            to, or True for all such; the group is called "features".
        share: by group, whole numbers [units] that say which theta each unit has.
        log_low: a, the lower end of log theta, in nats; one number, or one per group by name.
        log_high: b, the upper end, likewise.
        init_loc: mu at initialisation, in nats, likewise.
        init_log_scale: log sigma at initialisation, likewise.
        threshold: the SNR below which a unit is pruned.
        theta_per: what theta is drawn for: "example", "minibatch", or "element", where one layer reads each unit.
        layout: the layout of a network of the same architecture, found before (`noise.layout`); nothing is tried then.

    Returns:
        The noise, an `nn.Module` whose parameters are mu and log sigma of all units.

    Raises:
        ValueError: the network has noise already, is compiled, cannot be traced on `example_input`, has no unit that
            can be pruned, or an option does not fit it.

    Reference: Neklyudov et al., NeurIPS 2017, eq. 15; Fang et al., DepGraph, CVPR 2023, for the groups.

    >>> import torch
    >>> model = nn.Sequential(nn.Conv2d(3, 8, 3), nn.BatchNorm2d(8), nn.ReLU(), nn.Flatten(), nn.Linear(32, 10))
    >>> noise = attach(model, torch.randn(2, 3, 4, 4))
    >>> noise
    JointNoise(0: 8 channels)
    >>> model(torch.randn(5, 3, 4, 4)).shape, noise.kl().requires_grad
    (torch.Size([5, 10]), True)
    """
    check_bare(model)
    if layout is None:
        layout = find_layout(
            model, example_input, include=include, exclude=exclude, pixels=pixels, features=features, share=share
        )
    noise = JointNoise(
        layout,
        log_low=log_low,
        log_high=log_high,
        init_loc=init_loc,
        init_log_scale=init_log_scale,
        threshold=threshold,
        theta_per=theta_per,
    )
    return install(model, noise)


def attach_mask(model: nn.Module, example_input: Any, *, layout: Layout | None = None, **options: Any) -> UnitMask:
    """Puts masks alone on the units of a network, for methods whose units learn no noise; as `attach` otherwise.

    Args:
        options: include, exclude, pixels, features and share, as for `attach`.

    >>> import torch
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> mask = attach_mask(model, torch.zeros(1, 4))
    >>> mask.set_masks({"0": [True, False, True]})
    >>> mask.keep["0"]
    tensor([ True, False,  True])
    """
    return install(model, UnitMask(find_layout(model, example_input, **options) if layout is None else layout))


def find_layout(
    model: nn.Module,
    example_input: Any,
    *,
    include: Chosen = ("*",),
    exclude: Sequence[str] = (),
    pixels: bool = False,
    features: Sequence[str] | bool = (),
    share: Mapping[str, Any] | None = None,
) -> Layout:
    """The units of a network that can be pruned exactly, and where each stands; the network is not changed.

    Args, Raises: as for `attach`.

    >>> import torch
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> find_layout(model, torch.zeros(1, 4), pixels=True).names
    ('input', '0')
    """
    arguments = arguments_of(example_input)
    # In the precision of the network: rounded to bfloat16, what is exact would look as if it were not.
    device = next((p.device.type for p in model.parameters()), "cpu")
    precise = torch.autocast(device, enabled=False) if torch.amp.is_autocast_available(device) else nullcontext()
    with precise:
        found = find_groups(model, arguments)
        layout = found.layout
        prunable = [group.name for group in layout.groups if group.name not in found.unread]
        for option, names in {"include": () if callable(include) else include, "exclude": exclude}.items():
            unknown = [name for name in names if prunable and not any(fnmatchcase(group, name) for group in prunable)]
            if unknown:
                raise ValueError(f"{option}: expected names among {', '.join(prunable)}, got {', '.join(unknown)}.")
        left = [
            g.name for g in layout.groups if not _chosen(g, include) or any(fnmatchcase(g.name, e) for e in exclude)
        ]
        layout = layout.without([name for name in left if name not in found.unread])
        layout = refuse_inexact(model, found, layout, arguments)
        layout = with_features(layout, features)
        if pixels:
            layout = with_pixels(layout, model, arguments)
        if share:
            layout = with_sharing(layout, share)
    if not layout.groups:
        raise ValueError(f"The network has no unit that can be pruned exactly. {_why_none(layout, left)}")
    return replace(layout, axes={name: dims for name, dims in layout.axes.items() if not name.startswith(NAME)})


def detach(model: nn.Module) -> nn.Module:
    """Takes the noise off a network, which is then what it was before `attach`, weights as they are now.

    Args:
        model: a network with noise, on itself or on parts of it; changed in place.

    Returns:
        The same network.

    Raises:
        ValueError: the network has no noise.

    >>> import torch
    >>> model = nn.Sequential(nn.Linear(4, 3), nn.ReLU(), nn.Linear(3, 2))
    >>> before = list(model.state_dict())
    >>> noise = attach(model, torch.zeros(1, 4))
    >>> list(detach(model).state_dict()) == before
    True
    """
    if not parts_with_noise(model):
        raise ValueError("This network has no noise that could be taken off.")
    return uninstall(model)


def _why_none(layout: Layout, left: list[str]) -> str:
    """Of a layout without a group: the reasons of all that were refused, or that none was found or chosen."""
    reasons = [str(replace(one, remedy=one.remedy if one.remedy != REST else "")) for one in layout.refused]
    if left:
        reasons.append(f"include and exclude leave out {', '.join(left)}.")
    return " ".join(reasons) or (
        "No convolution and no nn.Linear was seen to read what another one makes. Nothing is seen of scripted and "
        "quantised modules, nor of what is computed under torch.no_grad()."
    )


def _chosen(group: Group, include: Chosen) -> bool:
    return include(group) if callable(include) else any(fnmatchcase(group.name, name) for name in include)

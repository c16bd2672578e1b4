"""Finds the groups whose removal is not exact by trying: the masked and the compact network must give the same.

A group is tried on the example input, with one of its units removed and with an odd number near half, in float64, with
theta, batch statistics and the larger weights at random; what fails is refused by name, with the reason.
"""

from __future__ import annotations

import copy
import warnings

import numpy as np
import torch
from torch import Tensor, nn

from sbp.noise.graph import Convolution, Found, is_depthwise
from sbp.noise.inputs import Arguments, converted, first_tensor, float_outputs
from sbp.noise.install import install
from sbp.noise.removal import remove_units
from sbp.noise.unit_mask import UnitMask
from sbp.spec.layout import Layout, Refusal, close_units

# Of the largest output. Rounding in float64 stays some 1e-13 below it; a wrong cut is felt at 1e-4 and more.
TOLERANCE = 1e-8
TOLERANCE_FLOAT32 = 1e-4
# At initialisation attention is nearly uniform, and a wrong cut of it would hardly show.
WEIGHT_SCALE = 6.0
ATTENTION = {"q", "k", "v", "qkv", "query", "key", "value"}
REST = "It stays whole; the other groups can be pruned."


def refuse_inexact(model: nn.Module, found: Found, layout: Layout, arguments: Arguments) -> Layout:
    """The layout without the groups whose removal is not exact; `Layout.refused` says which, and why."""
    left = [group.name for group in layout.groups if group.name in found.unread]
    layout = layout.without(left)
    known = [refusal for group in layout.groups if (refusal := _by_type(group.name, found))]
    unsplit = [
        Refusal(name, f"{reader} reads rows that belong to no single example", "Leave it out with exclude.")
        for name in layout.names
        for reader, rows in layout.rows.items()
        if rows == 0 and _reads(layout, reader, name)
    ]
    loose = [
        Refusal(
            name, "its units do not line up one by one with what reads them (padding, sums of parts, shuffles)", REST
        )
        for name in layout.names
        if name in found.tied
    ]
    refused = {refusal.name: refusal for refusal in [*loose, *unsplit, *known]}
    layout = layout.without(list(refused), list(refused.values()))
    trial = Trial(model, arguments)
    candidates = [group.name for group in layout.groups if not group.parent]
    if not candidates or not trial.problem(layout):
        return layout
    for name in candidates:
        if problem := trial.problem(layout.without([other for other in candidates if other != name])):
            layout_refusal = _by_trying(name, problem, found)
            refused[name] = layout_refusal
            layout = layout.without([name], [layout_refusal])
    remaining = [name for name in candidates if name not in refused]
    if remaining and trial.problem(layout):  # each is exact alone, not all together: take them one by one
        accepted: list[str] = []
        for name in remaining:
            rest = [other for other in remaining if other not in (*accepted, name)]
            if problem := trial.problem(layout.without(rest)):
                layout = layout.without([name], [_by_trying(name, problem, found)])
            else:
                accepted.append(name)
    return layout


class Trial:
    """Compares masked and compact copies of one network on one example call."""

    def __init__(self, model: nn.Module, arguments: Arguments) -> None:
        self.model = copy.deepcopy(model).eval()
        self.arguments, self.tolerance = arguments, TOLERANCE_FLOAT32
        _stir(self.model)
        try:
            doubled = copy.deepcopy(self.model).double()
            wide = converted(arguments, lambda t: t.double() if t.is_floating_point() else t)
            _outputs(doubled, wide)
        except Exception:  # something in it insists on float32
            return
        self.model, self.arguments, self.tolerance = doubled, wide, TOLERANCE

    def problem(self, layout: Layout) -> str:
        """Why the removal of units of all groups at once is not exact, "" where it is."""
        rng = np.random.default_rng(0)
        theta = np.exp(rng.normal(-0.3, 0.4, layout.n_units))
        for keep in (_one_less(layout, rng), _odd_half(layout, rng)):
            if problem := self._difference(layout, close_units(layout, keep), theta):
                return problem
        return self._rows(layout)

    def _rows(self, layout: Layout) -> str:
        """Whether each example gets its own theta where a layer reads several rows of one example."""
        first = first_tensor(*self.arguments)
        assert first is not None
        if all(rows == 1 for rows in layout.rows.values()) or len(first) < 2:
            return ""
        noisy = copy.deepcopy(self.model)
        mask = install(noisy, UnitMask(layout))
        theta = torch.rand(len(first), layout.n_units, generator=torch.Generator().manual_seed(0)).to(first.device)
        with mask.using(theta=theta):
            together = _outputs(noisy, self.arguments)
        with mask.using(theta=theta[:1].repeat(len(first), 1)):
            alone = _outputs(noisy, self.arguments)
        same = [t.shape[:1] == first.shape[:1] for t in together]
        apart = max(
            (_relative(a[0], b[0]) for a, b, fits in zip(together, alone, same, strict=True) if fits), default=0.0
        )
        return "" if apart <= self.tolerance else "a layer mixes the rows of several examples"

    def _difference(self, layout: Layout, keep: np.ndarray, theta: np.ndarray) -> str:
        masked = copy.deepcopy(self.model)
        first = first_tensor(*self.arguments)
        assert first is not None
        factor = torch.from_numpy(np.where(keep, theta, 0.0)).to(first.device)[None]
        try:
            mask = install(masked, UnitMask(layout))
            with mask.using(theta=factor):
                expected = _outputs(masked, self.arguments)
            got = _outputs(remove_units(copy.deepcopy(self.model), layout, keep, theta), self.arguments)
        except Exception as error:
            return f"its compact network fails ({type(error).__name__}: {str(error).splitlines()[0][:160]})"
        if [tensor.shape for tensor in got] != [tensor.shape for tensor in expected]:
            return "its compact network gives outputs of another shape"
        apart = max((_relative(a, b) for a, b in zip(got, expected, strict=True)), default=0.0)
        return "" if apart <= self.tolerance else f"the outputs of its compact network differ by {apart:.1e}"


def _by_type(name: str, found: Found) -> Refusal | None:
    """A refusal that the modules of a group decide by themselves."""
    for module_name, module in found.touches[name]:
        if isinstance(module, Convolution) and module.groups > 1 and not is_depthwise(module):
            reason = f"{module_name} is a convolution in {module.groups} groups, from each of which as many must leave"
            return Refusal(name, reason, REST)
        if isinstance(module, nn.GroupNorm | nn.LayerNorm):
            reason = f"{module_name} ({type(module).__name__}) normalises over the units, so that each depends on all"
            return Refusal(name, reason, "BatchNorm in its place makes the group prunable.")
        if isinstance(module, nn.MultiheadAttention | nn.RNNBase):
            reason = f"{module_name} ({type(module).__name__}) mixes the units inside one kernel"
            return Refusal(name, reason, REST)
    return None


def _by_trying(name: str, problem: str, found: Found) -> Refusal:
    parts = {part for module, _ in found.touches[name] for part in module.lower().replace("_", ".").split(".")}
    if parts & ATTENTION:
        return Refusal(name, f"it holds query, key or value of attention: {problem}", REST)
    remedy = (
        "Where the network reshapes by a fixed number, have it read the size from the tensor; where it mixes units "
        "outside of its layers, nothing can be cut."
    )
    return Refusal(name, problem, remedy)


def _reads(layout: Layout, reader: str, name: str) -> bool:
    at = layout.slices()[name]
    return any(bool(((of >= at.start) & (of < at.stop)).any()) for of in layout.reads[reader])


@torch.no_grad()
def _stir(model: nn.Module) -> None:
    """Random batch statistics, and weights large enough for nothing to be nearly linear."""
    generator = torch.Generator().manual_seed(0)

    def like(tensor: Tensor, low: float, high: float) -> Tensor:
        return torch.empty(tensor.shape).uniform_(low, high, generator=generator).to(tensor)

    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            module.running_mean.copy_(like(module.running_mean, -0.3, 0.3))
            module.running_var.copy_(like(module.running_var, 0.5, 1.5))  # type: ignore[union-attr, arg-type]
        elif isinstance(module, nn.Linear):
            module.weight.mul_(WEIGHT_SCALE)


def _one_less(layout: Layout, rng: np.random.Generator) -> np.ndarray:
    keep = np.ones(layout.n_units, bool)
    for at in layout.slices().values():
        if at.stop - at.start > 1:
            keep[rng.integers(at.start, at.stop)] = False
    return keep


def _odd_half(layout: Layout, rng: np.random.Generator) -> np.ndarray:
    keep = np.ones(layout.n_units, bool)
    for at in layout.slices().values():
        units = at.stop - at.start
        gone = min((units // 2) | 1, units - 1)
        keep[rng.choice(np.arange(at.start, at.stop), gone, replace=False)] = False
    return keep


@torch.no_grad()
def _outputs(model: nn.Module, arguments: Arguments) -> list[Tensor]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float_outputs(model(*arguments[0], **arguments[1]))


def _relative(a: Tensor, b: Tensor) -> float:
    largest = float(b.abs().max()) if b.numel() else 0.0
    apart = float((a - b).abs().max()) if b.numel() else 0.0
    return apart / largest if largest else apart

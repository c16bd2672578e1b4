"""Finds the groups whose removal is not exact by trying: the masked and the compact network must give the same.

A group is tried on the example input, with one of its units removed and with an odd number near half, in float64, with
theta, batch statistics and the larger weights at random; what fails is refused by name, with the reason.
"""

from __future__ import annotations

import copy
import warnings
from contextlib import nullcontext

import numpy as np
import torch
from torch import Tensor, nn

from sbp.noise.graph import Found
from sbp.noise.inputs import Arguments, converted, first_tensor, float_outputs
from sbp.noise.install import install
from sbp.noise.layers import WEIGHTS, Convolution, is_depthwise
from sbp.noise.precision import Float64Throughout
from sbp.noise.removal import remove_units
from sbp.noise.rows import repeated
from sbp.noise.unit_mask import UnitMask
from sbp.spec.layout import Layout, Refusal, close_units

# Of the largest output. Rounding in float64 stays below 1e-15 on all networks of the tests. A wrong cut early in a deep
# network whose outputs hardly depend on what it reads has been seen to show 1e-10.
TOLERANCE = 1e-12
TOLERANCE_FLOAT32 = 1e-4
# At initialisation attention is nearly uniform, and a wrong cut of it would hardly show.
WEIGHT_SCALE = 6.0
# So many examples are compared with themselves alone.
EXAMPLES = 3
MIXED = "a layer reads rows in another order than the examples', so that theta of one would reach another"
ATTENTION = {"q", "k", "v", "qkv", "query", "key", "value"}
EXAMPLES_FIRST = "Axis 0 of what each layer reads must hold the examples in their order, each as one or more rows."
REST = "It stays whole; the other groups can be pruned."


def refuse_inexact(model: nn.Module, found: Found, layout: Layout, arguments: Arguments) -> Layout:
    """The layout without the groups whose removal is not exact; `Layout.refused` says which, and why."""
    unread = [
        _by_type(name, found) or Refusal(name, reason, REST)
        for name, reason in found.unread.items()
        if reason and name in layout.names
    ]
    layout = layout.without([name for name in layout.names if name in found.unread], unread)
    known = [refusal for group in layout.groups if (refusal := _by_type(group.name, found))]
    unsplit = [
        Refusal(name, f"{reader} reads rows that belong to no single example", EXAMPLES_FIRST)
        for name in layout.names
        for reader in layout.readers(name)
        if not layout.rows[reader]
    ]
    tied = "its units do not line up one by one with what reads them (padding, sums of parts, shuffles, bare weights)"
    loose = [Refusal(name, tied, REST) for name in layout.names if name in found.tied]
    refused = {refusal.name: refusal for refusal in [*loose, *unsplit, *known]}
    layout = layout.without(list(refused), list(refused.values()))
    trial = Trial(model, arguments)
    order = [group.name for group in layout.groups if not group.parent]
    # Suspects first, so that halves with nothing wrong in them are seen to be right at once.
    candidates = sorted(order, key=lambda name: not _is_attention(layout, name))
    problems = _find_problems(trial, layout, candidates)
    remaining = [name for name in candidates if name not in problems]
    if problems and remaining:
        joint = layout.without(list(problems))
        if trial.problem(joint):  # each is exact alone, not all together: take them one by one
            problems |= _find_joint_problems(trial, joint, remaining)
    tried = [_by_trying(name, problems[name], layout, found) for name in order if name in problems]
    return layout.without([refusal.name for refusal in tried], tried)


def _find_problems(trial: Trial, layout: Layout, names: list[str]) -> dict[str, str]:
    """The groups that are not exact alone, with the reason: halves are tried together, and again where they fail."""
    if not names:
        return {}
    candidates = [group.name for group in layout.groups if not group.parent]
    problem = trial.problem(layout.without([name for name in candidates if name not in names]))
    if not problem:
        return {}
    if len(names) == 1:
        return {names[0]: problem}
    middle = len(names) // 2
    return _find_problems(trial, layout, names[:middle]) | _find_problems(trial, layout, names[middle:])


def _find_joint_problems(trial: Trial, layout: Layout, names: list[str]) -> dict[str, str]:
    """The groups that are not exact beside those before them."""
    problems: dict[str, str] = {}
    for i, name in enumerate(names):
        if problem := trial.problem(layout.without([*names[i + 1 :], *problems])):
            problems[name] = problem
    return problems


class Trial:
    """Compares masked and compact copies of one network on one example call."""

    def __init__(self, model: nn.Module, arguments: Arguments) -> None:
        self.model = copy.deepcopy(model).eval()
        self.arguments, self.tolerance = arguments, TOLERANCE_FLOAT32
        _stir(self.model)
        try:
            doubled = copy.deepcopy(self.model).double()
            wide = converted(arguments, lambda t: t.double() if t.is_floating_point() else t)
            _outputs(doubled, wide, double=True)
        except Exception:  # noqa: S110 - something in it insists on float32
            pass
        else:
            self.model, self.arguments, self.tolerance = doubled, wide, TOLERANCE
        once, again = self._run(self.model, self.arguments), self._run(self.model, self.arguments)
        if not all(a.shape == b.shape and _relative(a, b) <= self.tolerance for a, b in zip(once, again, strict=True)):
            raise ValueError(
                "The network gives other outputs each time it is called on example_input in eval mode, so that no "
                "group can be tried. Turn off what is random in it while sbp.attach is called."
            )
        first = first_tensor(*arguments)
        self.batch = self.arguments  # with at least as many examples as are compared with themselves, where it can run
        if len(first) < EXAMPLES:
            more = repeated(self.arguments, -(-EXAMPLES // len(first)))
            try:
                self._run(self.model, more)
            except Exception:  # it runs on this number of examples only
                return
            self.batch = more

    def _run(self, model: nn.Module, arguments: Arguments) -> list[Tensor]:
        return _outputs(model, arguments, double=self.tolerance == TOLERANCE)

    def problem(self, layout: Layout) -> str:
        """Why the removal of units of all groups at once is not exact, "" where it is."""
        if not layout.groups:
            return ""
        rng = np.random.default_rng(0)
        theta = np.exp(rng.normal(-0.3, 0.4, layout.n_units))
        for keep in (_one_less(layout, rng), _odd_half(layout, rng)):
            if problem := self._difference(layout, close_units(layout, keep), theta):
                return problem
        return self._mixes_examples(layout)

    def _mixes_examples(self, layout: Layout) -> str:
        """Whether theta of one example reaches another."""
        arguments = self.batch
        first = first_tensor(*arguments)
        if len(first) < 2:
            return ""
        noisy = copy.deepcopy(self.model)
        mask = install(noisy, UnitMask(layout))
        theta = 0.5 + torch.rand(len(first), layout.n_units, generator=torch.Generator().manual_seed(0))
        theta = theta.to(first.device)
        try:
            with mask.using(theta=theta):
                together = self._run(noisy, arguments)
            for i in range(min(len(first), EXAMPLES)):
                with mask.using(theta=theta[i : i + 1]):
                    alone = self._run(noisy, arguments)
                for a, b in zip(together, alone, strict=True):
                    if a.shape[:1] == first.shape[:1] and not _relative(a[i], b[i]) <= self.tolerance:
                        return MIXED
        except Exception as error:
            return f"it fails with a theta for each example ({type(error).__name__}: {_first_line(error)})"
        return ""

    def _difference(self, layout: Layout, keep: np.ndarray, theta: np.ndarray) -> str:
        masked = copy.deepcopy(self.model)
        factor = torch.from_numpy(np.where(keep, theta, 0.0)).to(first_tensor(*self.arguments).device)[None]
        try:
            mask = install(masked, UnitMask(layout))
            with mask.using(theta=factor):
                expected = self._run(masked, self.arguments)
            got = self._run(remove_units(copy.deepcopy(self.model), layout, keep, theta), self.arguments)
        except Exception as error:
            return f"its compact network fails ({type(error).__name__}: {_first_line(error)})"
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
        if isinstance(module, WEIGHTS) and "weight" not in module._parameters:
            reason = f"the weight of {module_name} is computed from other tensors"
            return Refusal(name, reason, "torch.nn.utils.parametrize.remove_parametrizations makes the group prunable.")
        if isinstance(module, nn.GroupNorm | nn.LayerNorm):
            reason = f"{module_name} ({type(module).__name__}) normalises over the units, so that each depends on all"
            return Refusal(name, reason, "BatchNorm in its place makes the group prunable.")
        if isinstance(module, nn.MultiheadAttention | nn.RNNBase):
            reason = f"{module_name} ({type(module).__name__}) mixes the units inside one kernel"
            return Refusal(name, reason, REST)
    return None


def _by_trying(name: str, problem: str, layout: Layout, found: Found) -> Refusal:
    if _is_attention(layout, name):
        return Refusal(name, f"it holds query, key or value of attention: {problem}", REST)
    if problem == MIXED:
        return Refusal(name, problem, EXAMPLES_FIRST)
    norms = [touched for touched, _ in found.touches[name] if "norm" in touched.lower().split(".")[-2:][0]]
    remedy = (
        "Where the network reshapes by a fixed number, have it read the size from the tensor; where a bare weight "
        "multiplies the units, make it an nn.Linear; where units are mixed otherwise, nothing can be cut."
    )
    return Refusal(name, f"{problem} (it passes through {norms[0]})" if norms else problem, remedy)


def _is_attention(layout: Layout, name: str) -> bool:
    members = next(group.members for group in layout.groups if group.name == name)
    return bool({part for member in members for part in member.lower().replace("_", ".").split(".")} & ATTENTION)


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0][:160]


@torch.no_grad()
def _stir(model: nn.Module) -> None:
    """Random batch statistics and factors, and weights large enough for nothing to be nearly linear.

    At initialisation a network may hide what it does later: last layers and factors of whole branches that are 0, and
    factors that are the same for all units.
    """
    generator = torch.Generator().manual_seed(0)

    def like(tensor: Tensor, low: float, high: float) -> Tensor:
        return torch.empty(tensor.shape).uniform_(low, high, generator=generator).to(tensor)

    for module in model.modules():
        if isinstance(module, nn.modules.batchnorm._BatchNorm) and module.running_mean is not None:
            module.running_mean.copy_(like(module.running_mean, -0.3, 0.3))
            module.running_var.copy_(like(module.running_var, 0.5, 1.5))  # type: ignore[union-attr, arg-type]  # beside a mean
        for parameter in module.parameters(recurse=False):
            if not parameter.is_floating_point():
                continue
            if sum(size > 1 for size in parameter.shape) < 2:
                parameter.add_(like(parameter, -0.5, 0.5))
            elif bool((parameter == parameter.flatten()[0]).all()):
                bound = (3 / parameter[0].numel()) ** 0.5
                parameter.copy_(like(parameter, -bound, bound))
        if isinstance(module, nn.Linear):
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
        pruned = min((units // 2) | 1, units - 1)
        keep[rng.choice(np.arange(at.start, at.stop), pruned, replace=False)] = False
    return keep


@torch.no_grad()
def _outputs(model: nn.Module, arguments: Arguments, double: bool) -> list[Tensor]:
    with warnings.catch_warnings(), Float64Throughout() if double else nullcontext():
        warnings.simplefilter("ignore")
        return float_outputs(model(*arguments[0], **arguments[1]))


def _relative(a: Tensor, b: Tensor) -> float:
    largest = float(b.abs().max()) if b.numel() else 0.0
    apart = float((a - b).abs().max()) if b.numel() else 0.0
    return apart / largest if largest else apart

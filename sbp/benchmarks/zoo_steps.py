"""`bench step --network resnet-50` and its like: a step of a loop of one's own, with the noise of `sbp.attach`.

The yardstick is the same network with the same optimiser and no noise, in turns with it.
"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import cross_entropy

from sbp.benchmarks.timing import Line, Report, in_turns, line, report
from sbp.benchmarks.zoo import CLASSES, IMAGE_SIZE, build
from sbp.machine.devices import describe
from sbp.noise import attach, elbo_loss, parameter_groups

PRECISIONS = ("fp32", "bf16")
# Steps between two looks at the clock: on a GPU several, so that handing out the first one does not count.
STEPS = {"cpu": 1, "cuda": 5}
BATCH = {"cpu": 4, "cuda": 128}
N_TRAIN = 1_281_167  # of ImageNet: the KL's scale
YARDSTICK = "the same without noise"
# What is asked of a step on a GPU at batch 128 in bf16, as times the yardstick.
REACH_TIME, REACH_MEMORY = 1.15, 1.3
ASKED = ("resnet-18", "resnet-50")


@dataclass(frozen=True)
class Case:
    """How a step is taken: batch 0 is the device's own (`BATCH`), image_size rows and columns; precision of the
    forward pass (bf16: autocast), whether it is compiled by torch.compile, and the layout of its maps in memory."""

    network: str
    device: str = "cpu"
    batch: int = 0
    image_size: int = IMAGE_SIZE
    precision: str = "fp32"
    compiled: bool = False
    channels_last: bool = False

    @property
    def examples(self) -> int:
        """Examples of a step."""
        return self.batch or BATCH[self.device]

    def __str__(self) -> str:
        how = [self.precision, "compiled" if self.compiled else "eager", "channels last" if self.channels_last else ""]
        return f"{self.network}, batch {self.examples}, {self.image_size} px, {', '.join(filter(None, how))}"


def measure(
    case: Case,
    rounds: int,
    seed: int = 0,
    make: Callable[[], nn.Module] | None = None,
    tell: Callable[[float], None] | None = None,
) -> Report:
    """Milliseconds of a step with the noise as initialised and without it, and on a GPU the peak memory of each.

    Args:
        case: the network and how it is trained.
        rounds: how many times each is timed, in turns with the other.
        seed: of weights, images and labels.
        make: builds the network; None builds the one that the case names.
        tell: told the share done, 0 to 1.

    Returns:
        A line for time, whose paired ratio is the median over the rounds, and one for memory where that is measured.
    """
    things = {}
    for what in (YARDSTICK, "sbp"):
        torch.manual_seed(seed)
        things[what] = _Loop(case, make() if make else build(case.network, seed), noisy=what == "sbp", seed=seed)
    times = in_turns(things, rounds, tell)
    per_step = {name: [value / STEPS[case.device] for value in values] for name, values in times.items()}
    asked = case.network in ASKED and (case.device, case.examples, case.precision) == ("cuda", 128, "bf16")
    reach = f" (to reach: {REACH_TIME:g}x)" if asked else ""
    lines: list[Line] = [line(f"{case}{reach}", "ms", per_step["sbp"], YARDSTICK, per_step[YARDSTICK], paired=True)]
    if case.device == "cuda":
        peaks = {name: thing.peak_memory() for name, thing in things.items()}
        reach = f" (to reach: {REACH_MEMORY:g}x)" if asked else ""
        lines.append(line(f"{case}: peak memory{reach}", "MB", [peaks["sbp"]], YARDSTICK, [peaks[YARDSTICK]]))
    noise = things["sbp"].noise
    units, groups = f"{noise.layout.n_units:,} units", f"{len(noise.groups)} groups"  # type: ignore[union-attr]  # it has noise
    remark = f"{case.network}: {units} in {groups}, seed {seed}, Adam, {torch.get_num_threads()} CPU threads."
    empty = dataclasses.replace(report("step", ("torch", "numpy", "transformers")), hardware=describe(case.device))
    return dataclasses.replace(empty, lines=tuple(lines), remarks=(remark,))


class _Loop:
    """A training loop on one made-up batch; called, it takes so many steps, up to the device's last word."""

    def __init__(self, case: Case, network: nn.Module, noisy: bool, seed: int) -> None:
        self.case, self.network = case, network.train()
        draw = torch.Generator().manual_seed(seed)
        x = torch.randn(case.examples, 3, case.image_size, case.image_size, generator=draw)
        y = torch.randint(CLASSES, (case.examples,), generator=draw)
        self.noise = attach(network, x[:2]) if noisy else None
        layout = torch.channels_last if case.channels_last else torch.contiguous_format
        network.to(case.device, memory_format=layout)  # type: ignore[call-overload]  # missing in the stubs
        self.x, self.y = x.to(case.device, memory_format=layout), y.to(case.device)
        parameters = parameter_groups(network, lr=1e-4, noise_lr=1e-3) if noisy else network.parameters()
        self.optimiser = torch.optim.Adam(parameters, lr=1e-4)
        self.forward: Callable[[Tensor], Tensor] = torch.compile(network) if case.compiled else network

    def __call__(self) -> None:
        for _ in range(STEPS[self.case.device]):
            self._step()
        if self.case.device == "cuda":
            torch.cuda.synchronize()

    def _step(self) -> None:
        with torch.autocast(self.case.device, torch.bfloat16, enabled=self.case.precision == "bf16"):
            logits = self.forward(self.x)
        loss = cross_entropy(logits.float(), self.y)
        if self.noise is not None:
            loss = elbo_loss(loss, self.noise, N_TRAIN)
        self.optimiser.zero_grad()
        loss.backward()
        self.optimiser.step()

    def peak_memory(self) -> float:
        """MB (1e6 bytes) that a step needs at most, with weights, gradients and the optimiser's state; on CUDA.

        The other network lies on the device too: what was there before the step, but this network's own, is taken off.
        """
        parameters = list(self.network.parameters())
        state = [value for held in self.optimiser.state.values() for value in held.values()]
        gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
        tensors = [*parameters, *self.network.buffers(), *gradients, *state, self.x]
        own = sum(tensor.nbytes for tensor in tensors if tensor.is_cuda)
        torch.cuda.reset_peak_memory_stats()
        before = torch.cuda.memory_allocated()
        self()
        return (torch.cuda.max_memory_allocated() - before + own) / 1e6

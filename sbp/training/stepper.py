"""One step of training: draw the noise of the whole network, go forward and back, move the parameters."""

from __future__ import annotations

import functools
import os
import threading
from collections.abc import Callable
from typing import ParamSpec, TypeVar

import torch
from torch import Tensor, nn
from torch.nn import functional

from sbp.data.datasets import Split
from sbp.machine.distributed import ONE_RANK, Ranks
from sbp.methods.base import Method
from sbp.methods.dropout import dropping
from sbp.networks.batch_norms import batch_norms
from sbp.spec import DataConfig, OptimisationConfig, ScheduleConfig
from sbp.spec.ranges import Phase
from sbp.training.augmentation import augmented
from sbp.training.distillation import answers_of, distillation, teacher_of
from sbp.training.local_batch import average_, moments_of, part_of
from sbp.training.optimiser import Optimiser

P = ParamSpec("P")
T = TypeVar("T")
# Steps before the capture, on the side: libraries set themselves up in them.
WARM_UP = 3
# Set to anything, it has each step run by itself: for where a step, or a library in it, cannot be captured.
EAGER = "SBP_EAGER"
# How many forms of one network a process may compile; torch's own limit is 8.
MOST_COMPILED = 256
# Trainings that share a process take turns in whatever is not the replay of a graph: building draws from torch's one
# global generator, and a kernel that one thread loads for the first time spoils what another is capturing.
_DEVICE_LOCK = threading.RLock()


def exclusive(work: Callable[P, T]) -> Callable[P, T]:
    """The same, done while no other training of this process does anything but replay its step."""

    @functools.wraps(work)
    def in_its_turn(*args: P.args, **kwargs: P.kwargs) -> T:
        with _DEVICE_LOCK:
            return work(*args, **kwargs)

    return in_its_turn


class Stepper:
    """Trains a network one batch at a time, in one phase: "pretrain", "sbp" or "finetune" (`records.PHASES`).

    Each phase has its own optimiser: what one remembers of a network without noise misleads it with noise. On a CUDA
    device the whole step is captured once and replayed, since its kernels take longer to launch than to run; so all
    that differs from step to step is in memory that the step reads by its own counter `at`: the order of examples, the
    learning rates, the strength of the KL. `nll_sum` adds up the steps' NLL, so that no step waits for the host,
    and `data_sum` all that is not KL, where there is a teacher: the network as pretraining left it, if the config asks
    for distillation.
    ranks: those that share each batch (`sbp.training.local_batch`); all step at once.
    """

    def __init__(
        self,
        network: nn.Module,
        method: Method,
        split: Split,
        generator: torch.Generator,
        optimisation: OptimisationConfig,
        schedule: ScheduleConfig,
        data: DataConfig,
        ranks: Ranks = ONE_RANK,
    ) -> None:
        self.network, self.method, self.split = network, method, split
        self.optimisation, self.schedule, self.data = optimisation, schedule, data
        self.generator, self.ranks = generator, ranks
        self.batch = min(optimisation.batch_size, split.n_train)
        self.examples = ranks.local_batch(self.batch)
        self.device = split.train_x.device
        self.captures = self.device.type == "cuda" and not os.environ.get(EAGER)
        self.nll_sum, self.data_sum = torch.zeros(2, device=self.device)
        self.teacher: nn.Module | None = None
        self.answers: Tensor | None = None  # the teacher's to all images, where those are trained on as they are
        self.compiled: dict[nn.Module, Callable[[Tensor], Tensor]] = {}
        # What is left over after the last full batch waits for the next epoch's order.
        steps = split.n_train // self.batch
        self.order = torch.zeros(steps, self.batch, dtype=torch.long, device=self.device)
        self.factors, self.strengths = torch.zeros(2, steps, device=self.device)
        self.at = torch.zeros(1, dtype=torch.long, device=self.device)

    def start(self, phase: Phase) -> None:
        """Begins a phase with a fresh optimiser."""
        settings, self.phase = self.optimisation, phase
        if settings.channels_last:
            self.network.to(memory_format=torch.channels_last)  # type: ignore[call-overload]  # missing in the stubs
        if settings.distillation and phase != "pretrain" and self.teacher is None:
            self.teacher = teacher_of(self.network)
        self.method.set_noise_enabled(self.network, phase != "pretrain")
        if phase == "finetune":
            self.method.choose(self.network, self.split.train_x, self.split.train_y)
            self.method.freeze(self.network)
        weights = self.method.weights(self.network)
        learned = self.method.learned(self.network) if phase == "sbp" else []
        self.network.requires_grad_(False)
        for parameter in (*weights, *learned):
            parameter.requires_grad_(True)
        own = {"pretrain": settings.pretrain_lr, "finetune": settings.finetune_lr}.get(phase)
        self.rates = torch.tensor([own or settings.lr, self.method.learned_rate(settings)], device=self.device)
        self.lr = torch.zeros_like(self.rates)
        if phase == "pretrain" and settings.pretrain_decay:
            settings = settings.model_copy(update={"weight_decay": settings.pretrain_decay})
        self.optimiser = Optimiser(weights, learned, self.lr, settings)
        # Averaged in fine-tuning: what is evaluated and saved instead of the weights themselves.
        self.averaged = weights if phase == "finetune" and self.schedule.average_decay else []
        self.average = [parameter.detach().clone() for parameter in self.averaged]
        self.graph: torch.cuda.CUDAGraph | None = None

    def begin_epoch(self, order: Tensor, factors: Tensor, strengths: Tensor, at: int) -> None:
        """The order of examples, int64 [steps x batch or more]; each step's factor on the learning rates and strength
        of the KL, [steps]; and which step is the next."""
        self.order.copy_(order[: self.order.numel()].view_as(self.order))
        self.factors.copy_(factors)
        self.strengths.copy_(strengths)
        self.at.fill_(at)
        self.network.train()
        if self.optimisation.hold_norm and self.phase != "pretrain":
            for norm in batch_norms(self.network):
                norm.eval()

    @torch.no_grad()
    def exchange(self) -> None:
        """Puts the averages in the place of the weights, and the weights in theirs, where there are averages."""
        for parameter, average in zip(self.averaged, self.average, strict=True):
            kept = parameter.clone()
            parameter.copy_(average)
            average.copy_(kept)

    def step(self) -> None:
        """Moves all parameters by one step."""
        if self.teacher is not None and self.answers is None and not self.data.augment:
            self._ask_teacher(self.teacher)
        if not self.captures:
            self._step()
            return
        if self.graph is None:
            self._capture()
        assert self.graph is not None
        self.graph.replay()

    def _step(self) -> None:
        examples = part_of(self.order.index_select(0, self.at)[0], self.ranks)
        images, labels = self.split.train_x.index_select(0, examples), self.split.train_y.index_select(0, examples)
        torch.mul(self.rates, self.factors.index_select(0, self.at), out=self.lr)
        noisy = self.phase != "pretrain"
        if noisy:
            self.method.sample_noise_(self.network, self.examples, self.generator)
        if self.data.augment:
            images = augmented(images, self.generator, hide=self.data.cutout)
        if self.optimisation.channels_last:
            images = images.contiguous(memory_format=torch.channels_last)
        dropped = 0.0 if noisy else self.optimisation.pretrain_dropout
        with self._autocast(), dropping(self.network, self.examples, dropped, self.generator):
            logits = self._passing(self.network)(images).float()
        loss = nll = functional.cross_entropy(logits, labels)
        if self.teacher is not None:
            if self.answers is not None:
                taught = self.answers.index_select(0, examples)
            else:
                with torch.no_grad(), self._autocast():
                    taught = self._passing(self.teacher)(images).float()
            distilled = distillation(logits, taught, self.optimisation.temperature)
            loss = torch.lerp(nll, distilled, self.optimisation.distillation)
        data = loss.detach()
        if self.phase == "sbp":
            strength = self.strengths.index_select(0, self.at)[0]
            loss = loss + self.method.penalty(self.network, self.split.n_train, strength).term
        self.optimiser.zero_grad()
        loss.backward()
        nll = nll.detach()
        if self.ranks.world > 1:
            gradients = [parameter.grad for parameter in self.optimiser.parameters if parameter.grad is not None]
            sums = [nll] if self.teacher is None else [nll, data]
            average_([*gradients, *moments_of(self.network), *sums], self.ranks)
        self.optimiser.step()
        if noisy:
            (self.method.project_ if self.phase == "sbp" else self.method.reapply_masks_)(self.network)
        if self.average:
            weights = [parameter.detach() for parameter in self.averaged]
            torch._foreach_lerp_(self.average, weights, 1 - self.schedule.average_decay)
        self.nll_sum.add_(nll)
        if self.teacher is not None:
            self.data_sum.add_(data)
        self.at.add_(1)

    @exclusive
    def _ask_teacher(self, teacher: nn.Module) -> None:
        with self._autocast():
            self.answers = answers_of(teacher, self.split.train_x)

    def _autocast(self) -> torch.autocast:
        # A cache of casts would be filled outside the graph that is captured of the step.
        half = self.optimisation.precision == "bf16"
        return torch.autocast(self.device.type, torch.bfloat16, half, cache_enabled=False)

    def _passing(self, network: nn.Module) -> Callable[[Tensor], Tensor]:
        """What passes images through a network: it, or what `torch.compile` has made of it."""
        if not self.optimisation.compiled:
            return network
        if network not in self.compiled:
            # Every network, phase and teacher of a pack counts, and beyond the limit steps run uncompiled.
            torch._dynamo.config.recompile_limit = MOST_COMPILED
            self.compiled[network] = torch.compile(network, dynamic=False)
        return self.compiled[network]

    @exclusive
    def _capture(self) -> None:
        """Records `_step` into a CUDA graph and leaves every number as it was before."""
        tensors = {**dict(self.network.named_parameters()), **dict(self.network.named_buffers())}
        tensors |= {f"average {index}": value for index, value in enumerate(self.average)}
        tensors |= {"nll_sum": self.nll_sum, "data_sum": self.data_sum, "at": self.at}
        before = {name: tensor.detach().clone() for name, tensor in tensors.items()}
        memory = {p: {n: v.clone() for n, v in state.items()} for p, state in self.optimiser.memory().items()}
        draws = self.generator.get_state()
        # Graphs that were captured on one stream share its scratch memory, and must not be replayed at once; so a
        # training that has a stream of its own, beside others in its process, captures on that.
        now = torch.cuda.current_stream()
        side = torch.cuda.Stream() if now == torch.cuda.default_stream() else now
        side.wait_stream(now)
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self._step()
                self.at.copy_(before["at"])
        now.wait_stream(side)
        self.optimiser.zero_grad()
        self.graph = torch.cuda.CUDAGraph()
        self.graph.register_generator_state(self.generator)
        with torch.cuda.graph(self.graph, stream=side, capture_error_mode="thread_local"):
            self._step()
        with torch.no_grad():
            for name, tensor in tensors.items():
                tensor.copy_(before[name])
            for number, state in self.optimiser.memory().items():
                for name, value in state.items():
                    value.copy_(memory[number][name]) if number in memory else value.zero_()
        self.generator.set_state(draws)

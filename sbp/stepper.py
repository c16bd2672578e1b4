"""One step of training: draw theta for the whole network, go forward and back, move the parameters."""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional

from sbp.config import RunConfig
from sbp.data import Split
from sbp.networks.lenet import NoisyNetwork
from sbp.objective import draw_noise, negative_bound

# Steps before the capture, on the side: libraries set themselves up in them.
WARM_UP = 3


class Stepper:
    """Trains a network by one batch at a time, in one phase: with the noise ("sbp") or without ("pretrain").

    Each phase has its own Adam: what it remembers of a network without noise misleads it with noise. On a CUDA device
    the whole step is captured once and replayed, since its some 500 small kernels take longer to launch than to run.
    `nll_sum` adds up the steps' NLL on the device, so that no step waits for the host.
    """

    def __init__(
        self,
        network: NoisyNetwork,
        split: Split,
        config: RunConfig,
        kl_weights: tuple[float, ...],
        generator: torch.Generator,
        batch: int,
    ) -> None:
        self.network, self.layers, self.split = network, network.noise_layers(), split
        self.config, self.kl_weights, self.generator = config, kl_weights, generator
        self.device = split.train_x.device
        self.nll_sum = torch.zeros((), device=self.device)
        self.objects = torch.zeros(batch, dtype=torch.long, device=self.device)

    def start(self, phase: str) -> None:
        """Begins a phase with a fresh optimiser."""
        config, self.phase = self.config, phase
        noise = [parameter for layer in self.layers for parameter in (layer.loc, layer.log_scale)]
        of_noise = {id(parameter) for parameter in noise}
        weights = [parameter for parameter in self.network.parameters() if id(parameter) not in of_noise]
        groups = [{"params": weights, "weight_decay": config.weight_decay}]
        self.rates = [config.lr]
        if phase == "sbp":
            groups.append({"params": noise, "weight_decay": 0.0})
            self.rates.append(config.noise_lr)
        on_cuda = self.device.type == "cuda"
        self.optimiser = torch.optim.Adam(
            groups, lr=torch.tensor(config.lr, device=self.device), fused=self.device.type != "mps", capturable=on_cuda
        )
        for group in self.optimiser.param_groups:  # a rate of its own for each, changed in place
            group["lr"] = torch.zeros((), device=self.device)
        for layer in self.layers:
            layer.active = phase == "sbp"
        self.graph: torch.cuda.CUDAGraph | None = None

    def step(self, objects: Tensor, rate_factor: float) -> None:
        """Moves all parameters by one step on these training objects (int64 indices, a full batch)."""
        for group, rate in zip(self.optimiser.param_groups, self.rates, strict=True):
            group["lr"].fill_(rate * rate_factor)
        self.network.train()
        self.objects.copy_(objects)
        if self.device.type != "cuda":
            self._step()
            return
        if self.graph is None:
            self._capture()
        assert self.graph is not None
        self.graph.replay()

    def _step(self) -> None:
        images, labels = self.split.train_x[self.objects], self.split.train_y[self.objects]
        if self.phase == "sbp":
            draw_noise(self.layers, len(labels), self.generator)
            bound = negative_bound(self.network(images), labels, self.layers, self.split.n_train, self.kl_weights)
            loss, nll = bound.loss, bound.nll
        else:
            loss = nll = functional.cross_entropy(self.network(images), labels)
        self.optimiser.zero_grad(set_to_none=True)
        loss.backward()
        self.optimiser.step()
        for layer in self.layers:
            layer.drawn = None
            layer.project_()
        self.nll_sum.add_(nll.detach())

    def _capture(self) -> None:
        """Records `_step` into a CUDA graph and leaves every number as it was before."""
        parameters = list(self.network.parameters())
        before = [parameter.detach().clone() for parameter in parameters]
        memory = [{n: v.clone() for n, v in self.optimiser.state[p].items()} for p in parameters]
        draws, total = self.generator.get_state(), self.nll_sum.clone()
        side = torch.cuda.Stream()
        side.wait_stream(torch.cuda.current_stream())
        with torch.cuda.stream(side):
            for _ in range(WARM_UP):
                self._step()
        torch.cuda.current_stream().wait_stream(side)
        self.optimiser.zero_grad(set_to_none=True)
        self.graph = torch.cuda.CUDAGraph()
        self.graph.register_generator_state(self.generator)
        with torch.cuda.graph(self.graph):
            self._step()
        with torch.no_grad():
            for parameter, value, remembered in zip(parameters, before, memory, strict=True):
                parameter.copy_(value)
                for name, held in self.optimiser.state[parameter].items():
                    held.copy_(remembered[name]) if remembered else held.zero_()
        self.generator.set_state(draws)
        self.nll_sum.copy_(total)

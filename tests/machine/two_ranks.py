"""What the tests of several ranks have their processes do, and how they are started.

python -m tests.machine.two_ranks FOLDER DEVICE, with torchrun's variables: each rank leaves the tensors that it found
in FOLDER/RANK.safetensors and its words in FOLDER/RANK.json.
"""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import save_file
from torch import Tensor

from sbp.data.datasets import Dataset, load
from sbp.machine.distributed import RankError, Ranks
from sbp.networks.batch_norms import batch_norms
from sbp.noise.install import joint_noise_of
from sbp.spec import ConfigError, RunConfig
from sbp.spec.records import Record
from sbp.training import local_batch, loop
from sbp.training.loop import Training
from sbp.training.stepper import EAGER

# A mixture of KL weights, so that one which is counted twice or not at all cannot hide behind another.
ONE = RunConfig.flat(
    dataset="digits",
    method="sbpa",
    kl_weights=(3.0, 0.5, 2.0),
    widths=(12, 8),
    epochs=2,
    batch_size=100,
    noise_lr=0.05,
    init_log_scale=-1.0,
    weight_decay=1e-3,
    device="cpu",
)
RUN = ONE.replace(pretrain_epochs=1, finetune_epochs=1, batch_size=400, average_decay=0.9, distillation=0.5)


NORM = RunConfig.flat(
    network="vgg-like", dataset="cifar-10", widths=(2,) * 14, batch_size=32, validation_size=0, epochs=1, device="cpu"
)


def start_ranks(*words: str, world: int = 2) -> list[subprocess.Popen[str]]:
    """`python -m WORDS` as so many ranks, without torchrun, which only takes longer to start."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = str(free.getsockname()[1])
    common = {**os.environ, "WORLD_SIZE": str(world), "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": port}
    return [
        subprocess.Popen(
            [sys.executable, "-m", *words],
            env={**common, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in range(world)
    ]


def run_ranks(*words: str, patience: float = 300.0) -> None:
    """Starts the ranks as `start_ranks` does and waits for all; where one fails, says what each of them printed."""
    ranks = start_ranks(*words)
    try:
        errors = [process.communicate(timeout=patience)[1] for process in ranks]
    finally:
        for process in ranks:
            process.kill()
            process.communicate()
    assert not any(process.returncode for process in ranks), [
        (it.returncode, e) for it, e in zip(ranks, errors, strict=True)
    ]


def coloured() -> Dataset:
    """64 images of noise for a network that normalises by batch."""
    own = torch.Generator().manual_seed(1)
    images = torch.randint(256, (64, 3, 32, 32), generator=own, dtype=torch.uint8)
    return Dataset("cifar-10", images, torch.arange(64) % 10, images[:10], torch.arange(10), "made up")


@contextmanager
def eager() -> Iterator[None]:
    """Trainings that are built now capture no CUDA graphs."""
    os.environ[EAGER] = "1"
    try:
        yield
    finally:
        del os.environ[EAGER]


def hold_noise(it: Training, ranks: Ranks) -> None:
    """Has a training draw the same noise for the examples of a batch on any rank, with its live gradients."""

    def draw(network: Any, examples: int, generator: torch.Generator) -> None:
        noise = joint_noise_of(network)
        noise.prepare(examples * ranks.world, torch.Generator(it.device).manual_seed(7))
        theta = noise._state.pending
        assert theta is not None
        noise.set_next(theta[ranks.rank * examples : (ranks.rank + 1) * examples])

    it.stepper.method.sample_noise_ = draw  # type: ignore[method-assign]


def one_step(config: RunConfig, data: Dataset, ranks: Ranks) -> dict[str, Tensor]:
    """Gradients and parameters of the first step of the main phase, and its NLL, noise fixed; running moments."""
    torch.backends.cudnn.allow_tf32 = False  # it rounds by what else is in the batch
    with eager():
        it = Training(config, data, ranks=ranks)
    hold_noise(it, ranks)
    left: dict[str, Tensor] = {}
    order = loop.order_of(config.seed, 0, it.n_train)
    it.stepper.begin_epoch(order, torch.ones(it.steps_an_epoch), torch.ones(it.steps_an_epoch), at=0)
    it.stepper.step()
    for index, parameter in enumerate(it.stepper.optimiser.parameters):
        assert parameter.grad is not None
        left[f"gradient.{index}"] = parameter.grad.clone()
        left[f"parameter.{index}"] = parameter.detach().clone()
    left["nll"] = it.stepper.nll_sum.clone()
    norms = {id(buffer) for norm in batch_norms(it.network) for buffer in norm.buffers()}
    buffers = it.network.named_buffers()
    left |= {f"moment.{name}": buffer.clone() for name, buffer in buffers if id(buffer) in norms}
    return {name: tensor.cpu() for name, tensor in left.items()}


def whole_run(data: Dataset, ranks: Ranks, config: RunConfig, cut: int = -1) -> tuple[dict[str, Tensor], list[Any]]:
    """A run through all its phases with its own noise, cut and resumed after so many events; its records."""
    loop.PROGRESS_EVERY = 1e-9  # an event after every step, or every second
    it, records = Training(config, data, ranks=ranks), []
    events = it.events()
    for number, event in enumerate(events):
        if isinstance(event, Record):
            records.append([event.epoch, event.nll, event.loss, list(event.kept)])
        if number == cut:
            it = Training(config, data, it.checkpoint(), ranks)
            records += [[e.epoch, e.nll, e.loss, list(e.kept)] for e in it.events() if isinstance(e, Record)]
            break
    return {name: tensor.cpu().clone() for name, tensor in it.network.state_dict().items()}, records


def refused(what: Any) -> str:
    """The sentence by which something is refused, on every rank."""
    try:
        what()
    except (ConfigError, RankError) as error:
        return str(error)
    return ""


def main(folder: Path, device: str) -> None:
    """All of it, in one meeting of the ranks: they take longer to start than to do this."""
    torch.set_num_threads(1)
    data, ranks = load("digits"), Ranks.of_environment()
    ranks.init()
    ranks.init_nccl(ranks.select_device(device))
    one, norm, run = (config.replace(device=device) for config in (ONE, NORM, RUN))
    tensors = {f"step.{name}": t for name, t in one_step(one, data, ranks).items()}
    tensors |= {f"norm.{name}": t for name, t in one_step(norm, coloured(), ranks).items()}
    held = norm.replace(hold_norm=True)
    tensors |= {f"held.{name}": t for name, t in one_step(held, coloured(), ranks).items()}
    words: dict[str, Any] = {"rank": ranks.rank, "world": ranks.world}
    whole, words["records"] = whole_run(data, ranks, run)
    cut, words["cut records"] = whole_run(data, ranks, run, cut=5)
    tensors |= {f"whole.{name}": t for name, t in whole.items()} | {f"cut.{name}": t for name, t in cut.items()}
    milder = {"batch_size": 100, "lr": 5e-3, "noise_lr": 0.1, "kl_weights": (1.0, 0.2, 1.0)}
    shrinking = run.replace(shrink_after=1, epochs=4, distillation=0.0, **milder)
    small, words["shrinking"] = whole_run(data, ranks, shrinking)
    words["left"], words["cut shrinking"] = small["dense1.weight"].shape, whole_run(data, ranks, shrinking, cut=45)[1]
    with eager():
        words["eager records"] = whole_run(data, ranks, run)[1]
    for method in ("sparse-vd", "ssl", "gaussian-dropout"):
        other = run.replace(method=method, kl_weights=(), epochs=1, group_penalty=1e-3 * (method == "ssl"))
        state, words[method] = whole_run(data, ranks, other)
        tensors |= {f"{method}.{name}": t for name, t in state.items()}
    tensors["draws"] = torch.rand(1000, generator=local_batch.generator_of(device, 0, ranks), device=device).cpu()
    words["odd batch"] = refused(lambda: Training(one.replace(batch_size=99), data, ranks=ranks))
    apart = Training(one, data, ranks=ranks).network
    with torch.no_grad():
        apart.get_parameter("output.weight")[0, 0] += 1e-3 * ranks.rank
    words["apart"] = refused(lambda: local_batch.check_equal(apart, ranks))
    words["other device"] = refused(lambda: ranks.init_nccl(("cpu", "mps")[ranks.rank]))
    words["any"] = [ranks.any_rank(ranks.rank == 1), ranks.any_rank(False)]
    words["told"] = [ranks.broadcast_bytes(b"from 0" * (ranks.rank == 0)).decode(), ranks.broadcast_bytes(b"").decode()]
    ranks.close()
    save_file({name: t.contiguous() for name, t in tensors.items()}, folder / f"{ranks.rank}.safetensors")
    (folder / f"{ranks.rank}.json").write_text(json.dumps(words), encoding="utf-8")


if __name__ == "__main__":
    main(Path(sys.argv[1]), sys.argv[2])

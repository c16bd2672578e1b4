"""Several processes that train one network together, as torchrun starts them: who is who, and what they say.

What they share of the training is in `sbp.training.local_batch`. Words go by gloo, so that none waits for a GPU; what
is on a GPU is summed by NCCL. torch is imported only where it is needed, and torch.distributed only where there are
several.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from sbp.machine.devices import DeviceError, resolve
from sbp.spec import ConfigError

if TYPE_CHECKING:
    from torch import Tensor

# Seconds that a rank waits for another: enough for the first of a machine to fetch a data set while the rest wait.
TIMEOUT = 600.0


class RankError(RuntimeError):
    """The ranks cannot go on together; the message says why and what to do."""


class Ranks:
    """This process as one of `world` that train together: rank 0..world - 1, local: which of its machine's.

    The default is a process alone, for which every method is what a process alone does: no part but the whole, nothing
    to average, nobody to wait for.

    >>> ONE_RANK.local_batch(250), ONE_RANK.any_rank(True), ONE_RANK.broadcast_bytes(b"all")
    (250, True, b'all')
    """

    def __init__(self, rank: int = 0, world: int = 1, local: int = 0) -> None:
        self.rank, self.world, self.local = rank, world, local
        self._moves: Any = None  # the group that reduces what is on the training's device; None: the first one, gloo

    @classmethod
    def of_environment(cls) -> Ranks:
        """What torchrun says in $RANK, $WORLD_SIZE and $LOCAL_RANK; a process alone without it, or of a world of 1."""
        names = ("RANK", "WORLD_SIZE", "LOCAL_RANK")
        said = [os.environ.get(name, "").strip() for name in names]
        if not all(text.isdigit() for text in said) or int(said[1]) < 2:
            return cls()
        return cls(*map(int, said))

    def __str__(self) -> str:
        return f"{self.world} processes"

    def times(self, hardware: str) -> str:
        """The hardware of all, which is of one kind.

        >>> Ranks(world=2).times("NVIDIA H100")
        '2 x NVIDIA H100'
        """
        return f"{self.world} x {hardware}" if self.world > 1 else hardware

    # Coming together

    def init(self) -> None:
        """Waits for the others; what they tell each other goes by gloo, which needs no GPU to wait for.

        Raises `RankError` when they do not come.
        """
        import torch.distributed as dist

        if self.world > 1:
            timeout = timedelta(seconds=TIMEOUT)
            self._guarded(dist.init_process_group, "gloo", rank=self.rank, world_size=self.world, timeout=timeout)

    def select_device(self, device: str) -> str:
        """The device to train on, as `devices.resolve` finds it; of several GPUs the one of this rank's local number.

        Raises `DeviceError` as it does, and when there is no such GPU.
        """
        import torch

        if self.world > 1 and device in ("auto", "cuda") and torch.cuda.is_available():
            here = torch.cuda.device_count()
            if self.local >= here:
                raise DeviceError(
                    f"Expected a GPU for each process, got process {self.local + 1} on a machine that shows {here}. "
                    "Start no more with --nproc-per-node, or choose the device cpu."
                )
            torch.cuda.set_device(self.local)
        device = resolve(device)
        if self.world > 1 and device == "mps":
            raise DeviceError("Several processes train on cpu or cuda; mps was chosen. Choose cpu, or start one.")
        return device

    def init_nccl(self, device: str) -> None:
        """Opens the way for what is on this device; raises `RankError` when another rank has named another one."""
        import torch
        import torch.distributed as dist

        if self.world == 1:
            return
        mine = f"{device} with torch {torch.__version__}"
        if self.any_rank(self.broadcast_bytes(mine.encode()).decode() != mine):
            raise RankError(f"Expected one device and one version of torch for all of the {self}, got {mine} here.")
        if device == "cuda":
            self._moves = dist.new_group(backend="nccl", timeout=timedelta(seconds=TIMEOUT))

    def close(self) -> None:
        """Ends the conversation; a CUDA graph that averages must be deleted before. Safe to call twice."""
        import torch.distributed as dist

        if self.world > 1 and dist.is_initialized():
            self._moves = None
            dist.destroy_process_group()

    # Saying

    def broadcast_bytes(self, content: bytes = b"") -> bytes:
        """What rank 0 says, on every rank."""
        import torch
        import torch.distributed as dist

        if self.world == 1:
            return content
        size = torch.tensor(len(content))
        self._guarded(dist.broadcast, size, 0)
        said = torch.empty(int(size), dtype=torch.uint8)
        if self.rank == 0 and content:
            said.copy_(torch.frombuffer(bytearray(content), dtype=torch.uint8))
        if int(size):
            self._guarded(dist.broadcast, said, 0)
        return said.numpy().tobytes()

    def any_rank(self, mine: bool) -> bool:
        """Whether one of them says so, on every rank; all must have come here."""
        import torch
        import torch.distributed as dist

        if self.world == 1:
            return mine
        said = torch.tensor(int(mine))
        self._guarded(dist.all_reduce, said, dist.ReduceOp.MAX)
        return bool(said)

    def rank0_first(self, load: Callable[[], Any]) -> Any:
        """What `load` gives, called on the first rank of each machine before the others, which find its files there."""
        loaded = load() if self.local == 0 else None
        self.any_rank(False)
        return load() if self.local else loaded

    def local_batch(self, batch: int) -> int:
        """How many examples of a minibatch are one rank's; raises `ConfigError` when they cannot be shared equally."""
        if batch % self.world:
            raise ConfigError(
                f"batch_size: expected a multiple of {self.world}, so that {self} get equal parts, got {batch}."
            )
        return batch // self.world

    def all_reduce_(self, tensor: Tensor) -> None:
        """Replaces a tensor on the training's device by its sum over the ranks."""
        import torch.distributed as dist

        self._guarded(dist.all_reduce, tensor, group=self._moves)

    def gather(self, tensor: Tensor) -> Tensor:
        """A tensor of the CPU as every rank has it, [world, ...]; of one shape and dtype everywhere."""
        import torch
        import torch.distributed as dist

        each = [torch.empty_like(tensor) for _ in range(self.world)]
        self._guarded(dist.all_gather, each, tensor)
        return torch.stack(each)

    def _guarded(self, say: Callable[..., Any], *what: Any, **how: Any) -> None:
        """Says something that the others must hear; raises `RankError` when one is not there any more."""
        import torch

        try:
            say(*what, **how)
        except torch.OutOfMemoryError:
            raise
        except RuntimeError as error:
            raise RankError(
                f"Another of the {self} that train together ended, or said nothing for {TIMEOUT:.0f} s; what it "
                "printed says why. Resume goes on from the last checkpoint."
            ) from error


ONE_RANK = Ranks()

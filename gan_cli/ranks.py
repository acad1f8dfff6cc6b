"""The processes that train one run together: who takes which rows of a batch, and the few things they tell each other.

Each process, a *rank*, takes an equal share of every global batch through its own copy of both players. Gradients are
means over samples, so that the mean over ranks is the gradient of the global batch, whatever the loss and its penalty:
ranks that begin alike and move by that mean stay alike to the bit. Plain modules and one all-reduce an update; hooks on
a backward pass would miss what a penalty's second derivative adds.
"""

import functools
import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor


class Ranks:
    """This process among those of its run; by default there is no other one, and nothing here costs anything.

    With others, every method but `rows` and `share` has to be called by all of them, in the same order.

    Args:
        rank: of this process, from 0.
        size: the number of processes.
        here: of them on this machine.
    """

    def __init__(self, rank: int = 0, size: int = 1, here: int = 1) -> None:
        if not 0 <= rank < size:
            raise ValueError(f"rank must be in [0, {size}), got {rank}")
        self.rank, self.size, self.here = rank, size, here
        self._words: Any = None  # the group that talks through the CPU's memory; None: the default one

    @classmethod
    def joined(cls) -> "Ranks":
        """The processes of the initialised default group of `torch.distributed`."""
        from torch import distributed

        if distributed.get_world_size() == 1:
            return cls()
        size = distributed.get_world_size()
        made = cls(distributed.get_rank(), size, int(os.environ.get("LOCAL_WORLD_SIZE", size)))
        if distributed.get_backend() != "gloo":  # flags and bytes need no GPU, and must not wait for one
            made._words = distributed.new_group(backend="gloo")
        return made

    @property
    def leads(self) -> bool:
        """Whether this process is the one that writes and speaks for all."""
        return self.rank == 0

    @property
    def alone(self) -> bool:
        """Whether there is no other process."""
        return self.size == 1

    def rows(self, n: int) -> slice:
        """Which of a global batch's n rows are this rank's; n is a multiple of `size`.

        >>> Ranks(1, 4).rows(8)
        slice(2, 4, None)
        """
        return slice(self.rank * n // self.size, (self.rank + 1) * n // self.size)

    def share(self, x: Tensor) -> Tensor:
        """This rank's rows of a global batch [N, ...]: [N / size, ...]."""
        return x if self.alone else x[self.rows(len(x))]

    def mean(self, tensors: Sequence[Tensor]) -> list[Tensor]:
        """The mean over ranks of each tensor: one all-reduce of one flat buffer, the same bits on all ranks.

        What is not finite on one rank is not finite on any afterwards.
        """
        if self.alone:
            return list(tensors)
        from torch import distributed

        flat = torch.cat([t.detach().reshape(-1) for t in tensors])
        distributed.all_reduce(flat)
        parts = flat.div_(self.size).split([t.numel() for t in tensors])
        return [part.view(t.shape) for part, t in zip(parts, tensors, strict=True)]

    def align(self, tensors: Sequence[Tensor]) -> None:
        """Overwrite tensors with those of rank 0, in place."""
        if self.alone or not tensors:
            return
        from torch import distributed

        flat = torch.cat([t.detach().reshape(-1) for t in tensors])
        distributed.broadcast(flat, 0)
        for part, t in zip(flat.split([t.numel() for t in tensors]), tensors, strict=True):
            t.detach().copy_(part.view(t.shape))

    def agree(self, *flags: float) -> list[float]:
        """The largest value of each flag on any rank: what one process saw, all do."""
        if self.alone:
            return list(flags)
        from torch import distributed

        found = torch.tensor(flags, dtype=torch.float64)
        distributed.all_reduce(found, distributed.ReduceOp.MAX, group=self._words)
        return found.tolist()

    def broadcast_bytes(self, data: bytes | None) -> bytes:
        """What rank 0 passes, on all ranks; the others pass None."""
        if self.alone:
            assert data is not None
            return data
        from torch import distributed

        count = torch.tensor([len(data) if self.leads and data is not None else 0])
        distributed.broadcast(count, 0, group=self._words)
        sent = torch.empty(int(count), dtype=torch.uint8)
        if self.leads and data:
            sent = torch.frombuffer(bytearray(data), dtype=torch.uint8)
        if len(sent):
            distributed.broadcast(sent, 0, group=self._words)
        return sent.numpy().tobytes()

    def gather(self, own: Tensor) -> list[Tensor]:
        """A small CPU tensor of every rank, by rank; all of one shape and type, such as random states."""
        if self.alone:
            return [own]
        from torch import distributed

        found = [torch.empty_like(own) for _ in range(self.size)]
        distributed.all_gather(found, own.contiguous(), group=self._words)
        return found

    def barrier(self) -> None:
        """Wait until all ranks are here."""
        if not self.alone:
            from torch import distributed

            distributed.barrier(group=self._words)

    @functools.cached_property
    def by_itself(self) -> Any:
        """A group of this rank alone, for layers that would otherwise wait for the others."""
        from torch import distributed

        return distributed.new_group([self.rank], backend="gloo", use_local_synchronization=True)


class Draws:
    """Random numbers for a global batch: all ranks draw all of them alike, and each takes its rows.

    Has the functions of `torch` that the penalties and aids draw by; they take either. A process alone has no use for
    it: it draws from PyTorch's own generator.

    Args:
        generator: in the same state on all ranks; on the device of what is drawn.
    """

    def __init__(self, ranks: Ranks, generator: torch.Generator) -> None:
        self.ranks, self.generator = ranks, generator
        self.paused = False  # whether this rank alone is looking at something, and draws as any process does

    def rand(self, n: int, *shape: int, device: Any = None, dtype: torch.dtype | None = None) -> Tensor:
        """Uniform in [0, 1): [n, *shape]."""
        if self.paused:
            return torch.rand(n, *shape, device=device, dtype=dtype)
        size = (n * self.ranks.size, *shape)
        return self.ranks.share(torch.rand(size, generator=self.generator, device=device, dtype=dtype))

    def randint(self, low: int, high: int, size: tuple[int, ...], device: Any = None) -> Tensor:
        """Whole numbers in [low, high): int64 [n, ...]."""
        if self.paused:
            return torch.randint(low, high, size, device=device)
        size = (size[0] * self.ranks.size, *size[1:])
        return self.ranks.share(torch.randint(low, high, size, generator=self.generator, device=device))

    def randn_like(self, x: Tensor) -> Tensor:
        """Standard normal: of the shape, type, device and memory order of x."""
        if self.paused:
            return torch.randn_like(x)
        last = x.dim() == 4 and not x.is_contiguous() and x.is_contiguous(memory_format=torch.channels_last)
        order = torch.channels_last if last else torch.contiguous_format
        size = (len(x) * self.ranks.size, *x.shape[1:])
        whole = torch.empty(size, dtype=x.dtype, device=x.device, memory_format=order)
        return self.ranks.share(whole.normal_(generator=self.generator))

"""Examples by their numbers, on the device: gathered there where they all fit, else sent there one batch ahead."""

from concurrent.futures import Future, ThreadPoolExecutor

import torch
from torch import Tensor

from gan_cli.data.examples import Examples, Mapped
from gan_cli.data.images import available

SHARE = 0.25  # of a device's free memory, for the data: networks and their activations come later

MAPPED = 2**28  # bytes of a file that may stay in this process's memory
TAKEN = 1024  # rows of a larger one that may: each brings the pages around it along, 64 KB to some 300 KB


def fits(size: int, device: torch.device) -> bool:
    """Whether so many bytes of data may lie on a device."""
    if device.type == "cpu":  # where they lie already
        return True
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else available()  # others share the CPU's
    return size <= SHARE * free


def send(x: Tensor, device: torch.device) -> Tensor:
    """To the device. CUDA is not waited for, as the copy is made from pinned memory, which outlives it.

    Any other device is: of memory that is not pinned, a copy that goes on by itself may read what is there later.
    """
    return x.pin_memory().to(device, non_blocking=True) if device.type == "cuda" else x.to(device)


class Rows:
    """All examples, and any of them on the device.

    Args:
        examples: in memory, or mapped from a file.
        device: where they are wanted.
        resident: whether all of them are to lie there; None: if they fit.
    """

    def __init__(self, examples: Examples, device: torch.device, resident: bool | None = None) -> None:
        x, y = examples
        self.device = device
        self.resident = fits(x.numel() * x.element_size(), device) if resident is None else resident
        if self.resident:
            x, y = x.to(device), None if y is None else y.to(device)
        self.x, self.y = x, y
        self._pool = None if self.resident else ThreadPoolExecutor(1, "data")
        self._ahead: tuple[Tensor, Future[Examples]] | None = None
        self._release = None
        if isinstance(examples, Mapped) and x is examples.x and x.numel() > MAPPED:
            # What is mapped counts as memory of this process, though the system can take it back: let go of it in time.
            self._release = examples.release
        self._taken = 0

    def take(self, which: Tensor, then: Tensor | None = None) -> Examples:
        """Those with numbers `which` [n], on the device; `then` is what will be asked for next. Nothing waits for
        CUDA.

        `which` lies where `x` does. Whether it was foretold decides when it is gathered, and nothing else.
        """
        if self._pool is None:
            return self._gather(which)
        if self._ahead is not None and torch.equal(self._ahead[0], which):
            (x, y), self._ahead = self._ahead[1].result(), None
        else:
            x, y = self._gather(which)
        if then is not None:
            self._ahead = (then, self._pool.submit(self._gather, then))
        device, runs_on = self.device, self.device.type == "cuda"  # for which it was gathered into pinned memory
        return Examples(x.to(device, non_blocking=runs_on), None if y is None else y.to(device, non_blocking=runs_on))

    def _gather(self, which: Tensor) -> Examples:
        self._taken += len(which)
        if self._release is not None and self._taken > TAKEN:
            self._release()
            self._taken = 0
        return Examples(self._select(self.x, which), None if self.y is None else self._select(self.y, which))

    def _select(self, part: Tensor, which: Tensor) -> Tensor:
        # not part[which], which takes 20 times as long on uint8
        if self.resident or self.device.type != "cuda":
            return part.index_select(0, which)
        # PyTorch reuses pinned memory only when the copy from it is over: there is nothing to wait for here
        pinned = torch.empty((len(which), *part.shape[1:]), dtype=part.dtype, pin_memory=True)
        return torch.index_select(part, 0, which, out=pinned)

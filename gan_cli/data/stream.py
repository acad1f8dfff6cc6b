"""The one endless stream of batches, a pure function of its seed and position."""

from collections.abc import Iterator

import torch
from torch import Tensor

from gan_cli.data.examples import Density, Examples, Source
from gan_cli.errors import DataError
from gan_cli.seeds import generator


class Stream:
    """Batches for ever: float32 [batch_size, *shape], images in [-1, 1], points as they are.

    Of a finite source, number i of the endless sequence is slot i % N of epoch i // N, each epoch a permutation keyed
    by (seed, epoch): every example comes once an epoch, every batch is full, and a batch may straddle two epochs.
    Of a density, each batch is drawn anew. `cursor`, the number of batches given out, is the only state: set it and
    the stream goes on from there.

    Args:
        data: loaded once, here, and kept on the device as uint8 (images) or float32 (points).
        batch_size: examples in a batch.
        seed: of the order, the flips and the draws. Nothing else moves them.
        device: of the batches. Random numbers are drawn on the CPU, so that every device sees the same batches.

    Raises:
        ValueError: a batch size below 1.
        DataError: fewer examples than a batch, or what `data.load()` raises.
    """

    def __init__(self, data: Source | Density, batch_size: int, seed: int, device: torch.device | str = "cpu") -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.device = torch.device(device)
        self.shape = tuple(data.shape)
        self.cursor = 0
        self.examples: Examples | None = None
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)  # the epoch in hand
        if isinstance(data, Source):
            self.examples = self._load(data)

    @property
    def size(self) -> int | None:
        """Number of examples; None for a density."""
        return None if self.examples is None else len(self.examples.x)

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        if isinstance(self.data, Source):
            x = self._convert(self._gather(self.cursor * self.batch_size))
            if self.data.flip:
                x = self._flip(x)
        else:
            x = self.data.sample(self.batch_size, generator(self.seed, "batch", self.cursor))
            x = x.to(self.device, non_blocking=True)
        self.cursor += 1
        return x

    def peek(self, n: int, *key: str | int) -> Tensor:
        """n examples for looking at, [n, *shape]: named by `key`, unflipped, whatever the cursor.

        Distinct ones, as far as there are n.
        """
        g = generator(self.seed, "peek", *key)
        if self.examples is None:
            assert isinstance(self.data, Density)
            return self.data.sample(n, g).to(self.device)
        total = len(self.examples.x)
        which = torch.randperm(total, generator=g)[torch.arange(n) % total]
        return self._convert(self.examples.x[which.to(self.device)])

    def _load(self, data: Source) -> Examples:
        x, y = data.load()
        if x.shape[1:] != self.shape:
            found = tuple(x.shape[1:])
            raise DataError(f"{type(data).__name__} promises examples of {self.shape} and loads {found}")
        if len(x) < self.batch_size:
            raise DataError(
                f"the data set has {len(x)} examples, fewer than one batch of {self.batch_size}\n"
                f"set a batch size of {len(x)} or less, or add examples"
                if len(x)
                else "the data set is empty; add examples"
            )
        return Examples(x.to(self.device), None if y is None else y.to(self.device))

    def _gather(self, start: int) -> Tensor:
        """Numbers start .. start + batch_size of the endless sequence."""
        assert self.examples is not None
        total, parts, end = len(self.examples.x), [], start + self.batch_size
        while start < end:
            epoch, slot = divmod(start, total)
            stop = min(slot + end - start, total)
            parts.append(self._permutation(epoch, total)[slot:stop])
            start += stop - slot
        return self.examples.x[parts[0] if len(parts) == 1 else torch.cat(parts)]

    def _permutation(self, epoch: int, total: int) -> Tensor:
        if epoch != self._epoch:
            order = torch.randperm(total, generator=generator(self.seed, "permutation", epoch))
            self._epoch, self._order = epoch, order.to(self.device)
        return self._order

    def _convert(self, x: Tensor) -> Tensor:
        return x.float().div_(127.5).sub_(1) if x.dtype == torch.uint8 else x.float()

    def _flip(self, x: Tensor) -> Tensor:
        """Mirror each image with probability 1/2."""
        heads = torch.rand(len(x), generator=generator(self.seed, "flip", self.cursor)) < 0.5
        # non_blocking: an ordinary copy would wait for everything queued on the device, at every step
        heads = heads.to(self.device, non_blocking=True).view(-1, 1, 1, 1)
        return torch.where(heads, x.flip(-1), x)

"""The one endless stream of batches, a pure function of its seed and position."""

import copy
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from gan_cli.data.examples import Density, Examples, Source
from gan_cli.data.fingerprint import fingerprint
from gan_cli.errors import DataError
from gan_cli.seeds import derive, generator

LARGEST = 256  # held out by "auto": enough for an accuracy within 4 %, and a small part of a step's work
DRAWS = 1024  # of a density: networks of points are small


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
        held_out: examples of a finite source that no batch ever holds, the same ones for every seed; "auto" is a
            tenth, 256 at most. `held_out()` gives them.

    Raises:
        ValueError: a batch size below 1, or fewer than none held out.
        DataError: fewer examples than a batch, or what `data.load()` raises.
    """

    def __init__(
        self,
        data: Source | Density,
        batch_size: int,
        seed: int,
        device: torch.device | str = "cpu",
        held_out: int | Literal["auto"] = 0,
    ) -> None:
        if batch_size < 1:
            raise ValueError(f"batch_size must be at least 1, got {batch_size}")
        if held_out != "auto" and held_out < 0:
            raise ValueError(f"held_out must be auto, or at least 0, got {held_out}")
        self.data, self.batch_size, self.seed = data, batch_size, seed
        self.device = torch.device(device)
        self.shape = tuple(data.shape)
        self.cursor = 0
        self.skipped = 0  # batches that were left out for good, by a rollback
        self.fingerprint: str | None = None  # of a finite source; all about a density is in its config
        self.examples: Examples | None = None
        self.labels: Tensor | None = None  # [batch_size], int64, of the batch given last; None where there are none
        self._held_out: Examples | None = None
        self._epoch, self._order = -1, torch.empty(0, dtype=torch.int64)  # the epoch in hand
        if isinstance(data, Source):
            self.examples, self._held_out = self._load(data, held_out)

    @property
    def position(self) -> int:
        """The number of the next batch in the endless sequence: those given out, and those left out."""
        return self.cursor + self.skipped

    @property
    def size(self) -> int | None:
        """Number of examples to train on; None for a density."""
        return None if self.examples is None else len(self.examples.x)

    @property
    def classes(self) -> int | None:
        """Number of classes; None without labels."""
        parts = [part.y for part in (self.examples, self._held_out) if part is not None and part.y is not None]
        return max(int(y.max()) + 1 for y in parts) if parts else None

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        if isinstance(self.data, Source):
            which = self._which(self.position * self.batch_size)
            assert self.examples is not None
            x = self._convert(self.examples.x[which])
            self.labels = None if self.examples.y is None else self.examples.y[which]
            if self.data.flip:
                x = self._flip(x)
        else:
            x = self.data.sample(self.batch_size, generator(self.seed, "batch", self.position))
            x = self._sent(x)
        self.cursor += 1
        return x

    def peek(self, n: int, *key: str | int) -> Tensor:
        """n examples for looking at, [n, *shape]: named by `key`, unflipped, whatever the cursor.

        Distinct ones, as far as there are n.
        """
        return self.peek_labelled(n, *key).x

    def peek_labelled(self, n: int, *key: str | int) -> Examples:
        """What `peek` gives, with labels where there are any."""
        g = generator(self.seed, "peek", *key)
        if self.examples is None:
            assert isinstance(self.data, Density)
            return Examples(self.data.sample(n, g).to(self.device), None)
        x, y = self.examples
        which = torch.randperm(len(x), generator=g)[torch.arange(n) % len(x)].to(self.device)
        return Examples(self._convert(x[which]), None if y is None else y[which])

    def peek_classes(self, labels: Tensor, n: int, *key: str | int) -> Tensor:
        """n examples of each of these classes, class after class: [len(labels) * n, *shape], as `peek` gives them."""
        assert self.examples is not None
        x, y = self.examples
        assert y is not None
        order = torch.randperm(len(x), generator=generator(self.seed, "peek", *key)).to(self.device)
        of_each = [order[y[order] == label] for label in labels]
        which = torch.cat([found[torch.arange(n, device=self.device) % len(found)] for found in of_each])
        return self._convert(x[which])

    def held_out(self, *key: str | int) -> Examples | None:
        """Real data that D never learned from: x as batches have it, unflipped, and labels.

        The held-out examples of a finite source, whatever the key, and None where there are none; of a density, 1,024
        draws named by the key.
        """
        if isinstance(self.data, Density):
            return Examples(self.data.sample(DRAWS, generator(self.seed, "held out", *key)).to(self.device), None)
        if self._held_out is None:
            return None
        return Examples(self._convert(self._held_out.x), self._held_out.y)

    def twin(self) -> "Stream":
        """A stream of its own over the same data, in another order: what a perfect generator would give."""
        other = copy.copy(self)
        other.cursor, other.seed, other._epoch = 0, derive(self.seed, "twin"), -1
        return other

    def _load(self, data: Source, held_out: int | Literal["auto"]) -> tuple[Examples, Examples | None]:
        x, y = data.load()
        if x.shape[1:] != self.shape:
            found = tuple(x.shape[1:])
            raise DataError(f"{type(data).__name__} promises examples of {self.shape} and loads {found}")
        tenth = max(0, min(len(x) // 10, LARGEST, len(x) - self.batch_size))
        aside = tenth if held_out == "auto" else held_out
        if len(x) - aside < self.batch_size:
            but = f", {aside} of them held out" if aside else ""
            left = len(x) - aside
            advice = f"train.batch_size to {left} or less" if left > 0 else f"train.held_out to less than {len(x)}"
            raise DataError(
                f"the data set has {len(x)} examples{but}, fewer than one batch of {self.batch_size}\n"
                f"set {advice}, or add examples"
                if len(x)
                else "the data set is empty; add examples"
            )
        self.fingerprint = fingerprint(x, y, aside)
        x, y = x.to(self.device), None if y is None else y.to(self.device)
        if not aside:
            return Examples(x, y), None
        # The same ones for every seed: two runs with two seeds are judged on the same data.
        order = torch.randperm(len(x), generator=generator(0, "held out")).to(self.device)
        out, kept = order[:aside], order[aside:].sort().values
        parts = [Examples(x[which], None if y is None else y[which]) for which in (kept, out)]
        return parts[0], parts[1]

    def _which(self, start: int) -> Tensor:
        """The examples of numbers start .. start + batch_size of the endless sequence."""
        assert self.examples is not None
        total, parts, end = len(self.examples.x), [], start + self.batch_size
        while start < end:
            epoch, slot = divmod(start, total)
            stop = min(slot + end - start, total)
            parts.append(self._permutation(epoch, total)[slot:stop])
            start += stop - slot
        return parts[0] if len(parts) == 1 else torch.cat(parts)

    def _permutation(self, epoch: int, total: int) -> Tensor:
        if epoch != self._epoch:
            order = torch.randperm(total, generator=generator(self.seed, "permutation", epoch))
            self._epoch, self._order = epoch, self._sent(order)
        return self._order

    def _sent(self, x: Tensor) -> Tensor:
        """A tensor of the CPU, on the device. An ordinary copy to a GPU would wait for all that is queued there; one
        from memory that is pinned joins the queue.
        """
        return x.pin_memory().to(self.device, non_blocking=True) if self.device.type == "cuda" else x.to(self.device)

    def _convert(self, x: Tensor) -> Tensor:
        return x.float().div_(127.5).sub_(1) if x.dtype == torch.uint8 else x.float()

    def _flip(self, x: Tensor) -> Tensor:
        """Mirror each image with probability 1/2."""
        heads = torch.rand(len(x), generator=generator(self.seed, "flip", self.position)) < 0.5
        return torch.where(self._sent(heads).view(-1, 1, 1, 1), x.flip(-1), x)

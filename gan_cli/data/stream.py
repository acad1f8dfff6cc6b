"""The one endless stream of batches, a pure function of its seed and position."""

import copy
from collections.abc import Iterator
from typing import Literal

import torch
from torch import Tensor

from gan_cli.data.examples import Density, Examples, Mapped, Source
from gan_cli.data.fingerprint import fingerprint
from gan_cli.data.mixture import Mixture
from gan_cli.data.rows import Rows, send
from gan_cli.errors import DataError
from gan_cli.seeds import derive, generator

LARGEST = 256  # held out by "auto": enough for an accuracy within 4 %, and a small part of a step's work
DRAWS = 1024  # of a density: networks of points are small


class Stream:
    """Batches for ever: float32 [batch_size, *shape], images in [-1, 1], points as they are.

    Of a finite source, number i of the endless sequence is slot i % N of epoch i // N, each epoch a permutation keyed
    by (seed, epoch): every example comes once an epoch, every batch is full, and a batch may straddle two epochs.
    Of a density, each batch is drawn anew; where it says how many `points` there are, those are drawn once, named by
    the seed, and gone through like a finite source. `cursor`, the number of batches given out, is the only state: set
    it and the stream goes on from there.

    Args:
        data: loaded once, here, as uint8 (images) or float32 (points).
        batch_size: examples in a batch.
        seed: of the order, the flips and the draws. Nothing else moves them.
        device: of the batches. Random numbers are drawn on the CPU, so that every device sees the same batches.
        held_out: examples of a finite source that no batch ever holds, the same ones for every seed; "auto" is a
            tenth, 256 at most. `held_out()` gives them.
        resident: whether a finite source lies on the device as a whole; None: if it fits.

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
        resident: bool | None = None,
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
        self.y: Tensor | None = None  # int64 [size], the labels of all that is trained on
        self.labels: Tensor | None = None  # int64, of the batch given last; None where there are none
        self.mine: slice | None = None  # the rows of each batch that are given out, and read; None: all
        self._rows: Rows | None = None
        self._kept: Tensor | None = None  # the row of each example that is trained on; None: all, in order
        self._held_out: Examples | None = None
        self._orders: dict[int, Tensor] = {}  # of the epoch in hand and the one before: a batch may straddle them
        self.flips = isinstance(data, Source) and data.flip
        if isinstance(data, Source):
            self._load(data, held_out, resident)
        elif isinstance(data, Mixture) and data.points is not None:
            self._draw(data, data.points, resident)

    @property
    def position(self) -> int:
        """The number of the next batch in the endless sequence: those given out, and those left out."""
        return self.cursor + self.skipped

    @property
    def size(self) -> int | None:
        """Number of examples to train on; None for a density."""
        if self._rows is None:
            return None
        return len(self._rows.x if self._kept is None else self._kept)

    @property
    def examples(self) -> Examples | None:
        """All that a finite source is trained on: a copy, where some is held out."""
        if self._rows is None:
            return None
        x = self._rows.x
        return Examples(x if self._kept is None else x.index_select(0, self._kept.to(x.device)), self.y)

    @property
    def whole(self) -> Examples | None:
        """All of a finite source, what is held out among it."""
        return None if self._rows is None else Examples(self._rows.x, self._rows.y)

    @property
    def classes(self) -> int | None:
        """Number of classes; None without labels."""
        held = None if self._held_out is None else self._held_out.y
        parts = [y for y in (self.y, held) if y is not None]
        return max(int(y.max()) + 1 for y in parts) if parts else None

    def __iter__(self) -> Iterator[Tensor]:
        return self

    def __next__(self) -> Tensor:
        if self._rows is None:
            assert isinstance(self.data, Density)
            x = self.data.sample(self.batch_size, generator(self.seed, "batch", self.position))
            x = send(x if self.mine is None else x[self.mine], self.device)
        else:
            then = None if self._rows.resident else self._which(self.position + 1)
            x, self.labels = self._rows.take(self._which(self.position), then)
            x = self._convert(self._flip(x) if self.flips else x)
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
        if self._rows is None:
            assert isinstance(self.data, Density)
            return Examples(self.data.sample(n, g).to(self.device), None)
        assert self.size is not None
        return self._examples(torch.randperm(self.size, generator=g)[torch.arange(n) % self.size])

    def peek_classes(self, labels: Tensor, n: int, *key: str | int) -> Tensor:
        """n examples of each of these classes, class after class: [len(labels) * n, *shape], as `peek` gives them."""
        assert self.size is not None and self.y is not None
        order = torch.randperm(self.size, generator=generator(self.seed, "peek", *key))
        y = self.y.cpu()[order]
        of_each = [order[y == label] for label in labels.cpu()]
        return self._examples(torch.cat([found[torch.arange(n) % len(found)] for found in of_each])).x

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
        other.cursor, other.seed, other._orders = 0, derive(self.seed, "twin"), {}
        other._rows = copy.copy(self._rows)  # what comes next is another thing there
        return other

    def _draw(self, data: Mixture, points: int, resident: bool | None) -> None:
        if points < self.batch_size:
            raise DataError(
                f"the data set has {points} points, fewer than one batch of {self.batch_size}\n"
                f"set train.batch_size to {points} or less, or more dataset.points"
            )
        x = data.sample(points, generator(self.seed, "points"))
        self._rows = Rows(Examples(x, None), self.device, resident)

    def _load(self, data: Source, held_out: int | Literal["auto"], resident: bool | None) -> None:
        examples = data.load()
        x, y = examples
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
        self.fingerprint = fingerprint(x, y, aside, known=examples.digest if isinstance(examples, Mapped) else None)
        self._rows, self.y = Rows(examples, self.device, resident), y
        if aside:
            # The same ones for every seed: two runs with two seeds are judged on the same data.
            order = torch.randperm(len(x), generator=generator(0, "held out"))
            self._held_out = self._rows.take(order[:aside].to(self._rows.x.device))
            self._kept = order[aside:].sort().values
            self.y = None if y is None else y[self._kept]
        self.y = None if self.y is None else self.y.to(self.device)

    def _which(self, number: int) -> Tensor:
        """The rows of batch `number` of the endless sequence that are this stream's to give."""
        assert self.size is not None
        start, total, parts = number * self.batch_size, self.size, []
        end = start + self.batch_size
        while start < end:
            epoch, slot = divmod(start, total)
            stop = min(slot + end - start, total)
            parts.append(self._order(epoch, total)[slot:stop])
            start += stop - slot
        rows = parts[0] if len(parts) == 1 else torch.cat(parts)
        return rows if self.mine is None else rows[self.mine]

    def _order(self, epoch: int, total: int) -> Tensor:
        if epoch not in self._orders:
            assert self._rows is not None
            order = torch.randperm(total, generator=generator(self.seed, "permutation", epoch))
            rows = order if self._kept is None else self._kept[order]
            self._orders = {old: rows for old, rows in self._orders.items() if old == epoch - 1}
            self._orders[epoch] = send(rows, self._rows.x.device)
        return self._orders[epoch]

    def _examples(self, numbers: Tensor) -> Examples:
        """Those of these numbers among all that are trained on, as batches have them, unflipped."""
        assert self._rows is not None
        rows = numbers if self._kept is None else self._kept[numbers]
        x, y = self._rows.take(rows.to(self._rows.x.device))
        return Examples(self._convert(x), y)

    def _convert(self, x: Tensor) -> Tensor:
        return x.float().div_(127.5).sub_(1) if x.dtype == torch.uint8 else x.float()

    def _flip(self, x: Tensor) -> Tensor:
        """Mirror each image with probability 1/2."""
        heads = torch.rand(self.batch_size, generator=generator(self.seed, "flip", self.position)) < 0.5
        heads = heads if self.mine is None else heads[self.mine]
        either = torch.arange(len(x)).add_(heads, alpha=len(x))
        # in uint8 and by rows, a tenth of what torch.where of floats takes
        return torch.cat([x, x.flip(-1)]).index_select(0, send(either, self.device))

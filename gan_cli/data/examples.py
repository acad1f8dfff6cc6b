"""What a data set gives: the decoded examples of a finite one, the formula of an infinite one."""

from collections.abc import Callable
from typing import NamedTuple, Protocol, runtime_checkable

import torch
from torch import Tensor


class Examples(NamedTuple):
    """Everything a finite data set holds, decoded."""

    x: Tensor  # images: uint8 [N, C, H, W]; points: float32 [N, D]
    y: Tensor | None  # int64 [N], the labels, if the data has any


class Mapped(Examples):
    """Examples whose x is mapped from a file and must not be written to."""

    digest: str  # SHA-256 of x, in hexadecimal
    release: Callable[[], None]  # take what was read of x out of this process's memory; it is read again when needed


@runtime_checkable
class Source(Protocol):
    """A finite data set."""

    shape: tuple[int, ...]  # of one example: (C, H, W) or (D,)
    flip: bool  # mirror images left to right at random

    def load(self) -> Examples:
        """Decode every example once.

        Raises:
            DataError: files that are missing or not what they should be.
        """
        ...


@runtime_checkable
class Density(Protocol):
    """Infinite data with a known p(x)."""

    shape: tuple[int, ...]  # of one example: (1,) or (2,)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw float32 [n, *shape] on the generator's device."""
        ...

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats: [n, *shape] -> [n]."""
        ...

"""What a feature space is: a function of images with a name, a digest, and its own word for a Fréchet distance."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import NamedTuple, Protocol

import torch
from torch import Tensor

from gan_cli.errors import DataError


class Features(NamedTuple):
    """What a space says of N images, on the CPU."""

    x: Tensor  # float32 [N, D]
    logits: Tensor | None  # float32 [N, K]


class Space(Protocol):
    """A feature space. Two numbers can be compared where the digests of their spaces are equal, and nowhere else."""

    @property
    def name(self) -> str:
        """inception-2015-12-05, classifier-mnist-32, pca-64 or raw."""

    @property
    def digest(self) -> str:
        """SHA-256, in hexadecimal, of all that decides the features."""

    @property
    def distance(self) -> str:
        """What the Fréchet distance in it is called: fid in Inception's, and elsewhere cfd, pca_fd or raw_fd."""

    @property
    def preprocessing(self) -> str:
        """What becomes of the pixels, in words."""

    @property
    def classes(self) -> int | None:
        """How many classes of the data the logits tell apart; None where they are of others, or there are none."""

    def __call__(self, images: Tensor) -> Features:
        """Features of uint8 [N, C, H, W].

        Raises:
            DataError: images of a shape that the space does not take.
        """


@dataclass(frozen=True)
class Embedding:
    """A space whose features a function computes: a `Space`.

    Args:
        of: uint8 [n, C, H, W] on `device` to features [n, D] and logits [n, K] or None.
        shape: of the images it takes; None: `of` says.
        part: images computed at a time.
    """

    name: str
    digest: str
    distance: str
    preprocessing: str
    classes: int | None
    of: Callable[[Tensor], tuple[Tensor, Tensor | None]]
    shape: tuple[int, ...] | None = None
    part: int = 500
    device: str = "cpu"

    def __call__(self, images: Tensor) -> Features:
        """Features of uint8 [N, C, H, W].

        Raises:
            DataError: images of another shape.
        """
        found = tuple(images.shape[1:])
        if images.dtype != torch.uint8 or images.ndim != 4 or self.shape not in (None, found):
            wanted = "images" if self.shape is None else f"images of {by(self.shape)}"
            raise DataError(f"{self.name} takes uint8 {wanted}, got {str(images.dtype)[6:]} of {by(found)}")
        kind = torch.device(self.device).type
        with torch.no_grad(), torch.autocast(kind, enabled=False), _full_float32(kind):
            parts = [self.of(part.to(self.device)) for part in images.split(self.part)]
            logits = [part.float().cpu() for _, part in parts if part is not None]
            return Features(torch.cat([x.float().cpu() for x, _ in parts]), torch.cat(logits) if logits else None)


def by(shape: tuple[int, ...]) -> str:
    """A shape in words.

    >>> by((3, 32, 32))
    '3 x 32 x 32'
    """
    return " x ".join(map(str, shape))


def to_unit(images: Tensor) -> Tensor:
    """uint8 to float32 in [-1, 1]."""
    return images.float().div_(127.5).sub_(1)


@contextmanager
def _full_float32(kind: str) -> Iterator[None]:
    """No TF32, which a training may have allowed on its GPU: 11 of 24 bits would show in a distance."""
    if kind != "cuda":
        yield
        return
    before = torch.get_float32_matmul_precision(), torch.backends.cudnn.allow_tf32
    torch.set_float32_matmul_precision("highest")
    torch.backends.cudnn.allow_tf32 = False
    try:
        yield
    finally:
        torch.set_float32_matmul_precision(before[0])
        torch.backends.cudnn.allow_tf32 = before[1]

"""Three random digits in one image, as its red, green and blue: a thousand modes that can be counted."""

from collections.abc import Sequence
from typing import Literal

import torch

from gan_cli.data.digits import Digits
from gan_cli.data.examples import Examples, Source
from gan_cli.data.images import CHUNK, room
from gan_cli.data.mnist import MNIST
from gan_cli.seeds import generator


class Stacked:
    """Colour images whose three channels are grey images of digits, drawn at random with replacement.

    Image i is a function of `pairing` and the digits: the same in every run. Its label is the number 100 r + 10 g + b
    that its channels show, from 0 to 999; `digits` gives the grey images, to train a classifier of a channel on.
    """

    names = tuple(f"{number:03d}" for number in range(1000))

    def __init__(self, digits: Source, kept: Sequence[int] | None, examples: int, pairing: int, flip: bool) -> None:
        if examples < 1:
            raise ValueError(f"examples must be at least 1, got {examples}")
        if pairing < 0:
            raise ValueError(f"pairing must be at least 0, got {pairing}")
        self.digits, self.examples, self.pairing, self.flip = digits, examples, pairing, flip
        self.modes = len(range(10) if kept is None else kept) ** 3
        self.shape: tuple[int, ...] = (3, *digits.shape[1:])

    def load(self) -> Examples:
        """x uint8 [N, 3, size, size], y from 0 to 999.

        Raises:
            DataError: the digits cannot be read, or there is no memory for so many images.
        """
        grey, label = self.digits.load()
        assert label is not None
        x = room((self.examples, *self.shape))
        drawn = torch.randint(len(grey), (3, self.examples), generator=generator(self.pairing, "stacked"))
        for start in range(0, self.examples, CHUNK):
            for channel in range(3):
                x[start : start + CHUNK, channel] = grey[drawn[channel, start : start + CHUNK], 0]
        r, g, b = label[drawn]
        return Examples(x, 100 * r + 10 * g + b)


class StackedMNIST(Stacked):
    """Stacked MNIST (Metz et al. 2017, arXiv:1611.02163, section 3.3.1): lost modes of a thousand, in images.

    Args:
        root: folder of data sets, as for MNIST.
        split: the part of MNIST to draw from.
        size: side in pixels.
        examples: images to make.
        pairing: seed of which digits come together.
        classes: digits to draw; k of them make k^3 modes; all without it.
        flip: mirror at random.
        download: fetch what is missing; otherwise it is an error.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        root: str = "datasets",
        split: Literal["train", "test", "all"] = "train",
        size: int = 32,
        examples: int = 60_000,
        pairing: int = 0,
        classes: Sequence[int | str] | None = None,
        flip: bool = False,
        download: bool = True,
    ) -> None:
        digits = MNIST(root, split, size, 1, classes, False, download)
        super().__init__(digits, digits.labels, examples, pairing, flip)


class StackedDigits(Stacked):
    """The same of the digits that come with scikit-learn: no download, and small enough for a CPU.

    Args:
        size: side in pixels.
        examples: images to make.
        pairing: seed of which digits come together.
        classes: digits to draw; k of them make k^3 modes, such as 64 of four; all without it.
        flip: mirror at random.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        size: int = 16,
        examples: int = 20_000,
        pairing: int = 0,
        classes: Sequence[int] | None = None,
        flip: bool = False,
    ) -> None:
        digits = Digits(size, 1, classes)
        super().__init__(digits, digits.labels, examples, pairing, flip)

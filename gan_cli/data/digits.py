"""Small handwritten digits that come with scikit-learn: no download, learned in a minute."""

import gzip
import hashlib
import importlib.util
import io
import zlib
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
import torch

from gan_cli.data.classes import keep, labels_of
from gan_cli.data.examples import Examples
from gan_cli.data.images import check_image, to_channels, to_size

FILE = ("datasets", "data", "digits.csv.gz")  # in scikit-learn's folder
MD5 = "a0339c30a8a5312a1b6f9e5c719dcce5"  # of its content: 1797 lines of 64 pixels, 0 to 16, and the digit


class Digits:
    """1797 handwritten digits of 8 x 8 pixels in 17 greys, enlarged to `size` (bicubic).

    Source: the test set of Alpaydin and Kaynak's Optical Recognition of Handwritten Digits, UCI 1998, in
    `sklearn.datasets.load_digits`.

    Args:
        size: side in pixels.
        channels: 1 grey; 3 the same grey three times.
        classes: the digits to keep; all without it.
        flip: mirror at random; a mirrored digit is no digit.

    Raises:
        ValueError: an argument out of its range.
    """

    names = tuple("0123456789")

    def __init__(
        self,
        size: int = 16,
        channels: Literal[1, 3] = 1,
        classes: Sequence[int] | None = None,
        flip: bool = False,
    ) -> None:
        check_image(size, channels)
        self.labels = labels_of(classes, self.names)
        self.shape: tuple[int, ...] = (channels, size, size)
        self.flip = flip

    def load(self) -> Examples:
        """x uint8 [N, channels, size, size], y the digit; N = 1797 for all ten."""
        pixels, digits = read_digits()
        x = torch.as_tensor(pixels).reshape(-1, 1, 8, 8) * (255 / 16)  # stored as 0..16
        x = to_channels(to_size(x.round().byte(), self.shape[1]), self.shape[0])
        return keep(Examples(x, torch.as_tensor(digits).long()), self.labels)


def read_digits() -> tuple[Any, Any]:
    """What `load_digits(return_X_y=True)` gives: pixels [1797, 64] and digits [1797].

    Its import brings in SciPy and takes a second: as long as the file is the known one, it is read without that.
    """
    try:
        spec = importlib.util.find_spec("sklearn")
        for folder in (spec and spec.submodule_search_locations) or ():
            text = gzip.decompress(Path(folder, *FILE).read_bytes())
            if hashlib.md5(text, usedforsecurity=False).hexdigest() == MD5:
                rows = np.loadtxt(io.BytesIO(text), delimiter=",")
                return rows[:, :-1], rows[:, -1].astype(int)
    except (OSError, EOFError, ValueError, zlib.error):
        pass  # it lies somewhere else, and scikit-learn itself knows where
    from sklearn.datasets import load_digits

    both: tuple[Any, Any] = load_digits(return_X_y=True)
    return both

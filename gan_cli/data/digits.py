"""Small handwritten digits that come with scikit-learn: no download, learned in a minute."""

from collections.abc import Sequence
from typing import Literal

import torch

from gan_cli.data.classes import keep, labels_of
from gan_cli.data.examples import Examples
from gan_cli.data.images import check_image, to_channels, to_size


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
        from sklearn.datasets import load_digits  # seconds to import

        pixels, digits = load_digits(return_X_y=True)
        x = torch.as_tensor(pixels).reshape(-1, 1, 8, 8) * (255 / 16)  # stored as 0..16
        x = to_channels(to_size(x.round().byte(), self.shape[1]), self.shape[0])
        return keep(Examples(x, torch.as_tensor(digits).long()), self.labels)

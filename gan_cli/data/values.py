"""Numbers of an array file to pixels."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gan_cli.data.images import to_channels, to_size
from gan_cli.errors import DataError

RANGES = ((0.0, 1.0), (-1.0, 1.0))  # black and white, recognised in this order
TOLERANCE = 1e-5  # of the width: float32 rounding at the ends of a range
PART = 2**26  # values converted at a time: bounds the memory beside the result


def extremes(array: np.ndarray) -> tuple[float, float]:
    """The least and the greatest value of an array that is not empty.

    Raises:
        DataError: values that are not finite real numbers.
    """
    if array.dtype.kind not in "buif":
        raise DataError(f"the values are of type {array.dtype}; save real numbers")
    bad, low, high = 0, np.inf, -np.inf
    for part in _parts(array):
        bad += part.size - int(np.isfinite(part).sum())
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    if bad:
        raise DataError(f"{bad} values are not finite (NaN or infinite); remove them")
    return low, high


def black_and_white(array: np.ndarray, given: Sequence[float] | None) -> tuple[float, float]:
    """The values that become 0 and 255: the given ones, or recognised ones.

    Raises:
        DataError: a range that is not recognised, or values outside it.
    """
    low, high = extremes(array)
    if given is None and array.dtype == np.uint8:
        return 0.0, 255.0
    for black, white in RANGES if given is None else [(float(given[0]), float(given[1]))]:
        slack = TOLERANCE * (white - black)
        if black - slack <= low and high <= white + slack:
            return black, white
    wanted = "neither [0, 1] nor [-1, 1]" if given is None else f"outside the range {list(given)}"
    raise DataError(
        f"the values lie in [{low:g}, {high:g}], {wanted}\nset dataset.range to the values of black and white"
    )


def to_pixels(images: np.ndarray, ends: tuple[float, float], shape: tuple[int, ...], square: bool) -> Tensor:
    """Scale, give the channels and, if `square`, the size of `shape`: [N, c, h, w] -> uint8 [N, *shape]."""
    black, white = ends
    channels, size, _ = shape
    out = torch.empty(len(images), *shape, dtype=torch.uint8)
    start = 0
    for part in _parts(images):
        if part.dtype != np.uint8 or ends != (0.0, 255.0):
            scaled = (part.astype(np.float32) - black) * (255 / (white - black))
            part = scaled.round().clip(0, 255).astype(np.uint8)
        x = to_channels(torch.from_numpy(part.copy()), channels)  # a copy: the file's own memory is read-only
        out[start : start + len(x)] = to_size(x, size) if square else x
        start += len(x)
    return out


def _parts(array: np.ndarray) -> list[np.ndarray]:
    """Views of some examples each."""
    rows = max(1, PART * len(array) // max(array.size, 1))
    return [array[start : start + rows] for start in range(0, len(array), rows)]

"""Numbers of an array file to pixels."""

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from gan_cli.data.images import to_channels, to_size
from gan_cli.errors import DataError

RANGES = ((0.0, 1.0), (-1.0, 1.0))  # black and white, recognised in this order
GREATEST = np.finfo(np.float32).max  # what is trained on is float32: beyond it is infinite
TOLERANCE = 1e-5  # of the width: float32 rounding at the ends of a range
PART = 2**22  # values converted at a time: bounds the memory beside the result


def extremes(array: np.ndarray) -> tuple[float, float]:
    """The least and the greatest value of an array that is not empty.

    Raises:
        DataError: values that are not finite real numbers.
    """
    if array.dtype.kind not in "buif":
        raise DataError(f"the values are of type {str(array.dtype)[:40]}; save real numbers")
    bad, first, start, low, high = 0, "", 0, np.inf, -np.inf
    for part in _parts(array):
        if array.dtype.kind == "f":
            odd = ~(np.abs(part) <= GREATEST)  # also where it is NaN
            if odd.any() and not bad:
                index = np.unravel_index(int(odd.argmax()), part.shape)
                first = f"{part[index]} at {[start + int(index[0]), *map(int, index[1:])]}"
            bad, start = bad + int(odd.sum()), start + len(part)
        low, high = min(low, float(part.min())), max(high, float(part.max()))
    if bad:
        what = "1 value is" if bad == 1 else f"{bad} values are"
        raise DataError(f"{what} not finite (NaN or infinite), the first {first}\nrepair or remove such examples")
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


def to_pixels(images: np.ndarray, ends: tuple[float, float], out: Tensor, square: bool) -> Tensor:
    """Scale, give the channels and, if `square`, the size of `out`: [N, c, h, w] -> `out`, uint8 [N, C, H, W]."""
    black, white = ends
    channels, size = out.shape[1:3]
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

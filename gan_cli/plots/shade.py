"""A function's values in the plane as bands of pale colour: asked at few places, filled in between."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

from gan_cli.plots.canvas import BANDS, OPINION, Array, Place, Range, in_words

if TYPE_CHECKING:
    from matplotlib.colorbar import Colorbar

    from gan_cli.plots.sheet import Sheet

FINER = 3  # places of a boundary for each one that was asked


def enlarge(values: Tensor, side: int) -> Tensor:
    """Values on a lattice [N, N] as [side, side] by cubic convolution: smooth, and exact where asked.

    As in Keys 1981, ends included, and to the third order, which torch's bicubic is not: its kernel is another one.
    """
    broken = values.isnan()
    weights = _weights(len(values), side)
    wide = weights @ values.masked_fill(broken, 0) @ weights.T
    if broken.any():
        at = torch.linspace(0, len(values) - 1, side).round().long()
        wide[broken[at][:, at]] = torch.nan
    return wide


def bands(values: Tensor, low: float, high: float) -> npt.NDArray[np.uint8]:
    """The colours of values [side, side], the first row lowest, as [side, side, 4]; what is not finite is white."""
    number = values.sub(low).mul_(BANDS / (high - low)).clamp_(0, BANDS - 1).nan_to_num_(BANDS).byte()
    # A pixel's four bytes at once.
    found: npt.NDArray[np.uint8] = _colours().view(np.uint32)[:, 0][number.flip(0).numpy()].view(np.uint8)
    return found.reshape(*number.shape, 4)


def boundary(values: Tensor, xlim: Range, ylim: Range) -> Array:
    """Where values [N, N] are 0: points [M, 2] of lines, with NaN between two of them."""
    from contourpy import contour_generator

    if not (values < 0).any() or not (values > 0).any():
        return np.empty((0, 2))
    fine = enlarge(values, FINER * (len(values) - 1) + 1).numpy()
    across, up = (np.linspace(*limits, len(fine)) for limits in (xlim, ylim))
    lines = contour_generator(across, up, np.ma.masked_invalid(fine)).lines(0.0)
    gap = np.full((1, 2), np.nan)
    return np.concatenate([part for line in lines for part in (np.asarray(line), gap)] or [np.empty((0, 2))])


def scale(sheet: Sheet, place: Place, low: float, high: float, is_open: bool = False) -> Colorbar:
    """What the colours mean. `is_open`: beyond both ends the colours stay the same."""
    from matplotlib.cm import ScalarMappable
    from matplotlib.colors import BoundaryNorm, ListedColormap

    levels = np.linspace(low, high, BANDS + 1)
    colours = ScalarMappable(BoundaryNorm(levels, BANDS), ListedColormap(_colours()[:BANDS] / 255))
    bar = sheet.figure.colorbar(
        colours,
        cax=sheet.axes(place),
        extend="both" if is_open else "neither",
        ticks=levels[:: BANDS // 4].tolist(),
        format=lambda level, _: in_words(level),
    )
    bar.minorticks_off()
    bar.ax.tick_params(labelsize=9.5, length=3, color="black")
    return bar


@cache
def _weights(n: int, m: int) -> Tensor:
    """Of n values in each of m between them: [m, n]."""
    distance = (torch.linspace(0, n - 1, m)[:, None] - torch.arange(-1, n + 1)).abs()
    near = ((1.5 * distance - 2.5) * distance).mul(distance).add(1)
    far = (((-0.5 * distance + 2.5) * distance - 4) * distance).add(2)
    weights = torch.where(distance < 1, near, far.where(distance < 2, torch.zeros(())))
    for beyond, ends in ((0, (1, 2, 3)), (-1, (-2, -3, -4))):  # one place farther: 3 f_0 - 3 f_1 + f_2
        for end, share in zip(ends, (3, -3, 1), strict=True):
            weights[:, end] += share * weights[:, beyond]
    return weights[:, 1:-1].contiguous()


@cache
def _colours() -> npt.NDArray[np.uint8]:
    """Of each band, and white: [BANDS + 1, 4]."""
    ends = np.array([[int(colour[i : i + 2], 16) for i in (1, 3, 5)] for colour in OPINION])
    at = np.linspace(0, len(OPINION) - 1, BANDS)
    found = np.stack([np.interp(at, np.arange(len(OPINION)), part) for part in ends.T], axis=1).round()
    whole = np.full((BANDS + 1, 4), 255, np.uint8)
    whole[:BANDS, :3] = found
    return whole


def lattice(xlim: Range, ylim: Range, places: int) -> Tensor:
    """Places [places^2, 2] of a square, row by row from below."""
    across, up = torch.linspace(*xlim, places), torch.linspace(*ylim, places)
    return torch.stack(torch.meshgrid(across, up, indexing="xy"), dim=-1).reshape(-1, 2)

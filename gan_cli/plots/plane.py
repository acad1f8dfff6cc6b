"""The plane: real and generated points over what D thinks of each place."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gan_cli.plots import shade
from gan_cli.plots.canvas import (
    CLOSE,
    FAKE,
    INK,
    PLACES,
    REAL,
    SHOWN,
    SIDE,
    Array,
    Function,
    Picture,
    Range,
    complain,
    corner,
    count_finite,
    dot,
    finite_points,
    legend,
    limits_of,
    round_up,
    scale_name,
    square_around,
    to_array,
    within,
)
from gan_cli.plots.sheet import KEPT, Sheet, dots

if TYPE_CHECKING:
    from matplotlib.lines import Line2D
    from matplotlib.text import Text

TURNS = 10  # each cloud is drawn in so many parts, in turns with the other
SURE = 20.0  # a logit from which sigma is 0 or 1
BOTTOM = 56  # of the square, in pixels


def scatter(real: Tensor, fake: Tensor, logits: Function | None, title: str = "", probability: bool = False) -> Picture:
    """Real and generated points over the discriminator's opinion, 640 x 560 pixels.

    The real data alone choose the part of the plane; the lower left corner says how many generated points lie
    elsewhere or are not finite. A ring marks generated points that have all fallen together.

    Args:
        real: [N, 2]; of this and the next the first 2000 are drawn and all are counted.
        fake: [N, 2].
        logits: D before its sigmoid, [N, 2] to [N] or [N, 1]; None draws the points alone.
        title: above the picture.
        probability: show sigma(logits), D(x), around its decision value 1/2; otherwise the raw output around 0.
    """
    x, g = finite_points(real), to_array(fake)
    xlim, ylim = square_around(limits_of(x[:, 0]), limits_of(x[:, 1]))
    g_inside = g[within(g[:, 0], xlim) & within(g[:, 1], ylim)]
    values = None if logits is None else _asked(logits, xlim, ylim)
    # The median: far from the data D shouts, and its full scale there would bleach what it says near them.
    finite = None if values is None else values[values.isfinite()].abs()
    reach = None if finite is None or not len(finite) else 0.5 if probability else round_up(float(finite.median()))
    plane = _plane(xlim, ylim, logits is not None, reach, probability)
    sheet = plane.sheet

    sheet.clear()
    if values is not None and reach is not None:
        most = SURE if probability else 4 * reach
        shown = values.clamp(-most, most)
        wide = shade.enlarge(shown, SIDE)
        wide = wide.sigmoid_().sub_(0.5) if probability else wide
        sheet.paint((plane.left, BOTTOM, SIDE, SIDE), shade.bands(wide, -reach, reach))
        plane.boundary.set_data(*shade.boundary(shown, xlim, ylim).T)
        sheet.draw(plane.boundary)
    elif values is not None:
        sheet.draw(plane.complaint)
    _draw_in_turns(plane, x[:SHOWN], g_inside[:SHOWN])
    told = {"outside the picture": count_finite(g) - len(g_inside), "not finite": len(g) - count_finite(g)}
    if len(g_inside) > 1 and (np.ptp(g_inside, axis=0) < CLOSE * (xlim[1] - xlim[0])).all():
        plane.ring.set_data(*g_inside.mean(axis=0, keepdims=True).T)
        sheet.draw(plane.ring)
        told = {"in the ring": len(g_inside), **told}
    return sheet.finish(title, corner(len(g), told))


def _asked(logits: Function, xlim: Range, ylim: Range) -> Tensor:
    with torch.no_grad():
        return logits(shade.lattice(xlim, ylim, PLACES)).detach().cpu().float().reshape(PLACES, PLACES)


def _draw_in_turns(plane: _Plane, x: Array, g: Array) -> None:
    """Each cloud evenly over the whole time: neither hides the other."""
    for parts in zip(np.array_split(x, TURNS), np.array_split(g, TURNS), strict=True):
        for line, part in zip((plane.real, plane.fake), parts, strict=True):
            line.set_data(part[:, 0], part[:, 1])
            plane.sheet.draw(line)


@dataclass(frozen=True)
class _Plane:
    """All that a scatter plot is made of."""

    sheet: Sheet
    left: int  # of the square, in pixels
    boundary: Line2D
    real: Line2D
    fake: Line2D
    ring: Line2D
    complaint: Text


@lru_cache(KEPT)
def _plane(xlim: Range, ylim: Range, opinion: bool, reach: float | None, probability: bool) -> _Plane:
    left = 72 if opinion else 110
    sheet = Sheet(left + SIDE / 2)
    axes = sheet.axes((left, BOTTOM, SIDE, SIDE))
    axes.set(xlim=xlim, ylim=ylim)
    axes.set_xlabel("$x_1$", fontsize=11, labelpad=1)
    axes.set_ylabel("$x_2$", fontsize=11, labelpad=0)
    legend(axes, [dot(REAL), dot(FAKE)], ["real", "generated"])
    if reach is not None:
        centre = 0.5 if probability else 0.0
        ends = centre - reach, centre + reach
        bar = shade.scale(sheet, (530, BOTTOM, 16, SIDE), *ends, is_open=not probability)
        bar.set_label(scale_name(probability), fontsize=10.5, labelpad=2)
    boundary = axes.plot([], [], color=INK, linewidth=1.2, linestyle="dashed", animated=True)[0]
    ring = dots(axes, FAKE, 18)
    ring.set(markerfacecolor="none", markeredgecolor=FAKE, markeredgewidth=2)
    clouds = dots(axes, REAL, 3.6, edge=0.3), dots(axes, FAKE, 3.6, edge=0.3)
    return _Plane(sheet, left, boundary, *clouds, ring, complain(axes))

"""What D says beside what the optimal D* would say, on the line and in the plane."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from gan_cli.plots import shade
from gan_cli.plots.canvas import (
    FAKE,
    INK,
    PLACES,
    REAL,
    SIDE,
    Array,
    Function,
    Picture,
    Range,
    ask,
    finite_points,
    legend,
    limits_of,
    peak_of,
    square_around,
    tidy,
    to_array,
    top_of,
    within,
)
from gan_cli.plots.sheet import KEPT, Sheet, dots

if TYPE_CHECKING:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Polygon

LINE = 400  # places on the line
FINE = 128  # places along each side of a square where log densities are asked at once
BEST = "#009E73"  # of D*: the third colour of Okabe and Ito
POINTS = 300  # of each cloud
HUGE = 1e6  # a score beyond which none is told from another


@dataclass(frozen=True)
class Opinion:
    """What a discriminator says.

    Args:
        scores: of points, [N, D] to [N].
        meaning: what it says where it gives such a score, of each by itself.
        on_lattice: scores at [A] times [U] places of the plane, [U, A], where they are cheaper all at once.
    """

    scores: Function
    meaning: Function
    on_lattice: Callable[[Tensor, Tensor], Tensor] | None = None

    def __call__(self, x: Tensor) -> Tensor:
        return self.meaning(self.scores(x))

    def square(self, xlim: Range, ylim: Range, side: int) -> Tensor:
        """All over a square: [side, side], the first row lowest."""
        with torch.no_grad():
            if self.on_lattice is None:
                scores = self.scores(shade.lattice(xlim, ylim, PLACES)).reshape(PLACES, PLACES)
            else:
                scores = self.on_lattice(torch.linspace(*xlim, FINE), torch.linspace(*ylim, FINE))
            return self.meaning(shade.enlarge(scores.detach().cpu().float().clamp(-HUGE, HUGE), side))


def against_optimum(
    real: Tensor,
    fake: Tensor,
    opinion: Opinion,
    best: Opinion,
    ends: Range,
    densities: dict[str, Function],
    title: str,
) -> Picture:
    """D and D* for points of one or two dimensions; 640 x 560 pixels for one, 960 x 560 for two.

    Args:
        real: [N, D], D 1 or 2; it chooses the part of the line or the plane.
        fake: [N, D].
        opinion: what D says.
        best: what D* says.
        ends: the least and the greatest that D* can say.
        densities: names and log densities of the data and of the samples, drawn on the line.
        title: above the picture.
    """
    if real.shape[1] == 1:
        return _line(finite_points(real), opinion, best, ends, densities, title)
    return _plane(finite_points(real), to_array(fake), opinion, best, ends, title)


def _line(
    x: Array, opinion: Opinion, best: Opinion, ends: Range, densities: dict[str, Function], title: str
) -> Picture:
    xlim = limits_of(x[:, 0])
    places = np.linspace(*xlim, LINE)
    heights = [np.exp(ask(log_density, places[:, None])) for log_density in densities.values()]
    top = top_of(peak_of(heights[0]), peak_of(heights[-1]))
    sheet, areas, lines = _line_sheet(xlim, top, ends, tuple(densities))
    sheet.clear()
    ends_too = np.pad(places, 1, mode="edge")
    for area, height in zip(areas, heights, strict=True):
        area.set_xy(np.column_stack([ends_too, np.pad(np.nan_to_num(height), 1)]))
        sheet.draw(area)
    for line, values in zip(lines, (*heights, ask(best, places[:, None]), ask(opinion, places[:, None])), strict=True):
        line.set_data(places, values)
        sheet.draw(line)
    return sheet.finish(title)


@lru_cache(KEPT)
def _line_sheet(
    xlim: Range, top: float, ends: Range, names: tuple[str, ...]
) -> tuple[Sheet, list[Polygon], list[Line2D]]:
    place = (66, 56, 500, SIDE - 24)
    sheet = Sheet(66 + 500 / 2)
    axes = sheet.axes(place)
    axes.set(xlim=xlim, ylim=(0, top))
    axes.set_xlabel("$x$", fontsize=11, labelpad=1)
    axes.set_ylabel("density", fontsize=10.5)
    right = axes.twinx()
    room = 0.08 * (ends[1] - ends[0])
    right.set_ylim(ends[0] - room * (ends[0] < 0), ends[1] + room)
    right.set_ylabel("$D(x)$", fontsize=10.5)
    right.axhline(sum(ends) / 2, color=INK, linewidth=0.8, alpha=0.3)
    tidy(right)
    colours = (REAL, FAKE)[: len(names)]
    areas = [axes.fill([], [], color=colour, alpha=0.12, linewidth=0)[0] for colour in colours]
    lines = [
        axes.plot([], [], color=colour, linewidth=1.6, label=name)[0]
        for name, colour in zip(names, colours, strict=True)
    ]
    lines += right.plot([], [], color=BEST, linewidth=2.6, alpha=0.85, label="$D^*$, optimal")
    lines += right.plot([], [], color=INK, linewidth=1.5, linestyle=(0, (5, 2)), label="$D$, learned")
    legend(axes, lines, [str(line.get_label()) for line in lines], columns=2)
    for artist in (*areas, *lines):
        artist.set_animated(True)
    return sheet, areas, lines


def _plane(x: Array, g: Array, opinion: Opinion, best: Opinion, ends: Range, title: str) -> Picture:
    xlim, ylim = square_around(limits_of(x[:, 0]), limits_of(x[:, 1]))
    inside = g[within(g[:, 0], xlim) & within(g[:, 1], ylim)]
    sheet, clouds = _plane_sheet(xlim, ylim, ends)
    sheet.clear()
    for (left, real, fake), says in zip(clouds, (opinion, best), strict=True):
        sheet.paint((left, 62, 400, 400), shade.bands(says.square(xlim, ylim, 400), *ends))
        for line, cloud in ((real, x[:POINTS]), (fake, inside[:POINTS])):
            line.set_data(cloud[:, 0], cloud[:, 1])
            sheet.draw(line)
    return sheet.finish(title)


@lru_cache(KEPT)
def _plane_sheet(xlim: Range, ylim: Range, ends: Range) -> tuple[Sheet, list[tuple[int, Line2D, Line2D]]]:
    sheet = Sheet(480, 536, width=960)
    clouds: list[tuple[int, Line2D, Line2D]] = []
    for left, name in ((62, "$D$, learned"), (498, "$D^*$, optimal")):
        axes = sheet.axes((left, 62, 400, 400))
        axes.set(xlim=xlim, ylim=ylim)
        axes.set_title(name, fontsize=11.5, pad=6)
        axes.set_xlabel("$x_1$", fontsize=11, labelpad=1)
        if clouds:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("$x_2$", fontsize=11, labelpad=0)
        clouds.append((left, dots(axes, REAL, 2), dots(axes, FAKE, 2)))
    shade.scale(sheet, (912, 62, 12, 400), *ends).ax.tick_params(labelsize=9)
    return sheet, clouds

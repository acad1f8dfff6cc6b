"""What D says beside what the optimal D* would say, on the line and in the plane."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from gan_cli.plots.canvas import (
    BANDS,
    DPI,
    FAKE,
    HEIGHT,
    INK,
    OPINION,
    REAL,
    SIDE,
    Array,
    Function,
    Picture,
    Range,
    ask,
    finite_points,
    in_words,
    legend,
    limits_of,
    new_figure,
    pixels,
    square_around,
    tidy,
    to_array,
    within,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure

FINE = 400  # places on the line
COARSE = 90  # places along each side of a square: q may be a sum over a thousand kernels
BEST = "#009E73"  # of D*: the third colour of Okabe and Ito


def against_optimum(
    real: Tensor,
    fake: Tensor,
    opinion: Function,
    best: Function,
    ends: Range,
    densities: dict[str, Function],
    title: str,
) -> Picture:
    """D and D* for points of one or two dimensions; 640 x 560 pixels for one, 960 x 560 for two.

    Args:
        real: [N, D], D 1 or 2; it chooses the part of the line or the plane.
        fake: [N, D].
        opinion: what D says, [N, D] to [N].
        best: what D* says.
        ends: the least and the greatest that D* can say.
        densities: names and log densities of the data and of the samples, drawn on the line.
        title: above the picture.
    """
    if real.shape[1] == 1:
        return _line(finite_points(real), opinion, best, ends, densities, title)
    return _plane(finite_points(real), to_array(fake), opinion, best, ends, title)


def _line(
    x: Array, opinion: Function, best: Function, ends: Range, densities: dict[str, Function], title: str
) -> Picture:
    xlim = limits_of(x[:, 0])
    places = np.linspace(*xlim, FINE)
    figure, axes = new_figure((66, 56, 500, SIDE - 24), title)
    heights = [np.exp(ask(log_density, places[:, None])) for log_density in densities.values()]
    for (name, height), colour in zip(zip(densities, heights, strict=True), (REAL, FAKE), strict=False):
        axes.fill_between(places, height, color=colour, alpha=0.12, linewidth=0)
        axes.plot(places, height, color=colour, linewidth=1.6, label=name)
    peak = float(np.nanmax(heights[0])) or 1.0
    axes.set(xlim=xlim, ylim=(0, 1.08 * max(peak, min(float(np.nanmax(heights[-1])), 3 * peak))))
    axes.set_xlabel("$x$", fontsize=11, labelpad=1)
    axes.set_ylabel("density", fontsize=10.5)
    right = axes.twinx()
    right.plot(places, ask(best, places[:, None]), color=BEST, linewidth=2.6, alpha=0.85, label="$D^*$, optimal")
    says = ask(opinion, places[:, None])
    right.plot(places, says, color=INK, linewidth=1.5, linestyle=(0, (5, 2)), label="$D$, learned")
    right.axhline(sum(ends) / 2, color=INK, linewidth=0.8, alpha=0.3)
    room = 0.08 * (ends[1] - ends[0])
    right.set_ylim(ends[0] - room * (ends[0] < 0), ends[1] + room)
    right.set_ylabel("$D(x)$", fontsize=10.5)
    tidy(right)
    pairs = [axes.get_legend_handles_labels(), right.get_legend_handles_labels()]
    legend(axes, [h for hs, _ in pairs for h in hs], [name for _, names in pairs for name in names], columns=2)
    return pixels(figure)


def _plane(x: Array, g: Array, opinion: Function, best: Function, ends: Range, title: str) -> Picture:
    from matplotlib.colors import LinearSegmentedColormap
    from matplotlib.figure import Figure

    xlim, ylim = square_around(limits_of(x[:, 0]), limits_of(x[:, 1]))
    across, up = np.linspace(*xlim, COARSE), np.linspace(*ylim, COARSE)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    width, side = 960, 400
    figure = Figure(figsize=(width / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    figure.text(0.5, 536 / HEIGHT, title, ha="center", va="center", fontsize=12.5, color=INK, parse_math=False)
    colours = LinearSegmentedColormap.from_list("opinion", OPINION)
    levels = np.linspace(*ends, BANDS + 1)
    inside = g[within(g[:, 0], xlim) & within(g[:, 1], ylim)][:300]
    for place, (name, says) in enumerate({"$D$, learned": opinion, "$D^*$, optimal": best}.items()):
        left = 62 + place * (side + 36)
        axes = figure.add_axes((left / width, 62 / HEIGHT, side / width, side / HEIGHT))
        tidy(axes)
        values = ask(says, grid).reshape(COARSE, COARSE).clip(*ends)
        filled = axes.contourf(
            across, up, np.ma.masked_invalid(values), levels=levels, cmap=colours, extend="neither", zorder=0
        )
        for cloud, colour in ((x[:300], REAL), (inside, FAKE)):
            axes.scatter(cloud[:, 0], cloud[:, 1], s=4, c=colour, linewidths=0)
        axes.set(xlim=xlim, ylim=ylim)
        axes.set_title(name, fontsize=11.5, pad=6)
        axes.set_xlabel("$x_1$", fontsize=11, labelpad=1)
        if place:
            axes.set_yticklabels([])
        else:
            axes.set_ylabel("$x_2$", fontsize=11, labelpad=0)
    _scale(figure, filled, width, side)
    return pixels(figure)


def _scale(figure: Figure, filled: object, width: int, side: int) -> None:
    place = figure.add_axes(((62 + 2 * side + 36 + 14) / width, 62 / HEIGHT, 12 / width, side / HEIGHT))
    bar = figure.colorbar(filled, cax=place, format=lambda level, _: in_words(level))  # type: ignore[arg-type]
    bar.ax.tick_params(labelsize=9, length=3)

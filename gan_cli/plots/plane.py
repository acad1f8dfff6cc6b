"""The plane: real and generated points over what D thinks of each place."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from torch import Tensor

from gan_cli.plots.canvas import (
    BANDS,
    CLOSE,
    FAKE,
    HEIGHT,
    INK,
    OPINION,
    PLACES,
    REAL,
    SHOWN,
    SIDE,
    WIDTH,
    Function,
    Picture,
    Range,
    ask,
    complain,
    count_finite,
    dot,
    finite_points,
    in_words,
    legend,
    limits_of,
    new_figure,
    pixels,
    round_up,
    say,
    scale_name,
    sigmoid,
    square_around,
    to_array,
    within,
)

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure


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
    span = xlim[1] - xlim[0]
    g_inside = g[within(g[:, 0], xlim) & within(g[:, 1], ylim)]

    figure, axes = new_figure((72 if logits else 110, 56, SIDE, SIDE), title)
    if logits is not None:
        _opinion(figure, axes, logits, xlim, ylim, probability)
    # Drawn in turns, each cloud evenly over the whole time: neither hides the other.
    clouds = [x[:SHOWN], g_inside[:SHOWN]]
    turns = np.argsort(np.concatenate([np.linspace(0, 1, len(cloud)) for cloud in clouds]), kind="stable")
    colours = np.repeat([REAL, FAKE], [len(cloud) for cloud in clouds])
    dots = np.concatenate(clouds)[turns]
    axes.scatter(dots[:, 0], dots[:, 1], s=13, c=colours[turns].tolist(), edgecolors="white", linewidths=0.3)
    told = {"outside the picture": count_finite(g) - len(g_inside), "not finite": len(g) - count_finite(g)}
    if len(g_inside) > 1 and (np.ptp(g_inside, axis=0) < CLOSE * span).all():
        ring = g_inside.mean(axis=0)
        axes.scatter([ring[0]], [ring[1]], s=320, facecolors="none", edgecolors=FAKE, linewidths=2)
        told = {"in the ring": len(g_inside), **told}
    axes.set(xlim=xlim, ylim=ylim)
    axes.set_xlabel("$x_1$", fontsize=11, labelpad=1)
    axes.set_ylabel("$x_2$", fontsize=11, labelpad=0)
    legend(axes, [dot(REAL), dot(FAKE)], ["real", "generated"])
    say(figure, len(g), told)
    return pixels(figure)


def _opinion(figure: Figure, axes: Axes, logits: Function, xlim: Range, ylim: Range, probability: bool) -> None:
    """Fill the square with D's values, draw its decision boundary, and add the scale."""
    from matplotlib.colors import LinearSegmentedColormap

    across, up = np.linspace(*xlim, PLACES), np.linspace(*ylim, PLACES)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    values = ask(logits, grid).reshape(PLACES, PLACES)
    values = sigmoid(values) if probability else values
    finite = values[np.isfinite(values)]
    if not finite.size:
        complain(axes)
        return
    centre = 0.5 if probability else 0.0
    # The median: far from the data D shouts, and its full scale there would bleach what it says near them.
    reach = 0.5 if probability else round_up(float(np.median(np.abs(finite))))
    levels = centre + reach * np.linspace(-1, 1, BANDS + 1)
    shown = np.ma.masked_invalid(values)
    filled = axes.contourf(
        across,
        up,
        shown,
        levels=levels,
        cmap=LinearSegmentedColormap.from_list("opinion", OPINION),
        extend="neither" if probability else "both",
        zorder=0,
    )
    if finite.min() < centre < finite.max():
        axes.contour(across, up, shown, levels=[centre], colors=INK, linewidths=1.2, linestyles="dashed", zorder=0.5)
    scale = figure.add_axes((530 / WIDTH, 56 / HEIGHT, 16 / WIDTH, SIDE / HEIGHT))
    bar = figure.colorbar(filled, cax=scale, ticks=levels[:: BANDS // 4], format=lambda level, _: in_words(level))
    bar.ax.tick_params(labelsize=9.5, length=3)
    bar.set_label(scale_name(probability), fontsize=10.5, labelpad=2)

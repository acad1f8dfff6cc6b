"""The path of two players with one number each, through the plane of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from gan_cli.plots.canvas import (
    FAKE,
    HEIGHT,
    INK,
    REAL,
    SIDE,
    WIDTH,
    Array,
    Picture,
    in_words,
    legend,
    new_figure,
    pixels,
)

Field = Callable[[Array, Array], tuple[Array, Array]]  # (theta, psi) to the direction in which each player moves
ARROWS = 15  # along each side
ROOM = 1.4  # of the start's distance from the equilibrium, on each side; doubled until the path fits


def phase(path: Sequence[tuple[float, float]], field: Field | None = None, title: str = "") -> Picture:
    """The way from the start to now in the plane (theta, psi), with the equilibrium (0, 0), 640 x 560 pixels.

    The start chooses the part of the plane, and a path that leaves it doubles its sides: the pictures of a run seldom
    jump.

    Args:
        path: (theta, psi), at least the start; finite.
        field: drawn as faint arrows of one length, since near the equilibrium it vanishes.
        title: above the picture.
    """
    points = np.array(path, dtype=np.float64)
    side = ROOM * (float(np.hypot(*points[0])) or 1.0)
    while np.abs(points).max() > side:
        side *= 2
    figure, axes = new_figure((84, 56, SIDE + 40, SIDE), title)
    reach = side * (SIDE + 40) / SIDE  # a step to the right is as long as one upwards
    axes.axhline(0, color=INK, linewidth=0.6, alpha=0.35)
    axes.axvline(0, color=INK, linewidth=0.6, alpha=0.35)
    if field is not None:
        across, up = np.meshgrid(np.linspace(-reach, reach, ARROWS + 2)[1:-1], np.linspace(-side, side, ARROWS)[1:-1])
        u, v = field(across.ravel(), up.ravel())
        length = np.hypot(u, v)
        shown = np.isfinite(length) & (length > 0)
        axes.quiver(
            *(across.ravel()[shown], up.ravel()[shown]),
            *(u[shown] / length[shown], v[shown] / length[shown]),
            angles="xy",
            pivot="mid",
            scale=1.5 * ARROWS,
            width=0.0028,
            color="#C4C4C4",
            zorder=0,
        )
    axes.plot(points[:, 0], points[:, 1], color=REAL, linewidth=1.1, alpha=0.85)
    ends = (("start", points[0], "o", "white", REAL), ("now", points[-1], "o", FAKE, FAKE))
    marks = [
        axes.plot(*place, marker, markersize=8, markerfacecolor=face, color=edge, label=name, linestyle="none")[0]
        for name, place, marker, face, edge in ends
    ]
    centre = axes.plot(0, 0, "+", color=INK, markersize=13, markeredgewidth=1.8, linestyle="none")[0]
    axes.set(xlim=(-reach, reach), ylim=(-side, side))
    axes.set_xlabel(r"$\theta$: what $G$ says", fontsize=11, labelpad=1)
    axes.set_ylabel(r"$\psi$: the slope of $D$", fontsize=11, labelpad=1)
    legend(axes, [*marks, centre], ["start", "now", "equilibrium"])
    corner = f"distance from the equilibrium: {in_words(float(np.hypot(*points[-1])))}"
    figure.text(8 / WIDTH, 11 / HEIGHT, corner, fontsize=9.5, color=INK, va="center")
    return pixels(figure)

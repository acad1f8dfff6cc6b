"""The path of two players with one number each, through the plane of both."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from gan_cli.plots.canvas import FAKE, INK, REAL, SIDE, Array, Picture, in_words, legend
from gan_cli.plots.sheet import KEPT, Sheet

if TYPE_CHECKING:
    from matplotlib.lines import Line2D

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
    sheet, way, start, now, centre = _sheet(side, None if field is None else _arrows(field, side).tobytes())
    sheet.clear()
    way.set_data(points[:, 0], points[:, 1])
    for mark, place in ((start, points[:1]), (now, points[-1:])):
        mark.set_data(place[:, 0], place[:, 1])
    sheet.draw(way, start, now, centre)
    return sheet.finish(title, f"distance from the equilibrium: {in_words(float(np.hypot(*points[-1])))}")


def _reach(side: float) -> float:
    return side * (SIDE + 40) / SIDE  # a step to the right is as long as one upwards


def _arrows(field: Field, side: float) -> Array:
    """Place and direction of each arrow: (theta, psi, u, v), [4, N]."""
    reach = _reach(side)
    across, up = np.meshgrid(np.linspace(-reach, reach, ARROWS + 2)[1:-1], np.linspace(-side, side, ARROWS)[1:-1])
    u, v = field(across.ravel(), up.ravel())
    length = np.hypot(u, v)
    shown = np.isfinite(length) & (length > 0)
    found: Array = np.stack([across.ravel(), up.ravel(), u, v])[:, shown]
    found[2:] /= length[shown]
    return found


@lru_cache(KEPT)
def _sheet(side: float, arrows: bytes | None) -> tuple[Sheet, Line2D, Line2D, Line2D, Line2D]:
    """Of an extent and a field, which changes in no run without noise on D's inputs that fades."""
    sheet = Sheet(84 + (SIDE + 40) / 2)
    axes = sheet.axes((84, 56, SIDE + 40, SIDE))
    axes.axhline(0, color=INK, linewidth=0.6, alpha=0.35)
    axes.axvline(0, color=INK, linewidth=0.6, alpha=0.35)
    if arrows:
        axes.quiver(
            *np.frombuffer(arrows).reshape(4, -1),
            angles="xy",
            pivot="mid",
            scale=1.5 * ARROWS,
            width=0.0028,
            color="#C4C4C4",
            zorder=0,
        )
    way = axes.plot([], [], color=REAL, linewidth=1.1, alpha=0.85)[0]
    start, now = (
        axes.plot([], [], "o", markersize=8, markerfacecolor=face, color=edge)[0]
        for face, edge in (("white", REAL), (FAKE, FAKE))
    )
    centre = axes.plot(0, 0, "+", color=INK, markersize=13, markeredgewidth=1.8, linestyle="none")[0]
    axes.set(xlim=(-_reach(side), _reach(side)), ylim=(-side, side))
    axes.set_xlabel(r"$\theta$: what $G$ says", fontsize=11, labelpad=1)
    axes.set_ylabel(r"$\psi$: the slope of $D$", fontsize=11, labelpad=1)
    legend(axes, [start, now, centre], ["start", "now", "equilibrium"])
    for artist in (way, start, now, centre):
        artist.set_animated(True)
    return sheet, way, start, now, centre

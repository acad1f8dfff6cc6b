"""What all plots share: their size and colours, their axes and legend, and asking a function of tensors for values.

Pictures are arrays, drawn through matplotlib's objects: no window, no global state, no import before the first one.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

if TYPE_CHECKING:
    from matplotlib.artist import Artist
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from matplotlib.text import Text

Picture = npt.NDArray[np.uint8]  # [H, W, 3]
Array = npt.NDArray[np.float64]
Function = Callable[[Tensor], Tensor]  # [N, D] to [N] or [N, 1]
Range = tuple[float, float]
Place = tuple[int, int, int, int]  # left, bottom, width and height in pixels

# Okabe and Ito 2008: blue and vermilion are told apart with every common colour vision
REAL, FAKE, INK = "#0072B2", "#D55E00", "#333333"
OPINION = ("#F2B483", "#FADFC9", "#FFFFFF", "#D3E7F4", "#98C7E6")  # D's scale, pale: from generated to real
WIDTH, HEIGHT, DPI = 640, 560, 100
SIDE = 440  # pixels of the square of a scatter plot
MARGIN = 0.2  # of the real data's extent, on each side
PLACES = 48  # D is asked on PLACES x PLACES points of a square, which costs it as much as a few steps
BANDS = 20  # an even number: the decision value is the edge between two
BINS = 80  # of a histogram
SHOWN = 2000  # points drawn of each cloud: more are one blot
CLOSE = 0.02  # of the picture: points no farther apart look like one


def scale_name(probability: bool) -> str:
    return "$D(x)$: 0 generated, 1 real" if probability else "output of $D$: the higher, the more real"


def to_array(points: Tensor) -> Array:
    return points.detach().cpu().double().numpy()


def finite_points(points: Tensor) -> Array:
    array = to_array(points)
    return array[np.isfinite(array).all(axis=1)]


def ask(function: Function, places: Array) -> Array:
    """The values of a function of tensors [N, D] at given places, as [N]."""
    with torch.no_grad():
        values: Array = function(torch.from_numpy(places).float()).detach().cpu().double().reshape(-1).numpy()
    return values


def sigmoid(logit: Array) -> Array:
    result: Array = torch.from_numpy(logit).sigmoid().numpy()  # numpy's own exp would overflow with a warning
    return result


def limits_of(values: Array) -> Range:
    if not values.size:
        return -1.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low) or 1.0  # a single place gets a neighbourhood
    return low - margin, high + margin


def square_around(x: Range, y: Range) -> tuple[Range, Range]:
    """Both ranges around their centres with the width of the wider one."""
    half = max(x[1] - x[0], y[1] - y[0]) / 2
    a, b = sum(x) / 2, sum(y) / 2
    return (a - half, a + half), (b - half, b + half)


def within(values: Array, limits: Range) -> npt.NDArray[np.bool_]:
    return (values >= limits[0]) & (values <= limits[1])  # NaN is nowhere


def count_finite(points: Array) -> int:
    return int(np.isfinite(points).all(axis=1).sum())


def round_up(value: float) -> float:
    """The next number that reads well on a scale; 1e-6 for a D that says nothing at all."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-6)))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15) if step * power >= value)


def peak_of(heights: Array) -> float:
    """The greatest finite one; 0 where there is none."""
    return float(np.max(heights, initial=0, where=np.isfinite(heights)))


def top_of(peak: float, other: float) -> float:
    """Where an axis of densities ends: above the data's peak and, up to three times as high, that of the samples.

    In steps, so that the axis stays where it is in most pictures of a run.
    """
    peak = peak or 1.0
    return 1.08 * peak * next((step for step in (1, 1.1, 1.25, 1.5, 2, 2.5) if step * peak >= other), 3)


def in_words(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def tidy(axes: Axes) -> None:
    axes.tick_params(labelsize=9.5, length=3, color=INK)
    for spine in axes.spines.values():
        spine.set(linewidth=0.6, color=INK)


def dot(colour: str) -> Artist:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, marker="o", markersize=6, linestyle="none")


def legend(axes: Axes, handles: Sequence[Artist], labels: Sequence[str], columns: int | None = None) -> None:
    """Between the title and the axes, where it hides nothing; one row unless columns are given."""
    axes.legend(
        handles,
        labels,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.995),
        ncols=columns or len(labels),
        frameon=False,
        fontsize=10.5,
        handletextpad=0.4,
        columnspacing=1.4,
    )


def complain(axes: Axes) -> Text:
    return axes.text(
        0.5, 0.93, "D is not finite", transform=axes.transAxes, ha="center", fontsize=13, color=INK, animated=True
    )


def corner(count: int, told: dict[str, int], more: str = "") -> str:
    """What the picture does not show."""
    parts = ", ".join(f"{number:,} {where}" for where, number in told.items() if number)
    sentences = [f"of {count:,} generated points: {parts}"] if parts else []
    return "; ".join([*sentences, more] if more else sentences)


def pixels(figure: Figure) -> Picture:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]

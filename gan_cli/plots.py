"""GANs of one and two dimensions: samples, densities and what the discriminator thinks of each place.

Pictures are arrays, drawn through matplotlib's objects: no window, no global state, no import before the first one.
Everything has a fixed place, so that the pictures of a run, one after the other, make a film that does not jump.
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

Picture = npt.NDArray[np.uint8]  # [H, W, 3]
Array = npt.NDArray[np.float64]
Function = Callable[[Tensor], Tensor]  # [N, D] to [N] or [N, 1]
Range = tuple[float, float]

# Okabe and Ito 2008: blue and vermilion are told apart with every common colour vision
REAL, FAKE, INK = "#0072B2", "#D55E00", "#333333"
OPINION = ("#F2B483", "#FADFC9", "#FFFFFF", "#D3E7F4", "#98C7E6")  # D's scale, pale: from generated to real
WIDTH, HEIGHT, DPI = 640, 560, 100
SIDE = 440  # pixels of the square of a scatter plot
MARGIN = 0.2  # of the real data's extent, on each side
PLACES = 150  # D is asked on PLACES x PLACES points of a square
BANDS = 20  # an even number: the decision value is the edge between two
BINS = 80  # of a histogram
SHOWN = 2000  # points drawn of each cloud: more are one blot
CLOSE = 0.02  # of the picture: points no farther apart look like one


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
    x, g = _finite(real), _array(fake)
    xlim, ylim = _square(_range(x[:, 0]), _range(x[:, 1]))
    span = xlim[1] - xlim[0]
    g_inside = g[_within(g[:, 0], xlim) & _within(g[:, 1], ylim)]

    figure, axes = _figure((72 if logits else 110, 56, SIDE, SIDE), title)
    if logits is not None:
        _opinion(figure, axes, logits, xlim, ylim, probability)
    # Drawn in turns, each cloud evenly over the whole time: neither hides the other.
    clouds = [x[:SHOWN], g_inside[:SHOWN]]
    turns = np.argsort(np.concatenate([np.linspace(0, 1, len(cloud)) for cloud in clouds]), kind="stable")
    colours = np.repeat([REAL, FAKE], [len(cloud) for cloud in clouds])
    dots = np.concatenate(clouds)[turns]
    axes.scatter(dots[:, 0], dots[:, 1], s=13, c=colours[turns].tolist(), edgecolors="white", linewidths=0.3)
    told = {"outside the picture": _finite_rows(g) - len(g_inside), "not finite": len(g) - _finite_rows(g)}
    if len(g_inside) > 1 and (np.ptp(g_inside, axis=0) < CLOSE * span).all():
        ring = g_inside.mean(axis=0)
        axes.scatter([ring[0]], [ring[1]], s=320, facecolors="none", edgecolors=FAKE, linewidths=2)
        told = {"in the ring": len(g_inside), **told}
    axes.set(xlim=xlim, ylim=ylim)
    axes.set_xlabel("$x_1$", fontsize=11, labelpad=1)
    axes.set_ylabel("$x_2$", fontsize=11, labelpad=0)
    _legend(axes, [_dot(REAL), _dot(FAKE)], ["real", "generated"])
    _say(figure, len(g), told)
    return _pixels(figure)


def densities(
    real: Tensor,
    fake: Tensor,
    log_prob: Function | None,
    logits: Function | None,
    title: str = "",
    probability: bool = False,
) -> Picture:
    """The density of the data, that of the samples and D along the line, 640 x 560 pixels.

    The real data alone choose the part of the line; the lower left corner says how many generated points lie
    elsewhere or are not finite. Histograms count these too: the area of p_G is the part of the samples in sight. A
    p_G of more than three times the height of p is cut, and the corner says so.

    Args:
        real: [N, 1].
        fake: [N, 1].
        log_prob: log p, exact, [N, 1] to [N] or [N, 1]; None takes a histogram of `real`.
        logits: D before its sigmoid, [N, 1] to [N] or [N, 1]; None draws the densities alone.
        title: above the picture.
        probability: D as sigma(logits) on an axis from 0 to 1; otherwise the raw output.
    """
    x, g = _finite(real), _array(fake)
    xlim = _range(x[:, 0])
    edges = np.linspace(*xlim, BINS + 1)
    places = np.linspace(*xlim, 4 * BINS + 1)

    figure, axes = _figure((66, 56, 500, SIDE), title)
    if log_prob is None:
        p = _histogram(x, edges)
        axes.stairs(p, edges, color=REAL, linewidth=2, label=f"$p$, from {len(x):,} samples")
    else:
        p = np.exp(_ask(log_prob, places[:, None]))
        axes.plot(places, p, color=REAL, linewidth=2, label="$p$, exact")
    p_g = _histogram(g, edges)
    label = f"$p_G$, estimated from {len(g):,} samples"
    axes.stairs(p_g, edges, color=FAKE, alpha=0.3, fill=True)
    axes.stairs(p_g, edges, color=FAKE, linewidth=1.3, label=label)

    peak = float(np.max(p, initial=0, where=np.isfinite(p))) or 1.0
    highest = float(p_g.max())
    axes.set(xlim=xlim, ylim=(0, 1.08 * max(peak, min(highest, 3 * peak))))
    axes.set_xlabel("$x$", fontsize=11, labelpad=1)
    axes.set_ylabel("density", fontsize=10.5)
    handles, labels = axes.get_legend_handles_labels()
    if logits is not None:
        right = axes.twinx()
        value = _ask(logits, places[:, None])
        value = _sigmoid(value) if probability else value
        if not np.isfinite(value).any():
            _complain(axes)
        handles += right.plot(places, value, color=INK, linewidth=1.6, linestyle=(0, (5, 2)))
        labels.append("$D(x)$")
        right.axhline(0.5 if probability else 0, color=INK, linewidth=0.8, alpha=0.4)
        if probability:
            right.set_ylim(0, 1.08)
            right.set_yticks([0, 0.25, 0.5, 0.75, 1])
        _tidy(right)
        right.set_ylabel(_name(probability), fontsize=10.5)
    _legend(axes, handles, labels)
    inside = int(_within(g[:, 0], xlim).sum())
    told = {"outside the picture": _finite_rows(g) - inside, "not finite": len(g) - _finite_rows(g)}
    _say(figure, len(g), told, f"$p_G$ reaches {highest:.3g} and is cut" if highest > 3 * peak else "")
    return _pixels(figure)


def _opinion(figure: Figure, axes: Axes, logits: Function, xlim: Range, ylim: Range, probability: bool) -> None:
    """Fill the square with D's values, draw its decision boundary, and add the scale."""
    from matplotlib.colors import LinearSegmentedColormap

    across, up = np.linspace(*xlim, PLACES), np.linspace(*ylim, PLACES)
    grid = np.stack(np.meshgrid(across, up), axis=-1).reshape(-1, 2)
    values = _ask(logits, grid).reshape(PLACES, PLACES)
    values = _sigmoid(values) if probability else values
    finite = values[np.isfinite(values)]
    if not finite.size:
        _complain(axes)
        return
    centre = 0.5 if probability else 0.0
    # The median: far from the data D shouts, and its full scale there would bleach what it says near them.
    reach = 0.5 if probability else _round_up(float(np.median(np.abs(finite))))
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
    bar = figure.colorbar(filled, cax=scale, ticks=levels[:: BANDS // 4], format=lambda level, _: _number(level))
    bar.ax.tick_params(labelsize=9.5, length=3)
    bar.set_label(_name(probability), fontsize=10.5, labelpad=2)


def _name(probability: bool) -> str:
    return "$D(x)$: 0 generated, 1 real" if probability else "output of $D$: the higher, the more real"


def _array(points: Tensor) -> Array:
    return points.detach().cpu().double().numpy()


def _finite(points: Tensor) -> Array:
    array = _array(points)
    return array[np.isfinite(array).all(axis=1)]


def _ask(function: Function, places: Array) -> Array:
    """The values of a function of tensors [N, D] at given places, as [N]."""
    with torch.no_grad():
        values: Array = function(torch.from_numpy(places).float()).detach().cpu().double().reshape(-1).numpy()
    return values


def _sigmoid(logit: Array) -> Array:
    result: Array = torch.from_numpy(logit).sigmoid().numpy()  # numpy's own exp would overflow with a warning
    return result


def _range(values: Array) -> Range:
    if not values.size:
        return -1.0, 1.0
    low, high = float(values.min()), float(values.max())
    margin = MARGIN * (high - low) or 1.0  # a single place gets a neighbourhood
    return low - margin, high + margin


def _square(x: Range, y: Range) -> tuple[Range, Range]:
    """Both ranges around their centres with the width of the wider one."""
    half = max(x[1] - x[0], y[1] - y[0]) / 2
    a, b = sum(x) / 2, sum(y) / 2
    return (a - half, a + half), (b - half, b + half)


def _within(values: Array, limits: Range) -> npt.NDArray[np.bool_]:
    return (values >= limits[0]) & (values <= limits[1])  # NaN is nowhere


def _histogram(points: Array, edges: Array) -> Array:
    """Counts as a density over all points, also those outside of the edges."""
    values = points[:, 0]
    counts, _ = np.histogram(values[np.isfinite(values)], edges)
    heights: Array = counts / (max(len(values), 1) * (edges[1] - edges[0]))
    return heights


def _finite_rows(points: Array) -> int:
    return int(np.isfinite(points).all(axis=1).sum())


def _round_up(value: float) -> float:
    """The next number that reads well on a scale; 1e-6 for a D that says nothing at all."""
    power = 10.0 ** math.floor(math.log10(max(value, 1e-6)))
    return next(step * power for step in (1, 1.5, 2, 3, 4, 5, 6, 8, 10, 15) if step * power >= value)


def _number(value: float) -> str:
    return f"{value:.3g}".replace("-", "\N{MINUS SIGN}")


def _figure(place: tuple[int, int, int, int], title: str) -> tuple[Figure, Axes]:
    """A white figure with one pair of axes at (left, bottom, width, height) in pixels."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, facecolor="white")
    left, bottom, width, height = place
    axes = figure.add_axes((left / WIDTH, bottom / HEIGHT, width / WIDTH, height / HEIGHT))
    _tidy(axes)
    middle = (left + width / 2) / WIDTH
    figure.text(middle, 541 / HEIGHT, title, ha="center", va="center", fontsize=12.5, color=INK, parse_math=False)
    return figure, axes


def _tidy(axes: Axes) -> None:
    axes.tick_params(labelsize=9.5, length=3, color=INK)
    for spine in axes.spines.values():
        spine.set(linewidth=0.6, color=INK)


def _dot(colour: str) -> Artist:
    from matplotlib.lines import Line2D

    return Line2D([], [], color=colour, marker="o", markersize=6, linestyle="none")


def _legend(axes: Axes, handles: Sequence[Artist], labels: Sequence[str]) -> None:
    """One row between the title and the axes, where it hides nothing."""
    axes.legend(
        handles,
        labels,
        loc="lower center",
        bbox_to_anchor=(0.5, 0.995),
        ncols=len(labels),
        frameon=False,
        fontsize=10.5,
        handletextpad=0.4,
        columnspacing=1.4,
    )


def _complain(axes: Axes) -> None:
    axes.text(0.5, 0.93, "D is not finite", transform=axes.transAxes, ha="center", fontsize=13, color=INK)


def _say(figure: Figure, count: int, told: dict[str, int], more: str = "") -> None:
    """What the picture does not show, in its lower left corner."""
    parts = ", ".join(f"{number:,} {where}" for where, number in told.items() if number)
    sentences = [f"of {count:,} generated points: {parts}"] if parts else []
    text = "; ".join([*sentences, more] if more else sentences)
    figure.text(8 / WIDTH, 11 / HEIGHT, text, fontsize=9.5, color=INK, va="center")


def _pixels(figure: Figure) -> Picture:
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    canvas = FigureCanvasAgg(figure)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]

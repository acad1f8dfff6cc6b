"""The picture of theory's table: D against D* over p and q, G's two gradients, and what losses measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

import numpy as np
import torch

from gan_cli.plots.canvas import FAKE, INK, REAL, Array, Picture, ask, dot, pixels, sigmoid, tidy
from gan_cli.theory import LOG_2, Row, lattice, log_normal, optimal_logit, optimum, total_variation, triangular

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure
    from torch import nn

WANTED = (0.5, 2.0, 4.0)  # shifts that get a panel, or the nearest ones there are
GREEN, PURPLE, GREY = "#009E73", "#AA4499", "#999999"
LEAST = 1e-4  # of a gradient that is drawn


def picture(shifts: Sequence[float], trained: Mapping[float, nn.Module], measured: Sequence[Row]) -> Picture:
    """Draw the optimum as lines and what was measured as dots, 1440 x 1020 pixels.

    Args:
        shifts: the mu of the rows.
        trained: the D of a mu; D* alone is drawn where there is none.
        measured: rows of trained D's.
    """
    from matplotlib.figure import Figure

    figure = Figure(figsize=(9.6, 6.8), dpi=150, facecolor="white")
    panels = sorted({min(shifts, key=lambda mu: abs(mu - wanted)) for wanted in WANTED})
    for i, mu in enumerate(panels):
        width = 0.87 / len(panels)
        axes = figure.add_axes((0.065 + i * width, 0.565, width - 0.03, 0.335))
        _opinions(axes, mu, trained.get(mu), first=i == 0, last=i == len(panels) - 1)
    _explain(figure, bool(trained))
    highest = max(4.0, 1.06 * max(shifts))
    _gradients(figure.add_axes((0.065, 0.085, 0.4, 0.36)), highest, measured)
    _distances(figure.add_axes((0.545, 0.085, 0.39, 0.36)), highest, measured)
    return pixels(figure)


def _opinions(axes: Axes, mu: float, D: nn.Module | None, first: bool, last: bool) -> None:
    """p and q as areas, D* and D as lines on an axis of their own."""
    x = np.linspace(-3.6, mu + 3.6, 400)
    places = torch.from_numpy(x)[:, None]
    log_p, log_q = log_normal(places), log_normal(places, mu)
    for log_density, colour in ((log_p, REAL), (log_q, FAKE)):
        axes.fill_between(x, log_density.exp().numpy(), color=colour, alpha=0.28, linewidth=0)
    axes.set(xlim=(x[0], x[-1]), ylim=(-0.012, 0.44), yticks=[0, 0.1, 0.2, 0.3, 0.4])
    axes.set_title(f"$\\mu$ = {mu:g}", fontsize=11, color=INK, pad=5)
    axes.set_xlabel("$x$", fontsize=10.5, labelpad=0)
    right = axes.twinx()
    right.plot(x, sigmoid(optimal_logit(log_p, log_q).numpy()), color=GREY, linewidth=5, alpha=0.6)
    if D is not None:
        right.plot(x, sigmoid(ask(D, x[:, None])), color=INK, linewidth=1.4)
    right.set(ylim=(-0.03, 1.1), yticks=[0, 0.25, 0.5, 0.75, 1])
    axes.tick_params(labelleft=first)  # all panels share both scales
    right.tick_params(labelright=last)
    for side, named, label in ((axes, first, "density"), (right, last, "$D(x)$")):
        tidy(side)
        side.set_ylabel(label if named else "", fontsize=10.5)


def _explain(figure: Figure, has_trained: bool) -> None:
    """One legend for the whole picture."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    entries = {
        "$p$, the data": Patch(color=REAL, alpha=0.28, linewidth=0),
        "$q$, samples of $G$": Patch(color=FAKE, alpha=0.28, linewidth=0),
        "$D^* = p\\,/\\,(p + q)$": Line2D([], [], color=GREY, linewidth=5, alpha=0.6),
    }
    if has_trained:
        entries["$D$, trained"] = Line2D([], [], color=INK, linewidth=1.4)
        entries["measured with it"] = dot(INK)
    figure.legend(entries.values(), entries.keys(), loc="upper center", ncols=5, frameon=False, fontsize=10.5)


def _gradients(axes: Axes, highest: float, measured: Sequence[Row]) -> None:
    mu = np.geomspace(0.02, highest, 80)
    rows = [optimum(float(m)) for m in mu]
    both = "their sum: $\\mu$, that of KL$(q\\,\\|\\,p)$"
    axes.plot(mu, mu, color=GREY, linewidth=1, linestyle=(0, (4, 2)), label=both)
    axes.plot(mu, [row.slope_nonsaturating for row in rows], color=PURPLE, linewidth=2, label="non-saturating")
    axes.plot(mu, [row.slope_minimax for row in rows], color=GREEN, linewidth=2, label="minimax")
    _dots(axes, PURPLE, [(row.mu, row.slope_nonsaturating) for row in measured if row.slope_nonsaturating > LEAST])
    _dots(axes, GREEN, [(row.mu, row.slope_minimax) for row in measured if row.slope_minimax > LEAST])
    axes.set(xlim=(0, highest), ylim=(LEAST, 30), yscale="log")
    _finish(axes, "G's gradient $|\\partial L_G/\\partial\\mu|$, $D$ at its best")
    axes.legend(loc="lower left", frameon=False, fontsize=9.5)


def _distances(axes: Axes, highest: float, measured: Sequence[Row]) -> None:
    mu = np.linspace(0, highest, 80)
    found = [_shares(float(m)) for m in mu]
    names = ("total variation (hinge)", "triangular (least squares)", "JS / log 2 (cross-entropy)")
    axes.plot(mu, mu, color=INK, linewidth=1.2, linestyle=(0, (4, 2)), label="$W_1$ (Wasserstein): grows on")
    for name, colour, values in zip(names, (FAKE, GREY, REAL), zip(*found, strict=True), strict=True):
        axes.plot(mu, values, color=colour, linewidth=2, label=name)
    _dots(axes, REAL, [(row.mu, row.js / LOG_2) for row in measured])
    _dots(axes, FAKE, [(row.mu, 2 * row.accuracy - 1) for row in measured])  # (1 + TV) / 2 is the best there is
    axes.set(xlim=(0, highest), ylim=(-0.03, 1.12))
    _finish(axes, "distance of $q$ from $p$")
    axes.legend(loc="lower right", frameon=False, fontsize=9.5)


def _shares(mu: float) -> tuple[float, float, float]:
    x, cell = lattice(-8.0, mu + 8.0, places=1000)
    log_p, log_q = log_normal(x), log_normal(x, mu)
    return total_variation(log_p, log_q, cell), triangular(log_p, log_q, cell), optimum(mu).js / LOG_2


def _dots(axes: Axes, colour: str, points: Sequence[tuple[float, float]]) -> None:
    across: Array = np.array(points).reshape(-1, 2)
    axes.plot(across[:, 0], across[:, 1], "o", color=colour, markersize=6.5, markeredgecolor="white", zorder=5)


def _finish(axes: Axes, title: str) -> None:
    tidy(axes)
    axes.set_title(title, fontsize=11, color=INK, pad=6)
    axes.set_xlabel("$\\mu$", fontsize=11, labelpad=0)
    axes.grid(color=INK, alpha=0.12, linewidth=0.6)

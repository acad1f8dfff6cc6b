"""The line: densities of the data and of the samples, and D."""

from __future__ import annotations

import numpy as np
from torch import Tensor

from gan_cli.plots.canvas import (
    BINS,
    FAKE,
    INK,
    REAL,
    SIDE,
    Array,
    Function,
    Picture,
    ask,
    complain,
    count_finite,
    finite_points,
    legend,
    limits_of,
    new_figure,
    pixels,
    say,
    scale_name,
    sigmoid,
    tidy,
    to_array,
    within,
)


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
    x, g = finite_points(real), to_array(fake)
    xlim = limits_of(x[:, 0])
    edges = np.linspace(*xlim, BINS + 1)
    places = np.linspace(*xlim, 4 * BINS + 1)

    figure, axes = new_figure((66, 56, 500, SIDE), title)
    if log_prob is None:
        p = _histogram(x, edges)
        axes.stairs(p, edges, color=REAL, linewidth=2, label=f"$p$, from {len(x):,} samples")
    else:
        p = np.exp(ask(log_prob, places[:, None]))
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
        value = ask(logits, places[:, None])
        value = sigmoid(value) if probability else value
        if not np.isfinite(value).any():
            complain(axes)
        handles += right.plot(places, value, color=INK, linewidth=1.6, linestyle=(0, (5, 2)))
        labels.append("$D(x)$")
        right.axhline(0.5 if probability else 0, color=INK, linewidth=0.8, alpha=0.4)
        if probability:
            right.set_ylim(0, 1.08)
            right.set_yticks([0, 0.25, 0.5, 0.75, 1])
        tidy(right)
        right.set_ylabel(scale_name(probability), fontsize=10.5)
    legend(axes, handles, labels)
    inside = int(within(g[:, 0], xlim).sum())
    told = {"outside the picture": count_finite(g) - inside, "not finite": len(g) - count_finite(g)}
    say(figure, len(g), told, f"$p_G$ reaches {highest:.3g} and is cut" if highest > 3 * peak else "")
    return pixels(figure)


def _histogram(points: Array, edges: Array) -> Array:
    """Counts as a density over all points, also those outside of the edges."""
    values = points[:, 0]
    counts, _ = np.histogram(values[np.isfinite(values)], edges)
    heights: Array = counts / (max(len(values), 1) * (edges[1] - edges[0]))
    return heights

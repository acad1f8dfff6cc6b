"""The line: densities of the data and of the samples, and D."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

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
    Range,
    ask,
    complain,
    corner,
    count_finite,
    finite_points,
    legend,
    limits_of,
    peak_of,
    round_up,
    scale_name,
    sigmoid,
    tidy,
    to_array,
    top_of,
    within,
)
from gan_cli.plots.sheet import KEPT, Sheet

if TYPE_CHECKING:
    from matplotlib.lines import Line2D
    from matplotlib.patches import StepPatch
    from matplotlib.text import Text


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
    edges, places = np.linspace(*xlim, BINS + 1), np.linspace(*xlim, 4 * BINS + 1)
    p = _histogram(x, edges) if log_prob is None else np.exp(ask(log_prob, places[:, None]))
    p_g = _histogram(g, edges)
    peak, highest = peak_of(p), float(p_g.max())
    values = None if logits is None else ask(logits, places[:, None])
    says = sigmoid(values) if values is not None and probability else values
    of_p = "exact" if log_prob is not None else f"from {len(x):,} samples"
    names = f"$p$, {of_p}", f"$p_G$, estimated from {len(g):,} samples"
    ends = None if says is None else (0.0, 1.0) if probability else _ends(says)
    line = _line(xlim, top_of(peak, highest), names, ends, probability)

    sheet = line.sheet
    sheet.clear()
    if log_prob is None:
        line.real_steps.set_data(p, edges)
        sheet.draw(line.real_steps)
    for steps in (line.area, line.fake):
        steps.set_data(p_g, edges)
        sheet.draw(steps)
    if log_prob is not None:
        line.real.set_data(places, p)
        sheet.draw(line.real)
    if says is not None:
        if not np.isfinite(says).any():
            sheet.draw(line.complaint)
        line.opinion.set_data(places, says)
        sheet.draw(line.opinion)
    inside = int(within(g[:, 0], xlim).sum())
    told = {"outside the picture": count_finite(g) - inside, "not finite": len(g) - count_finite(g)}
    cut = f"$p_G$ reaches {highest:.3g} and is cut" if highest > 3 * (peak or 1.0) else ""
    return sheet.finish(title, corner(len(g), told, cut))


def _ends(values: Array) -> Range:
    """Of an axis for raw scores: around 0, where D decides, with a little room, and in steps."""
    finite = values[np.isfinite(values)]
    low, high = float(finite.min(initial=0)), float(finite.max(initial=0))
    if low == high:
        return -1.0, 1.0
    return -1.05 * round_up(-low) if low < 0 else 0.0, 1.05 * round_up(high) if high > 0 else 0.0


@dataclass(frozen=True)
class _Line:
    """All that such a picture is made of."""

    sheet: Sheet
    real: Line2D
    real_steps: StepPatch
    area: StepPatch
    fake: StepPatch
    opinion: Line2D
    complaint: Text


@lru_cache(KEPT)
def _line(xlim: Range, top: float, names: tuple[str, str], ends: Range | None, probability: bool) -> _Line:
    sheet = Sheet(66 + 500 / 2)
    axes = sheet.axes((66, 56, 500, SIDE))
    axes.set(xlim=xlim, ylim=(0, top))
    axes.set_xlabel("$x$", fontsize=11, labelpad=1)
    axes.set_ylabel("density", fontsize=10.5)
    right = axes
    if ends is not None:
        right = axes.twinx()
        right.axhline(0.5 if probability else 0, color=INK, linewidth=0.8, alpha=0.4)
        right.set_ylim(ends[0], 1.08 if probability else ends[1])
        if probability:
            right.set_yticks([0, 0.25, 0.5, 0.75, 1])
        tidy(right)
        right.set_ylabel(scale_name(probability), fontsize=10.5)
    real = axes.plot([], [], color=REAL, linewidth=2)[0]
    opinion = right.plot([], [], color=INK, linewidth=1.6, linestyle=(0, (5, 2)))[0]
    nothing, edges = np.zeros(BINS), np.linspace(*xlim, BINS + 1)
    area = axes.stairs(nothing, edges, color=FAKE, alpha=0.3, fill=True)
    fake = axes.stairs(nothing, edges, color=FAKE, linewidth=1.3)
    real_steps = axes.stairs(nothing, edges, color=REAL, linewidth=2)
    handles = [real if names[0].endswith("exact") else real_steps, fake, *([opinion] if ends is not None else [])]
    legend(axes, handles, [*names, "$D(x)$"][: len(handles)])
    for artist in (real, real_steps, area, fake, opinion):
        artist.set_animated(True)
    return _Line(sheet, real, real_steps, area, fake, opinion, complain(axes))


def _histogram(points: Array, edges: Array) -> Array:
    """Counts as a density over all points, also those outside of the edges."""
    values = points[:, 0]
    counts, _ = np.histogram(values[np.isfinite(values)], edges)
    heights: Array = counts / (max(len(values), 1) * (edges[1] - edges[0]))
    return heights

"""The picture of a search: how the best came about, and the metric over each setting."""

from __future__ import annotations

import itertools
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_cli.cli.search.settings import Settings
from gan_cli.cli.search.space import Choice, Number
from gan_cli.cli.search.study import Study
from gan_cli.cli.search.trial import Trial
from gan_cli.grid import save_png
from gan_cli.plots.canvas import FAKE, INK, REAL, Picture, pixels, tidy

if TYPE_CHECKING:
    from matplotlib.axes import Axes

GREY = "#999999"
_MOST = 12  # settings that get a panel
_COLUMNS = 3
_WIDTH, _HEIGHT = 3.2, 2.7  # inches of a panel
_WIDE = 30.0  # times the smallest value, from which on the metric has a logarithmic axis
_LONG = 14  # characters of a choice


def draw(settings: Settings, study: Study, path: Path) -> None:
    """Write the picture of all trials."""
    save_png(path, picture(settings, study))


def picture(settings: Settings, study: Study) -> Picture:
    """A wide panel over the trials, and below it one for each setting; the best trial is ringed in all."""
    from matplotlib.figure import Figure

    keys = list(study.space.parts)[:_MOST]
    columns = 2 if len(keys) == 4 else min(_COLUMNS, len(keys))
    rows = -(-len(keys) // columns)
    size = (_COLUMNS * _WIDTH, (rows + 1) * _HEIGHT)
    figure = Figure(figsize=size, dpi=100, facecolor="white", layout="constrained")
    grid = figure.add_gridspec(rows + 1, columns)
    good = [trial for trial in study.trials if trial.mean is not None]
    values = [trial.mean for trial in good if trial.mean is not None]
    log = bool(values) and min(values) > 0 and max(values) > _WIDE * min(values)
    panel = figure.add_subplot(grid[0, :])
    _history(panel, settings, study)
    for place, key in enumerate(keys):
        axes = figure.add_subplot(grid[1 + place // columns, place % columns])
        _slice(axes, study, key)
        if place % columns == 0:
            axes.set_ylabel(settings.tag, fontsize=9.5, color=INK)
        _finish(axes, study, log)
    _finish(panel, study, log)
    return pixels(figure)


def _finish(axes: Axes, study: Study, log: bool) -> None:
    """What all panels share: the axis of the metric."""
    if log:
        axes.set_yscale("log")
    if study.best is None:
        axes.set_yticks([])
    axes.margins(y=0.12)  # room for the marks at the lower edge
    axes.grid(axis="y", linewidth=0.4, color="#DDDDDD")
    axes.set_axisbelow(True)
    tidy(axes)


def _history(axes: Axes, settings: Settings, study: Study) -> None:
    from matplotlib.ticker import MaxNLocator

    good = [trial for trial in study.trials if trial.mean is not None]
    numbers, values = [trial.number for trial in good], [trial.mean or 0.0 for trial in good]
    if any(trial.spread for trial in good):
        spreads = [trial.spread or 0.0 for trial in good]
        axes.errorbar(numbers, values, spreads, linestyle="none", color=REAL, linewidth=0.8, alpha=0.5)
    axes.scatter(numbers, values, s=26, color=REAL, label="trial", zorder=3)
    best = list(itertools.accumulate(values, max if settings.maximizes else min))
    if best:
        last = len(study.trials) - 1
        axes.step([*numbers, last], [*best, best[-1]], where="post", color=FAKE, linewidth=1.4, label="best so far")
    _rug(axes, study.trials, [trial.number for trial in study.trials])
    _ring(axes, study, None if study.best is None else study.best.number)
    axes.set_xlim(-0.7, max(1, len(study.trials)) - 0.3)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    axes.set_xlabel("trial", fontsize=9.5, color=INK)
    axes.set_ylabel(settings.tag, fontsize=9.5, color=INK)
    way = "largest" if settings.maximizes else "smallest"
    first = study.best
    told = "no trial came to its end" if first is None else f"best: {first.mean:.4g}, trial {first.number}"
    axes.set_title(f"{way} {settings.tag}; {told}", fontsize=11, color=INK, loc="left")
    axes.legend(loc="upper right", bbox_to_anchor=(1.0, 1.17), ncols=4, frameon=False, fontsize=9)


def _slice(axes: Axes, study: Study, key: str) -> None:
    """The metric over one setting; later trials are darker."""
    from matplotlib.ticker import MaxNLocator

    part = study.space.parts[key]
    places = [_place(part, trial.values[key], trial.number) for trial in study.trials]
    good = [trial for trial in study.trials if trial.mean is not None]
    if good:
        x, y = [places[trial.number] for trial in good], [trial.mean or 0.0 for trial in good]
        number, many = [trial.number for trial in good], len(study.trials)
        axes.scatter(x, y, 22, number, cmap="Blues", vmin=-0.6 * many, vmax=many, edgecolors=REAL, lw=0.5, zorder=3)
    _rug(axes, study.trials, places)
    _ring(axes, study, None if study.best is None else places[study.best.number])
    axes.set_title(key if len(key) <= 34 else f"...{key[-31:]}", fontsize=10, color=INK)
    if isinstance(part, Choice):
        axes.set_xlim(-0.5, len(part.values) - 0.5)
        names = [value if len(value) <= _LONG else f"{value[: _LONG - 1]}…" for value in part.values]
        turned = sum(map(len, names)) > 26
        axes.set_xticks(range(len(names)), names, rotation=35 if turned else 0, ha="right" if turned else "center")
        return
    margin = 0.04 * (math.log(part.high / part.low) if part.log else part.high - part.low)
    if part.log:
        axes.set_xscale("log")
        axes.set_xlim(part.low * math.exp(-margin), part.high * math.exp(margin))
    else:
        axes.set_xlim(part.low - margin, part.high + margin)
        axes.xaxis.set_major_locator(MaxNLocator(6, integer=part.whole))


def _place(part: Choice | Number, value: object, number: int) -> float:
    """Where a value lies; of a choice beside each other, so that equal ones can be told apart."""
    if isinstance(part, Choice):
        return part.values.index(str(value)) + 0.3 * ((number * 0.618) % 1 - 0.5)
    assert isinstance(value, int | float)
    return float(value)


def _rug(axes: Axes, trials: Sequence[Trial], places: Sequence[float]) -> None:
    """Trials without a value, at the lower edge."""
    across = axes.get_xaxis_transform()
    for state, mark, colour, label in (("pruned", "^", GREY, "pruned by an alarm"), ("failed", "x", INK, "failed")):
        where = [x for x, trial in zip(places, trials, strict=True) if trial.state == state]
        if where:
            axes.scatter(where, [0.03] * len(where), transform=across, s=24, marker=mark, color=colour, label=label,
                         clip_on=False, linewidths=1)  # fmt: skip


def _ring(axes: Axes, study: Study, place: float | None) -> None:
    if study.best is not None and study.best.mean is not None and place is not None:
        axes.scatter([place], [study.best.mean], s=90, facecolors="none", edgecolors=FAKE, linewidths=1.6, zorder=4)

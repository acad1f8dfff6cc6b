"""The figures of a run along its steps, from `metrics.jsonl`, and what is drawn of them."""

import json
import math
import os
from array import array
from collections.abc import Sequence
from pathlib import Path
from statistics import median

import numpy as np
import numpy.typing as npt

from gan_cli.errors import RunError
from gan_cli.reading import ROW_LIMIT, ROWS_LIMIT, WORDS, open_regular

METRICS, TIMING = "metrics.jsonl", "timing.jsonl"
RATE = "time/images_per_second"
MOST_TAGS = 1000  # of one run; gan-train logs some 60
_GAPS = {"nan": math.nan, "inf": math.inf, "-inf": -math.inf}


class Series:
    """One figure of one run: its steps, and its values, which may be NaN or infinite."""

    def __init__(self) -> None:
        self.steps, self.values = array("q"), array("d")  # a tenth of the room of lists

    def add(self, step: int, value: float) -> None:
        """Take in one more, at a later step or the same."""
        self.steps.append(step)
        self.values.append(value)


def read(path: Path, only: str | None = None) -> tuple[dict[str, Series], str | None]:
    """Every figure in a log, and what is wrong with it: a row that gan-train did not write ends the reading, a last
    line without an end is being written.

    Rows are read as `reading.read_rows` does, many times faster: numbers are looked at when they are there.

    Args:
        only: a tag; the others are left out.

    Raises:
        RunError: the file cannot be read.
    """
    found: dict[str, Series] = {}
    before = 0
    with open_regular(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > ROWS_LIMIT:
            raise RunError(f"{path}: has {size:,} bytes; at most {ROWS_LIMIT:,} are read")
        number = 0
        while (line := file.readline(ROW_LIMIT + 1)).endswith(b"\n"):
            number += 1
            try:
                row = json.loads(line)
                step = row.pop("step")
                if type(step) is not int or not before <= step < 1 << 63:
                    raise ValueError("its step is none, or an earlier one than before")
                figures = {tag: _figure(value) for tag, value in row.items() if only is None or tag == only}
            except (ValueError, KeyError, AttributeError, TypeError, RecursionError, OverflowError) as error:
                return found, f"{path.name}: line {number} is not as gan-train writes it: {str(error)[:100]}"
            before = step
            for tag, value in figures.items():
                if value is None:  # "n/a"
                    continue
                if tag not in found:
                    if len(found) == MOST_TAGS:
                        continue
                    found[tag] = Series()
                series = found[tag]
                series.steps.append(step)
                series.values.append(value)
        if len(line) > ROW_LIMIT:
            return found, f"{path.name}: line {number + 1} is longer than {ROW_LIMIT:,} bytes"
    return found, None


def _figure(value: object) -> float | None:
    if type(value) is float or type(value) is int:
        return float(value)
    if isinstance(value, str) and value in WORDS:
        return _GAPS.get(value)
    raise ValueError("it holds more than figures")


def rate(directory: Path) -> float | None:
    """Images per second: the median over the run; None where it was not logged."""
    try:
        found, _ = read(directory / TIMING, only=RATE)
    except RunError:
        return None
    values = [value for value in found.get(RATE, Series()).values if math.isfinite(value) and value >= 0]
    return median(values) if values else None


def last(series: Series) -> float:
    """The last value."""
    return series.values[-1]


def best(series: Series, better: str) -> float:
    """The smallest or largest finite value; the last one where none is finite."""
    finite = [value for value in series.values if math.isfinite(value)]
    return (min if better == "smallest" else max)(finite) if finite else last(series)


def thinned(series: Series, points: int) -> list[tuple[int, float]]:
    """At most so many points that look like all of them: of each stretch of rows the lowest and the highest, at their
    own steps, and the ends. What is not finite becomes NaN; of a stretch without anything finite there is one.

    Args:
        points: at least 4.

    >>> series = Series()
    >>> for step in range(100):
    ...     series.add(step, 7.0 if step == 33 else step % 2)
    >>> thinned(series, 8)
    [(0, 0.0), (1, 1.0), (33, 7.0), (34, 0.0), (66, 0.0), (67, 1.0), (99, 1.0)]
    """
    steps, values = np.array(series.steps), _gapped(series)
    if len(steps) > points:
        starts = _starts(len(steps), (points - 2) // 2)
        low, high = (np.where(np.isnan(values), far, values) for far in (np.inf, -np.inf))
        stretches = zip(starts, [*starts[1:], len(steps)], strict=True)
        extremes = [(a + low[a:b].argmin(), a + high[a:b].argmax()) for a, b in stretches]
        chosen = sorted({0, len(steps) - 1, *(int(i) for pair in extremes for i in pair)})
        steps, values = steps[chosen], values[chosen]
    return list(zip(steps.tolist(), values.tolist(), strict=True))


def shortened(series: Series, points: int) -> Series:
    """As many values at most: means of stretches of rows, each at its last step."""
    n = len(series.steps)
    if n <= points:
        return series
    values, starts = _gapped(series), _starts(n, points)
    finite = ~np.isnan(values)
    count = np.add.reduceat(finite.astype(float), starts)
    with np.errstate(invalid="ignore"):  # none in a stretch: NaN
        means = np.add.reduceat(np.where(finite, values, 0.0), starts) / count
    found = Series()
    found.steps = array("q", (series.steps[end - 1] for end in [*starts[1:], n]))
    found.values = array("d", means.tolist())
    return found


def _starts(rows: int, parts: int) -> list[int]:
    """Where each of so many stretches of rows begins."""
    return [rows * i // parts for i in range(parts)]


def band(runs: Sequence[Series], points: int) -> tuple[list[int], list[float], list[float], list[float]]:
    """Mean, lowest and highest run along the steps: at each step that was logged, where there are at most so many,
    else over as many equal stretches of steps, in which each run counts with its mean.

    Returns:
        Steps (the last of each stretch that was logged), means, lowest, highest; of finite values alone, and only where
        there is one.
    """
    every = np.unique(np.concatenate([np.array(series.steps) for series in runs]))
    if len(every) > points:
        edges = np.linspace(every[0], every[-1], points + 1)
        ends = np.unique(every[np.searchsorted(every, edges[1:], side="right") - 1])
    else:
        ends = every
    table = np.full((len(runs), len(ends)), np.nan)
    for row, series in zip(table, runs, strict=True):
        values = _gapped(series)
        told = ~np.isnan(values)
        place = np.searchsorted(ends, np.array(series.steps)[told])
        count = np.bincount(place, minlength=len(ends))
        total = np.bincount(place, values[told], minlength=len(ends))
        row[count > 0] = total[count > 0] / count[count > 0]
    kept = ~np.isnan(table).all(axis=0)
    steps, table = ends[kept], table[:, kept]
    if not len(steps):
        return [], [], [], []
    return steps.tolist(), *(f(table, axis=0).tolist() for f in (np.nanmean, np.nanmin, np.nanmax))


def _gapped(series: Series) -> npt.NDArray[np.float64]:
    values = np.array(series.values)
    values[~np.isfinite(values) | (np.abs(values) > 1e300)] = np.nan
    return values

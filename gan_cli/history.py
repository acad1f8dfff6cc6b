"""The figures of a run so far, and what an alarm asks of them: the last few, their median, the best there was."""

import itertools
import math
from array import array
from collections import defaultdict
from collections.abc import Iterable, Mapping
from pathlib import Path
from statistics import median

from gan_cli.reading import read_rows


class History:
    """Each figure's values in the order of their steps; a figure need not be in every row."""

    def __init__(self) -> None:
        # Arrays: of a run of a million rows they take a quarter of the room of lists.
        self._steps: defaultdict[str, array[int]] = defaultdict(lambda: array("q"))
        self._values: defaultdict[str, array[float]] = defaultdict(lambda: array("d"))
        self._highest: dict[tuple[str, int, int], tuple[int, float]] = {}  # how far it was looked, and what was found

    def add(self, step: int, row: Mapping[str, float]) -> None:
        """Take in one row."""
        for key, value in row.items():
            self._steps[key].append(step)
            self._values[key].append(value)

    def newest(self, key: str, n: int) -> list[float]:
        """The last n values of a figure, or as many as there are."""
        return self._values[key][-n:].tolist()

    def last(self, key: str, n: int, span: int = 0) -> list[float]:
        """The last n values of a figure, and more where those lie within less than `span` steps; none where the run is
        not that long yet.
        """
        steps, start = self._steps[key], len(self._steps[key]) - n
        while start >= 0 and steps[-1] - steps[start] < span:
            start -= 1
        return self._values[key][start:].tolist() if start >= 0 else []

    def median(self, key: str, n: int, span: int = 0) -> float | None:
        """Of what `last` gives; None where it gives nothing."""
        found = self.last(key, n, span)
        return median(found) if found else None

    def best(self, key: str, n: int, before: int = 0, lowest: bool = False) -> float | None:
        """The highest (or lowest) median of n values in a row, the last `before` values left out; None without any.

        >>> history = History()
        >>> for step, value in enumerate([1.0, 9.0, 2.0, 3.0, 0.0]):
        ...     history.add(step, {"x": value})
        >>> history.best("x", 3), history.best("x", 3, lowest=True), history.best("x", 3, before=2)
        (3.0, 2.0, 2.0)
        """
        values, sign = self._values[key], -1 if lowest else 1
        at, found = self._highest.get((key, n * sign, before), (n, float("-inf")))
        for end in range(at, len(values) - before + 1):  # only those that are new since it was asked last
            found = max(found, sign * median(values[end - n : end]))
        self._highest[key, n * sign, before] = max(at, len(values) - before + 1), found
        return None if found == float("-inf") else sign * found

    def ever(self, key: str, least: float) -> bool:
        """Whether the figure was ever at least so high."""
        highest = self.best(key, 1)
        return highest is not None and highest >= least

    def evidence(self, key: str, n: int, unit: str = "") -> str:
        """The last n values in words: a few one by one, of many the median."""
        steps, found = self._steps[key][-n:], self._values[key][-n:]
        values = f"median {median(found):.3g}" if n > 5 else ", ".join(f"{v:.3g}" for v in found)
        return f"{key} {values}{unit} at steps {steps[0]:,} to {steps[-1]:,}"


def swings(values: Iterable[float], least: float) -> list[float]:
    """How far each swing goes, from values of at least `least` to values of at most `-least` or back.

    >>> swings([1, 2, 0.1, -3, -0.1, 0.2, 1], least=0.5)
    [2, 3, 1]
    """
    far = [v for v in values if abs(v) >= least and v]
    return [max(map(abs, side)) for _, side in itertools.groupby(far, key=lambda v: v > 0)]


def columns(path: Path) -> dict[str, list[float]]:
    """A log as columns: `step`, and each figure at those steps; NaN where a row does not have it, or has a word.

    Raises:
        RunError: it cannot be read.
    """
    found: dict[str, list[float]] = {"step": []}
    for number, row in enumerate(read_rows(path)):
        for tag, value in row.items():
            column = found.setdefault(tag, [])
            column += [math.nan] * (number - len(column))
            column.append(value if tag == "step" else math.nan if value == "n/a" else float(value))
    return {tag: column + [math.nan] * (len(found["step"]) - len(column)) for tag, column in found.items()}

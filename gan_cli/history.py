"""The figures of a run so far, and what an alarm asks of them: the last few, their median, the best there was."""

import itertools
from collections import defaultdict
from collections.abc import Iterable, Mapping
from statistics import median


class History:
    """Each figure's values in the order of their steps; a figure need not be in every row."""

    def __init__(self) -> None:
        self._steps: defaultdict[str, list[int]] = defaultdict(list)
        self._values: defaultdict[str, list[float]] = defaultdict(list)
        self._highest: dict[tuple[str, int, int], tuple[int, float]] = {}  # how far it was looked, and what was found

    def add(self, step: int, row: Mapping[str, float]) -> None:
        """Take in one row."""
        for key, value in row.items():
            self._steps[key].append(step)
            self._values[key].append(value)

    def last(self, key: str, n: int, at_least: int | None = None) -> list[float]:
        """The last n values of a figure; none where there are fewer than that, or than `at_least`."""
        found = self._values[key][-n:]
        return found if len(found) >= (n if at_least is None else at_least) else []

    def median(self, key: str, n: int) -> float | None:
        """Of the last n values; None where there are fewer."""
        found = self.last(key, n)
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
        """The last n values in words: each of a few, the median of many."""
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

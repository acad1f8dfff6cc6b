"""Means, their intervals, and whether two configurations differ by more than their seeds do.

Runs are independent samples of a configuration; a test on two or three of them has little power, and says so itself by
how many it would take. Sources: Welch 1947 (Biometrika 34:28); Holm 1979 (Scand. J. Statist. 6:65).
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

LEVEL = 0.05  # of a test, and 1 - LEVEL of an interval
POWER = 0.8
MOST = 10_000  # runs; more are called that

Numbers = npt.NDArray[np.float64]


@dataclass(frozen=True)
class Sample:
    """The finite figures of one configuration: how many, their mean, the standard deviation of a run (NaN of one)."""

    n: int
    mean: float
    std: float

    @classmethod
    def of(cls, values: Sequence[float]) -> "Sample":
        """Rounding is no spread: equal figures have a standard deviation of exactly 0.

        >>> Sample.of([1.0, 2.0, 3.0]), Sample.of([0.1, 0.1, 0.1])
        (Sample(n=3, mean=2.0, std=1.0), Sample(n=3, mean=0.1, std=0.0))
        """
        if not values:
            return cls(0, math.nan, math.nan)
        if max(values) - min(values) <= 1e-12 * max(map(abs, values)):
            return cls(len(values), values[0], 0.0 if len(values) > 1 else math.nan)
        return cls(len(values), math.fsum(values) / len(values), float(np.std(values, ddof=1)))

    def interval(self) -> tuple[float, float] | None:
        """The 95 % interval of the mean, by Student's t; None of one run."""
        if self.n < 2:
            return None
        half = _quantile(self.n - 1) * self.std / math.sqrt(self.n)
        return self.mean - half, self.mean + half


@dataclass(frozen=True)
class Compared:
    """Welch's test of many pairs at once; each array is as long as the pairs, NaN where there is no test."""

    difference: Numbers
    low: Numbers
    high: Numbers
    t: Numbers
    df: Numbers
    p: Numbers


def welch(samples: Sequence[Sample], pairs: Sequence[tuple[int, int]]) -> Compared:
    """Welch's t-test, two-sided, and the 95 % interval of the difference of both means (first less second).

    Where neither has any spread there is no t: the exact permutation test of the two constants stands in. Its p is
    twice the chance to deal the runs into two such groups as they are, one of all ways; 1 where both are equal.
    """
    n, mean, std = (np.array([getattr(s, name) for s in samples], dtype=float) for name in ("n", "mean", "std"))
    a, b = np.array(pairs, dtype=int).reshape(-1, 2).T
    with np.errstate(all="ignore"):  # of none and of one there is no spread, and NaN says so
        part_a, part_b = std[a] ** 2 / n[a], std[b] ** 2 / n[b]
        difference, variance = mean[a] - mean[b], part_a + part_b
        df = variance**2 / (part_a**2 / (n[a] - 1) + part_b**2 / (n[b] - 1))
        t = difference / np.sqrt(variance)
    t[variance == 0] = df[variance == 0] = np.nan
    p = 2 * _special().stdtr(df, -np.abs(t))
    half = -_special().stdtrit(df, LEVEL / 2) * np.sqrt(variance)
    for i in np.flatnonzero(variance == 0):
        equal = difference[i] == 0
        p[i] = 1.0 if equal else min(1.0, 2 / math.comb(int(n[a[i]] + n[b[i]]), int(n[a[i]])))
    return Compared(difference, difference - half, difference + half, t, df, p)


def holm(p: Sequence[float] | Numbers) -> Numbers:
    """Corrected p: the chance that any of them is that small by luck stays below it, whatever they share. NaN, where no
    test was made, counts as none.

    >>> holm([0.01, 0.04, 0.03]).tolist()
    [0.03, 0.06, 0.06]
    """
    p = np.asarray(p, dtype=float)
    corrected = np.full(len(p), np.nan)
    tested = np.flatnonzero(~np.isnan(p))
    order = tested[np.argsort(p[tested], kind="stable")]
    stepped = p[order] * np.arange(len(order), 0, -1)
    corrected[order] = np.minimum(1.0, np.maximum.accumulate(stepped)) if len(order) else stepped
    return corrected


def runs_needed(difference: float, std_a: float, std_b: float, level: float = LEVEL) -> int | None:
    """Of each configuration, for Welch's test to see a true difference of this size in 8 of 10 times.

    From the noncentral t distribution, with as many runs of both.

    Returns:
        None where it would take more than 10,000, or there is no spread or no difference to plan with.
    """
    variance = std_a**2 + std_b**2
    if not variance > 0 or not abs(difference) > 0 or not math.isfinite(difference):
        return None
    if _power(MOST, difference, std_a, std_b, level) < POWER:
        return None
    low, high = 1, MOST  # too few, and enough
    while high - low > 1:
        middle = (low + high) // 2
        if _power(middle, difference, std_a, std_b, level) < POWER:
            low = middle
        else:
            high = middle
    return high


def _power(n: int, difference: float, std_a: float, std_b: float, level: float) -> float:
    """That the test of n runs of each comes out, if the difference is a true one."""
    if n < 2:
        return 0.0
    special, part_a, part_b = _special(), std_a**2, std_b**2
    df = (n - 1) * (part_a + part_b) ** 2 / (part_a**2 + part_b**2)
    shift = abs(difference) / math.sqrt((part_a + part_b) / n)
    critical = -special.stdtrit(df, level / 2)
    if shift > critical + 10:  # certain; far out the noncentral t has no figures
        return 1.0
    return float(1 - special.nctdtr(df, shift, critical))


def _quantile(df: float) -> float:
    return float(-_special().stdtrit(df, LEVEL / 2))


def _special() -> Any:
    import scipy.special

    return scipy.special

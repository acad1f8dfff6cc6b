"""What a figure must come to: a statistic over seeds, and the band that it has to lie in."""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from statistics import fmean, median, stdev
from typing import Literal, get_args

Statistic = Literal["mean", "median", "min", "max", "every", "worst"]


def standard_error(values: Sequence[float]) -> float | None:
    """Of the mean of independent values; None of one alone.

    >>> standard_error([1.0, 3.0]), standard_error([1.0])
    (1.0, None)
    """
    return stdev(values) / math.sqrt(len(values)) if len(values) > 1 and all(map(math.isfinite, values)) else None


def mean(values: Sequence[float]) -> float:
    """NaN where there are both infinities, of which there is none.

    >>> mean([1.0, 4.0]), mean([1.0, math.inf]), mean([math.inf, -math.inf])
    (2.5, inf, nan)
    """
    return math.nan if {math.inf, -math.inf} <= {*values} else fmean(values)


@dataclass(frozen=True)
class Band:
    """low <= statistic over seeds of a metric <= high.

    `every` and `worst` ask the same: that no seed lies outside. Their value is that of the seed which is nearest to an
    end of the band, or farthest outside.

    Args:
        metric: its name in the figures.
        statistic: over the seeds.
        low, high: the ends, which belong to the band.
        variant: of the row, where it has several; empty: each of them.
        minus: another variant: the band is of the difference of both.

    Raises:
        ValueError: no such statistic, or a band without an end, or one that is empty.
    """

    metric: str
    statistic: Statistic = "mean"
    low: float = -math.inf
    high: float = math.inf
    variant: str = ""
    minus: str = ""

    def __post_init__(self) -> None:
        if self.statistic not in get_args(Statistic):
            raise ValueError(f"statistic must be one of {', '.join(get_args(Statistic))}; got {self.statistic!r}")
        if not self.low <= self.high or (self.low, self.high) == (-math.inf, math.inf):
            raise ValueError(f"a band needs an end, and low <= high; got {self.low} and {self.high}")
        if self.minus and not self.variant:
            raise ValueError("a difference needs both variants")

    def concerns(self, variant: str) -> bool:
        """Whether the figures of a variant are held against it."""
        return self.variant in ("", variant)

    def value(self, values: Sequence[float]) -> float:
        """The statistic; NaN where there is nothing, or one of the values is NaN.

        >>> Band("kl", "worst", high=0.1).value([0.01, 0.3, 0.02])
        0.3
        """
        if not values or any(map(math.isnan, values)):
            return math.nan
        if self.statistic in ("every", "worst"):
            return max(values, key=self._outside)
        statistics: dict[str, Callable[[Sequence[float]], float]]
        statistics = {"mean": mean, "median": median, "min": min, "max": max}
        return statistics[self.statistic](values)

    def holds(self, value: float) -> bool:
        """Whether a value of the statistic lies in the band; NaN does not."""
        return self.low <= value <= self.high

    def _outside(self, value: float) -> float:
        """How far a value lies outside; below 0: how far it is from the nearer end."""
        return max(self.low - value, value - self.high)

    def words(self, unit: float = 1.0) -> str:
        """Such as `worst <= 0.1`; of shares in percent where the unit is 100.

        >>> Band("hq", "mean", 0.85).words(100), Band("std_ratio", "mean", 0.7, 1.2).words()
        ('mean >= 85', 'mean 0.7 to 1.2')
        >>> Band("js", "every", 0.3367, 0.3369).words(), Band("fid", low=1, variant="a", minus="b").words()
        ('every 0.3368 ± 0.0001', 'mean of a - b >= 1')
        """
        what = f"{self.statistic} of {self.variant} - {self.minus}" if self.minus else self.statistic
        low, high = unit * self.low, unit * self.high
        middle, half = (low + high) / 2, (high - low) / 2
        if low == high:
            return f"{what} {low:.4g}"
        if math.isinf(low):
            return f"{what} <= {high:.4g}"
        if math.isinf(high):
            return f"{what} >= {low:.4g}"
        if half <= 0.02 * abs(middle) or abs(middle) <= 1e-9 * half:
            return f"{what} {middle:.4g} ± {half:.1g}"
        return f"{what} {low:.4g} to {high:.4g}"

"""What a search may choose: choices and numbers, each by the key of its setting."""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from optuna.distributions import BaseDistribution

Values = dict[str, str | int | float]  # of each setting one


@dataclass(frozen=True)
class Choice:
    """Values without an order, as a command line writes them."""

    values: tuple[str, ...]

    def distribution(self) -> "BaseDistribution":
        """For Optuna."""
        from optuna.distributions import CategoricalDistribution

        return CategoricalDistribution(self.values)

    def ends(self) -> list[Any]:
        """Values that stand for all."""
        return [*self.values]

    def size(self) -> float:
        """How many values there are."""
        return len(self.values)

    def short(self, value: Any) -> Any:
        """A value as it is tried."""
        return value


@dataclass(frozen=True)
class Number:
    """A number in [low, high].

    Args:
        step: between one value and the next; None: any value.
        log: it is the logarithm that is chosen.
        whole: whole numbers alone.
    """

    low: float
    high: float
    step: float | None = None
    log: bool = False
    whole: bool = False

    def distribution(self) -> "BaseDistribution":
        """For Optuna."""
        from optuna.distributions import FloatDistribution, IntDistribution

        if self.whole:
            return IntDistribution(int(self.low), int(self.high), log=self.log, step=int(self.step or 1))
        return FloatDistribution(self.low, self.high, log=self.log, step=self.step)

    def ends(self) -> list[Any]:
        """Values that stand for all."""
        return [self.low, self.high]

    def size(self) -> float:
        """How many values there are."""
        step = self.step or (1 if self.whole else None)
        return math.inf if step is None else round((self.high - self.low) / step) + 1

    def short(self, value: Any) -> Any:
        """A value as it is tried: to some thousandth of the interval, so that it can be read and typed.

        >>> Number(1e-4, 1e-2, log=True).short(0.00013969644859436177), Number(0.9, 0.999).short(0.93456789)
        (0.0001397, 0.93457)
        """
        if self.whole:
            return int(value)
        largest = max(abs(self.low), abs(self.high))
        digits = 4 + max(0, math.floor(math.log10(largest / (self.high - self.low)))) if self.high > self.low else 16
        return min(max(float(f"{value:.{12 if self.step else digits}g}"), self.low), self.high)


@dataclass(frozen=True)
class Space:
    """The settings to search, by their keys, and the overrides that all trials have."""

    parts: Mapping[str, Choice | Number]
    fixed: Sequence[str]
    prefixes: Mapping[str, str]  # `++`, as the command line is prepared for Hydra

    def overrides(self, values: Values) -> list[str]:
        """The command line of a trial, as Hydra gets it."""
        return [*self.fixed, *(f"{self.prefixes[key]}{key}={value}" for key, value in values.items())]

    @property
    def size(self) -> float:
        """How many different trials there are."""
        return math.prod(part.size() for part in self.parts.values())

    def holds(self, values: Mapping[str, Any]) -> bool:
        """Whether a trial is one of this space."""
        if values.keys() != self.parts.keys():
            return False
        for key, part in self.parts.items():
            value = values[key]
            if isinstance(part, Choice):
                if value not in part.values:
                    return False
            elif type(value) not in (int, float) or not part.low <= value <= part.high:
                return False
        return True

    def corners(self, most: int = 64) -> Iterator[Values]:
        """Trials at the edges of the space, each end of each setting once at least if there is room."""
        ends = {key: part.ends() for key, part in self.parts.items()}
        first = {key: values[0] for key, values in ends.items()}
        single = [first, *(first | {key: value} for key, values in ends.items() for value in values[1:])]
        whole = (dict(zip(ends, values, strict=True)) for values in itertools.product(*ends.values()))
        seen: list[Values] = []
        for corner in itertools.chain(single, itertools.islice(whole, 4 * most)):
            if corner not in seen and len(seen) < most:
                seen.append(corner)
                yield corner

    def untried(self, tried: Sequence[Values]) -> Values | None:
        """The first trial of a small space that was not made; None where there is none, or no telling."""
        if self.size > 100_000:
            return None
        every = itertools.product(*map(_all, self.parts.values()))
        return next((v for values in every if (v := dict(zip(self.parts, values, strict=True))) not in tried), None)


def _all(part: Choice | Number) -> Sequence[Any]:
    if isinstance(part, Choice):
        return part.values
    step = part.step or 1
    return [part.short(part.low + i * step) for i in range(int(part.size()))]

"""What a search may choose: each setting of the line that has several values, in Hydra's own words for them.

`loss=hinge,minimax` and `choice(...)` are choices without an order, `range(...)` is numbers at even distances,
`interval(a, b)` any number in between, `tag(log, ...)` chosen by its logarithm, `int(interval(a, b))` a whole one.
"""

import itertools
import math
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from gan_cli.check import Problem, did_you_mean, report
from gan_cli.cli.overrides import key_of

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


def read(params: Mapping[str, Any] | None, overrides: Sequence[str], parser: OverridesParser) -> Space:
    """The space of a search.

    Args:
        params: settings to search that a config gives.
        overrides: of the command line, which have the last word.
        parser: of overrides; one that knows the groups can fill in `glob(...)`.

    Raises:
        ConfigError: all mistakes at once, or there is nothing to search.
    """
    texts = {key_of(str(key)): f"{key}={value}" for key, value in (params or {}).items()}
    texts |= {key_of(text): text for text in overrides}
    parts: dict[str, Choice | Number] = {}
    fixed, prefixes, problems = [], {}, []
    for key, text in texts.items():
        try:
            override = parser.parse_override(text)
            if not override.is_sweep_override():
                fixed.append(text)
                continue
            parts[key] = _part(override)
            prefixes[key] = override.get_key_element().removesuffix(key)
            if key == "seed":
                problems.append(Problem(key, "a search would find the luckiest; hydra.sweeper.seeds=3 takes means"))
        except (HydraException, ValueError) as error:
            problems.append(Problem(key, str(error).splitlines()[0]))
    if not parts and not problems:
        problems.append(
            Problem("", "there is nothing to search: no setting has several values; give one an interval or a list, "
                    "such as 'optimizer.lr=tag(log,interval(1e-4,1e-2))' or loss=hinge,nonsaturating")
        )  # fmt: skip
    if problems:
        raise report(problems)
    return Space(parts, fixed, prefixes)


def _part(override: Override) -> Choice | Number:
    """What one override may be.

    Raises:
        ValueError: there is no such thing to search.
    """
    value: Any = override.value()
    log = "log" in value.tags
    wrong = sorted(set(value.tags) - {"log"})
    if wrong:
        raise ValueError(f"a search does not know the tag {wrong[0]!r}{did_you_mean(wrong[0], ['log'])}")
    if isinstance(value, IntervalSweep):
        low, high = value.start, value.end
        assert low is not None and high is not None
        if not (math.isfinite(low) and math.isfinite(high)) or low >= high:
            raise ValueError(f"interval({low}, {high}) holds no number; the smaller end comes first")
        return _number(low, high, None, log)
    if isinstance(value, RangeSweep) and value.start is not None and value.stop is not None:
        start, stop, step = value.start, value.stop, value.step
        if not all(map(math.isfinite, (start, stop, step))) or step == 0:
            raise ValueError(f"range({start}, {stop}, {step}) has no end")
        count = math.ceil(round((stop - start) / step, 9))
        if count < 1:
            raise ValueError(f"range({start}, {stop}, {step}) is empty")
        first, last = start, start + (count - 1) * step
        return _number(min(first, last), max(first, last), abs(step), log)
    if log:
        raise ValueError("tag(log, ...) is for an interval or a range of numbers")
    found = tuple(dict.fromkeys(override.sweep_string_iterator()))
    if not found:
        raise ValueError("there is nothing to choose from")
    return Choice(found)


def _number(low: float, high: float, step: float | None, log: bool) -> Number:
    whole = isinstance(low, int) and isinstance(high, int) and (step is None or isinstance(step, int))
    if log and low <= 0:
        raise ValueError(f"tag(log, ...) needs numbers above 0; got {low}")
    if log and step not in (None, 1):
        raise ValueError(f"tag(log, ...) goes with an interval, or with a range in steps of 1; got steps of {step}")
    return Number(low, high, None if log and whole else step, log, whole)

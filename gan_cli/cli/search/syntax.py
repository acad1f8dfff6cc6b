"""How a space is written: each setting of a line that has several values, in Hydra's own words for them.

`loss=hinge,minimax` and `choice(...)` are choices without an order, `range(...)` is numbers at even distances,
`interval(a, b)` any number in between, `tag(log, ...)` chosen by its logarithm, `int(interval(a, b))` a whole one.
"""

import math
from collections.abc import Mapping, Sequence
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override, RangeSweep
from hydra.errors import HydraException

from gan_cli.check import Problem, did_you_mean, report
from gan_cli.cli.overrides import key_of
from gan_cli.cli.search.space import Choice, Number, Space


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

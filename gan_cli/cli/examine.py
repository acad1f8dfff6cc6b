"""What is wrong with a command line, found before Hydra reads it: all of it at once, and in this program's words."""

import math
import os
from collections.abc import Collection, Iterator, Sequence, Set
from pathlib import Path
from typing import Any, NamedTuple

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import ChoiceSweep, Glob, IntervalSweep, Override, RangeSweep

from gan_cli.check import TRACKERS, Problem, check, did_you_mean, report, shown
from gan_cli.cli.flags import OWN_CONFIG
from gan_cli.cli.overrides import groups_below, key_of, prepare, quoted
from gan_cli.cli.search.settings import CHOICE as SEARCH
from gan_cli.cli.search.settings import is_setting, unknown
from gan_cli.cli.sweep.line import OWN
from gan_cli.paths import CONF_DIR

MOST_JOBS = 10_000  # of a sweep
LONGEST = 200  # characters of a key

# What of Hydra's own a user may set; the rest is its record of the command.
SETTABLE = (
    *("run", "sweep", "job", "launcher", "sweeper", "searchpath", "verbose", "mode", "callbacks", "help", "hydra_help"),
    *("output_subdir", "job_logging", "hydra_logging"),
)


class Choices(NamedTuple):
    """What there is to choose from: the directories of configs, ours and the user's own."""

    directories: Sequence[Path]

    def has(self, group: str, name: str) -> bool:
        """Whether a group has a choice of this name."""
        file = name if name.endswith((".yaml", ".yml")) else f"{name}.yaml"
        try:
            return any((directory / group / file).is_file() for directory in self.directories)
        except (OSError, ValueError):  # a name that no file can have
            return False

    def of(self, group: str) -> list[str]:
        """The names of a group's choices, those in a folder of it included."""
        return sorted(
            path.relative_to(directory / group).with_suffix("").as_posix()
            for directory in self.directories
            for pattern in ("*.yaml", "*/*.yaml")
            for path in (directory / group).glob(pattern)
            if path.is_file()
        )


def refuse_mistakes(overrides: Sequence[str], directories: Sequence[Path], options: Collection[str | None]) -> None:
    """Stop at a command line with mistakes, and tell those of its config as well.

    Args:
        overrides: as typed.
        directories: of configs, ours and the user's own.
        options: by their full names.

    Raises:
        ConfigError: all mistakes at once.
    """
    multirun = not {"--multirun", "-m"}.isdisjoint(options)
    elsewhere = not OWN_CONFIG.isdisjoint(options)  # and then nobody but Hydra knows what there is to choose from
    problems, good = examine(overrides, directories, multirun, elsewhere)
    if problems:
        raise report(problems if multirun or elsewhere else [*problems, *_of_the_config(problems, good, directories)])


def examine(
    overrides: Sequence[str], directories: Sequence[Path], multirun: bool, elsewhere: bool = False
) -> tuple[list[Problem], list[str]]:
    """All mistakes of a command line, and the overrides without one.

    Args:
        overrides: as typed.
        directories: of configs, ours and the user's own.
        multirun: whether this is a sweep.
        elsewhere: whether there are configs in other places, too.
    """
    keys = {key_of(text) for text in overrides}
    elsewhere |= "hydra.searchpath" in keys
    parser, choices = OverridesParser.create(), Choices(directories)
    problems: list[Problem] = []
    good: list[str] = []
    first: dict[str, str] = {}
    jobs = 1
    for text in overrides:
        key = key_of(text)
        found = [Problem(key, f"is given twice: {first[key]} and {text}; leave one out")] if key in first else []
        first.setdefault(key, text)
        try:
            override = parser.parse_override(quoted(text))
        except Exception:  # Hydra's own, and what it lets through: numbers and lists that are too long for it
            found.append(Problem("", _unreadable(text, choices)))
        else:
            values = _values(override, choices)
            found += _shape(text, override, multirun, "hydra/sweeper" in keys)
            found += _setting(override) if not found else []
            found += _of_a_search(key, overrides, keys) if not found else []
            found += _choice(override, values, choices, elsewhere) if not found else []
            if override.is_sweep_override() and values is not None:
                found += _different(key, values)
                jobs *= max(1, len(values))
        problems += found
        good += [] if found else [text]
    if multirun and jobs > MOST_JOBS:
        problems.append(Problem("", f"these values make {jobs:,} runs; a sweep has {MOST_JOBS:,} at most"))
    if multirun and jobs > 1 and "${" not in first.get("hydra.sweep.subdir", "${"):
        problems.append(Problem("hydra.sweep.subdir", "every run needs a place of its own; use ${hydra:job.num} in it"))
    return problems, good


def _unreadable(text: str, choices: Choices) -> str:
    key, equals, _ = text.partition("=")
    if not text.strip():
        return "an argument is empty; leave it out, or look at the variable that it comes from"
    if not key.strip("+~ "):
        return f"{shown(text)} has no key in front of the '='; write key=value, such as seed=1"
    if not equals:
        known = choices.of(key)
        return f"{shown(text)} has no value; write {text}=...{did_you_mean('', known) if known else ', such as seed=1'}"
    return (
        f"{shown(text)} cannot be read; write key=value, and text with special characters in two pairs of quotes: "
        f"'{key}=\"...\"'"
    )


def _shape(text: str, override: Override, multirun: bool, sweeper: bool) -> Iterator[Problem]:
    """What can be said without knowing what the key means."""
    key, groups = override.key_or_group, groups_below(CONF_DIR)
    group, slash, rest = key.partition("/")
    if not key:
        yield Problem("", f"{shown(text)} has no key; write key=value, such as seed=1")
    elif len(key) > LONGEST:
        yield Problem("", f"{shown(text)} has a key of {len(key):,} characters; no key is that long")
    elif override.package is not None:
        yield Problem("", f"{shown(text)} names a package; choices have their places here: write {key}=...")
    elif slash and (not rest or group not in groups):
        meant = did_you_mean(group, sorted(groups - {"hydra"})) if rest else f"; write {group}=..."
        yield Problem("", f"{shown(text)} names no group{meant}")
    elif override.is_sweep_override() and not multirun:
        yield Problem(key, f"has several values, {text.partition('=')[2]}; add --multirun (-m) for a run of each")
    elif text == SEARCH and not multirun:
        yield Problem(key, "is for several runs; add --multirun (-m)")
    elif key in OWN and not multirun:
        yield Problem(key, "is for the jobs of a sweep; add --multirun (-m)")
    elif isinstance(override.value(), IntervalSweep) and not sweeper:
        yield Problem(key, "interval() is for a search, hydra/sweeper=optuna; list values here")
    elif text.startswith("+") and key in groups:
        yield Problem(key, f"has a choice already; write {text.lstrip('+')}, without a +")


def _setting(override: Override) -> Iterator[Problem]:
    """What concerns Hydra itself: where runs are, and what it looks through."""
    key = override.key_or_group
    if not key.startswith("hydra") or key.startswith("hydra/") or override.is_delete():
        return
    value = override.value()
    if key == "hydra" or (key.startswith("hydra.") and key.split(".")[1] not in SETTABLE):
        yield Problem(key, f"Hydra has no such setting{did_you_mean(key.partition('.')[2], SETTABLE)}")
    elif key in ("hydra.run.dir", "hydra.sweep.dir"):
        text = "" if value is None else str(value)
        if not text.strip() or any(ord(c) < 0x20 or ord(c) == 0x7F for c in text):
            yield Problem(key, f"expected a directory, such as outputs/mine; got {shown(value)}")
    elif key in ("hydra.launcher._target_", "hydra.sweeper._target_"):
        if not str(value).startswith(("hydra_plugins.", "hydra._internal.")):
            group = key.split(".")[1]
            yield Problem(key, f"{shown(value)} is no plug-in of Hydra's; choose one with hydra/{group}=...")
    elif key == "hydra.job.chdir" and value is True:
        yield Problem(key, "paths on the command line would mean something else in there; leave it out")
    elif key == "hydra.searchpath" and isinstance(value, list):
        for place in map(str, value):
            scheme, _, path = place.rpartition("://")
            if scheme not in ("", "file", "pkg"):
                yield Problem(key, f"{shown(place)} is neither a directory, file://... nor pkg://...")
            elif scheme != "pkg" and "${" not in path and not os.path.isdir(path):
                yield Problem(key, f"there is no directory {shown(path)}")


def _of_a_search(key: str, overrides: Collection[str], keys: Set[str]) -> Iterator[Problem]:
    """Settings of a search, `hydra.sweeper`, are for one."""
    if SEARCH in overrides:
        if key.startswith("hydra.sweeper.") and not is_setting(key) and key != "hydra.sweeper._target_":
            yield unknown(key)
    elif is_setting(key) and not key.startswith("hydra.sweeper.params") and keys.isdisjoint(("hydra/sweeper", "sweep")):
        yield Problem(key, f"is for a search; add {SEARCH}")


def _choice(
    override: Override, values: Sequence[Any] | None, choices: Choices, elsewhere: bool
) -> Iterator[Problem]:
    """Every choice of one of our groups has to be there."""
    group = override.key_or_group
    if override.is_delete() or group == "hydra" or group not in groups_below(CONF_DIR):
        return
    value = override.value()
    if group == TRACKERS and isinstance(value, list):  # of trackers there may be several
        values = value
    elif isinstance(value, list):
        written = f"[{','.join(map(str, value))}]"
        sweep = f"one run each: {group}={','.join(map(str, value))} -m"
        yield Problem(group, f"expected one choice, got {written} ({sweep})")
        return
    for name in values if values is not None else [value]:
        if "${" in str(name) or (name is None and group == "experiment"):
            continue  # what is not resolved Hydra tells
        known = did_you_mean(str(name), choices.of(group))
        if not isinstance(name, str | int | float) or str(name).startswith("/") or ".." in Path(str(name)).parts:
            yield Problem(group, f"expected the name of a choice, got {shown(name)}{known}")
        elif not elsewhere and not choices.has(group, str(name)):
            yield Problem(group, f"there is no choice {shown(str(name))}{known}")


def _values(override: Override, choices: Choices) -> Sequence[Any] | None:
    """The values of a sweep, where they can be counted."""
    value = override.value() if override.is_sweep_override() else None
    if isinstance(value, ChoiceSweep):
        return [getattr(item, "text", item) for item in value.list]
    if isinstance(value, Glob):
        return value.filter(choices.of(override.key_or_group))
    if isinstance(value, RangeSweep) and value.start is not None and value.stop is not None:
        if not value.step or not all(map(math.isfinite, (value.start, value.stop, value.step))):
            return []
        return range(min(max(0, math.ceil((value.stop - value.start) / value.step)), 1 << 62))
    return None


def _different(key: str, values: Sequence[Any]) -> Iterator[Problem]:
    """A sweep has a run, and none of them twice."""
    if not values:
        yield Problem(key, "its sweep has no value, so there would be no run; give one at least")
    if isinstance(values, range):
        return
    for number, value in enumerate(values[:MOST_JOBS]):
        if any(value == other and isinstance(value, bool) == isinstance(other, bool) for other in values[:number]):
            yield Problem(key, f"has {value} twice, and both would be the same run; leave one out")
            return



def _of_the_config(
    problems: Sequence[Problem], good: Sequence[str], directories: Sequence[Path]
) -> list[Problem]:
    """The mistakes in the config that the rest of a command line composes, as far as they are sure.

    Args:
        problems: of the command line.
        good: the overrides without one.
        directories: of configs, ours first.
    """
    wrong = {problem.path.partition(".")[0] for problem in problems}
    if "experiment" in wrong:  # a recipe may set anything
        return []
    wrong |= {"penalty"} if "loss" in wrong else set()  # a loss may bring its penalty
    places = [f"file://{directory.absolute()}" for directory in directories[1:]]
    try:
        from gan_cli.builder import plain

        with initialize_config_dir(str(directories[0]), version_base="1.3"):
            overrides = prepare(good, groups_below(*directories))
            config = compose("train", overrides=[*overrides, f"hydra.searchpath={places}"])
        found = check(*plain(config), {key_of(text) for text in good})
    except Exception:  # one mistake can hide another
        return []
    return [problem for problem in found if problem.path.partition(".")[0] not in wrong]

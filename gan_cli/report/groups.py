"""What differs between the configurations of runs, and which runs are of one configuration."""

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from gan_cli.suite.recipe import ELSEWHERE

# What touches no weight of a run: how often is saved, what is kept, where data lie, where figures are sent.
ASIDE = (*ELSEWHERE, "train.checkpoint_every", "train.keep", "train.profile", "dataset.download", "dataset.cache")
_ORDER = ("dataset", "model", "loss", "penalty", "prior", "optimizer", "aids", "train")  # as one speaks of a run
NOT_SET = "not set"
LABEL, VALUE = 80, 24  # characters of a name, and of a value in it
Config = Mapping[str, Any]


def made(config: Config) -> dict[str, Any]:
    """The settings that make a run what it is: without seed, machine and book-keeping."""
    kept = {key: value for key, value in config.items() if key not in ASIDE and key.split(".")[0] not in ASIDE}
    return {key: _plain(value) for key, value in kept.items()}


def _plain(value: Any) -> Any:
    """1.0 and 1 are one number, however they were typed."""
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return int(value) if isinstance(value, float) and value.is_integer() and abs(value) < 1e15 else value


def identity(config: Config) -> str:
    """Equal for equal configurations, whatever their seeds.

    >>> identity({"seed": 1, "loss.margin": 1.0}) == identity({"seed": 2, "loss.margin": 1.0})
    True
    """
    return json.dumps(made(config), sort_keys=True)


def measured(config: Config) -> str:
    """Equal where figures mean the same: those of other data, or of another number of samples, cannot be compared."""
    keys = [key for key in config if key.split(".")[0] == "dataset" or key == "train.eval_samples"]
    return identity({key: config[key] for key in keys})


def text(value: Any) -> str:
    """A setting as it is typed.

    >>> text(None), text(True), text(0.001), text([0.5, 0.999]), text("hinge")
    ('null', 'true', '0.001', '[0.5,0.999]', 'hinge')
    """
    if isinstance(value, str):
        return value
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


class Differences:
    """What tells configurations apart, in as few columns as say it.

    Where runs chose differently (`loss=hinge`, `loss=wgan`), the settings that come with the choice are not listed one
    by one, but those that differ among runs of one choice are. A setting that goes with a shorter one of the same last
    name (`optimizer.generator.lr` with `optimizer.lr`) is not listed twice.

    Args:
        configs: one of each configuration.
        choices: of a run of each, group -> choice.
        typed: the keys that were typed in any of their commands.
    """

    def __init__(
        self, configs: Sequence[Config], choices: Sequence[Mapping[str, str]], typed: Iterable[str] = ()
    ) -> None:
        self._typed = set(typed)
        settings = [made(config) for config in configs]
        keys = dict.fromkeys(key for each in settings for key in each)
        columns = {key: [text(each[key]) if key in each else NOT_SET for each in settings] for key in keys}
        differing = {key: column for key, column in columns.items() if len(set(column)) > 1}
        self.columns = _shorter(_chosen(differing, choices))

    @property
    def keys(self) -> list[str]:
        """The columns, those first that one speaks of first."""
        return sorted(self.columns, key=_rank)

    def of(self, i: int) -> dict[str, str]:
        """The values of one configuration."""
        return {key: self.columns[key][i] for key in self.keys}

    def labels(self) -> list[str]:
        """A short name for each configuration: what was typed and differs, and as much more as it takes to tell all
        apart. A value that most of them have is not said, but of one that has no other.
        """
        n = len(next(iter(self.columns.values()), ())) or 1
        kept: list[str] = []
        for key in sorted(self.keys, key=lambda key: key not in self._typed):
            if key in self._typed or _kinds(self.columns, [*kept, key]) > _kinds(self.columns, kept):
                kept.append(key)
        parts = {key: self.columns[key] for key in self.keys if key in kept}
        usual = {key: _usual(column) for key, column in parts.items()}
        found = []
        for i in range(n):
            departing = [key for key, column in parts.items() if column[i] != usual[key]]
            said = [f"{_short(key, kept)}={_cut(parts[key][i], VALUE)}" for key in departing or parts]
            found.append(_cut(", ".join(said) or "all runs", LABEL))
        return _told_apart(found)


def _usual(column: Sequence[str]) -> str | None:
    """What more than half of three configurations or more have; None where there is no such value."""
    value = max(column, key=column.count)
    return value if len(column) > 2 and 2 * column.count(value) > len(column) else None


def _short(key: str, kept: Sequence[str]) -> str:
    """The last part of a key, where that says which one is meant."""
    last = key.split(".")[-1]
    alike = [other for other in kept if other.split(".")[-1] == last]
    return key if last.startswith("_") or len(alike) > 1 else last


def _chosen(differing: Mapping[str, list[str]], choices: Sequence[Mapping[str, str]]) -> dict[str, list[str]]:
    """Choices in the place of what comes with them."""
    found: dict[str, list[str]] = {}
    for key, column in differing.items():
        group = key.split(".")[0]
        chosen = [each.get(group) for each in choices]
        if "." not in key or None in chosen or len(set(chosen)) == 1:
            found[key] = column
            continue
        found.setdefault(group, [str(choice) for choice in chosen])
        if len(set(zip(chosen, column, strict=True))) > len(set(chosen)):  # it differs within one choice as well
            found[key] = column
    return found


def _shorter(columns: Mapping[str, list[str]]) -> dict[str, list[str]]:
    """Without those that say what a shorter key of the same group and last name says."""
    found: dict[str, list[str]] = {}
    for key in sorted(columns, key=lambda key: key.count(".")):
        first, last = key.split(".")[0], key.split(".")[-1]
        twins = (k for k in found if k.split(".")[0] == first and k.split(".")[-1] == last)
        if not any(_follows(found[twin], columns[key]) for twin in twins):
            found[key] = columns[key]
    return found


def _follows(shorter: list[str], longer: list[str]) -> bool:
    """Whether the longer key has the value of the shorter wherever it is set."""
    return all(b in (a, NOT_SET) for a, b in zip(shorter, longer, strict=True))


def _kinds(columns: Mapping[str, list[str]], keys: Sequence[str]) -> int:
    return len(set(zip(*(columns[key] for key in keys), strict=True))) if keys else 1


def _rank(key: str) -> tuple[int, int, str]:
    first = key.split(".")[0]
    return _ORDER.index(first) if first in _ORDER else len(_ORDER), key.count("."), key


def _cut(said: str, most: int) -> str:
    return said if len(said) <= most else f"{said[: most - 3]}..."


def _told_apart(labels: Sequence[str]) -> list[str]:
    """Numbers behind those that are not the only ones of their name."""
    found, seen = [], dict.fromkeys(labels, 0)
    count = Counter(labels)
    for label in labels:
        seen[label] += 1
        found.append(f"{label} #{seen[label]}" if count[label] > 1 else label)
    return found

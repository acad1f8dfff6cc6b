"""What `--where` and `--sort` may name: any fact about a run by its key, read from no more files than it takes."""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from gan_cli.check import GROUPS, did_you_mean, leaves
from gan_cli.errors import ConfigError, RunError
from gan_cli.listing import METRICS, RUN, STATUS, Entry, fill, last_figure, note
from gan_cli.reading import YAML_LIMIT, is_regular, parse_yaml, read_bytes, read_yaml
from gan_cli.scores import SCORES, tag

CONFIG = "config.yaml"
MISSING = object()  # a run has no such key; None is a value
_CHOSEN = (*GROUPS, "experiment", "logger")  # a run that chose nothing from one has none, and that is no mistake
_LOOKED = 20  # runs whose keys are told, where none has the one that was asked for

# A status is unreadable if any file is, and so takes all of them.
_FIELDS: Mapping[str, tuple[tuple[str, ...], Callable[[Entry], Any]]] = {
    "run": ((), lambda entry: str(entry.path)),
    "created": ((RUN,), lambda entry: entry.created),
    "seed": ((RUN,), lambda entry: entry.seed),
    "status": ((RUN, STATUS, METRICS), lambda entry: entry.status),
    "reason": ((RUN, STATUS, METRICS), lambda entry: entry.problem or entry.reason),
    "step": ((STATUS,), lambda entry: entry.step),
    "steps": ((STATUS,), lambda entry: entry.steps),
    "time": ((STATUS,), lambda entry: entry.seconds),
    "alarm": ((STATUS,), lambda entry: [alarm["name"] for alarm in entry.alarms]),
}


def value_of(entry: Entry, key: str) -> Any:
    """A fact about a run, or `MISSING`: of its status, a choice, a figure's last value, or a leaf of its config."""
    if key in _FIELDS:
        files, fact = _FIELDS[key]
        fill(entry, *files)
        return fact(entry)
    if key in fill(entry, RUN).choices:
        return entry.choices[key]
    if is_figure(key):
        found = last_figure(entry, tag(key))
        return MISSING if found is None else found
    leaf = _leaf(entry, key)
    if leaf is MISSING and "." not in key:  # a figure without a slash
        return fill(entry, METRICS).metrics.get(key, MISSING)
    return leaf


def is_figure(key: str) -> bool:
    """Whether a key is by its name that of a logged figure."""
    return "/" in key or key in SCORES


def is_plain(key: str) -> bool:
    """Whether the list shows it anyway."""
    return key in {*_FIELDS, *_CHOSEN} - {"seed", "created"}


def require_known(key: str, entries: Sequence[Entry], asked: str) -> None:
    """That some run has a key.

    Args:
        asked: the option in which it stands.

    Raises:
        ConfigError: none has it; says what was meant.
    """
    if not entries or key in (*_FIELDS, *_CHOSEN) or any(value_of(entry, key) is not MISSING for entry in entries):
        return
    known = {*_FIELDS, *(tag(name) for name in SCORES)} if tag(key) != key else {*_FIELDS, *_CHOSEN}
    for entry in entries[:_LOOKED]:
        fill(entry)
        known |= {*entry.choices, *entry.metrics, *(name for name, _ in leaves(_config(entry)))}
    close = did_you_mean(key, sorted(known))
    if not close.startswith("; did"):
        close = f"; there are choices (loss), settings (train.steps), figures (loss/g) and {', '.join(_FIELDS)}"
    raise ConfigError(f"{asked}: no run here has {key!r}{close}")


def _config(entry: Entry) -> dict[str, Any]:
    try:
        return read_yaml((entry.place or entry.path) / CONFIG)
    except RunError:
        return {}


def _leaf(entry: Entry, key: str) -> Any:
    """One setting of a run's config. To read a whole one takes 5 ms; only the lines of this key are parsed."""
    place = entry.place or entry.path
    if not is_regular(place / CONFIG):
        return MISSING
    try:
        text = read_bytes(place / CONFIG, YAML_LIMIT).decode("utf-8", errors="replace")
        found = parse_yaml(lines_of(text, key.split(".")).encode(), CONFIG)
    except RunError as error:
        note(entry, error)
        return MISSING
    value = found.get("value", MISSING)
    return MISSING if isinstance(value, dict) else value


def lines_of(text: str, names: Iterable[str]) -> str:
    """What stands in a config, as gan-train writes it, behind a key: as YAML of the one key `value`, or of none.

    >>> lines_of("a:\\n  b: 1\\n  c:\\n  - 2\\n  - 3\\nd: 4\\n", ["a", "c"])
    'value:\\n- 2\\n- 3\\n'
    """
    found, indent = text, ""
    for name in names:
        behind = rf"^{indent}{re.escape(name)}:(.*(?:\n|\Z)(?:{indent}[ -].*(?:\n|\Z)|\n)*)"
        match = re.search(behind, found, re.MULTILINE)
        if match is None:
            return "{}"
        found, indent = match[1], f"{indent}  "
    dedented = re.sub(rf"^{indent[2:]}", "", found, flags=re.MULTILINE)
    return f"value:{dedented}"


def paths_shown(entries: Iterable[Entry], roots: Sequence[Path]) -> dict[Path, str]:
    """The name of each run in a list: below the directory that was asked for, or whole where there were several."""
    (root,) = roots if len(roots) == 1 else (None,)
    names = {}
    for entry in entries:
        name = str(entry.path.relative_to(root)) if root else str(entry.path)
        names[entry.path] = str(root) if name == "." else name
    return names

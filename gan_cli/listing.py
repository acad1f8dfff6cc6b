"""The runs below a directory and how they went, read from their files alone: without torch, and without trust."""

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any, get_args

from gan_cli.errors import RunError
from gan_cli.paths import behind_latest
from gan_cli.reading import JSON_LIMIT, WORDS, is_regular, open_regular, parse_json, read_bytes
from gan_cli.record import State

try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None  # type: ignore[assignment]

RUN, STATUS, METRICS = "run.json", "status.json", "metrics.jsonl"
MANY = 100  # choices and alarms, where a run has ten; of overrides a user may type more
SHOWN = 200  # characters of a problem
TAIL = 1 << 16  # bytes read from the end of the metrics: some thirty lines


@dataclass
class Entry:
    """One run: what could be read of it, and in `problem` what could not."""

    path: Path
    status: str = "unreadable"
    reason: str | None = None
    step: int | None = None
    steps: int | None = None
    seconds: float | None = None
    created: str | None = None
    choices: dict[str, str] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    metrics: dict[str, float | str] = field(default_factory=dict)
    alarms: list[dict[str, Any]] = field(default_factory=list)  # name and step of each, and what it says
    problem: str | None = None
    time: float = 0.0  # of its start, in seconds since 1970; of its directory where run.json does not say


def find(root: Path, warn: Callable[[str], None]) -> Iterator[Path]:
    """Run directories at and below a directory: those that hold run.json or status.json.

    Does not look inside a run, into hidden directories, or behind links: `outputs/latest` is made of them, and would be
    a second copy.

    Args:
        warn: gets a line for every directory that cannot be opened.
    """
    waiting = [root]
    while waiting:
        directory = waiting.pop()
        try:
            with os.scandir(directory) as entries:
                found = list(entries)
        except OSError as error:
            warn(f"{directory}: cannot be opened: {error.strerror}")
            continue
        files = [entry for entry in found if entry.name in (RUN, STATUS)]
        if files:
            if directory == root or not all(entry.is_symlink() for entry in files):
                yield directory
        else:
            below = (entry.name for entry in found if entry.is_dir(follow_symlinks=False))
            waiting += [directory / name for name in below if not name.startswith(".")]


def newest_first(root: Path, warn: Callable[[str], None]) -> list[Entry]:
    """All runs at and below a directory; `warn` as for `find`."""
    return sorted(map(read, find(root, warn)), key=lambda entry: (entry.time, str(entry.path)), reverse=True)


def read(directory: Path) -> Entry:
    """One run. Never raises: anything can be in the files, and any of them can be half written."""
    entry = Entry(directory)
    for part in (_read_run, _read_status, _read_metrics):
        try:
            part(entry, behind_latest(directory))  # each opens what is no link, at the top of the run
        except (OSError, ValueError, RunError) as error:
            entry.problem = entry.problem or str(error).removeprefix(f"{directory}{os.sep}")[:SHOWN]
    if entry.problem:
        entry.status = "unreadable"
    if not entry.time:
        try:
            entry.time = directory.stat().st_mtime
        except OSError:
            entry.problem = entry.problem or "is gone"
    return entry


def _read_run(entry: Entry, directory: Path) -> None:
    content = _object(directory, RUN)
    choices, overrides = content.get("choices", {}), content.get("overrides", [])
    if not isinstance(choices, dict) or not isinstance(overrides, list) or len(choices) > MANY:
        raise ValueError(f"{RUN}: choices or overrides are not as gan-train writes them")
    entry.choices = {str(group): str(choice) for group, choice in choices.items() if choice is not None}
    entry.overrides = [str(override) for override in overrides]
    try:
        created = str(content.get("created"))
        entry.time = datetime.fromisoformat(created).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{RUN}: created is not a time") from None
    entry.created = created


def _read_status(entry: Entry, directory: Path) -> None:
    content = _object(directory, STATUS)
    status, reason = content.get("status"), content.get("reason")
    numbers: list[Any] = [content.get(key) for key in ("step", "steps", "seconds")]
    if not isinstance(status, str) or status not in get_args(State):
        raise ValueError(f"{STATUS}: status is {str(status)[:40]!r}")
    if not all(_is_number(value) and value >= 0 for value in numbers):
        raise ValueError(f"{STATUS}: step, steps or seconds is not a number")
    entry.status = "killed" if status == "running" and _is_killed(directory) else status
    entry.reason = None if reason is None else str(reason)
    entry.step, entry.steps, entry.seconds = int(numbers[0]), int(numbers[1]), float(numbers[2])
    alarms = content.get("alarms", [])  # runs of the first version have none
    if not isinstance(alarms, list) or len(alarms) > MANY or not all(map(_is_alarm, alarms)):
        raise ValueError(f"{STATUS}: alarms are not as gan-train writes them")
    entry.alarms = alarms


def _is_killed(directory: Path) -> bool:
    """Whether a run's process is gone without a word: its lock lies there still, and nobody holds it."""
    if fcntl is None:
        return False
    try:
        with open_regular(directory / ".lock") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except RunError:  # it is held, or there is none
        return False
    return True


def _read_metrics(entry: Entry, directory: Path) -> None:
    """The last whole line, and those before it until the losses are told: a step may have drawn samples and logged
    nothing else. A run that has not logged yet has none.
    """
    path = directory / METRICS
    if not is_regular(path):
        raise ValueError(f"{METRICS} is missing")
    with open_regular(path) as file:
        start = max(0, file.seek(0, os.SEEK_END) - TAIL)
        file.seek(start)
        lines = file.read(TAIL).split(b"\n")
    if lines == [b""]:
        return
    if len(lines) < 2:
        raise ValueError(f"{METRICS} has no whole line")
    content = parse_json(lines[-2], METRICS)  # behind the last line end is nothing, or a line that is being written
    for line in reversed(lines[1 if start else 0 : -2]):  # the first of a part of the file is a part of a line
        if "loss/d" in content:
            break
        content = parse_json(line, METRICS) | content
    entry.metrics = {key: value for key, value in content.items() if _is_number(value) or value in WORDS}


def _object(directory: Path, name: str) -> dict[str, Any]:
    if not is_regular(directory / name):
        raise ValueError(f"{name} is missing")
    return parse_json(read_bytes(directory / name, JSON_LIMIT), name)


def _is_alarm(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and _is_number(value.get("step"))


def _is_number(value: Any) -> bool:
    """And no longer than a number of a run."""
    return type(value) in (int, float) and abs(value) < 1e300

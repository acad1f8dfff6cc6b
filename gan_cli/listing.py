"""The runs below a directory and how they went, read from their files alone: without torch, and without trust."""

import json
import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import IO, Any, get_args

from gan_cli.errors import RunError
from gan_cli.liveness import is_lost
from gan_cli.paths import behind_latest
from gan_cli.reading import JSON_LIMIT, WORDS, is_regular, open_regular, parse_json, read_bytes
from gan_cli.record import State

RUN, STATUS, METRICS = "run.json", "status.json", "metrics.jsonl"
MANY = 100  # choices and alarms, where a run has ten; of overrides a user may type more
SHOWN = 200  # characters of a problem
TAIL = 1 << 16  # bytes at the end of the metrics in which the last losses are looked for: some thirty lines
FAR = 1 << 24  # bytes there in which a figure that is logged now and then is looked for
BLOCK = 1 << 12  # bytes of the first look, and twice as many in each that follows

Figure = float | str  # or in words what is none: "nan", "n/a"


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
    seed: int | None = None
    choices: dict[str, str] = field(default_factory=dict)
    overrides: list[str] = field(default_factory=list)
    metrics: dict[str, Figure] = field(default_factory=dict)
    alarms: list[dict[str, Any]] = field(default_factory=list)  # name and step of each, and what it says
    problem: str | None = None
    time: float = 0.0  # of its start, in seconds since 1970; of its directory where run.json does not say
    place: Path | None = None  # where its files are, once that is known: `outputs/latest` leads there
    known: set[str] = field(default_factory=set)  # of its files, those that were read


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
    return [fill(entry) for entry in begun_last(root, warn)]


def begun_last(root: Path, warn: Callable[[str], None]) -> list[Entry]:
    """The same of which nothing but run.json was read, which says when each began: the rest is for `fill`."""
    found = [Entry(path, place=None if path == root else path) for path in find(root, warn)]
    for entry in found:
        fill(entry, RUN)
    return sorted(found, key=lambda entry: (entry.time, str(entry.path)), reverse=True)


def read(directory: Path) -> Entry:
    """One run. Never raises: anything can be in the files, and any of them can be half written."""
    return fill(Entry(directory))


def fill(entry: Entry, *files: str) -> Entry:
    """Read those files of a run that were not read yet, all of them where none is named. Never raises."""
    for name in files or _PARTS:
        if name in entry.known:
            continue
        entry.known.add(name)
        try:
            entry.place = entry.place or behind_latest(entry.path)
            _PARTS[name](entry, entry.place)  # each opens what is no link, at the top of the run
        except (OSError, ValueError, RunError) as error:
            note(entry, error)
    if entry.problem:
        entry.status = "unreadable"
    if not entry.time:
        try:
            entry.time = entry.path.stat().st_mtime
        except OSError:
            entry.problem = entry.problem or "is gone"
    return entry


def note(entry: Entry, error: Exception) -> None:
    """A part of a run that cannot be read makes it unreadable; the first one is what is said."""
    entry.problem = entry.problem or str(error).removeprefix(f"{entry.place or entry.path}{os.sep}")[:SHOWN]
    entry.status = "unreadable"


def _read_run(entry: Entry, directory: Path) -> None:
    content = _object(directory, RUN)
    choices, overrides, seed = content.get("choices", {}), content.get("overrides", []), content.get("seed")
    if not isinstance(choices, dict) or not isinstance(overrides, list) or len(choices) > MANY:
        raise ValueError(f"{RUN}: choices or overrides are not as gan-train writes them")
    entry.choices = {str(group): str(choice) for group, choice in choices.items() if choice is not None}
    entry.overrides = [str(override) for override in overrides]
    entry.seed = seed if type(seed) is int else None
    try:
        created = str(content.get("created"))
        entry.time = datetime.fromisoformat(created).timestamp()
    except (ValueError, OverflowError, OSError):
        raise ValueError(f"{RUN}: created is not a time") from None
    entry.created = created


def _read_status(entry: Entry, directory: Path) -> None:
    content = _object(directory, STATUS)
    lost = content.get("status") == "running" and is_lost(directory, content)
    if lost:
        content = _object(directory, STATUS)  # it may have come to its end while we looked
    status, reason = content.get("status"), content.get("reason")
    numbers: list[Any] = [content.get(key) for key in ("step", "steps", "seconds")]
    if not isinstance(status, str) or status not in get_args(State):
        raise ValueError(f"{STATUS}: status is {str(status)[:40]!r}")
    if not all(_is_number(value) and value >= 0 for value in numbers):
        raise ValueError(f"{STATUS}: step, steps or seconds is not a number")
    entry.status = "lost" if lost and status == "running" else status
    entry.reason = None if reason is None else str(reason)
    entry.step, entry.steps, entry.seconds = int(numbers[0]), int(numbers[1]), float(numbers[2])
    alarms = content.get("alarms", [])  # runs of the first version have none
    if not isinstance(alarms, list) or len(alarms) > MANY or not all(map(_is_alarm, alarms)):
        raise ValueError(f"{STATUS}: alarms are not as gan-train writes them")
    entry.alarms = alarms


def _read_metrics(entry: Entry, directory: Path) -> None:
    """The last whole line, and those before it until the losses are told: a step may have drawn samples and logged
    nothing else. A run that has not logged yet has none.
    """
    path = directory / METRICS
    if not is_regular(path):
        raise ValueError(f"{METRICS} is missing")
    with open_regular(path) as file:
        lines = _backwards(file, TAIL)
        unfinished, newest = next(lines, None), next(lines, None)
        if newest is None:
            if unfinished or file.seek(0, os.SEEK_END):
                raise ValueError(f"{METRICS} has no whole line")
            return
        content = parse_json(newest, METRICS)
        for line in lines:
            if "loss/d" in content:
                break
            content = parse_json(line, METRICS) | content
    entry.metrics = {key: value for key, value in content.items() if _is_figure(value)}


_PARTS = {RUN: _read_run, STATUS: _read_status, METRICS: _read_metrics}


def last_figure(entry: Entry, key: str) -> Figure | None:
    """The last value that was logged of a figure; None where there is none near the end. Never raises."""
    fill(entry, METRICS)
    if key in entry.metrics or entry.problem or entry.place is None:
        return entry.metrics.get(key)
    word = json.dumps(key).encode()
    try:
        with open_regular(entry.place / METRICS) as file:
            for line in (line for line in _backwards(file, FAR) if word in line and line.endswith(b"}")):
                value: Any = parse_json(line, METRICS).get(key)
                if _is_figure(value):
                    entry.metrics[key] = value
                    return entry.metrics[key]
    except (OSError, RunError) as error:
        note(entry, error)
    return None


def _backwards(file: IO[bytes], most: int) -> Iterator[bytes]:
    """The lines in the last so many bytes of a file, the last one first: what stands behind the last line end, which is
    nothing or a line that is being written. The first of a part of the file is a part of a line, and left out.
    """
    start = file.seek(0, os.SEEK_END)
    rest, size = b"", BLOCK
    while start > 0 and most > 0:
        length = min(size, start, most)
        start, most, size = start - length, most - length, 2 * size
        file.seek(start)
        rest, *lines = (file.read(length) + rest).split(b"\n")
        yield from reversed(lines)
    if start == 0:
        yield rest


def _object(directory: Path, name: str) -> dict[str, Any]:
    if not is_regular(directory / name):
        raise ValueError(f"{name} is missing")
    return parse_json(read_bytes(directory / name, JSON_LIMIT), name)


def _is_alarm(value: Any) -> bool:
    return isinstance(value, dict) and isinstance(value.get("name"), str) and _is_number(value.get("step"))


def _is_figure(value: Any) -> bool:
    return _is_number(value) or value in WORDS


def _is_number(value: Any) -> bool:
    """And no longer than a number of a run."""
    return type(value) in (int, float) and abs(value) < 1e300

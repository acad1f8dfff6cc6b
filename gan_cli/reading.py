"""The one way to read a small file that somebody else may have made: a regular one, of bounded size, as plain data.

A run directory may be a stranger's: its files can be pipes that never end, links to other places, or gigabytes of
nothing. What comes back from here is bytes, or dicts, lists, strings and numbers of bounded size and depth.
"""

import errno
import json
import os
import re
import stat
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any, NoReturn

import yaml

from gan_cli.errors import RunError

JSON_LIMIT = 1 << 22  # bytes: a hundred times what gan-train writes, and room for long commands and 100,000 classes
YAML_LIMIT = 1 << 21  # bytes: a config may list 100,000 labels or weights, and is read in 5 seconds
ROWS_LIMIT, ROW_LIMIT = 1 << 30, 1 << 16  # bytes of metrics.jsonl, and of a line of it
WORDS = ("nan", "inf", "-inf", "n/a")  # as the logbook writes what is no number to JSON
DEPTH = 24  # of nested dicts and lists
TEXT = 1 << 17  # characters of a string: the longest argument of a command; of a number far fewer
DIGITS = 40
FILES = ("run.json", "config.yaml", "status.json", "metrics.jsonl", "timing.jsonl", "evaluations.jsonl")  # of a run
TABLE, TRACKERS = "metrics.csv", ("trackers", "wandb")  # of loggers
FOLDERS = ("checkpoints", "samples", "generator", "evaluation")
# What is read or written in a run directory and its folders; whatever else lies there is the user's own affair.
_TOUCHED = {
    "": "|".join([*map(re.escape, (*FILES, *FOLDERS, TABLE, *TRACKERS)), r"\.lock|\.tmp-.*|events\.out\.tfevents\..*"]),
    "checkpoints": r"step-.*|\.tmp-.*",
    "samples": r"(step-.*|real|optimum)\.png|\.tmp-.*",
    "evaluation": r"step-.*|\.tmp-.*",
    "trackers": r".*\.json|\.tmp-.*",
    "generator": r"generator\.json|(raw|ema)\.safetensors|\.tmp-.*",
}

_FLAGS = ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY", "O_BINARY")  # not every system has all
_READ = sum(getattr(os, flag, 0) for flag in _FLAGS)
_KINDS = {
    stat.S_IFLNK: "a link",
    stat.S_IFDIR: "a directory",
    stat.S_IFIFO: "a pipe",
    stat.S_IFSOCK: "a socket",
    stat.S_IFCHR: "a device",
    stat.S_IFBLK: "a device",
}


@contextmanager
def open_regular(path: Path) -> Iterator[IO[bytes]]:
    """Open a regular file to read; a link is none, and a pipe is not waited for.

    Raises:
        RunError: it is missing, something else, or cannot be read.
    """
    try:
        _refuse_special(path, os.lstat(path))  # before it is opened: to open some devices does something already
        handle = os.open(path, os.O_RDONLY | _READ)
        with os.fdopen(handle, "rb") as file:
            _refuse_special(path, os.fstat(handle))
            yield file
    except OSError as error:
        reason = "is a link" if error.errno == errno.ELOOP else error.strerror
        raise RunError(f"{path}: cannot be read: {reason}") from error


def _refuse_special(path: Path, found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kind = _KINDS.get(stat.S_IFMT(found.st_mode), "something else")
        raise RunError(f"{path}: is {kind}, expected a file of its own; put the file itself there")


def is_regular(path: Path) -> bool:
    """Whether there is a regular file of this name, and not a link to one."""
    try:
        return stat.S_ISREG(os.lstat(path).st_mode)
    except (OSError, ValueError):
        return False


def is_hollow(found: os.stat_result) -> bool:
    """Whether a large file is holes for the most part: a terabyte that takes no room on the disk, and hours to read.

    Compressing file systems give weights hardly less room than they are long; some others do not say how much.
    """
    room = 512 * getattr(found, "st_blocks", 0)
    return found.st_size > 1 << 26 and 0 < room < found.st_size // 16


def require_plain(directory: Path) -> None:
    """Look through a run directory before anything in it is read or written: what has our names is a file.

    A link could lead anywhere, a pipe is waited for, and a log with a second name is written under both.

    Raises:
        RunError: the first that is none; or the directory cannot be opened.
    """
    for name, touched in _TOUCHED.items():
        folder = directory / name
        try:
            with os.scandir(folder) as entries:
                for entry in entries:
                    if not re.fullmatch(touched, entry.name, re.DOTALL):
                        continue
                    found = entry.stat(follow_symlinks=False)
                    if not stat.S_ISDIR(found.st_mode):
                        _refuse_special(Path(entry.path), found)
                    if entry.name.endswith(".jsonl") and found.st_nlink > 1 and stat.S_ISREG(found.st_mode):
                        raise RunError(f"{entry.path}: has a second name (a hard link); put a copy of it there")
        except FileNotFoundError:
            continue  # also a file that another process took away
        except OSError as error:
            raise RunError(f"{folder}: cannot be opened: {error.strerror}") from error


def is_directory(path: Path) -> bool:
    """Whether there is such a directory, or a link to one; a name that no file can have is none."""
    return os.path.isdir(path)  # pathlib's own raises where a name is too long


def read_bytes(path: Path, limit: int) -> bytes:
    """A whole file.

    Raises:
        RunError: it is no regular file, larger than `limit` bytes, or cannot be read.
    """
    with open_regular(path) as file:
        size = os.fstat(file.fileno()).st_size
        data = file.read(size + 1) if size <= limit else b""
    if size > limit or len(data) > size:  # some files are longer than they say
        raise RunError(f"{path}: is larger than the {limit:,} bytes that a file of its name has at most")
    return data


def read_json(path: Path, limit: int = JSON_LIMIT) -> dict[str, Any]:
    """A JSON object from a file.

    Raises:
        RunError: it cannot be read, or is not a JSON object of bounded size, depth and numbers.
    """
    return parse_json(read_bytes(path, limit), str(path))


def parse_json(data: bytes, name: str) -> dict[str, Any]:
    """A JSON object from bytes; errors as `read_json`, and `name` is what they speak of."""
    try:
        found = json.loads(data.decode("utf-8"), parse_int=_whole, parse_float=_finite, parse_constant=_no_number)
        if not isinstance(found, dict):
            raise ValueError(f"expected an object, found a {type(found).__name__}")
        refuse_odd(found)
    except (ValueError, RecursionError) as error:
        raise RunError(f"{name}: is not JSON as gan-train writes it: {_reason(error)}") from error
    return found


def read_rows(path: Path) -> Iterator[dict[str, Any]]:
    """The rows of `metrics.jsonl`, one at a time: each a step, no earlier than that of the row before, and figures.

    Raises:
        RunError: the file cannot be read, or a row is none.
    """
    with open_regular(path) as file:
        if (size := os.fstat(file.fileno()).st_size) > ROWS_LIMIT:
            raise RunError(f"{path}: has {size:,} bytes; at most {ROWS_LIMIT:,} are read")
        number, before = 0, 0
        while line := file.readline(ROW_LIMIT + 1):
            number += 1
            try:
                row = json.loads(line, parse_int=_whole, parse_float=_finite, parse_constant=_no_number)
                if len(line) > ROW_LIMIT or not all(type(v) in (int, float) or v in WORDS for v in row.values()):
                    raise ValueError("it holds more than figures")
                if type(row["step"]) is not int or not before <= row["step"] < 1 << 63:
                    raise ValueError("its step is none, or an earlier one than before")
            except (ValueError, KeyError, AttributeError, RecursionError) as error:
                raise RunError(f"{path}: line {number} is not as gan-train writes it: {_reason(error)}") from error
            before = row["step"]
            yield row


def read_yaml(path: Path, limit: int = YAML_LIMIT) -> dict[str, Any]:
    """A YAML mapping from a file, of the plain kind that gan-train writes: no anchors, no tags, no key twice.

    Raises:
        RunError: it cannot be read, or is not such a mapping of bounded size and depth.
    """
    return parse_yaml(read_bytes(path, limit), str(path))


def parse_yaml(data: bytes, name: str) -> dict[str, Any]:
    """A YAML mapping from bytes; errors as `read_yaml`, and `name` is what they speak of."""
    try:
        found = yaml.load(data.decode("utf-8"), _Plain)  # a SafeLoader that takes less
        if not isinstance(found, dict):
            raise ValueError(f"expected a mapping, found {'nothing' if found is None else f'a {type(found).__name__}'}")
        refuse_odd(found)
    except (ValueError, RecursionError, yaml.YAMLError) as error:
        raise RunError(f"{name}: is not YAML as gan-train writes it: {_reason(error)}") from error
    return found


def refuse_odd(value: Any) -> None:
    """Look through plain data.

    Raises:
        ValueError: it is nested deeply, holds other objects than plain ones, numbers that no run has, or text that
            cannot be written down again.
    """
    waiting: list[tuple[Any, int]] = [([value], 0)]
    while waiting:
        item, depth = waiting.pop()
        if item and depth >= DEPTH:
            raise ValueError(f"it is nested more than {DEPTH} deep")
        for part in (*item, *item.values()) if isinstance(item, dict) else item:
            if isinstance(part, str):
                if len(part) > TEXT:
                    raise ValueError(f"a text has {len(part):,} characters")
                if not part.isascii():
                    part.encode("utf-8")  # half a character, a lone surrogate, is a ValueError
            elif isinstance(part, dict | list):
                waiting.append((part, depth + 1))
            elif isinstance(part, int):
                if abs(part) >= 1 << 64:
                    raise ValueError("a number is beyond 64 bits")
            elif part is not None and not isinstance(part, float):
                raise ValueError(f"it holds a {type(part).__name__}")


class _Plain(yaml.SafeLoader):
    """YAML without what can grow, name objects or say a thing twice."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        """Refuse before a node is made: an alias bomb ends at its first anchor."""
        event: Any = self.peek_event()  # type: ignore[no-untyped-call]
        line = event.start_mark.line + 1
        if isinstance(event, yaml.AliasEvent) or event.anchor is not None:
            raise ValueError(f"line {line} has an anchor or alias")
        if getattr(event, "tag", None) not in (None, "!"):
            raise ValueError(f"line {line} has a tag")
        if isinstance(event, yaml.ScalarEvent) and len(event.value) > TEXT:
            raise ValueError(f"line {line} has {len(event.value):,} characters in one value")
        self._deep = getattr(self, "_deep", 0) + 1
        if self._deep > DEPTH:
            raise ValueError(f"line {line} is nested more than {DEPTH} deep")
        node = super().compose_node(parent, index)
        self._deep -= 1
        if isinstance(node, yaml.ScalarNode) and node.tag.endswith((":int", ":float")):
            _bounded(node.value)
        return node

    def construct_mapping(self, node: Any, deep: bool = False) -> dict[Any, Any]:
        """Refuse keys that are no words, `<<` among them, and those that are there twice."""
        seen = set()
        for key, _ in node.value:
            if not isinstance(key, yaml.ScalarNode) or key.tag != "tag:yaml.org,2002:str" or key.value in seen:
                raise ValueError(f"line {key.start_mark.line + 1} has a key that is no word, or is there twice")
            seen.add(key.value)
        return super().construct_mapping(node, deep)


def _bounded(text: str) -> str:
    if len(text) > DIGITS:
        raise ValueError(f"a number has {len(text):,} digits")
    return text


def _whole(text: str) -> int:
    return int(_bounded(text))


def _finite(text: str) -> float:
    value = float(_bounded(text))
    if abs(value) == float("inf"):
        raise ValueError(f"{text[:DIGITS]} is no number")
    return value


def _no_number(text: str) -> NoReturn:
    raise ValueError(f"{text} is no number")


def _reason(error: Exception) -> str:
    """One line of what a parser says."""
    if isinstance(error, RecursionError):
        return "it is nested too deeply"
    mark = getattr(error, "problem_mark", None)
    where = f"line {mark.line + 1}: " if mark is not None else ""
    return where + (str(getattr(error, "problem", None) or error).splitlines() or ["?"])[0][:200]

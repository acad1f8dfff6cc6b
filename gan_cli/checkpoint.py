"""Checkpoints: one file each, written atomically, verified before use, loaded without running code.

A file is named `step-<step>-<first 16 hex digits of its sha256>.safetensors`, so that a torn or damaged one is
recognised by its name alone. It holds tensors and plain data, nothing else.
"""

import contextlib
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Container, Iterable, Mapping
from pathlib import Path
from typing import IO, Any

from gan_cli.errors import RunError
from gan_cli.reading import is_hollow, is_regular, open_regular
from gan_cli.state import read, to_bytes

_NAME = re.compile(r"step-(\d{9,18})-([0-9a-f]{16})\.safetensors")
LARGEST = 1 << 36  # bytes of a file: to hash what a stranger's claims to be could take hours
SPARE = 1 << 20  # bytes that the small files beside a checkpoint may need
REASON = 200  # characters of somebody else's message shown
SHOWN = 8  # bad checkpoints named in a message


def step_of(path: Path) -> int:
    """The step at which a checkpoint was taken.

    >>> step_of(Path("step-000000060-0123456789abcdef.safetensors"))
    60
    """
    match = _NAME.fullmatch(path.name)
    assert match, path
    return int(match[1])


def available(directory: Path) -> list[Path]:
    """The checkpoints of a directory, newest first; none where there is no such directory."""
    named = [path for path in directory.glob("step-*.safetensors") if _NAME.fullmatch(path.name)]
    return sorted(filter(is_regular, named), key=step_of, reverse=True)


def save(
    directory: Path,
    step: int,
    state: Mapping[str, Any],
    keep: int | None,
    best: int | None = None,
    damaged: Iterable[Path] = (),
) -> Path:
    """Write a checkpoint, then remove damaged ones, and all others but the newest `keep` and that of step `best`.

    At every instant the last complete checkpoint is on the disk: the file gets its name after its bytes are safe.

    Raises:
        RunError: it cannot be written; the older checkpoints are untouched.
    """
    try:
        data = to_bytes(state)
    except TypeError as error:
        raise RunError(f"{directory}: the checkpoint of step {step} cannot be written: {error}") from error
    target = directory / f"step-{step:09d}-{hashlib.sha256(data).hexdigest()[:16]}.safetensors"
    unfinished = directory / f".tmp-{step}-{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in directory.glob(".tmp-*"):
            leftover.unlink()
        require_room(directory, len(data) + SPARE, f"the checkpoint of step {step}")
        with unfinished.open("xb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
        _sync_directory(directory)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise RunError(
            f"the checkpoint of step {step} cannot be written, {len(data) / 1e6:,.1f} MB: {error.strerror}\n"
            f"in {directory}; older checkpoints are untouched"
        ) from error
    _remove(path for path in available(directory) if step_of(path) == step and path != target)  # a damaged one
    _remove(path for path in damaged if path != target)
    prune(directory, step, keep, best)
    return target


def prune(directory: Path, step: int, keep: int | None, best: int | None = None) -> None:
    """Remove all but the newest `keep` up to a step, and that of step `best`.

    A file of a later step is a damaged one that this run went back past; it must not push out a good one.

    Raises:
        RunError: one cannot be removed.
    """
    if keep is not None:
        older = [path for path in available(directory) if step_of(path) < step]
        _remove(path for path in older[keep - 1 :] if step_of(path) != best)


def _remove(paths: Iterable[Path]) -> None:
    try:
        for path in paths:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise RunError(f"an older checkpoint cannot be removed: {error.strerror}\n{error.filename}") from error


def require_room(directory: Path, need: int, what: str) -> None:
    """Refuse to begin what the disk has no room for.

    Args:
        need: bytes.
        what: that needs them, for the message.

    Raises:
        RunError: with both numbers.
    """
    try:
        free = shutil.disk_usage(directory).free
    except OSError as error:
        raise RunError(f"{directory}: the run directory cannot be written: {error.strerror}") from error
    if free < need:
        raise RunError(
            f"{what} needs {need / 1e6:,.1f} MB, {free / 1e6:,.1f} MB are free; nothing was overwritten\n"
            f"in {directory}\n"
            "Make room, or choose another place with hydra.run.dir=...; a run that has begun goes on with resume=..."
        )


def load(path: Path, only: Container[str] | None = None, limit: int | None = None) -> dict[str, Any]:
    """Read and verify one checkpoint, onto the CPU.

    Args:
        only: the parts to read; tensors of the others stay on the disk.
        limit: bytes of tensors at most, for a file that somebody else may have made.

    Raises:
        RunError: it cannot be read, or its bytes are not those that were written.
    """
    match = _NAME.fullmatch(path.name)
    try:
        with open_regular(path) as file:
            found = os.fstat(file.fileno())
            if found.st_size > LARGEST or is_hollow(found):  # to hash it would take long
                raise ValueError(f"it is said to have {found.st_size:,} bytes")
            if not match or _sha256(file)[:16] != match[2]:
                raise RunError(f"{path}: damaged: its contents do not match the digest in its name")
        return read(path, only, limit)
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror or error}") from error
    except RunError:
        raise
    except Exception as error:  # the library raises a class of its own for each way in which a file can be wrong
        raise RunError(f"{path}: is not a checkpoint of gan-cli: {str(error)[:REASON]}") from error


def load_newest(
    directory: Path, warn: Callable[[str], None], only: Container[str] | None = None, limit: int | None = None
) -> dict[str, Any]:
    """The newest checkpoint that is whole; `warn` gets a line for every newer one that is not.

    Raises:
        RunError: there is none.
    """
    problems: list[str] = []
    for path in available(directory):
        try:
            state = load(path, only, limit)
        except RunError as error:
            problems.append(str(error))
        else:
            for problem in _first(problems):
                warn(f"{problem}; going back to step {step_of(path)}")
            return state
    if not problems and any(directory.glob("step-*.pt")):
        problems.append("its .pt files were written by an earlier version of gan-cli; go on with it in that version")
    raise RunError("\n".join([f"{directory}: no checkpoint to go on from", *(f"  {p}" for p in _first(problems))]))


def _first(problems: list[str]) -> list[str]:
    """The newest few, and how many there are."""
    return [*problems[:SHOWN], *([f"and {len(problems) - SHOWN} more"] if len(problems) > SHOWN else [])]


def _sha256(file: IO[bytes]) -> str:
    sha = hashlib.sha256()
    while part := file.read(1 << 20):
        sha.update(part)
    return sha.hexdigest()


def _sync_directory(directory: Path) -> None:
    """Make a rename durable; not every system opens directories, and there the rename is as durable as it gets."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

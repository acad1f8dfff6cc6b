"""Checkpoints: one file each, written atomically, verified before use, loaded without running code.

A file is named `step-<step>-<first 16 hex digits of its sha256>.pt`, so that a torn or damaged one is recognised by its
name alone. It holds tensors and plain containers, nothing else.
"""

import contextlib
import hashlib
import io
import os
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from gan_cli.errors import RunError

_NAME = re.compile(r"step-(\d{9,})-([0-9a-f]{16})\.pt")


def step_of(path: Path) -> int:
    """The step at which a checkpoint was taken.

    >>> step_of(Path("step-000000060-0123456789abcdef.pt"))
    60
    """
    match = _NAME.fullmatch(path.name)
    assert match, path
    return int(match[1])


def available(directory: Path) -> list[Path]:
    """The checkpoints of a directory, newest first; none where there is no such directory."""
    found = [path for path in directory.glob("step-*.pt") if _NAME.fullmatch(path.name) and path.is_file()]
    return sorted(found, key=step_of, reverse=True)


def save(directory: Path, step: int, state: dict[str, Any], keep: int | None) -> Path:
    """Write a checkpoint, then remove all but the newest `keep` of them.

    At every instant the last complete checkpoint is on the disk: the file gets its name after its bytes are safe.

    Raises:
        RunError: it cannot be written; the older checkpoints are untouched.
    """
    buffer = io.BytesIO()
    torch.save(state, buffer)
    data = buffer.getbuffer()
    target = directory / f"step-{step:09d}-{hashlib.sha256(data).hexdigest()[:16]}.pt"
    unfinished = directory / f".tmp-{step}-{os.getpid()}"
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for leftover in directory.glob(".tmp-*"):
            leftover.unlink()
        with unfinished.open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(unfinished, target)
        _sync_directory(directory)
    except OSError as error:
        with contextlib.suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise RunError(
            f"{target}: the checkpoint of step {step} ({len(data) / 1e6:.1f} MB) cannot be written: {error.strerror}.\n"
            "Older checkpoints are untouched. Make room or choose another place with hydra.run.dir=..., then resume."
        ) from error
    # A file of a later step is a damaged one that this run went back past; it must not push out a good one.
    good = [path for path in available(directory) if step_of(path) <= step]
    for old in good[keep:] if keep is not None else []:
        if old != target:
            old.unlink(missing_ok=True)
    return target


def load(path: Path) -> dict[str, Any]:
    """Read and verify one checkpoint, onto the CPU.

    Raises:
        RunError: it cannot be read, or its bytes are not those that were written.
    """
    match = _NAME.fullmatch(path.name)
    try:
        data = path.read_bytes()
    except OSError as error:
        raise RunError(f"{path}: cannot be read: {error.strerror}") from error
    if not match or hashlib.sha256(data).hexdigest()[:16] != match[2]:
        raise RunError(f"{path}: damaged: its contents do not match the digest in its name")
    try:
        state = torch.load(io.BytesIO(data), map_location="cpu", weights_only=True)
    except Exception as error:  # torch raises a different class for each way in which a file can be wrong
        raise RunError(f"{path}: is not a checkpoint of gan-cli: {str(error).splitlines()[0]}") from error
    if not isinstance(state, dict):
        raise RunError(f"{path}: is not a checkpoint of gan-cli: it holds a {type(state).__name__}")
    return state


def load_newest(directory: Path, warn: Callable[[str], None]) -> dict[str, Any]:
    """The newest checkpoint that is whole; `warn` gets a line for every newer one that is not.

    Raises:
        RunError: there is none.
    """
    problems: list[str] = []
    for path in available(directory):
        try:
            state = load(path)
        except RunError as error:
            problems.append(str(error))
        else:
            for problem in problems:
                warn(f"{problem}; going back to step {step_of(path)}")
            return state
    raise RunError("\n".join([f"{directory}: no checkpoint to go on from", *(f"  {p}" for p in problems)]))


def _sync_directory(directory: Path) -> None:
    """Make a rename durable; not every system opens directories, and there the rename is as durable as it gets."""
    with contextlib.suppress(OSError):
        handle = os.open(directory, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)

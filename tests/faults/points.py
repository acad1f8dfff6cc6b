"""Where a process can be killed: every operation on the files of its run, and the turns of its loop.

Nothing in gan_cli knows of this. `watch` patches the functions that the operations go through, in a process that was
forked to be killed.
"""

import builtins
import io
import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

from gan_cli import checkpoint, loop
from gan_cli.logbook import Logbook


@dataclass(frozen=True)
class Point:
    """A place to be killed at: the nth operation of a kind.

    Args:
        what: open (to write), write, sync, rename, remove, cut, mkdir, link; turn (a step), log, save; or "*".
        where: a glob. Of operations on files the path below the working directory (of a rename or a link the new
            name); of turn, log and save the step.
        done: the share of the operation that is done when the kill comes. 0 before it, 1 right after it; a write can
            be cut anywhere between.
    """

    what: str
    where: str = "*"
    nth: int = 1
    done: float = 0.0


def die() -> None:
    """No handler runs, no buffer is written."""
    os.kill(os.getpid(), signal.SIGKILL)


class Watch:
    """Writes each operation to a witness, `> what where` before and `< what where` after it, and kills at a point."""

    def __init__(self, root: Path, witness: Path, point: Point | None) -> None:
        self._root, self._point, self._met = f"{root}/", point, 0
        self._witness = os.open(witness, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666)
        self._say = os.write  # before it is patched

    def where(self, path: Any) -> str | None:
        """A path, or the file behind a descriptor, as seen from the working directory; None outside of it."""
        name = os.readlink(f"/proc/self/fd/{path}") if isinstance(path, int) else os.path.abspath(os.fsdecode(path))
        return name.removeprefix(self._root) if name.startswith(self._root) else None

    def around(self, what: str, where: str | None, do: Callable[[], Any], part: Callable[[float], Any] = id) -> Any:
        """Do an operation, a part of it, or nothing of it, and die if this is the point; else do it."""
        if where is None:
            return do()
        self._say(self._witness, f"> {what} {where}\n".encode())
        point, here = self._point, False
        if point and fnmatch(what, point.what) and fnmatch(where, point.where):
            self._met += 1
            here = self._met == point.nth
        if here and point and point.done < 1:
            part(point.done)
            die()
        result = do()
        if here:
            die()
        self._say(self._witness, f"< {what} {where}\n".encode())
        return result


class Writer:
    """A file open for writing, its operations watched."""

    def __init__(self, file: Any, where: str, watch: Watch) -> None:
        self._file, self._where, self._watch = file, where, watch

    def write(self, data: Any) -> Any:
        def part(share: float) -> None:
            self._file.write(data[: int(len(data) * share)])
            self._file.flush()

        return self._watch.around("write", self._where, lambda: self._file.write(data), part)

    def truncate(self, size: int | None = None) -> Any:
        return self._watch.around("cut", self._where, lambda: self._file.truncate(size))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "Writer":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()


def watch(root: Path, witness: Path, point: Point | None) -> None:
    """Watch this process from here on."""
    it = Watch(root, witness, point)
    really_open = io.open

    def opened(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        where = it.where(file) if set(mode) & set("wax+") else None
        made = it.around("open", where, lambda: really_open(file, mode, *args, **kwargs))
        return made if where is None else Writer(made, where, it)

    io.open = builtins.open = opened  # type: ignore[assignment]

    def patch(owner: Any, name: str, what: str, of: Callable[..., str | None]) -> None:
        really = getattr(owner, name)

        def patched(*args: Any, **kwargs: Any) -> Any:
            return it.around(what, of(*args, **kwargs), lambda: really(*args, **kwargs))

        setattr(owner, name, patched)

    def first(path: Any, *_: Any, **__: Any) -> str | None:
        return it.where(path)

    def second(_: Any, path: Any, *__: Any, **___: Any) -> str | None:
        return it.where(path)

    def to_write(path: Any, flags: int, *_: Any, **__: Any) -> str | None:
        return it.where(path) if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT) else None

    patch(os, "open", "open", to_write)
    patch(os, "write", "write", first)
    patch(os, "mkdir", "mkdir", first)
    for name in ("fsync", "fdatasync"):
        patch(os, name, "sync", first)
    for name in ("unlink", "remove", "rmdir"):
        patch(os, name, "remove", first)
    for name in ("truncate", "ftruncate"):
        patch(os, name, "cut", first)
    for name in ("replace", "rename"):
        patch(os, name, "rename", second)
    for name in ("symlink", "link"):
        patch(os, name, "link", second)
    patch(loop, "turn", "turn", lambda run: str(run.step + 1))
    patch(Logbook, "scalars", "log", lambda self, step, metrics: str(step))
    patch(checkpoint, "save", "save", lambda directory, step, *_, **__: str(step))


def turn_back_the_clock(seconds: float, at: int = 0) -> None:
    """From now on, or from a step on, it is earlier by so many seconds."""
    really, turn, since = time.time, loop.turn, [at == 0]

    def turned(run: Any) -> Any:
        since[0] |= run.step + 1 >= at
        return turn(run)

    time.time = lambda: really() - seconds * since[0]
    loop.turn = turned

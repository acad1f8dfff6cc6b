"""A disk that refuses at a chosen moment, by patched functions: it needs no privilege and knows every error."""

import builtins
import errno
import io
import os
from collections.abc import Callable
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import pytest


class Disk:
    """What a run directory lies on.

    Args:
        what: write, sync or rename; where: a glob of the path; nth: the how manyeth of them fails.
        share: of the bytes that a failing write still takes.
        error: the number that the system gives.
        stays: whether all writes fail from then on, as on a full disk; else it was once.
    """

    def __init__(
        self,
        patch: pytest.MonkeyPatch,
        root: Path,
        what: str,
        where: str,
        nth: int = 1,
        share: float = 0.0,
        error: int = errno.ENOSPC,
        stays: bool = True,
    ) -> None:
        self._root, self._what, self._where, self._nth, self._share = root.resolve(), what, where, nth, share
        self._error, self._stays, self.failed = error, stays, 0
        self._names: dict[int, str] = {}  # of open files, by number
        opened, sync, replace = io.open, os.fsync, os.replace

        def open_(file: Any, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
            made, name = opened(file, mode, *args, **kwargs), self._name(file)
            if name is None or not set(mode) & set("wax+"):
                return made
            number = made.fileno()
            self._names[number] = name

            def forget() -> None:  # the next file that is opened gets the same number
                self._names.pop(number, None)

            return _File(made, lambda write, data: self._write(name, write, data), forget)

        def fsync(number: int) -> None:
            self._meet("sync", self._names.get(number))
            sync(number)

        def rename(old: Any, new: Any) -> None:
            self._meet("rename", self._name(new))
            replace(old, new)

        for owner, name, function in (
            (io, "open", open_), (builtins, "open", open_), (os, "fsync", fsync), (os, "replace", rename)
        ):  # fmt: skip
            patch.setattr(owner, name, function)
        patch.setattr(Path, "replace", lambda self, target: os.replace(self, target))

    def _name(self, path: Any) -> str | None:
        if isinstance(path, int):
            return None
        full = Path(os.path.abspath(os.fsdecode(path)))
        return str(full.relative_to(self._root)) if full.is_relative_to(self._root) else None

    def _due(self, what: str, name: str | None) -> bool:
        if name is None or (self.failed and not self._stays):
            return False
        if self.failed:
            return what == "write"
        if what != self._what or not fnmatch(name, self._where):
            return False
        self._nth -= 1
        return self._nth == 0

    def _meet(self, what: str, name: str | None) -> None:
        if self._due(what, name):
            self.failed += 1
            raise OSError(self._error, os.strerror(self._error), name)

    def _write(self, name: str, write: Callable[[Any], int], data: Any) -> int:
        if self._due("write", name):
            if not self.failed and self._share:
                write(data[: int(len(data) * self._share)])
            self.failed += 1
            raise OSError(self._error, os.strerror(self._error))
        return write(data)


class _File:
    """An open file whose writes can fail."""

    def __init__(self, file: Any, write: Callable[[Any, Any], int], forget: Callable[[], object]) -> None:
        self._file, self._through, self._forget = file, write, forget

    def write(self, data: Any) -> int:
        return self._through(self._file.write, data)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._file, name)

    def __enter__(self) -> "_File":
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        self._forget()
        self._file.close()

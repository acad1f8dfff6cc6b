"""What a job says, kept in a file of its run directory: the newest part of it, as lines that stand still."""

import faulthandler
import io
import os
import re
import stat
import sys
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

NAME = "output.log"
LIMIT = 1 << 20  # bytes of the file; beyond that the older half goes
_CUT = b"[...] older lines were cut away here\n"

# What redraws a line on a terminal: a bar does it five times a second, and none of that is for a file.
_ERASED = re.compile(r"\r(?!\n)|\x1b\[[012]?K")
_CONTROL = re.compile(r"\x1b\[[0-9;?]*[A-Za-z]|\x1b\][^\x07]*\x07|[\x00-\x08\x0b-\x1f\x7f]")


class Log:
    """The file; it is written to as long as the file system lets, and says nothing where it does not.

    Args:
        path: what is there already is kept: a job that goes on adds to it.
    """

    def __init__(self, path: Path) -> None:
        self._file, self._line = _open(path), ""

    def add(self, text: str) -> None:
        """Text as it comes; a line counts when it is at its end."""
        *whole, self._line = (self._line + text).split("\n")
        lines = [_CONTROL.sub("", _ERASED.split(line.removesuffix("\r"))[-1]) for line in whole]
        self._line = _ERASED.split(self._line)[-1][-LIMIT // 4 :]
        if lines and self._file is not None:
            data = "".join(f"{line}\n" for line in lines).encode(errors="backslashreplace")
            with suppress(OSError):
                os.write(self._file, data[-LIMIT // 2 :])
                if os.fstat(self._file).st_size > LIMIT:
                    self._cut()

    def watch(self) -> None:
        """From here on, what ends this process without an exception says here where it was."""
        if self._file is not None:
            with suppress(OSError, ValueError):
                faulthandler.enable(self._file)

    def close(self) -> None:
        """No more of it."""
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _cut(self) -> None:
        assert self._file is not None
        kept = os.pread(self._file, LIMIT, os.fstat(self._file).st_size - LIMIT // 2)
        os.ftruncate(self._file, 0)
        os.write(self._file, _CUT + kept.partition(b"\n")[2])


class Tee(io.TextIOBase):
    """A stream that also goes to a log.

    Args:
        shown: the stream whose place this takes; None: nobody is to see it.
    """

    def __init__(self, shown: TextIO | None, log: Log) -> None:
        self._shown, self._log = shown, log

    @property
    def encoding(self) -> str:  # type: ignore[override]
        """As that of the stream: what can be drawn depends on it."""
        return getattr(self._shown, "encoding", None) or "utf-8"

    def write(self, text: str) -> int:
        """To both."""
        self._log.add(text)
        return len(text) if self._shown is None else self._shown.write(text)

    def flush(self) -> None:
        """That of the stream; lines of the log are where they belong already."""
        if self._shown is not None:
            self._shown.flush()

    def isatty(self) -> bool:
        """Whether a bar can be drawn."""
        return self._shown is not None and self._shown.isatty()

    def fileno(self) -> int:
        """That of the stream."""
        if self._shown is None:
            raise io.UnsupportedOperation("fileno")
        return self._shown.fileno()


def keep(path: Path, shown: bool) -> None:
    """From here on, what this process prints is kept in a file; for a process that does nothing else.

    Args:
        path: of the file.
        shown: on the screen, too.
    """
    log = Log(path)
    log.watch()
    streams: list[Any] = [Tee(stream if shown else None, log) for stream in (sys.stdout, sys.stderr)]
    sys.stdout, sys.stderr = streams


def add(path: Path, text: str) -> None:
    """What is to be said of a job after its end."""
    log = Log(path)
    log.add(f"{text}\n")
    log.close()


def _open(path: Path) -> int | None:
    """A file of its own, to which is added; None where there is none to be had, or it is a link to something else."""
    flags = os.O_RDWR | os.O_APPEND | os.O_CREAT
    flags |= sum(getattr(os, name, 0) for name in ("O_NOFOLLOW", "O_NONBLOCK", "O_CLOEXEC", "O_NOCTTY"))
    try:
        file = os.open(path, flags, 0o666)
    except OSError:
        return None
    found = os.fstat(file)
    if stat.S_ISREG(found.st_mode) and found.st_nlink <= 1:
        return file
    os.close(file)
    return None

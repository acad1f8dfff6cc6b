"""Standard streams that outlive their reader: a closed pipe, a terminal that is gone, a full disk. Imports no torch."""

import io
import os
import sys
from typing import Any, TextIO


class _Lasting(io.FileIO):
    """A stream that drops what it cannot write: what is on the screen is only a view of a run."""

    def write(self, data: Any, /) -> int:
        """All of it is taken, whatever becomes of it."""
        try:
            return super().write(data) or len(data)
        except OSError:
            return len(data)


def prepare() -> None:
    """At the start of a process: closed streams lead nowhere, standard error never fails, and every name can be shown.

    Without it the first file that a process opens gets the number of a closed stream, and what a library prints
    there lands in that file.
    """
    for number in (0, 1, 2):
        try:
            os.fstat(number)
        except OSError:
            os.set_inheritable(os.open(os.devnull, os.O_RDWR), True)  # takes the lowest number that is free: this one
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = _lasting(2, sys.stderr)
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout.errors == "strict":
        sys.stdout.reconfigure(errors="backslashreplace")  # a path may hold what the terminal's encoding does not


def outlive_reader() -> None:
    """From here on standard output never fails either; a stream that a program put in its place is left alone."""
    if isinstance(sys.stdout, io.TextIOWrapper) and getattr(sys.stdout, "name", None) == "<stdout>":
        sys.stdout.flush()
        sys.stdout = _lasting(1, sys.stdout)


def _lasting(number: int, stream: TextIO | None) -> TextIO:
    return io.TextIOWrapper(
        io.BufferedWriter(_Lasting(number, "w", closefd=False)),
        encoding=getattr(stream, "encoding", None) or "utf-8",
        errors="backslashreplace",
        line_buffering=number == 2 or bool(getattr(stream, "line_buffering", False)),
    )

"""Whether a run that says it is running still has a process: by its lock, and where that cannot tell by its number."""

import os
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_cli.errors import RunError
from gan_cli.reading import open_regular

try:
    import fcntl
except ImportError:  # not a Unix
    fcntl = None  # type: ignore[assignment]

LOCK = ".lock"


def is_lost(directory: Path, status: Mapping[str, Any]) -> bool:
    """Whether a run's process is gone without a word.

    Args:
        directory: of the run.
        status: as `status.json` has it, which says "running".
    """
    free = _is_free(directory / LOCK)
    return _is_gone(status) if free is None else free


def is_held(directory: Path) -> bool:
    """Whether a process holds a directory, of a run or of a sweep."""
    return _is_free(directory / LOCK) is False


def _is_free(lock: Path) -> bool | None:
    """Whether nobody holds a lock that lies there; None where there is none, or the file system knows no locks."""
    try:
        with open_regular(lock) as file:
            if fcntl is None:
                return None
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
    except RunError as error:  # `open_regular` makes one of every OSError in it
        return False if isinstance(error.__cause__, BlockingIOError) else None


def _is_gone(status: Mapping[str, Any]) -> bool:
    """Whether the process ran here and is no more; another machine's cannot be looked for."""
    pid = status.get("pid")
    if status.get("host") != socket.gethostname() or type(pid) is not int or not 0 < pid < 1 << 31:
        return False
    return not is_alive(pid)


def is_alive(pid: int) -> bool:
    """Whether there may be a process of this number here."""
    if os.name != "posix":  # elsewhere signal 0 is no question
        return True
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True

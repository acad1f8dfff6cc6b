"""One process at a time trains a run."""

import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from gan_cli.errors import BusyError, RunError

try:
    import fcntl
except ImportError:  # not a Unix: there is no such lock
    fcntl = None  # type: ignore[assignment]

PATIENCE = 0.2  # seconds: gan-runs tries a lock too, for an instant, to tell a run that was killed


@contextmanager
def locked(directory: Path) -> Iterator[None]:
    """Hold a run directory alone. The lock ends with the process, however that ends.

    Raises:
        BusyError: another process holds it.
        RunError: the directory cannot be written.
    """
    path = directory / ".lock"
    try:
        handle = _wait(path)
    except BlockingIOError as error:
        raise BusyError(
            f"{directory} is being trained by another process; stop that one first, or choose another directory"
        ) from error
    except OSError as error:
        raise RunError(f"{directory}: the run directory cannot be written: {error.strerror}") from error
    try:
        yield
    finally:
        path.unlink(missing_ok=True)  # before the lock ends: afterwards it could be another process's
        os.close(handle)


def _wait(path: Path) -> int:
    until = time.monotonic() + PATIENCE
    while True:
        try:
            return _hold(path)
        except BlockingIOError:
            if time.monotonic() > until:
                raise
        time.sleep(0.01)


def _hold(path: Path) -> int:
    """An open file with the lock on it; without one where the system or the file system has none."""
    while True:
        handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o666)
        try:
            if fcntl is not None:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(handle)
            raise
        except OSError:  # some network file systems
            return handle
        if os.fstat(handle).st_nlink or fcntl is None:
            return handle
        os.close(handle)  # its holder removed it between our two calls: take the next one

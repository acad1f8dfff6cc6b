"""Files that come into a folder whole or not at all, whoever else is at it and whenever the process is killed."""

import logging
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from tempfile import TemporaryDirectory

log = logging.getLogger(__name__)

ASIDE = ".unfinished-"  # how the names of folders begin that hold what is not yet whole
PAUSE = 0.1  # seconds
OLD = 2 * 86400  # seconds: nobody is at work where nothing was written for so long


@contextmanager
def aside(folder: Path, mode: int = 0o777) -> Iterator[Path]:
    """An empty folder inside `folder`, for one process at a time; what a killed process left there is removed.

    Folders made for it have this mode, and go again if nothing came into them.

    Raises:
        OSError: the folder cannot be written.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    for path in reversed(new):
        path.mkdir(mode, exist_ok=True)
    try:
        with _alone(folder) as alone:
            folder.mkdir(mode, parents=True, exist_ok=True)  # again: who was inside before may have taken it away
            for left in folder.glob(f"{ASIDE}*"):
                if alone or _idle(left) > OLD:
                    shutil.rmtree(left, ignore_errors=True)
            with TemporaryDirectory(prefix=ASIDE, dir=folder) as place:
                yield Path(place)
    finally:
        with suppress(OSError):  # something is in it now
            for path in new:
                path.rmdir()


def _idle(left: Path) -> float:
    """Seconds since anything in a folder was written."""
    try:
        return time.time() - max(path.stat().st_mtime for path in (left, *left.rglob("*")))
    except OSError:  # somebody is at it
        return 0.0


@contextmanager
def _alone(folder: Path) -> Iterator[bool]:
    """Wait until no other process is inside for this folder; False where the file system has no locks.

    The lock is on the folder itself: no file is left, and it is free when its process ends, however it ends.
    """
    handle = os.open(folder, os.O_RDONLY)
    try:
        yield _lock(handle, folder)
    finally:
        os.close(handle)


def _lock(handle: int, folder: Path) -> bool:
    told = False
    while True:
        try:
            import fcntl  # not every system has it

            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return True
        except BlockingIOError:
            if not told:
                log.warning("another process is filling %s; waiting for it", folder)
            told = True
            time.sleep(PAUSE)  # not one long wait: a signal is answered in between
        except (OSError, ImportError):
            return False

"""Files of a published data set: where the system has them, or from the network."""

import logging
import os
import shutil
import socket
import tarfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from http.client import HTTPException
from pathlib import Path
from tempfile import TemporaryDirectory

log = logging.getLogger(__name__)

SYSTEM_FOLDERS = (Path("/usr/share/datasets"),)  # where distributions install data sets (Debian)
ASIDE = ".download-"  # how the names of folders begin that hold what is not yet whole
WIDTH = 90  # columns of a mirror's reason, which messages indent
PAUSE = 0.1  # seconds
SILENCE = 30.0  # seconds without a byte before a mirror is given up; torchvision would wait for ever


def system_folders() -> Sequence[Path]:
    """Folders of data sets that came with the system."""
    return SYSTEM_FOLDERS


def fetch(urls: Sequence[str], folder: Path, md5: str) -> Path:
    """Download one file from the first of its mirrors that has it, through torchvision; give its path in `folder`.

    It is written aside and moved in when its MD5 is right. What is cut in the middle leaves nothing behind, and what a
    kill leaves, the next download removes; one process downloads at a time, and others wait and find the file there.

    Raises:
        OSError: no mirror gave it (a line for each), or the folder cannot be written.
    """
    from torchvision.datasets.utils import check_integrity, download_url  # seconds to import

    name = urls[0].rsplit("/", 1)[-1]
    whole = folder / name
    reasons = []
    with _aside(folder) as aside, _patience(SILENCE):
        if check_integrity(str(whole), md5):  # another process was faster
            return whole
        for url in urls:
            try:
                download_url(url, str(aside), filename=name, md5=md5)
            except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: torchvision's word for a wrong MD5
                why = " ".join(str(error).split())
                reasons.append(f"{url[:WIDTH]}\n    {why[:WIDTH]}")
            else:
                os.replace(aside / name, whole)
                return whole
    raise OSError("\n  ".join(reasons))


def unpack(archive: Path, inside: str, folder: Path) -> None:
    """Put the files of the archive's folder `inside` into `folder`, each moved in when it is whole.

    Raises:
        OSError: the folder cannot be written, or the archive is damaged.
    """
    from torchvision.datasets.utils import extract_archive

    with _aside(folder) as aside:
        try:
            extract_archive(str(archive), str(aside))
        except tarfile.TarError as error:
            raise OSError(f"{archive} is damaged: {error}") from error
        for file in Path(aside, inside).iterdir():
            os.replace(file, folder / file.name)


@contextmanager
def _aside(folder: Path) -> Iterator[Path]:
    """An empty folder inside `folder`, for one process at a time; what a killed process left there is removed.

    Folders made for it go again if nothing came into them.
    """
    new = [path for path in (folder, *folder.parents) if not path.exists()]
    folder.mkdir(parents=True, exist_ok=True)
    try:
        with _alone(folder) as alone:
            folder.mkdir(parents=True, exist_ok=True)  # again: who was inside before may have taken it away
            if alone:
                for left in folder.glob(f"{ASIDE}*"):
                    shutil.rmtree(left, ignore_errors=True)
            with TemporaryDirectory(prefix=ASIDE, dir=folder) as aside:
                yield Path(aside)
    finally:
        with suppress(OSError):  # something is in it now
            for path in new:
                path.rmdir()


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
                log.warning("another process is downloading to %s; waiting for it", folder)
            told = True
            time.sleep(PAUSE)  # not one long wait: a signal is answered in between
        except (OSError, ImportError):
            return False


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

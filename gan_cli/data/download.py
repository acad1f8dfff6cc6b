"""Files of a published data set: where the system has them, or from the network."""

import os
import socket
import tarfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from http.client import HTTPException
from pathlib import Path

from gan_cli.data.aside import aside

SYSTEM_FOLDERS = (Path("/usr/share/datasets"),)  # where distributions install data sets (Debian)
WIDTH = 90  # columns of a mirror's reason, which messages indent
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
    with aside(folder) as place, _patience(SILENCE):
        if check_integrity(str(whole), md5):  # another process was faster
            return whole
        for url in urls:
            try:
                download_url(url, str(place), filename=name, md5=md5)
            except (OSError, HTTPException, RuntimeError) as error:  # RuntimeError: torchvision's word for a wrong MD5
                why = " ".join(str(error).split())
                reasons.append(f"{url[:WIDTH]}\n    {why[:WIDTH]}")
            else:
                os.replace(place / name, whole)
                return whole
    raise OSError("\n  ".join(reasons))


def unpack(archive: Path, inside: str, folder: Path) -> None:
    """Put the files of the archive's folder `inside` into `folder`, each moved in when it is whole.

    Raises:
        OSError: the folder cannot be written, or the archive is damaged.
    """
    from torchvision.datasets.utils import extract_archive

    with aside(folder) as place:
        try:
            extract_archive(str(archive), str(place))
        except tarfile.TarError as error:
            raise OSError(f"{archive} is damaged: {error}") from error
        for file in Path(place, inside).iterdir():
            os.replace(file, folder / file.name)


@contextmanager
def _patience(seconds: float) -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(seconds)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)

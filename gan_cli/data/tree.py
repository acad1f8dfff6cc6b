"""The image files below a folder, and their names in messages."""

import hashlib
import os
from array import array
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress
from itertools import islice
from operator import attrgetter
from pathlib import Path
from typing import NamedTuple

from gan_cli.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MAX_AGAIN = 1000  # folders reached once more through links
MAX_COUNTED = 100_000  # files without an image among them
WRAP = 2**62  # ns: times go on to 2116 and begin again; a file may claim any


class Scan(NamedTuple):
    """What lies in a folder, as far as it can be seen without opening a file."""

    files: list[str]  # paths, relative to the folder
    bytes: int  # of all of them
    newest: int  # change, in ns since 1970
    state: str  # a digest of paths, sizes, times and links: another one if a file is added, removed or changed


def scan(root: Path) -> Scan:
    """All that is named like an image, in sorted order; hidden names are passed over.

    Links are followed, also out of the folder: it is the user's own, and so is what its links lead to. One that leads
    back to a folder it lies in is not.

    Raises:
        DataError: a folder that cannot be listed, or links that lead to the same folders over and over.
    """
    start, files, about = len(os.path.join(root, "")), [], array("q")
    links: list[int] = []
    for entry in _walk(str(root), links):
        if entry.name.lower().endswith(SUFFIXES):
            files.append(entry.path[start:])
            try:
                found = entry.stat()
                # who sets the time of a change cannot set that of the inode's
                about.extend((found.st_size, found.st_mtime_ns % WRAP, found.st_ctime_ns % WRAP))
            except OSError:  # a link to nothing
                about.extend((0, 0, 0))
    state = hashlib.sha256("\0".join(files).encode(errors="surrogatepass"), usedforsecurity=False)
    state.update(about)
    state.update(repr(links).encode())
    newest = max(max(about[1::3], default=0), max(about[2::3], default=0))
    return Scan(files, sum(about[::3]), newest, state.hexdigest())


def _walk(root: str, links: list[int]) -> Iterator[os.DirEntry[str]]:
    """All files; `links` takes the inode that each link leads to."""
    seen: set[tuple[int, int]] = set()
    again = 0
    above: list[tuple[int, int]] = []  # the folders that lead to where we are, by device and inode
    waiting: list[Iterator[os.DirEntry[str]]] = []  # what is still to be seen in each of them

    def enter(path: str) -> None:
        nonlocal again
        try:
            status = os.stat(path)
            with os.scandir(path) as found:
                entries = sorted(found, key=attrgetter("name"))
        except OSError as error:
            raise DataError(f"{shown(path, 45)} cannot be listed: {error.strerror}") from error
        here = (status.st_dev, status.st_ino)
        if here in above:
            return
        again += here in seen  # two links in each of thirty folders make a thousand million paths
        if again > MAX_AGAIN:
            raise DataError(f"{shown(path, 40)}: links lead here and elsewhere over {MAX_AGAIN} times; remove some")
        seen.add(here)
        above.append(here)
        waiting.append(iter(entries))

    enter(root)
    while waiting:
        for entry in waiting[-1]:
            if entry.name.startswith("."):
                continue
            if entry.is_symlink():  # it may come to lead to a file of the same size and times
                with suppress(OSError):
                    links.append(os.stat(entry).st_ino)
            # a link may be broken or a loop of links, which os.path.isdir takes calmly and entry.is_dir does not
            if os.path.isdir(entry) if entry.is_symlink() else entry.is_dir():
                enter(entry.path)
                break
            yield entry
        else:
            waiting.pop()
            above.pop()


def contents(root: Path) -> str:
    """What lies in a folder without images, by suffix."""
    files = Counter(os.path.splitext(entry.name)[1] for entry in islice(_walk(str(root), []), MAX_COUNTED))
    named = {suffix: suffix if suffix.isprintable() else shown(suffix) for suffix in files}
    most = (f"{count} {named[suffix][:12] or 'without a suffix'}" for suffix, count in files.most_common(5))
    return ", ".join(most) or "nothing"


def shown(name: object, length: int = 60) -> str:
    """A name for one line of a message: quoted, newlines and bad bytes escaped, the middle of a long one left out."""
    text = repr(str(name))
    half = (length - 3) // 2
    return text if len(text) <= length else f"{text[:half]}...{text[-half:]}"

"""The image files below a folder, and their names in messages."""

import os
from collections import Counter
from collections.abc import Iterator
from itertools import islice
from pathlib import Path

from gan_cli.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")
MAX_AGAIN = 1000  # folders reached once more through links
MAX_COUNTED = 100_000  # files without an image among them


def image_files(root: Path) -> Iterator[Path]:
    """Paths, relative to `root`, of all that is named like an image, in sorted order; hidden names are passed over.

    Links are followed, also out of the folder: it is the user's own, and so is what its links lead to. One that leads
    back to a folder it lies in is not.

    Raises:
        DataError: a folder that cannot be listed, or links that lead to the same folders over and over.
    """
    return (path.relative_to(root) for path in _walk(root) if path.suffix.lower() in SUFFIXES)


def _walk(root: Path) -> Iterator[Path]:
    seen: set[tuple[int, int]] = set()
    again = 0
    waiting = [(root, False, frozenset[tuple[int, int]]())]  # the folders above, by device and inode; next is last
    while waiting:
        path, is_file, above = waiting.pop()
        if is_file:
            yield path
            continue
        try:
            status = path.stat()
            entries = sorted(os.scandir(path), key=lambda entry: entry.name, reverse=True)
        except OSError as error:
            raise DataError(f"{shown(path, 45)} cannot be listed: {error.strerror}") from error
        here = (status.st_dev, status.st_ino)
        if here in above:
            continue
        again += here in seen  # two links in each of thirty folders make a thousand million paths
        if again > MAX_AGAIN:
            raise DataError(f"{shown(path, 40)}: links lead here and elsewhere over {MAX_AGAIN} times; remove some")
        seen.add(here)
        for entry in entries:
            inside = path / entry.name
            if entry.name.startswith("."):
                continue
            # a link may be broken or a loop of links, which os.path.isdir takes calmly and entry.is_dir does not
            if os.path.isdir(inside) if entry.is_symlink() else entry.is_dir():
                waiting.append((inside, False, above | {here}))
            else:
                waiting.append((inside, True, above))


def contents(root: Path) -> str:
    """What lies in a folder without images, by suffix."""
    files = Counter(path.suffix for path in islice(_walk(root), MAX_COUNTED))
    named = {suffix: suffix if suffix.isprintable() else shown(suffix) for suffix in files}
    most = (f"{count} {named[suffix][:12] or 'without a suffix'}" for suffix, count in files.most_common(5))
    return ", ".join(most) or "nothing"


def shown(name: object, length: int = 60) -> str:
    """A name for one line of a message: quoted, newlines and bad bytes escaped, the middle of a long one left out."""
    text = repr(str(name))
    half = (length - 3) // 2
    return text if len(text) <= length else f"{text[:half]}...{text[-half:]}"

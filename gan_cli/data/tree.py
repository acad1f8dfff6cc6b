"""The image files below a folder, and their names in messages."""

import os
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

from gan_cli.errors import DataError

SUFFIXES = (".png", ".jpg", ".jpeg", ".webp", ".bmp", ".gif", ".tif", ".tiff")


def image_files(root: Path) -> Iterator[Path]:
    """Paths, relative to `root`, of all that is named like an image, in sorted order; hidden names are passed over.

    Links are followed, except one that leads back to a folder it lies in.

    Raises:
        DataError: a folder that cannot be listed.
    """

    def walk(folder: Path, above: frozenset[tuple[int, int]]) -> Iterator[Path]:
        try:
            status = folder.stat()
            entries = sorted(os.scandir(folder), key=lambda entry: entry.name)
        except OSError as error:
            raise DataError(f"{shown(folder)} cannot be listed: {error.strerror}") from error
        here = (status.st_dev, status.st_ino)
        if here in above:
            return
        for entry in entries:
            path = folder / entry.name
            if entry.name.startswith("."):
                continue
            # a link may be broken or a loop of links, which os.path.isdir takes calmly and entry.is_dir does not
            if os.path.isdir(path) if entry.is_symlink() else entry.is_dir():
                yield from walk(path, above | {here})
            elif path.suffix.lower() in SUFFIXES:
                yield path.relative_to(root)

    return walk(root, frozenset())


def contents(root: Path) -> str:
    """What lies in a folder without images, by suffix."""
    files = Counter(path.suffix or "without a suffix" for path in root.rglob("*") if not path.is_dir())
    return ", ".join(f"{count} {suffix}" for suffix, count in files.most_common(5)) or "nothing"


def shown(name: object, length: int = 60) -> str:
    """A name for one line of a message: quoted, newlines and bad bytes escaped, the middle of a long one left out."""
    text = repr(str(name))
    half = (length - 3) // 2
    return text if len(text) <= length else f"{text[:half]}...{text[-half:]}"

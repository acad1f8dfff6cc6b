"""Zip archives of arrays, opened with care: what is inside is bounded before it is unpacked."""

import io
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

import numpy as np

LISTED = 2**22  # bytes of an archive's table of contents: some ten thousand members
SMALL = 2**28  # bytes that may be unpacked from however little
RATIO = 250  # beyond that: black images pack a thousandfold, drawings twentyfold


class _Sparing(io.BufferedReader):
    """A file of which nobody reads much at a time: zipfile would read a table of contents of any length."""

    def read(self, size: int | None = -1, /) -> bytes:
        if size is None or size < 0:
            size = LISTED
        if size > LISTED:
            raise ValueError(f"its table of contents has {size >> 20} MB; {LISTED >> 20} at most")
        return super().read(size)


@contextmanager
def open_archive(path: Path) -> Iterator[zipfile.ZipFile]:
    """The archive, whose members hold together no more than the file can.

    Raises:
        ValueError: members that share bytes, or that become very much.
        zipfile.BadZipFile: it is damaged, or no archive.
    """
    with _Sparing(io.FileIO(path)) as file, zipfile.ZipFile(file) as archive:
        size = path.stat().st_size
        if sum(member.compress_size for member in archive.infolist()) > size:
            raise ValueError(f"its members claim more than the {size} bytes that it has")
        for member in archive.infolist():
            if member.file_size > max(SMALL, RATIO * member.compress_size):
                raise ValueError(f"{member.compress_size} bytes of it unpack to {member.file_size}")
        yield archive


def npy_header(file: IO[bytes], size: int) -> tuple[tuple[int, ...], np.dtype]:
    """Shape and type of the array in a .npy file of `size` bytes, which it fills.

    Raises:
        ValueError: a header that is damaged, that says another size, or that speaks of pickled objects.
    """
    version = np.lib.format.read_magic(file)
    read = np.lib.format.read_array_header_1_0 if version == (1, 0) else np.lib.format.read_array_header_2_0
    shape, _, dtype = read(file)
    if dtype.hasobject:
        raise ValueError("it holds pickled objects, which are never loaded")
    if any(isinstance(side, bool) or side < 0 for side in shape):
        raise ValueError(f"its header says the shape is {list(shape)}")
    wanted, found = dtype.itemsize, size - file.tell()
    for side in shape:
        wanted *= side
    if wanted != found:
        raise ValueError(f"its header says {wanted} bytes of values, and {found} follow")
    return tuple(shape), dtype

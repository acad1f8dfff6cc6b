"""idx files, the format of MNIST: two zero bytes, a type, the number of dimensions, the dimensions, the values."""

import gzip
import hashlib
import math
import zlib
from pathlib import Path

import torch
from torch import Tensor

from gan_cli.data.tree import shown
from gan_cli.errors import DataError

UINT8 = 0x08
MAX_BYTES = 2**26  # MNIST has 47 million; a header that claims more than this is damaged, or not of such a set


def read_idx(path: Path, dims: int) -> tuple[Tensor, str]:
    """The uint8 values of an idx file, plain or .gz, with `dims` dimensions; and the MD5 of its unpacked bytes.

    Raises:
        DataError: not an idx file of bytes, another number of dimensions, or fewer or more values than it says.
    """
    try:
        with gzip.open(path) if path.suffix == ".gz" else path.open("rb") as file:
            header = file.read(4 + 4 * dims)
            if header[:4] != bytes([0, 0, UINT8, dims]) or len(header) < 4 + 4 * dims:
                raise _bad(path, f"is not an idx file of bytes in {dims} dimensions: begins {header[:4].hex(' ')}")
            shape = [int.from_bytes(header[4 * i + 4 : 4 * i + 8], "big") for i in range(dims)]
            want = math.prod(shape)
            if want > MAX_BYTES:
                raise _bad(path, f"says it has {want} values; its header is damaged")
            values = bytearray(want + 1)  # one more than there should be
            del values[file.readinto(values) :]
    except (OSError, EOFError, zlib.error) as error:  # a .gz that is cut or is none
        raise _bad(path, f"cannot be read: {error}") from error
    if len(values) != want:
        raise _bad(path, f"says it has {want} values and has {'more' if len(values) > want else len(values)}")
    digest = hashlib.md5(header, usedforsecurity=False)
    digest.update(values)
    flat = torch.frombuffer(values, dtype=torch.uint8) if want else torch.empty(0, dtype=torch.uint8)
    return flat.view(shape), digest.hexdigest()


def not_published(path: Path, title: str, digest: str) -> DataError:
    """That a file of a known data set is another one, and what to do."""
    return _bad(path, f"is not {title}'s\nits MD5 is {digest}: not the published file")


def _bad(path: Path, what: str) -> DataError:
    return DataError(
        f"{shown(path)} {what}\ndelete it or replace it; with dataset.download=true it is fetched again\n"
        "(for images of your own: dataset=folder or dataset=array)"
    )

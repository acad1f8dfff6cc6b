"""Decoded pixels in a file that later runs map into memory."""

import hashlib
import json
import logging
import math
import mmap
import os
import re
import shutil
import stat
import time
import warnings
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from errno import EIO, ENOSPC
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from gan_cli.data.aside import aside
from gan_cli.data.examples import Mapped

log = logging.getLogger(__name__)

FORMAT = "gan-cli pixels 1"
NAME = "pixels"
HEADER = 4096  # bytes of JSON and blanks before the pixels
SPARE = 2 * 10**9  # bytes of a disk that are left free, or a twentieth of a small one: others write there, too


def default_place() -> Path | None:
    """Where caches of this user lie: XDG_CACHE_HOME/gan-cli, else ~/.cache/gan-cli; None for a user without a home."""
    given, home = os.environ.get("XDG_CACHE_HOME", ""), Path(os.path.expanduser("~"))
    if os.path.isabs(given):
        return Path(given, "gan-cli")
    return home / ".cache" / "gan-cli" if home.is_absolute() and home != home.parent else None


class Cache:
    """The pixels of one data set, in one file of a folder of its own: a header in JSON, then uint8 [N, C, H, W].

    Where the header fits, only its size and its time are looked at: the time is set to one that the header has, and
    whoever writes to the file changes it, but for tools that keep times, and disks that lose bits. Where it is another
    one, or the file another user's, all of it is read and held against the digest in the header.

    Args:
        folder: of this data set alone; it need not be there.
        shape: of the pixels.
        key: a digest of all that decides what they are.
        y: the labels that go with them; these are not kept.
        mode: of folders that are made.
    """

    def __init__(self, folder: Path, shape: Sequence[int], key: str, y: Tensor | None, mode: int = 0o777) -> None:
        self.path, self.shape, self.key = folder / NAME, tuple(shape), key
        self.y, self.mode = y, mode
        self.bytes = HEADER + math.prod(shape)

    def open(self) -> Mapped | None:
        """Pixels and labels; None where there are none, others, or damaged ones."""
        try:
            if not stat.S_ISREG(os.stat(self.path).st_mode):  # to open a pipe is to wait
                return None
            with self.path.open("rb") as file:
                found = os.fstat(file.fileno())
                header = self._header(file.read(HEADER))
                if header is None or found.st_size != self.bytes:
                    return None
                pages = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ)
        except OSError:
            return None
        x = _tensor(pages, self.shape)
        mine = not hasattr(os, "getuid") or found.st_uid == os.getuid()
        if found.st_mtime_ns != header["written"] or not mine:
            if hashlib.sha256(x.numpy().data, usedforsecurity=False).hexdigest() != header["sha256"]:
                log.warning("%s is damaged; the images are decoded anew", self.path)
                return None
            with suppress(OSError):  # copied, or moved; it may be somebody else's
                os.utime(self.path, ns=(header["written"], header["written"]))
        mapped = Mapped(x, self.y)
        mapped.digest, mapped.release = header["sha256"], partial(_release, pages)
        return mapped

    def fill(self, blocks: Generator[np.ndarray]) -> Mapped:
        """Write the pixels, of which `blocks` gives [n, C, H, W] at a time, and map them.

        They appear when they are whole. Another process that fills the same cache is waited for, and what it wrote is
        taken.

        Raises:
            OSError: they cannot be written.
        """
        with closing(blocks), aside(self.path.parent, self.mode) as place:
            if (found := self.open()) is not None:
                return found
            # Now, not after an hour: whether there is room for it, and whether it can be mapped.
            disk = shutil.disk_usage(place)
            if disk.free < self.bytes + min(SPARE, disk.total // 20):
                raise OSError(ENOSPC, os.strerror(ENOSPC))
            digest = hashlib.sha256(usedforsecurity=False)
            with open(place / NAME, "w+b") as file:
                file.truncate(self.bytes)
                mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ).close()
                file.write(bytes(HEADER))
                for block in blocks:
                    file.write(block.data)
                    digest.update(block.data)
                written = int(time.time()) // 2 * 2 * 10**9  # ns; even seconds: no file system has coarser times
                header = {"format": FORMAT, "key": self.key, "shape": self.shape}
                file.seek(0)
                file.write(json.dumps(header | {"sha256": digest.hexdigest(), "written": written}).encode())
                file.flush()
                os.fsync(file.fileno())  # the name must not be there before the pixels are: power may fail
            with suppress(OSError):  # then all of it is looked at whenever it is opened
                os.utime(place / NAME, ns=(written, written))
            os.replace(place / NAME, self.path)
        if (mapped := self.open()) is None:
            raise OSError(EIO, "what was written cannot be read")
        return mapped

    def _header(self, data: bytes) -> dict[str, Any] | None:
        """What it says, if it is of these pixels. The file may be anybody's."""
        try:
            header = json.loads(data.rstrip(b"\0"))
        except (ValueError, RecursionError):
            return None
        ours = {"format": FORMAT, "key": self.key, "shape": list(self.shape)}
        if not isinstance(header, dict) or {name: header.get(name) for name in ours} != ours:
            return None
        digest, written = header.get("sha256"), header.get("written")
        whole = isinstance(digest, str) and re.fullmatch("[0-9a-f]{64}", digest)
        return header if whole and type(written) is int and 0 <= written < 2**63 else None  # a time that can be set


def _tensor(pages: mmap.mmap, shape: tuple[int, ...]) -> Tensor:
    """Read-only and shared: a private mapping would be refused where it is larger than the memory."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of torch: the memory cannot be written to; nobody does
        return torch.frombuffer(pages, dtype=torch.uint8, offset=HEADER).view(shape)


def _release(pages: mmap.mmap) -> None:
    if hasattr(mmap, "MADV_DONTNEED"):  # not everywhere
        pages.madvise(mmap.MADV_DONTNEED)

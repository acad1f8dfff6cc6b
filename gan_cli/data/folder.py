"""Image files in a folder."""

import hashlib
import logging
import math
import os
import re
import time
import warnings
from collections.abc import Generator, Sequence
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from gan_cli.data.cache import Cache, default_place
from gan_cli.data.classes import labels_of
from gan_cli.data.decode import decoded, decoder
from gan_cli.data.examples import Examples, Mapped
from gan_cli.data.images import check_image, room
from gan_cli.data.progress import watched
from gan_cli.data.tree import SUFFIXES, contents, scan, shown
from gan_cli.errors import DataError

log = logging.getLogger(__name__)

SMALL = 2**24  # bytes of files and pixels together: up to here, decoding takes a second at the most
TICK = 0.02  # seconds: two changes of a file within one may leave it with the same times


class Folder:
    """The images in a folder and its subfolders, in sorted order; other and hidden files are passed over.

    Every image is decoded before anything is trained, and all that cannot be are listed together. Links are followed,
    also out of the folder: it is the user's own, and so is what its links lead to.

    Each is turned upright, its shorter side scaled to `size` (bicubic, antialiased), and the centre square kept.
    Transparent pixels are composited on white, except with 4 channels, which keep alpha. 16-bit grey is scaled. Of an
    animation the first frame is taken. If every image lies in a subfolder, the first-level subfolders are the labels,
    numbered in sorted order.

    The pixels of a folder that is not small are kept in a file, from which later runs read them as they are needed. It
    is made anew when a file is added, removed or changed, as its size or its times tell.

    Args:
        path: of the folder.
        size: side in pixels.
        channels: 1 grey, 3 RGB, 4 RGBA.
        classes: the subfolders to keep, by name, or else by number; all without it.
        flip: mirror at random.
        cache: the folder in which the pixels are kept; auto is `default_place()`, None keeps them nowhere.

    Raises:
        ValueError: an argument out of its range, or a cache in the home of a user who has none.
        DataError: no folder, or no image in it.
    """

    def __init__(
        self,
        path: str,
        size: int = 64,
        channels: Literal[1, 3, 4] = 3,
        classes: Sequence[int | str] | None = None,
        flip: bool = False,
        cache: str | None = "auto",
    ) -> None:
        check_image(size, channels, (1, 3, 4))
        if cache is not None and os.path.expanduser(cache).startswith("~"):
            raise ValueError(f"cache must be a path, but {shown(cache, 40)} begins with a home that is not known")
        self.root = Path(os.path.expanduser(path))  # as it is where there is no such user
        if not self.root.is_dir():
            found = "is a file" if self.root.exists() else "is not there"
            raise DataError(f"{shown(path)} {found}; set dataset.path to a folder of images")
        self.cache = cache
        self.found = scan(self.root)
        self.files = self.found.files
        if not self.files:
            raise DataError(f"no image in {shown(path)}\nfound: {contents(self.root)}\nread: {' '.join(SUFFIXES)}")
        self.names = sorted({_top(file) for file in self.files})
        self.labelled = all(os.sep in file for file in self.files)
        self.kept = self.names
        if classes is not None:
            if not self.labelled:
                loose = sum(os.sep not in file for file in self.files)
                raise DataError(
                    f"{loose} images lie in {shown(path, 45)} itself, so they have no class\n"
                    "move every image into a subfolder named after its class, or drop dataset.classes"
                )
            self.kept = [self.names[i] for i in labels_of(classes, self.names) or ()]
            self.files = [file for file in self.files if _top(file) in self.kept]
        self.shape: tuple[int, ...] = (channels, size, size)
        self.flip = flip

    def load(self) -> Examples:
        """x uint8 [N, channels, size, size] in sorted order; y the subfolder, if all images lie in one.

        Raises:
            DataError: files that cannot be read, all of them counted and the first twenty named.
        """
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # of Pillow: too many pixels, odd metadata; we judge the pixels
            return self._mapped() or Examples(self._in_memory(), self._labels())

    def _labels(self) -> Tensor | None:
        if not self.labelled:
            return None
        number = {name: i for i, name in enumerate(self.names)}
        return torch.tensor([number[_top(file)] for file in self.files])

    def _in_memory(self) -> Tensor:
        x, done = room((len(self.files), *self.shape)), 0
        for block in self._decoded():
            x.numpy()[done : done + len(block)] = block
            done += len(block)
        return x

    def _mapped(self) -> Mapped | None:
        """The pixels, mapped from the cache, which is made if need be; None where there is none."""
        channels, size, _ = self.shape
        shape = (len(self.files), *self.shape)
        if not self.cache or self.found.bytes + math.prod(shape) < SMALL:
            return None
        place, mode = Path(os.path.expanduser(self.cache)), 0o777
        if self.cache == "auto":
            if (home := default_place()) is None:
                log.warning("decoded images are held in memory: there is no home folder; dataset.cache=PATH keeps them")
                return None
            place, mode = home, 0o700  # photos may be private, and their folder closed to others
        settings = f"{size} {channels} {self.kept if self.kept != self.names else 'all'}"
        one = hashlib.sha256(os.fsencode(f"{os.path.realpath(self.root)}\0{settings}\0{decoder()}")).hexdigest()[:16]
        name = re.sub(r"[^\w.-]|^\.", "_", self.root.resolve().name, flags=re.ASCII)[:40]
        key = hashlib.sha256(os.fsencode(f"{self.found.state}\0{settings}\0{decoder()}")).hexdigest()
        cache = Cache(place / f"{name}-{one}", shape, key, self._labels(), mode)
        found = cache.open()
        if found is None:
            # a change from here on leaves other times than those that were seen
            time.sleep(max(0.0, min(TICK, self.found.newest / 1e9 + TICK - time.time())))
            try:
                found = cache.fill(self._decoded())
            except OSError as error:
                where = f"{shown(cache.path.parent)}: {error.strerror or error}"
                log.warning("decoded images cannot be kept in %s; they are held in memory", where)
                return None
            log.warning("decoded images are kept in %s: %s MB", cache.path.parent, f"{cache.bytes / 1e6:,.0f}")
        return found

    def _decoded(self) -> Generator[np.ndarray]:
        channels, size, _ = self.shape
        return watched(decoded(self.root, self.files, size, channels), len(self.files), "images decoded")


def _top(file: str) -> str:
    return file.partition(os.sep)[0]

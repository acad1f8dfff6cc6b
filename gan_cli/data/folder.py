"""Image files in a folder."""

import logging
import os
import warnings
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from itertools import islice
from pathlib import Path
from typing import Literal

import numpy as np
import torch
from PIL import Image

from gan_cli.data.classes import labels_of
from gan_cli.data.examples import Examples
from gan_cli.data.images import check_image, room
from gan_cli.data.picture import MAX_PIXELS, read_picture
from gan_cli.data.tree import SUFFIXES, contents, image_files, shown
from gan_cli.errors import DataError

log = logging.getLogger(__name__)

SHOWN = 20  # bad files named in a message
WIDTH = 100  # columns of a message
THREADS = min(8, os.cpu_count() or 1)


class Folder:
    """The images in a folder and its subfolders, in sorted order; other and hidden files are passed over.

    Every image is decoded before anything is trained, and all that cannot be are listed together. Links are followed,
    also out of the folder: it is the user's own, and so is what its links lead to.

    Each is turned upright, its shorter side scaled to `size` (bicubic, antialiased), and the centre square kept.
    Transparent pixels are composited on white, except with 4 channels, which keep alpha. 16-bit grey is scaled. Of an
    animation the first frame is taken. If every image lies in a subfolder, the first-level subfolders are the labels,
    numbered in sorted order.

    Args:
        path: of the folder.
        size: side in pixels.
        channels: 1 grey, 3 RGB, 4 RGBA.
        classes: the subfolders to keep, by name, or else by number; all without it.
        flip: mirror at random.

    Raises:
        ValueError: an argument out of its range.
        DataError: no folder, or no image in it.
    """

    def __init__(
        self,
        path: str,
        size: int = 64,
        channels: Literal[1, 3, 4] = 3,
        classes: Sequence[int | str] | None = None,
        flip: bool = False,
    ) -> None:
        check_image(size, channels, (1, 3, 4))
        self.root = Path(path).expanduser()
        if not self.root.is_dir():
            found = "is a file" if self.root.exists() else "is not there"
            raise DataError(f"{shown(path)} {found}; set dataset.path to a folder of images")
        self.files = list(image_files(self.root))
        if not self.files:
            raise DataError(f"no image in {shown(path)}\nfound: {contents(self.root)}\nread: {' '.join(SUFFIXES)}")
        self.names = sorted({file.parts[0] for file in self.files})
        self.labelled = all(len(file.parts) > 1 for file in self.files)
        if classes is not None:
            if not self.labelled:
                loose = sum(len(file.parts) == 1 for file in self.files)
                raise DataError(
                    f"{loose} images lie in {shown(path, 45)} itself, so they have no class\n"
                    "move every image into a subfolder named after its class, or drop dataset.classes"
                )
            kept = {self.names[i] for i in labels_of(classes, self.names) or ()}
            self.files = [file for file in self.files if file.parts[0] in kept]
        self.shape: tuple[int, ...] = (channels, size, size)
        self.flip = flip

    def load(self) -> Examples:
        """x uint8 [N, channels, size, size] in sorted order; y the subfolder, if all images lie in one.

        Raises:
            DataError: files that cannot be read, all of them counted and the first twenty named.
        """
        channels, size, _ = self.shape
        x = room((len(self.files), *self.shape))
        pixels = x.numpy()

        def read(i: int) -> tuple[str | None, bool]:
            """Fill row i; what is wrong with the file, and whether it has more frames."""
            path = self.root / self.files[i]
            try:
                picture, animated = read_picture(path, size, channels)
                pixels[i] = np.asarray(picture).reshape(size, size, channels).transpose(2, 0, 1)
                return None, animated
            except MemoryError:  # no fault of the file's
                raise
            except Exception as error:  # Pillow raises nearly anything on a damaged file
                return _reason(error), False

        # Pillow decodes without the interpreter's lock; each thread writes rows of its own
        with warnings.catch_warnings(), ThreadPoolExecutor(THREADS) as pool:
            warnings.simplefilter("ignore")  # of Pillow: too many pixels, odd metadata; we judge the pixels
            try:
                results = list(pool.map(read, range(len(self.files))))
            except BaseException:  # a signal does not wait for the rest of a large folder
                pool.shutdown(wait=False, cancel_futures=True)
                raise
        self._refuse({self.files[i]: why for i, (why, _) in enumerate(results) if why})
        if frames := sum(animated for _, animated in results):
            log.warning("%d of %d images have several frames; the first is used", frames, len(self.files))
        if not self.labelled:
            return Examples(x, None)
        number = {name: i for i, name in enumerate(self.names)}
        return Examples(x, torch.tensor([number[file.parts[0]] for file in self.files]))

    def _refuse(self, bad: dict[Path, str]) -> None:
        if bad:
            lines = [f"  {shown(file)}: {why}"[:WIDTH] for file, why in islice(bad.items(), SHOWN)]
            if len(bad) > SHOWN:
                lines.append(f"  and {len(bad) - SHOWN} more")
            raise DataError(
                f"{len(bad)} of {len(self.files)} images in {shown(self.root, 50)} cannot be read\n"
                + "\n".join(lines)
                + "\nrepair or remove them"
            )


def _reason(error: Exception) -> str:
    """In one line, of characters that can be printed: Pillow quotes the file."""
    if isinstance(error, FileNotFoundError):
        return "not there any more, or a link to nothing"
    if isinstance(error, Image.DecompressionBombError):
        return f"far more than {MAX_PIXELS >> 20} million pixels"
    text = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in text)

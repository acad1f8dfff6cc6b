"""Many image files to pixels: in order, in parallel, in bounded memory."""

import logging
import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image, features

from gan_cli.data.picture import MAX_PIXELS, read_picture
from gan_cli.data.tree import shown
from gan_cli.errors import DataError

log = logging.getLogger(__name__)

SHOWN = 20  # bad files named in a message
WIDTH = 100  # columns of a message
THREADS = min(16, os.cpu_count() or 1)
BLOCK = 2**20  # bytes of pixels that a thread decodes before it hands them on
MOST = 64  # images in them
FLIGHT = 2**27  # bytes of pixels that are decoded ahead of what is asked for; one image at least

REVISION = 1  # of what we make of a file: one more whenever any pixel may come out otherwise
LIBRARIES = ("pil", "jpg", "libjpeg_turbo", "webp", "libtiff", "zlib")  # a pixel depends on them, too


def decoder() -> str:
    """Versions of all that decides which pixels a file gives."""
    return f"{REVISION}, " + ", ".join(f"{name} {features.version(name)}" for name in LIBRARIES)


@dataclass
class _Found:
    """What threads found in one block, or in all of them."""

    pixels: np.ndarray
    animated: int = 0
    bad: dict[str, str] = field(default_factory=dict)  # file: what is wrong with it


def decoded(root: Path, files: Sequence[str], size: int, channels: int) -> Iterator[np.ndarray]:
    """Their pixels, uint8 [n, channels, size, size] at a time.

    Raises:
        DataError: after the last one, if any cannot be read: all of them counted and the first twenty named.
    """
    rows = max(1, min(MOST, BLOCK // (channels * size**2)))

    def read(start: int) -> _Found:
        part = files[start : start + rows]
        found = _Found(np.zeros((len(part), channels, size, size), np.uint8))
        for row, file in zip(found.pixels, part, strict=True):
            try:
                picture, animated = read_picture(root / file, size, channels)
                row[:] = np.asarray(picture).reshape(size, size, channels).transpose(2, 0, 1)
                found.animated += animated
            except MemoryError:  # no fault of the file's
                raise
            except Exception as error:  # Pillow raises nearly anything on a damaged file
                found.bad[file] = _reason(error)
        return found

    ahead = max(1, min(2 * THREADS, FLIGHT // (rows * channels * size**2)))
    total, count = _Found(np.empty(0)), 0
    with ThreadPoolExecutor(THREADS) as pool:  # Pillow decodes without the interpreter's lock
        waiting: deque[Future[_Found]] = deque()
        starts = iter(range(0, len(files), rows))
        try:
            waiting.extend(pool.submit(read, start) for start in islice(starts, ahead))
            while waiting:
                found = waiting.popleft().result()
                waiting.extend(pool.submit(read, start) for start in islice(starts, 1))
                total.animated += found.animated
                count += len(found.bad)
                total.bad |= dict(islice(found.bad.items(), SHOWN - len(total.bad)))
                yield found.pixels
        except BaseException:  # a signal does not wait for the rest of a large folder
            pool.shutdown(wait=False, cancel_futures=True)
            raise
    if count:
        _refuse(root, len(files), count, total.bad)
    if total.animated:
        log.warning("%d of %d images have several frames; the first is used", total.animated, len(files))


def _refuse(root: Path, of: int, count: int, first: dict[str, str]) -> None:
    lines = [f"  {shown(file)}: {why}"[:WIDTH] for file, why in first.items()]
    if count > len(first):
        lines.append(f"  and {count - len(first)} more")
    raise DataError(
        f"{count} of {of} images in {shown(root, 50)} cannot be read\n" + "\n".join(lines) + "\nrepair or remove them"
    )


def _reason(error: Exception) -> str:
    """In one line, of characters that can be printed: Pillow quotes the file."""
    if isinstance(error, FileNotFoundError):
        return "not there any more, or a link to nothing"
    if isinstance(error, Image.DecompressionBombError):
        return f"far more than {MAX_PIXELS >> 20} million pixels"
    text = " ".join(str(getattr(error, "strerror", None) or error).split()) or type(error).__name__
    return "".join(c if c.isprintable() else "?" for c in text)

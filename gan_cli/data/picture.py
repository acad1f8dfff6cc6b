"""One image file to the right pixels, whatever kind it is."""

import logging
import os
import stat
from collections.abc import Iterator
from contextlib import closing, contextmanager, nullcontext
from os import PathLike
from typing import BinaryIO

import numpy as np
from PIL import Image, ImageOps, PngImagePlugin, UnidentifiedImageError

from gan_cli.data.headers import check_header
from gan_cli.data.kinds import kind_of
from gan_cli.data.threads import Quiet, Room

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # no EPS: Pillow hands those to Ghostscript
MAX_PIXELS = 64 * 2**20  # refused by the header: a PNG of some kilobytes can hold billions of pixels
MAX_BYTES = 2**29  # of a file: 64 million pixels of four 16-bit channels
STRIP = 2**20  # pixels converted at a time
MODES = {1: "L", 3: "RGB", 4: "RGBA"}

# However many threads there are, they hold together one image of the greatest size, or many small ones. A thread that
# waits for pixels has its bytes already, and none waits for bytes that has pixels: so they never wait for each other.
BYTES, PIXELS = Room(2**28), Room(MAX_PIXELS)
QUIET = Quiet()
# Pillow takes memory in blocks. Those of 16 MB, its default, glibc keeps for the thread that freed them: eight threads
# were left with a gigabyte. Those beyond 32 MB it gives back. An image that needs less takes less.
Image.core.set_block_size(2**26)  # type: ignore[attr-defined]
logging.getLogger("PIL").setLevel(logging.CRITICAL)  # what it would log, the error that it raises says
PngImagePlugin.MAX_TEXT_MEMORY = 2**22  # unpacked, of one image; Pillow would keep 64 MB of it in each thread


def read_picture(path: str | PathLike[str], size: int, channels: int) -> tuple[Image.Image, bool]:
    """The centre square of an image at size x size, in mode L, RGB or RGBA; and whether it has more frames.

    Turned upright by its EXIF orientation. Of an animation, the first frame. Transparency is composited on white, or
    kept with 4 channels. 16-bit grey is scaled to 8 bits. Bicubic and antialiased, as in `images.to_size`.

    Raises:
        ValueError: not a regular file, not an image, too many pixels or bytes, or values without a known range.
        Exception: what Pillow raises on a damaged file, of nearly any kind.
    """
    with _open_regular(path) as file, BYTES.take(os.fstat(file.fileno()).st_size):
        check_header(file)
        try:
            image = Image.open(file, formats=FORMATS)
        except UnidentifiedImageError:
            file.seek(0)
            raise ValueError(f"not an image: {kind_of(file.read(512))}") from None
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width} x {height} pixels; {MAX_PIXELS >> 20} million at most")
        # a JPEG of a phone (MPO) holds a preview or a depth map beside its picture: no animation
        animated = image.format != "MPO" and getattr(image, "is_animated", False)
        with PIXELS.take(width * height), closing(image):  # frees the pixels, which the end of a `with image` does not
            return _square(image, size, channels), animated


def looked_at(path: str | PathLike[str]) -> tuple[int, int, int]:
    """Width, height and channels (1 grey, else 3) of an image, by its header alone; errors as `read_picture`."""
    with _open_regular(path) as file:
        check_header(file)
        with closing(Image.open(file, formats=FORMATS)) as image:
            return (*image.size, 1 if image.mode.startswith(("1", "L", "I", "F")) and image.mode != "LAB" else 3)


def _square(image: Image.Image, size: int, channels: int) -> Image.Image:
    with QUIET if image.format == "TIFF" else nullcontext():
        image.load()  # all of it: a truncated file is refused, not filled up with grey
    ImageOps.exif_transpose(image, in_place=True)
    side = min(image.size)
    left, top = (image.width - side) // 2, (image.height - side) // 2
    # cut out before it is converted, which takes memory; not resize(box=...), whose filter reaches outside the box
    square = image.crop((left, top, left + side, top + side)) if image.width != image.height else image
    return _converted(square, channels).resize((size, size), Image.Resampling.BICUBIC)


def _converted(image: Image.Image, channels: int) -> Image.Image:
    """To L, RGB or RGBA, in strips: every step of it copies what it gets."""
    if image.mode == MODES[channels] and "transparency" not in image.info:
        return image
    width, height = image.size
    rows = max(1, STRIP // width)
    converted = Image.new(MODES[channels], image.size)
    for top in range(0, height, rows):
        box = (0, top, width, min(top + rows, height))
        converted.paste(_to_channels(_to_8_bits(image.crop(box)), channels), box)
    return converted


@contextmanager
def _open_regular(path: str | PathLike[str]) -> Iterator[BinaryIO]:
    """A regular file, also behind a link. Looked at before it is opened, as to open a device may do something, and
    after, as it may have changed; a pipe is not waited for.
    """
    _check_regular(os.stat(path))
    flags = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_CLOEXEC", 0) | getattr(os, "O_BINARY", 0)
    with os.fdopen(os.open(path, flags), "rb") as file:
        found = os.fstat(file.fileno())
        _check_regular(found)
        if found.st_size > MAX_BYTES:
            raise ValueError(f"{found.st_size >> 20} MB; {MAX_BYTES >> 20} at most")
        yield file


def _check_regular(found: os.stat_result) -> None:
    if not stat.S_ISREG(found.st_mode):
        kinds = {stat.S_IFDIR: "a folder", stat.S_IFIFO: "a pipe", stat.S_IFSOCK: "a socket"}
        raise ValueError(f"not a file but {kinds.get(stat.S_IFMT(found.st_mode), 'a device')}")


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Grey values of 16 bits by scaling: Pillow's own conversion clips them, so that all above 255 is white."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels of no known range; save 8 or 16 bits")
    grey, rest = np.divmod(values.astype(np.uint16), np.uint16(257))  # 65535 = 255 * 257
    return Image.fromarray((grey + (rest > 128)).astype(np.uint8))


def _to_channels(image: Image.Image, channels: int) -> Image.Image:
    """To L, RGB or RGBA; without an alpha channel in the result, transparency shows white."""
    transparent = ("a" in image.mode.lower() and image.mode != "LAB") or "transparency" in image.info
    if transparent or channels == 4:
        image = image.convert("RGBA")
        if channels < 4:
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
    return image if image.mode == MODES[channels] else image.convert(MODES[channels])

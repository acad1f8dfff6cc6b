"""One image file to the right pixels, whatever kind it is."""

from os import PathLike

import numpy as np
from PIL import Image, ImageOps

FORMATS = ("PNG", "JPEG", "WEBP", "BMP", "GIF", "TIFF")  # no EPS: Pillow hands those to Ghostscript
MAX_PIXELS = 64 * 2**20  # refused by the header: a PNG of some kilobytes can hold billions of pixels
MODES = {1: "L", 3: "RGB", 4: "RGBA"}


def read_picture(path: str | PathLike[str], size: int, channels: int) -> tuple[Image.Image, bool]:
    """The centre square of an image at size x size, in mode L, RGB or RGBA; and whether it has more frames.

    Turned upright by its EXIF orientation. Of an animation, the first frame. Transparency is composited on white, or
    kept with 4 channels. 16-bit grey is scaled to 8 bits. Bicubic and antialiased, as in `images.to_size`.

    Raises:
        ValueError: too many pixels, or values without a known range.
        Exception: what Pillow raises on a damaged file, of nearly any kind.
    """
    with Image.open(path, formats=FORMATS) as image:
        width, height = image.size
        if width * height > MAX_PIXELS:
            raise ValueError(f"{width} x {height} pixels; {MAX_PIXELS >> 20} million at most")
        # a JPEG of a phone (MPO) holds a preview or a depth map beside its picture: no animation
        animated = image.format != "MPO" and getattr(image, "is_animated", False)
        image.load()  # all of it: a truncated file is refused, not filled up with grey
        upright = ImageOps.exif_transpose(image)
    picture = _to_channels(_to_8_bits(upright), channels)
    side = min(picture.size)
    left, top = (picture.width - side) // 2, (picture.height - side) // 2
    # not resize(box=...), whose filter reaches for pixels outside the box
    square = picture.crop((left, top, left + side, top + side))
    return square.resize((size, size), Image.Resampling.BICUBIC), animated


def _to_8_bits(image: Image.Image) -> Image.Image:
    """Grey values of 16 bits by scaling: Pillow's own conversion clips them, so that all above 255 is white."""
    if not image.mode.startswith(("I", "F")):
        return image
    values = np.asarray(image)
    if image.mode == "F" or values.min() < 0 or values.max() > 65535:
        raise ValueError("32-bit pixels of no known range; save 8 or 16 bits")
    return Image.fromarray(((values.astype(np.uint32) * 255 + 32767) // 65535).astype(np.uint8))


def _to_channels(image: Image.Image, channels: int) -> Image.Image:
    """To L, RGB or RGBA; without an alpha channel in the result, transparency shows white."""
    transparent = ("a" in image.mode.lower() and image.mode != "LAB") or "transparency" in image.info
    if transparent or channels == 4:
        image = image.convert("RGBA")
        if channels < 4:
            white = Image.new("RGBA", image.size, "white")
            image = Image.alpha_composite(white, image)
    return image.convert(MODES[channels])

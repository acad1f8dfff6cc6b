"""Images to one picture, and the picture to a file."""

import io
import math
import os
import struct
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import numpy.typing as npt
import torch
from torch import Tensor

Picture = npt.NDArray[np.uint8]  # [H, W, 3]

GREY = 127  # the padding, and what NaN becomes: the middle of the scale, neither ink nor paper
LONGER_SIDE = 640  # pixels; small images are enlarged as long as the picture stays within


def to_uint8(images: Tensor) -> Tensor:
    """[N, C, H, W] in [-1, 1] to bytes: the nearest of 256 levels, clamped; NaN becomes mid grey.

    >>> to_uint8(torch.tensor([-1.0, 0.0, 1.0, 7.0, float("nan")])).tolist()
    [0, 128, 255, 255, 127]
    """
    # floor(v + 1/2), not round(): 127.5, an exact zero, goes up whichever neighbour is even
    levels = ((images.detach().float() + 1) * 127.5 + 0.5).floor().clamp(0, 255)
    return levels.nan_to_num(GREY).to(torch.uint8)


def tile(images: Tensor, columns: int | None = None, padding: int = 2, scale: int | None = None) -> Picture:
    """One picture of many images, row by row, on a neutral grey.

    Args:
        images: [N, C, H, W] in [-1, 1]; C = 1 grey, 2 grey and alpha, 3 RGB, 4 RGB and alpha. Alpha is composited
            on white: -1 is transparent, 1 opaque.
        columns: by default the smallest square that holds all images.
        padding: pixels around and between the images; not enlarged.
        scale: whole factor of the enlargement, each pixel a square; by default the largest that keeps the longer
            side within 640 pixels, so that a 16-pixel digit can be seen.

    Raises:
        ValueError: there is no image, or it has more than 4 channels.
    """
    if images.ndim != 4 or not 1 <= images.shape[1] <= 4 or 0 in images.shape:
        raise ValueError(f"expected images [N, 1 to 4, H, W] with N >= 1; got {list(images.shape)}")
    count, _, height, width = images.shape
    columns = math.ceil(math.sqrt(count)) if columns is None else columns
    rows = math.ceil(count / columns)
    if scale is None:
        scale = max(1, min(_fit(columns, width, padding), _fit(rows, height, padding)))

    pixels = _rgb(to_uint8(images).cpu()).permute(0, 2, 3, 1).numpy()  # [N, H, W, 3]
    pixels = pixels.repeat(scale, axis=1).repeat(scale, axis=2)
    cell_height, cell_width = height * scale + padding, width * scale + padding
    picture = np.full((rows * cell_height + padding, columns * cell_width + padding, 3), GREY, np.uint8)
    for index, image in enumerate(pixels):
        top, left = padding + index // columns * cell_height, padding + index % columns * cell_width
        picture[top : top + height * scale, left : left + width * scale] = image
    return picture


def _fit(cells: int, side: int, padding: int) -> int:
    return (LONGER_SIDE - padding * (cells + 1)) // (cells * side)


def _rgb(pixels: Tensor) -> Tensor:
    """uint8 [N, 1..4, H, W] to [N, 3, H, W]."""
    if pixels.shape[1] in (2, 4):
        colour, alpha = pixels[:, :-1].float(), pixels[:, -1:].float() / 255
        pixels = (255 + (colour - 255) * alpha).round().to(torch.uint8)
    return pixels.expand(-1, 3, -1, -1)


def png_bytes(picture: Picture) -> bytes:
    """A picture as a PNG file's content; [H, W] and [H, W, C] of grey, with alpha or both are pictures too.

    Each row as its difference from the one above, and little search for repetitions: a third of the time that Pillow
    takes to choose among all that the format allows, for files that are about an eighth larger at the most.
    """
    height, width = picture.shape[:2]
    flat = picture.reshape(height, -1)
    kind = {1: 0, 2: 4, 3: 2, 4: 6}[flat.shape[1] // width]  # the format's number for so many channels
    rows = np.full((height, 1 + flat.shape[1]), 2, np.uint8)  # filter 2: "up"
    rows[0, 1:] = flat[0]
    np.subtract(flat[1:], flat[:-1], out=rows[1:, 1:])
    header = struct.pack(">IIBBBBB", width, height, 8, kind, 0, 0, 0)  # 8 bits a channel
    parts = ((b"IHDR", header), (b"IDAT", zlib.compress(rows.tobytes(), 3)), (b"IEND", b""))
    chunks = (struct.pack(">I", len(body)) + (name + body) + _crc(name + body) for name, body in parts)
    return b"\x89PNG\r\n\x1a\n" + b"".join(chunks)


def _crc(chunk: bytes) -> bytes:
    return struct.pack(">I", zlib.crc32(chunk))


def save_png(path: str | os.PathLike[str], picture: Picture) -> None:
    """Write a picture; a reader sees the whole file or none of it."""
    write_whole(Path(path), png_bytes(picture))


def gif(path: str | os.PathLike[str], frames: Sequence[Picture], milliseconds: int = 80) -> None:
    """Write an endless film, each frame shown for so many milliseconds (GIF counts in tens).

    Raises:
        ValueError: there is no frame.
    """
    from PIL import Image

    if not frames:
        raise ValueError("a film needs at least one frame")
    first, *others = [Image.fromarray(frame) for frame in frames]
    buffer = io.BytesIO()
    first.save(buffer, "GIF", save_all=True, append_images=others, duration=milliseconds, loop=0)
    write_whole(Path(path), buffer.getvalue())


def write_whole(path: Path, content: bytes) -> None:
    """Write a file; a reader sees the whole of it or none."""
    fresh = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        fresh.write_bytes(content)
        os.replace(fresh, path)  # atomic, because it lies beside
    finally:
        fresh.unlink(missing_ok=True)

"""uint8 images [N, C, H, W]: to a size, to a number of channels."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor
from torch.nn.functional import interpolate

from gan_cli.errors import DataError

CHUNK = 4096  # images at a time: bounds the memory a conversion takes beside its result


def check_image(size: int | None, channels: int | None, allowed: Sequence[int] = (1, 3)) -> None:
    """Refuse what cannot be an image.

    Raises:
        ValueError: a side below 1, or a number of channels that is not allowed.
    """
    if size is not None and size < 1:
        raise ValueError(f"size must be at least 1, got {size}")
    if channels is not None and channels not in allowed:
        raise ValueError(f"channels must be one of {', '.join(map(str, allowed))}, got {channels}")


def room(shape: Sequence[int], dtype: torch.dtype = torch.uint8) -> Tensor:
    """Memory for all examples, not yet filled.

    Raises:
        DataError: there is not so much.
    """
    need = math.prod(shape) * dtype.itemsize
    try:
        if need < available():
            return torch.empty(*shape, dtype=dtype)
    except RuntimeError:  # torch's word for it
        pass
    text = " x ".join(map(str, shape[1:]))
    raise DataError(
        f"{shape[0]} examples of {text} need {need / 1e6:,.0f} MB of memory, more than there is\n"
        "set a smaller dataset.size, or take fewer of them"
    )


def available() -> float:
    """Bytes of memory that this machine has left; infinite where it does not say."""
    try:
        with open("/proc/meminfo") as lines:
            return next(int(line.split()[1]) * 1024 for line in lines if line.startswith("MemAvailable:"))
    except (OSError, StopIteration, ValueError):
        return math.inf


def to_channels(x: Tensor, channels: int) -> Tensor:
    """Grey from RGB by its luma, RGB from grey by repeating it: uint8 [N, c, H, W] -> uint8 [N, channels, H, W]."""
    if x.shape[1] == channels:
        return x
    if channels == 3:
        return x.expand(-1, 3, -1, -1).contiguous()
    luma = torch.tensor([0.299, 0.587, 0.114]).view(1, 3, 1, 1)  # ITU-R BT.601, as Pillow's convert("L")
    return torch.cat([(part * luma).sum(1, keepdim=True).round().byte() for part in x.split(CHUNK)])


def to_size(x: Tensor, size: int) -> Tensor:
    """The centre square at size x size: uint8 [N, C, H, W] -> uint8 [N, C, size, size].

    Bicubic and antialiased: other filters leave aliasing that a discriminator learns and FID sees
    (Parmar et al. 2022, arXiv:2104.11222). Values are clipped to 0..255.
    """
    height, width = x.shape[2:]
    side = min(height, width)
    top, left = (height - side) // 2, (width - side) // 2
    x = x[:, :, top : top + side, left : left + side]
    if side == size:
        return x.contiguous()
    out = room((len(x), x.shape[1], size, size))
    for start in range(0, len(x), CHUNK):
        part = x[start : start + CHUNK].contiguous()
        # Four grey images as the channels of one: the same values in less than half of the time.
        together = math.gcd(len(part), 4) if x.shape[1] == 1 else 1
        # in uint8 torch rounds and clips like Pillow (and is six times as fast as in float)
        part = part.view(-1, together * x.shape[1], side, side)
        scaled = interpolate(part, size=(size, size), mode="bicubic", antialias=True)
        out[start : start + CHUNK] = scaled.view(-1, x.shape[1], size, size)
    return out

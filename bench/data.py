"""Made-up data, the same for all contenders, so that a measurement needs no data set."""

from pathlib import Path

import numpy as np

from bench.sets import Set

IMAGES = 60_000  # as many as MNIST has, up to this many bytes of pixels
MOST = 2**28


def write(one: Set, folder: Path, count: int | None = None) -> Path:
    """A .npy file of uint8 images [N, H, W] or [N, H, W, 3], or of float32 points [N, 2] on a ring of 8 Gaussians.

    Images are blocks of 4 x 4 pixels of noise: what no contender's speed depends on.
    """
    random = np.random.default_rng(0)
    path = folder / f"{'x'.join(map(str, one.shape))}-{count}.npy"
    if path.exists():
        return path
    if one.is_image:
        channels, height, width = one.shape
        count = count or min(IMAGES, MOST // (channels * height * width))
        coarse = random.integers(0, 256, (count, height // 4, width // 4, channels), dtype=np.uint8)
        images = coarse.repeat(4, 1).repeat(4, 2)
        np.save(path, images[..., 0] if channels == 1 else images)
    else:
        angle = random.integers(0, 8, count or IMAGES) * (np.pi / 4)
        points = np.stack([np.cos(angle), np.sin(angle)], 1) + 0.01 * random.standard_normal((len(angle), 2))
        np.save(path, points.astype(np.float32))
    return path

"""Two sets of points that a metric compares, checked before a number is made of them."""

import torch
from torch import Tensor


def points(x: Tensor, name: str, least: int = 1) -> Tensor:
    """Points as float64 [N, D] on the CPU; [N] is N points of one number, and images are flattened.

    float64: metrics subtract large sums that are nearly equal, and float32 leaves few of their digits.

    Raises:
        ValueError: fewer than `least` points, or one that is not finite.
    """
    if x.ndim < 1 or len(x) < least:
        raise ValueError(f"{name}: at least {least} are needed, got {len(x) if x.ndim else 0}; draw or load more")
    x = x.detach().cpu().reshape(len(x), -1)
    x = x if x.dtype == torch.float64 else x.double()
    bad = ~x.isfinite().all(1)
    if bad.any():
        raise ValueError(
            f"{name}: {int(bad.sum())} of {len(x)} are not finite (nan or inf), and no distance to them exists; "
            "look for where training diverged, or leave them out and say so"
        )
    return x


def pair(x: Tensor, y: Tensor, names: tuple[str, str] = ("real", "fake"), least: int = 1) -> tuple[Tensor, Tensor]:
    """Two sets of points of one length; see `points`.

    Raises:
        ValueError: as `points` does, or their points differ in length.
    """
    x, y = points(x, names[0], least), points(y, names[1], least)
    if x.shape[1] != y.shape[1]:
        raise ValueError(
            f"{names[0]} has {x.shape[1]} numbers a point and {names[1]} has {y.shape[1]}; "
            "compare points of one space: the same features of images of the same shape"
        )
    return x, y

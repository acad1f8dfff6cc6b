"""A thin curved density: connected, yet far from any Gaussian."""

import math

import torch

from gan_cli.data.mixture import Mixture, check_far, check_number

STEPS = 512  # Gaussians an arm: with the defaults neighbours are 1.2 std apart or less, and the sum is smooth


class Spiral(Mixture):
    """A noisy Archimedean spiral, r = radius * t at angle 2 pi turns t, for t from 0 to 1.

    Its density is exact because the spiral *is* a mixture: 512 equally likely Gaussians an arm, with centres at
    t = (i + 1/2) / 512, i = 0..511. Sampled and evaluated as that mixture, so there is no curve that it approximates.
    Equal steps in t make the arm densest at its inner end.

    Args:
        turns: of each arm around 0.
        radius: of the outer end.
        std: of the noise in each coordinate, in the units of the radius.
        arms: the spiral and its copies, turned by equal angles.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(self, turns: float = 2.0, radius: float = 1.0, std: float = 0.02, arms: int = 1) -> None:
        if not 0 < turns < math.inf:
            raise ValueError(f"turns must be greater than 0, got {turns}")
        check_far("radius", radius)
        if arms < 1:
            raise ValueError(f"arms must be at least 1, got {arms}")
        check_number(f"arms times {STEPS}", arms * STEPS)
        t = (torch.arange(STEPS) + 0.5) / STEPS
        start = 2 * math.pi * torch.arange(arms)[:, None] / arms
        angle = start + 2 * math.pi * turns * t  # [arms, STEPS]
        centres = radius * t[:, None] * torch.stack([angle.cos(), angle.sin()], -1)
        super().__init__(centres.reshape(-1, 2), std)

"""Gaussians on a circle, the classic test for lost modes."""

import math
from collections.abc import Sequence

import torch

from gan_cli.data.mixture import Mixture, check_far, check_number, place


class Ring(Mixture):
    """`modes` round Gaussians on a circle; centre k at angle 2 pi k / modes + rotation.

    The defaults are the 8 Gaussians on which GANs drop modes (Metz et al. 2017, arXiv:1611.02163, appendix), at
    radius 1.

    Args:
        modes: number of Gaussians.
        radius: of the circle.
        std: of each Gaussian, in the units of the radius.
        rotation: degrees, counter-clockwise.
        shift: the circle's centre.
        weights: how often each mode is drawn, in the order of the angles; equal without it.
        points: drawn once and then gone through again and again; endless data without it.

    Raises:
        ValueError: an argument out of its range.
    """

    def __init__(
        self,
        modes: int = 8,
        radius: float = 1.0,
        std: float = 0.01,
        rotation: float = 0.0,
        shift: tuple[float, float] = (0.0, 0.0),
        weights: Sequence[float] | None = None,
        points: int | None = None,
    ) -> None:
        check_number("modes", modes)
        check_far("radius", radius)
        angle = 2 * math.pi * torch.arange(modes) / modes  # not linspace(0, 2 pi): it ends where it began
        centres = radius * torch.stack([angle.cos(), angle.sin()], 1)
        super().__init__(place(centres, rotation, shift), std, weights, points)

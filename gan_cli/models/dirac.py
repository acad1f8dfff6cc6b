"""The Dirac-GAN (Mescheder, Geiger, Nowozin 2018, arXiv:1801.04406): one number each, and all is known.

The data are the number 0 (`dataset=point`), G says theta whatever z, D(x) = psi x. The one equilibrium is (0, 0).
"""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn


def _check(shape: Sequence[int], start: float) -> None:
    if tuple(shape) != (1,):
        raise ValueError(f"the Dirac-GAN plays with one number, and the data give {list(shape)}; use dataset=point")
    if not math.isfinite(start):
        raise ValueError(f"start must be finite, got {start}")


class Generator(nn.Module):
    """z [N, noise_dim] to theta, N times: [N, 1].

    Args:
        start: theta at step 0.

    Raises:
        ValueError: samples that are not one number, or a start that is not finite.
    """

    def __init__(self, shape: Sequence[int], noise_dim: int = 1, start: float = 1.0) -> None:
        super().__init__()
        _check(shape, start)
        self.start = start
        self.theta = nn.Parameter(torch.tensor([float(start)]))

    def forward(self, z: Tensor) -> Tensor:
        return self.theta.expand(len(z), 1)


class Discriminator(nn.Module):
    """x [N, 1] to the logits psi x, [N].

    Args:
        start: psi at step 0.

    Raises:
        ValueError: samples that are not one number, or a start that is not finite.
    """

    def __init__(self, shape: Sequence[int], start: float = 1.0) -> None:
        super().__init__()
        _check(shape, start)
        self.start = start
        self.psi = nn.Parameter(torch.tensor([float(start)]))

    def forward(self, x: Tensor) -> Tensor:
        return self.psi * x[:, 0]

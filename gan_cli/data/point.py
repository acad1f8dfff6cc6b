"""One place: the data of the Dirac-GAN (Mescheder et al. 2018, arXiv:1801.04406)."""

import math

import torch
from torch import Tensor


class Point:
    """x = 0, always: a point mass, which has no density."""

    shape: tuple[int, ...] = (1,)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Float32 zeros [n, 1] on the generator's device; nothing is drawn."""
        return torch.zeros(n, 1, device=generator.device)

    def log_prob(self, x: Tensor) -> Tensor:
        """Infinite at 0 and minus infinity elsewhere: [n, 1] -> [n]."""
        return torch.where(x[:, 0] == 0, math.inf, -math.inf)

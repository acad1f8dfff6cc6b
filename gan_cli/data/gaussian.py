"""One dimension: the picture of Goodfellow et al. 2014, figure 1."""

import math

import torch
from torch import Tensor

from gan_cli.data.mixture import check_far


class Gaussian:
    """x ~ N(mean, std^2), a number.

    Raises:
        ValueError: a mean that is not finite, or a std that is not above 0.
    """

    shape: tuple[int, ...] = (1,)

    def __init__(self, mean: float = 0.0, std: float = 1.0) -> None:
        if not math.isfinite(mean):
            raise ValueError(f"mean must be finite, got {mean}")
        check_far("std", std)
        self.mean, self.std = mean, std

    @property
    def moments(self) -> tuple[list[float], float]:
        """The mean [1] and the standard deviation."""
        return [self.mean], self.std

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw float32 [n, 1] on the generator's device."""
        return self.mean + self.std * torch.randn(n, 1, generator=generator, device=generator.device)

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats: [n, 1] -> [n]."""
        z = (x[:, 0] - self.mean) / self.std
        return -z.square() / 2 - math.log(self.std * math.sqrt(2 * math.pi))

"""p(z), the noise that G turns into samples."""

import math

import torch
from torch import Tensor

MOST = 1 << 20  # dimensions


class Prior:
    """Noise of a chosen dimension.

    Raises:
        ValueError: a dimension below 1, or absurdly high.
    """

    def __init__(self, dim: int = 100) -> None:
        if dim < 1:
            raise ValueError(f"dim must be at least 1, got {dim}")
        if dim > MOST:
            raise ValueError(f"dim must be at most {MOST:,}, got {dim}")
        self.dim = dim

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw z: [n, dim], float32, on the generator's device."""
        raise NotImplementedError


class Normal(Prior):
    """z ~ N(0, I)."""

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        return torch.randn(n, self.dim, generator=generator, device=generator.device)


class Uniform(Prior):
    """z ~ U[low, high)^dim, variance (high - low)^2 / 12.

    The default, +-sqrt(3), has mean 0 and variance 1 like the normal prior: G's first layer then starts at the same
    scale, and a comparison of the two priors compares their shapes and not their sizes. (Goodfellow et al. 2014 drew
    their MNIST noise from the same U(-sqrt 3, sqrt 3)^100.)

    Raises:
        ValueError: `low` is not below `high`.
    """

    def __init__(self, dim: int = 100, low: float = -math.sqrt(3), high: float = math.sqrt(3)) -> None:
        super().__init__(dim)
        if not low < high:
            raise ValueError(f"low must be below high, got {low} and {high}")
        self.low, self.high = low, high

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        unit = torch.rand(n, self.dim, generator=generator, device=generator.device)
        return self.low + (self.high - self.low) * unit


class Sphere(Prior):
    """z uniform on the sphere of radius sqrt(dim), where a high-dimensional normal has nearly all its mass.

    Each coordinate has mean 0 and variance 1 (Karras et al. 2018 normalise their latents so).
    """

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        z = torch.randn(n, self.dim, generator=generator, device=generator.device)
        return torch.nn.functional.normalize(z) * math.sqrt(self.dim)

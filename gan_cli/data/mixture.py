"""Mixtures of round Gaussians in the plane: everything about them is known in closed form."""

import math
from collections.abc import Sequence
from functools import cached_property

import torch
from torch import Tensor

MOST = 10_000  # Gaussians: every two of them are compared, and every point with all
MOST_POINTS = 10**7  # that a finite data set draws: 80 MB
ROWS = 4096  # points at a time in log_prob: [points, centres, 2] must fit in memory


class Mixture:
    """p(x) = sum_k w_k N(x; c_k, std^2 I), x in the plane.

    Args:
        centres: c, float32 [K, 2].
        std: of every component, in the units of the centres.
        weights: w, K numbers >= 0, divided by their sum; equal without it.
        points: drawn once, and all that a run is trained on, as if no more were known; without it every batch is drawn
            anew. Of either kind the density itself is known, and is what samples are held against.

    Raises:
        ValueError: an argument out of its range.
    """

    shape: tuple[int, ...] = (2,)

    def __init__(
        self, centres: Tensor, std: float, weights: Sequence[float] | None = None, points: int | None = None
    ) -> None:
        check_far("std", std)
        if points is not None and not 1 <= points <= MOST_POINTS:
            raise ValueError(f"points must be 1 to {MOST_POINTS:,}, or null for endless data, got {points}")
        raw = torch.ones(len(centres)) if weights is None else torch.tensor(list(weights), dtype=torch.float32)
        if len(raw) != len(centres):
            raise ValueError(f"weights must be one for each of the {len(centres)} centres, got {len(raw)}")
        if not (raw >= 0).all() or not 0 < raw.sum() < math.inf:
            raise ValueError(f"weights must be 0 or more and not all 0, got {raw.tolist()}")
        self.centres = centres  # [K, 2]
        self.std = std
        self.weights = raw / raw.sum()  # [K]
        self.points = points

    @cached_property
    def modes(self) -> Tensor | None:
        """The centres that are ever drawn, [K, 2]; None where they overlap, so that none of them is a mode: where two
        are nearer than six standard deviations.
        """
        drawn = self.centres[self.weights > 0]
        apart = torch.pdist(drawn)
        return None if len(apart) and apart.min() < 6 * self.std else drawn

    @property
    def moments(self) -> tuple[list[float], float]:
        """The mean [2], and the root of the mean variance over both coordinates."""
        w, c = self.weights.double(), self.centres.double()
        mean = w @ c
        return mean.tolist(), math.sqrt(float(w @ (c - mean).square().sum(1)) / 2 + self.std**2)

    def sample(self, n: int, generator: torch.Generator) -> Tensor:
        """Draw float32 [n, 2] on the generator's device."""
        device = generator.device
        which = self.weights.to(device).multinomial(n, replacement=True, generator=generator)
        noise = torch.randn(n, 2, generator=generator, device=device)
        return self.centres.to(device)[which] + self.std * noise

    def log_prob(self, x: Tensor) -> Tensor:
        """log p(x) in nats: [n, 2] -> [n]."""
        return torch.cat([self._log_prob(rows) for rows in x.split(ROWS)])

    def _log_prob(self, x: Tensor) -> Tensor:
        square = (x[:, None] - self.centres.to(x)).square().sum(-1)  # [n, K]
        log_normal = -square / (2 * self.std**2) - math.log(2 * math.pi * self.std**2)
        return (self.weights.to(x).log() + log_normal).logsumexp(-1)


def check_number(what: str, number: int) -> None:
    """Refuse fewer Gaussians than one, and more than can be told apart.

    Raises:
        ValueError: it is one of both.
    """
    if number < 1:
        raise ValueError(f"{what} must be at least 1, got {number}")
    if number > MOST:
        raise ValueError(f"{what} must be at most {MOST:,} in all, got {number}")


def check_far(what: str, value: float) -> None:
    """Refuse a distance that is none, or whose square 32 bits do not hold.

    Raises:
        ValueError: it is not above 0, or out of [1e-18, 1e18].
    """
    if not 0 < value < math.inf:
        raise ValueError(f"{what} must be greater than 0, got {value}")
    if not 1e-18 <= value <= 1e18:
        raise ValueError(f"{what} must be in [1e-18, 1e18], got {value}")


def place(centres: Tensor, rotation: float, shift: Sequence[float]) -> Tensor:
    """Turn [K, 2] counter-clockwise about 0 by `rotation` degrees, then move it by `shift`.

    Raises:
        ValueError: a shift that is not two numbers, or numbers that are not finite.
    """
    if len(shift) != 2:
        raise ValueError(f"shift must be two numbers, got {len(shift)}")
    if not all(map(math.isfinite, (rotation, *shift))):
        raise ValueError(f"rotation and shift must be finite, got {rotation} and {list(shift)}")
    turn = math.radians(rotation)
    matrix = torch.tensor([[math.cos(turn), math.sin(turn)], [-math.sin(turn), math.cos(turn)]])
    return centres @ matrix + torch.tensor(list(shift), dtype=torch.float32)

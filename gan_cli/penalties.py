"""Regularisers of D, orthogonal to the loss: gradient penalties and weight clipping, all with one signature.

A penalty reads the slope of D at each *sample*: the squared gradient is summed over all but the batch dimension, so
that its value does not depend on the batch size. It returns a scalar, its weight included, that is added to D's loss.
"""

import math
from collections.abc import Callable
from typing import Any, ClassVar, Literal

import torch
from torch import Tensor, nn

Critic = Callable[[Tensor], Tensor]


class Penalty:
    """No penalty, and the interface of all others.

    Args:
        every: apply at every n-th update of D, with n times the weight, so that the mean pull stays the same (lazy
            regularisation, Karras et al. 2020, appendix B).

    Raises:
        ValueError: `every` is not a positive number of updates.
    """

    active: ClassVar[bool] = True  # False: there is nothing to add to D's loss
    per_sample: ClassVar[bool] = False  # True: D must not mix the samples of a batch, as batch norm does
    progress: float = 0.0  # the share of the run's steps that are done, in [0, 1); set before each update
    chance: Any = torch  # what has torch's `rand`: of several processes, each draws its rows of the global batch

    def __init__(self, every: int = 1) -> None:
        if every < 1:
            raise ValueError(f"every must be at least 1 update of D, got {every}")
        self.every = every

    def __call__(self, D: Critic, real: Tensor, fake: Tensor) -> Tensor:
        """The weighted penalty; a zero that costs nothing where there is none.

        Args:
            D: from samples [N, ...] to logits [N].
            real, fake: samples [N, ...] without gradients.
        """
        return torch.zeros((), device=real.device)

    def after_step(self, D: nn.Module) -> None:
        """What is done to D's weights after each of its updates."""


class NoPenalty(Penalty):
    """D is left as it is."""

    active = False

    def __init__(self) -> None:
        super().__init__()


def _non_negative(name: str, value: float) -> float:
    if value < 0:
        raise ValueError(f"{name} must not be negative, got {value}")
    return value


def squared_slopes(D: Critic, x: Tensor, std: float = 1.0) -> Tensor:
    """|std grad_x D(x)|^2 of each sample: [N], with the graph that a second derivative needs.

    Args:
        std: the unit that x is measured in.
    """
    x = x.detach().requires_grad_()
    return _squared_slopes(D(x), x, std)


def _squared_slopes(logits: Tensor, x: Tensor, std: float) -> Tensor:
    (slope,) = torch.autograd.grad(logits.sum(), x, create_graph=True)
    if std != 1:
        slope = std * slope
    return slope.flatten(1).square().sum(1)


class GradientPenalty(Penalty):
    """Gulrajani et al. 2017, equation 3 (arXiv:1704.00028): weight * E (|grad D(x^)| - target)^2.

    x^ is uniform on the line between a real and a fake sample.

    Args:
        std: of the data, where D sees them divided by it: slopes are then measured there; set by the builder.

    Raises:
        ValueError: a negative weight or target.
    """

    per_sample = True

    def __init__(self, weight: float = 10.0, target: float = 1.0, every: int = 1, std: float = 1.0) -> None:
        super().__init__(every)
        self.std = std
        self.weight, self.target = _non_negative("weight", weight), _non_negative("target", target)

    def __call__(self, D: Critic, real: Tensor, fake: Tensor) -> Tensor:
        t = self.chance.rand(len(real), *[1] * (real.dim() - 1), device=real.device, dtype=real.dtype)
        squares = squared_slopes(D, torch.lerp(real, fake.detach(), t), self.std)
        # The root has no slope at 0; the smallest normal number under it keeps the gradient finite there.
        norms = squares.clamp_min(torch.finfo(squares.dtype).tiny).sqrt()
        return self.weight * self.every * (norms - self.target).square().mean()


class R1(Penalty):
    """Mescheder et al. 2018, equation 9 (arXiv:1801.04406): gamma/2 * E |grad D(x)|^2 on real samples.

    Two conventions exist; ours is gamma/2 (the authors' code has gamma: its 10 is our 20).

    Args:
        gamma: at the first step.
        gamma_final: at the last one, reached along half a cosine as in R3GAN (Huang et al. 2024, arXiv:2501.05441,
            appendix: training configuration); null: gamma all along.
        std: of the data, where D sees them divided by it: slopes are then measured there, so that one gamma fits data
            of any scale; set by the builder.

    Raises:
        ValueError: a negative gamma.
    """

    per_sample = True

    def __init__(
        self, gamma: float = 1.0, every: int = 1, gamma_final: float | None = None, std: float = 1.0
    ) -> None:
        super().__init__(every)
        self.gamma, self.std = _non_negative("gamma", gamma), std
        self.gamma_final = None if gamma_final is None else _non_negative("gamma_final", gamma_final)

    @property
    def gamma_now(self) -> float:
        """gamma at this step of the run.

        >>> r1 = R1(gamma=1.0, gamma_final=0.1)
        >>> r1.progress = 0.5
        >>> round(r1.gamma_now, 6)
        0.55
        """
        if self.gamma_final is None:
            return self.gamma
        return self.gamma_final + (self.gamma - self.gamma_final) * (1 + math.cos(math.pi * self.progress)) / 2

    def __call__(self, D: Critic, real: Tensor, fake: Tensor) -> Tensor:
        return self.gamma_now / 2 * self.every * squared_slopes(D, real, self.std).mean()


class R1R2(R1):
    """R1 on real and R2 on fake samples, as Huang et al. 2024 (arXiv:2501.05441) use them together."""

    def __call__(self, D: Critic, real: Tensor, fake: Tensor) -> Tensor:
        r1, r2 = (squared_slopes(D, x, self.std).mean() for x in (real, fake))
        return self.gamma_now / 2 * self.every * (r1 + r2)

    def of_judged(self, logits: Tensor, both: Tensor) -> Tensor:
        """The same, of as many real as fake samples that D has judged together: what its loss asked need not be asked
        again.

        Args:
            logits: [2N], with the graph that leads to the samples.
            both: [2N, ...], the samples.
        """
        return self.gamma_now * self.every * _squared_slopes(logits, both, self.std).mean()


class Clip(Penalty):
    """Arjovsky et al. 2017, Algorithm 1: every weight of the critic is clipped to [-value, value] after its update.

    Args:
        value: the paper's c.
        what: "all" parameters, as the authors do, or "weights" alone, which leaves biases and the scales of norms free.

    Raises:
        ValueError: a value that is not positive.
    """

    active = False

    def __init__(self, value: float = 0.01, what: Literal["all", "weights"] = "all") -> None:
        super().__init__()
        if value <= 0:
            raise ValueError(f"value must be positive, got {value}")
        self.value, self.what = value, what

    def after_step(self, D: nn.Module) -> None:
        with torch.no_grad():
            free = [p for p in D.parameters() if p.requires_grad]
            clipped: list[Tensor] = [p for p in free if self.what == "all" or p.dim() > 1]
            torch._foreach_clamp_min_(clipped, -self.value)
            torch._foreach_clamp_max_(clipped, self.value)

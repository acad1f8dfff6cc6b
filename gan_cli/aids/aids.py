"""The training aids of a run: one setting each, all off by default."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import torch
from torch import Tensor

from gan_cli.aids.augment import augment


@dataclass(frozen=True)
class Aids:
    """What D sees and is told, and which samples G learns from.

    Args:
        instance_noise: standard deviation of normal noise added to all that D sees, in the units of the data (Sønderby
            et al. 2017, section 2.5, arXiv:1610.04490; Arjovsky and Bottou 2017): p and p_G overlap.
        instance_noise_steps: it falls to 0 on a straight line over so many steps; null: it stays.
        label_flips: the share of pairs of a real and a fake sample whose labels D is told the wrong way round.
        augment: differentiable augmentations: translation, cutout, colour.
        top_k: the share of a batch that G learns from in the end, the fakes that D finds best (Sinha et al. 2020,
            arXiv:2002.06224); 1: all.
        top_k_steps: the share falls from 1 to `top_k` over so many steps.

    Raises:
        ValueError: a value out of its range.
    """

    instance_noise: float = 0.0
    instance_noise_steps: int | None = None
    label_flips: float = 0.0
    augment: Sequence[Literal["translation", "cutout", "colour"]] = ()
    top_k: float = 1.0
    top_k_steps: int = 2000

    def __post_init__(self) -> None:
        if self.instance_noise < 0:
            raise ValueError(f"instance_noise must not be negative, got {self.instance_noise}")
        if self.instance_noise_steps is not None and self.instance_noise_steps < 1:
            raise ValueError(f"instance_noise_steps must be positive or null, got {self.instance_noise_steps}")
        if not 0 <= self.label_flips < 0.5:
            raise ValueError(f"label_flips must be in [0, 0.5), got {self.label_flips}: at a half D is told nothing")
        if not 0 < self.top_k <= 1:
            raise ValueError(f"top_k must be a share in (0, 1], got {self.top_k}")
        if self.top_k_steps < 1:
            raise ValueError(f"top_k_steps must be positive, got {self.top_k_steps}")

    def noise_std(self, step: int) -> float:
        """Standard deviation of the instance noise at a step.

        >>> Aids(instance_noise=0.2, instance_noise_steps=100).noise_std(75)
        0.05
        """
        if self.instance_noise_steps is None:
            return self.instance_noise
        return self.instance_noise * max(0.0, 1 - step / self.instance_noise_steps)

    def see(self, x: Tensor, step: int, chance: Any = torch) -> Tensor:
        """Samples as D sees them at a step: augmented, then with noise.

        Args:
            x: [N, *shape], real or generated.
            chance: what draws as `torch` does.
        """
        if self.augment:
            x = augment(x, self.augment, chance)
        std = self.noise_std(step)
        return x + std * chance.randn_like(x) if std else x

    def tell(self, real: Tensor, fake: Tensor, chance: Any = torch) -> tuple[Tensor, Tensor]:
        """D's logits under the labels that it is told: some pairs [N] the wrong way round. `chance` as for `see`."""
        if not self.label_flips:
            return real, fake
        flipped = chance.rand(len(real), device=real.device) < self.label_flips
        return torch.where(flipped, fake, real), torch.where(flipped, real, fake)

    def best(self, fake: Tensor, step: int) -> Tensor | None:
        """Which fakes G learns from at a step: positions among the logits [N]; None for all."""
        share = 1 - (1 - self.top_k) * min(1.0, step / self.top_k_steps)
        count = max(1, round(share * len(fake)))
        return None if count == len(fake) else fake.topk(count).indices


def pack(x: Tensor, number: int) -> Tensor:
    """Samples side by side in one input of D (PacGAN: Lin et al. 2018, arXiv:1712.04086).

    Args:
        x: [N, C, H, W] or [N, D]; N a multiple of `number`.

    Returns:
        [N / number, C * number, H, W] or [N / number, D * number]: sample i is part i % number of pack i // number.
    """
    return x if number == 1 else x.reshape(len(x) // number, number * x.shape[1], *x.shape[2:])

"""The exponential moving average of G, whose samples are better than those of the last step."""

import copy

import torch
from torch import Tensor, nn


class EMA:
    """An average of G's weights with a half-life in images, as in the training loop of EDM (Karras et al. 2022).

    Parameters and floating-point buffers (batch norm's running statistics go with the weights they were measured on)
    are averaged; other buffers, such as batch norm's count, are copied.

    Args:
        G: the network to follow, already on its device; never changed.
        half_life_images: after this many real images, half of the average is new.
        ramp: early on, the half-life is at most this share of the images seen so far, so that the random start is
            forgotten; 0.05 is EDM's value, 0 switches the ramp off.

    Raises:
        ValueError: a half-life that is not positive, or a negative ramp.
    """

    def __init__(self, G: nn.Module, half_life_images: float, ramp: float = 0.05) -> None:
        if half_life_images <= 0:
            raise ValueError(f"the half-life must be a positive number of images, got {half_life_images}")
        if ramp < 0:
            raise ValueError(f"ramp must not be negative, got {ramp}")
        self.half_life_images, self.ramp = half_life_images, ramp
        self.G = copy.deepcopy(G).eval().requires_grad_(False)
        pairs = list(zip(_tensors(self.G), _tensors(G), strict=True))
        self._averaged = [pair for pair in pairs if pair[0].is_floating_point()]
        self._copied = [pair for pair in pairs if not pair[0].is_floating_point()]

    def decay(self, images: int, batch_size: int) -> float:
        """The weight of the old average.

        Args:
            images: real images seen so far.
            batch_size: images since the last update.
        """
        half_life = min(self.half_life_images, self.ramp * images) if self.ramp else self.half_life_images
        return float(0.5 ** (batch_size / half_life))

    @torch.no_grad()
    def update(self, images: int, batch_size: int) -> None:
        """Move the average towards G; arguments as for `decay`."""
        old, new = zip(*self._averaged, strict=True)
        torch._foreach_lerp_(old, new, 1 - self.decay(images, batch_size))
        for a, b in self._copied:
            a.copy_(b)


def _tensors(net: nn.Module) -> list[Tensor]:
    return [*(p.data for p in net.parameters()), *net.buffers()]

"""Differentiable augmentation (Zhao et al. 2020, arXiv:2006.10738, with the strengths of the paper's section 4).

Each function maps images [N, C, H, W] to images of the same shape, draws once for each image, works where the images
are, and lets gradients through. Real and generated images get the same treatment, so that G is not asked to imitate it.
`chance` is what draws as `torch` does.
"""

from collections.abc import Callable, Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn.functional import pad


def translation(x: Tensor, chance: Any = torch, share: float = 0.125) -> Tensor:
    """Shift by up to a share of the side, a whole number of pixels along each axis; what comes in is 0, mid-grey."""
    n, _, height, width = x.shape
    reach = (int(height * share + 0.5), int(width * share + 0.5))
    down, right = (chance.randint(0, 2 * r + 1, (n, 1, 1), device=x.device) for r in reach)
    rows = torch.arange(height, device=x.device)[None, :, None] + down  # [N, H, 1] in the padded image
    columns = torch.arange(width, device=x.device)[None, None, :] + right
    padded = pad(x, [reach[1], reach[1], reach[0], reach[0]]).permute(0, 2, 3, 1)
    image = torch.arange(n, device=x.device)[:, None, None]
    return padded[image, rows, columns].permute(0, 3, 1, 2)


def cutout(x: Tensor, chance: Any = torch, share: float = 0.5) -> Tensor:
    """Set a square of this share of the side to 0, centred anywhere in the image."""
    n, _, height, width = x.shape
    masks = []
    for side, shape in ((height, (n, -1, 1)), (width, (n, 1, -1))):
        size = int(side * share + 0.5)
        first = chance.randint(0, side + 1 - size % 2, (n, 1), device=x.device) - size // 2
        places = torch.arange(side, device=x.device)[None]
        masks.append(((places >= first) & (places < first + size)).view(shape))
    hole: Tensor = masks[0] & masks[1]
    return x * ~hole[:, None]


def colour(x: Tensor, chance: Any = torch) -> Tensor:
    """Brightness in [-0.5, 0.5] added, saturation times [0, 2], contrast times [0.5, 1.5], in this order."""
    def uniform(low: float, high: float) -> Tensor:
        share: Tensor = chance.rand(len(x), 1, 1, 1, device=x.device, dtype=x.dtype)
        return low + (high - low) * share

    x = x + uniform(-0.5, 0.5)
    grey = x.mean(1, keepdim=True)
    x = grey + (x - grey) * uniform(0.0, 2.0)  # nothing changes where there is one channel
    mean = x.mean((1, 2, 3), keepdim=True)
    return mean + (x - mean) * uniform(0.5, 1.5)


AUGMENTATIONS: dict[str, Callable[..., Tensor]] = {
    "colour": colour,
    "translation": translation,
    "cutout": cutout,
}


def augment(x: Tensor, names: Sequence[str], chance: Any = torch) -> Tensor:
    """Apply the named augmentations, colour first: the order of the paper."""
    for name, apply in AUGMENTATIONS.items():
        if name in names:
            x = apply(x, chance)
    return x

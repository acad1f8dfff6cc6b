"""The networks of Goodfellow et al. 2014 (arXiv:1406.2661) for MNIST, as their published configuration has them.

G: two layers of 1200 rectifiers and a sigmoid. D: two maxout layers of 240 units with 5 pieces, dropout on its input
and behind both. They look at pixels in [0, 1], and so do these inside; outside, images are in [-1, 1] as everywhere.
That counts under SGD, whose step does not fit itself to the scale: in [-1, 1] a digit is mostly -1 instead of 0, and
its mean square is eight times as large (MNIST: 0.925 and 0.112).
"""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from gan_cli.models.labels import judge
from gan_cli.models.layers import Maxout, at_least


def _pixels(shape: Sequence[int]) -> int:
    if len(shape) != 3:
        raise ValueError(f"these networks make images, and the data give points of {shape[0]} numbers; use model=mlp")
    return math.prod(shape)


def _uniform(net: nn.Module, spread: float) -> None:
    """Weights U(-spread, spread) and biases 0."""
    if not 0 < spread < math.inf:
        raise ValueError(f"spread must be greater than 0, got {spread}")
    for module in net.modules():
        if isinstance(module, nn.Linear):
            nn.init.uniform_(module.weight, -spread, spread)
            nn.init.zeros_(module.bias)


class Generator(nn.Module):
    """z [N, noise_dim] to images [N, *shape] in [-1, 1].

    Args:
        width: rectifiers in each of the two hidden layers.
        spread: weights start in U(-spread, spread).

    Raises:
        ValueError: data that are no images, a width below 1, or a spread that is not positive.
    """

    def __init__(self, shape: Sequence[int], noise_dim: int, width: int = 1200, spread: float = 0.05) -> None:
        super().__init__()
        at_least("width", width)
        self.net = nn.Sequential(
            *(nn.Linear(noise_dim, width), nn.ReLU(inplace=True)),
            *(nn.Linear(width, width), nn.ReLU(inplace=True)),
            *(nn.Linear(width, _pixels(shape)), nn.Sigmoid(), nn.Unflatten(1, tuple(shape))),
        )
        _uniform(self.net, spread)

    def forward(self, z: Tensor) -> Tensor:
        pixels: Tensor = self.net(z)
        return 2 * pixels - 1


class Discriminator(nn.Module):
    """Images [N, *shape] in [-1, 1] to logits [N].

    Args:
        width: maxout units in each of the two hidden layers.
        pieces: affine maps of each unit.
        spread: weights start in U(-spread, spread).
        input_dropout: the share of pixels dropped while training; what is left is scaled up, as theirs is.
        dropout: the share of hidden units dropped.

    Raises:
        ValueError: data that are no images, or a setting out of its range.
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 240,
        pieces: int = 5,
        spread: float = 0.005,
        input_dropout: float = 0.2,
        dropout: float = 0.5,
    ) -> None:
        super().__init__()
        at_least("width", width)
        at_least("pieces", pieces)
        for name, share in {"input_dropout": input_dropout, "dropout": dropout}.items():
            if not 0 <= share < 1:
                raise ValueError(f"{name} must be in [0, 1), got {share}")
        self.net = nn.Sequential(
            *(nn.Flatten(), nn.Dropout(input_dropout)),
            *(Maxout(_pixels(shape), width, pieces), nn.Dropout(dropout)),
            *(Maxout(width, width, pieces), nn.Dropout(dropout)),
            *(nn.Linear(width, 1), nn.Flatten(0)),
        )
        _uniform(self.net, spread)

    def forward(self, x: Tensor) -> Tensor:
        return judge(self.net, None, (x + 1) / 2, None)

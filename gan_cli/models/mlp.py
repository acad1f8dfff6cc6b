"""Fully connected networks for samples of any shape: images, points of the plane, numbers."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from gan_cli.models.layers import (
    Activation,
    AutoNorm,
    Maxout,
    Norm,
    activation,
    at_least,
    critic_norm,
    norm_features,
)


def _hidden(inputs: int, width: int, depth: int, norm: Norm, act: Activation, dropout: float) -> list[nn.Module]:
    """`depth` hidden layers of `width` units. A bias in front of batch norm would do nothing, and is left out."""
    layers: list[nn.Module] = []
    for _ in range(depth):
        if act == "maxout":
            layers += [Maxout(inputs, width), norm_features(norm, width)]
        else:
            linear = nn.Linear(inputs, width, bias=norm != "batch")
            layers += [linear, norm_features(norm, width), activation(act)]
        if dropout:
            layers.append(nn.Dropout(dropout))
        inputs = width
    return [layer for layer in layers if not isinstance(layer, nn.Identity)]


def _check(width: int, depth: int, dropout: float = 0.0) -> None:
    at_least("width", width)
    at_least("depth", depth)
    if not 0 <= dropout < 1:
        raise ValueError(f"dropout must be in [0, 1), got {dropout}")


class Generator(nn.Module):
    """z [N, noise_dim] to samples [N, *shape]; images pass through tanh into [-1, 1], points are left free.

    Args:
        width: units in each hidden layer.
        depth: hidden layers.

    Raises:
        ValueError: a width or depth below 1.
    """

    def __init__(
        self,
        shape: Sequence[int],
        noise_dim: int,
        width: int = 256,
        depth: int = 3,
        norm: Norm = "none",
        activation: Activation = "relu",
    ) -> None:
        super().__init__()
        _check(width, depth)
        is_image = len(shape) == 3
        self.net = nn.Sequential(
            *_hidden(noise_dim, width, depth, norm, activation, dropout=0.0),
            nn.Linear(width, math.prod(shape)),
            *([nn.Tanh()] if is_image else []),
            nn.Unflatten(1, tuple(shape)),
        )

    def forward(self, z: Tensor) -> Tensor:
        out: Tensor = self.net(z)
        return out


class Discriminator(nn.Module):
    """Samples [N, *shape] to logits [N].

    Args:
        width: units in each hidden layer.
        depth: hidden layers.
        dropout: the share of hidden units dropped while training.
        penalised: whether a penalty reads each sample's slope; set by the builder.

    Raises:
        ValueError: a width or depth below 1, or batch norm under such a penalty.
    """

    def __init__(
        self,
        shape: Sequence[int],
        width: int = 256,
        depth: int = 3,
        norm: AutoNorm = "none",
        activation: Activation = "leaky_relu",
        dropout: float = 0.0,
        penalised: bool = False,
    ) -> None:
        super().__init__()
        _check(width, depth, dropout)
        norm = critic_norm(norm, penalised)
        self.net = nn.Sequential(
            nn.Flatten(),
            *_hidden(math.prod(shape), width, depth, norm, activation, dropout),
            nn.Linear(width, 1),
            nn.Flatten(0),
        )

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)
        return logits

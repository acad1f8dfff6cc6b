"""Fully connected networks for samples of any shape: images, points of the plane, numbers."""

import math
from collections.abc import Sequence

from torch import Tensor, nn

from gan_cli.models.initial import draw_weights
from gan_cli.models.labels import LabelledNoise, Projection, judge
from gan_cli.models.layers import (
    Activation,
    AutoNorm,
    Maxout,
    MinibatchStd,
    Norm,
    activation,
    at_least,
    critic_norm,
    norm_features,
)


def _hidden(
    inputs: int, width: int, depth: int, norm: Norm, act: Activation, dropout: float, minibatch_std: bool = False
) -> list[nn.Module]:
    """`depth` hidden layers of `width` units. A bias in front of batch norm would do nothing, and is left out."""
    layers: list[nn.Module] = []
    for number in range(depth):
        if minibatch_std and number == depth - 1:
            layers.append(MinibatchStd())
            inputs += 1
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
        depth: hidden layers; 0 is an affine G, whose density has a closed form.
        init_std: of the weights, whose biases then start at 0; without it they start as PyTorch has them.
        classes: of the data, for a conditional G; set by the builder.

    Raises:
        ValueError: a width below 1 or a depth below 0.
    """

    def __init__(
        self,
        shape: Sequence[int],
        noise_dim: int,
        width: int = 256,
        depth: int = 3,
        norm: Norm = "none",
        activation: Activation = "relu",
        init_std: float | None = None,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        at_least("width", width)
        at_least("depth", depth, 0)
        is_image = len(shape) == 3
        inputs = noise_dim * (2 if classes else 1)
        self.labelled = LabelledNoise(classes, noise_dim) if classes else None
        self.net = nn.Sequential(
            *_hidden(inputs, width, depth, norm, activation, dropout=0.0),
            nn.Linear(width if depth else inputs, math.prod(shape)),
            *([nn.Tanh()] if is_image else []),
            nn.Unflatten(1, tuple(shape)),
        )
        if init_std is not None:
            draw_weights(self.net, init_std)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        out: Tensor = self.net(z if self.labelled is None else self.labelled(z, y))
        return out


class Discriminator(nn.Module):
    """Samples [N, *shape] to logits [N].

    Args:
        width: units in each hidden layer.
        depth: hidden layers.
        dropout: the share of hidden units dropped while training.
        minibatch_std: in front of the last hidden layer, one more feature says how much the samples differ.
        init_std: of the weights, as in G.
        penalised: whether a penalty reads each sample's slope; set by the builder.
        classes: of the data, for a conditional D; set by the builder.

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
        minibatch_std: bool = False,
        init_std: float | None = None,
        penalised: bool = False,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        _check(width, depth, dropout)
        norm = critic_norm(norm, penalised)
        self.net = nn.Sequential(
            nn.Flatten(),
            *_hidden(math.prod(shape), width, depth, norm, activation, dropout, minibatch_std),
            nn.Linear(width, 1),
            nn.Flatten(0),
        )
        if init_std is not None:
            draw_weights(self.net, init_std)
        self.projection = Projection(classes, width) if classes else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return judge(self.net, self.projection, x, y)

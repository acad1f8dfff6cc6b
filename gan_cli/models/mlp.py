"""Fully connected networks for samples of any shape: images, points of the plane, numbers."""

import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_cli.models.initial import draw_weights
from gan_cli.models.labels import LabelledNoise, Projection, judge
from gan_cli.models.layers import (
    Activation,
    AutoNorm,
    Fourier,
    Maxout,
    MinibatchStd,
    Norm,
    activation,
    at_least,
    critic_norm,
    norm_features,
)

Moments = tuple[Sequence[float], float]  # the mean of each number of a sample, and one standard deviation for all


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


def _mean_of(moments: Moments | None, shape: Sequence[int]) -> Tensor | None:
    """The data's mean in the shape of a sample.

    Raises:
        ValueError: moments of images, or such as no data of this shape have.
    """
    if moments is None:
        return None
    mean, std = moments
    if len(shape) == 3:
        raise ValueError("standardise is for points: images have their range, [-1, 1]; use model.standardise=false")
    if len(mean) != math.prod(shape) or not all(map(math.isfinite, mean)) or not 0 < std < math.inf:
        raise ValueError(f"moments must be {math.prod(shape)} finite numbers and a std above 0, got {list(moments)}")
    return torch.tensor(mean, dtype=torch.float32).view(*shape)


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
        moments: of the data, where samples are to be mean + std * what the layers make; set by the builder.

    Raises:
        ValueError: a width below 1, a depth below 0, or moments of images, which have their range.
    """

    mean: Tensor | None

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
        moments: Moments | None = None,
    ) -> None:
        super().__init__()
        at_least("width", width)
        at_least("depth", depth, 0)
        is_image = len(shape) == 3
        # No weights: a config or a description has them.
        self.register_buffer("mean", _mean_of(moments, shape), persistent=False)
        self.std = 1.0 if moments is None else moments[1]
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
        return out if self.mean is None else self.mean + self.std * out


class Discriminator(nn.Module):
    """Samples [N, *shape] to logits [N].

    Args:
        width: units in each hidden layer.
        depth: hidden layers.
        dropout: the share of hidden units dropped while training.
        minibatch_std: in front of the last hidden layer, one more feature says how much the samples differ.
        init_std: of the weights, as in G.
        fourier: features of the input that stand beside it, in pairs of a sine and a cosine; 0: none.
        fourier_scale: the standard deviation of their frequencies, in periods to a unit of the input.
        penalised: whether a penalty reads each sample's slope; set by the builder.
        classes: of the data, for a conditional D; set by the builder.
        moments: of the data, where D is to see (x - mean) / std; set by the builder.

    Raises:
        ValueError: a width or depth below 1, batch norm under such a penalty, or moments of images.
    """

    mean: Tensor | None

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
        fourier: int = 0,
        fourier_scale: float = 1.0,
        penalised: bool = False,
        classes: int | None = None,
        moments: Moments | None = None,
    ) -> None:
        super().__init__()
        _check(width, depth, dropout)
        norm = critic_norm(norm, penalised)
        # No weights: a config or a description has them.
        self.register_buffer("mean", _mean_of(moments, shape), persistent=False)
        self.std = 1.0 if moments is None else moments[1]
        inputs = math.prod(shape)
        first = [nn.Flatten(), *([Fourier(inputs, fourier, fourier_scale)] if fourier else [])]
        self.net = nn.Sequential(
            *first,
            *_hidden(inputs + fourier, width, depth, norm, activation, dropout, minibatch_std),
            nn.Linear(width, 1),
            nn.Flatten(0),
        )
        if init_std is not None:
            draw_weights(self.net, init_std)
        self.projection = Projection(classes, width) if classes else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return judge(self.net, self.projection, x if self.mean is None else (x - self.mean) / self.std, y)

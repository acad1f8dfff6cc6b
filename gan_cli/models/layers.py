"""The norms and activations that the families choose from by name."""

from typing import Literal

import torch
from torch import Tensor, nn

Norm = Literal["batch", "layer", "instance", "none"]
AutoNorm = Literal["auto", "batch", "layer", "instance", "none"]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "maxout"]


def at_least(name: str, value: int, low: int = 1) -> int:
    """The value, where it is large enough.

    Raises:
        ValueError: it is below `low`.
    """
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value}")
    return value


def critic_norm(norm: AutoNorm, penalised: bool) -> Norm:
    """The norm of a discriminator.

    `auto` is batch norm, except under a penalty on each sample's slope: batch norm lets every sample of the batch
    change every logit, so that there is no such slope (Gulrajani et al. 2017, section 4). Then `auto` is none: on the
    digits with R1, samples without a norm were nearer to the data than with layer norm (docs/results.md).

    Raises:
        ValueError: batch norm was asked for by name under such a penalty.
    """
    if norm == "auto":
        return "none" if penalised else "batch"
    if norm == "batch" and penalised:
        raise ValueError(
            "batch norm mixes the samples of a batch, and this penalty needs each sample's own slope; "
            "use norm=layer, norm=none or norm=auto, or penalty=none"
        )
    return norm


def norm_images(norm: Norm, channels: int) -> nn.Module:
    """A norm of feature maps [N, channels, H, W]."""
    match norm:
        case "batch":
            return nn.BatchNorm2d(channels)
        case "layer":
            return nn.GroupNorm(1, channels)  # one group: mean and variance over channels and places of one sample
        case "instance":
            return nn.InstanceNorm2d(channels, affine=True)
        case "none":
            return nn.Identity()


def norm_features(norm: Norm, width: int) -> nn.Module:
    """A norm of features [N, width]."""
    match norm:
        case "batch":
            return nn.BatchNorm1d(width)
        case "layer":
            return nn.LayerNorm(width)
        case "instance":
            raise ValueError("instance norm needs feature maps; an MLP has norm=batch, layer or none")
        case "none":
            return nn.Identity()


def activation(name: Activation) -> nn.Module:
    """A pointwise activation; maxout is a layer of its own."""
    match name:
        case "relu":
            return nn.ReLU(inplace=True)
        case "leaky_relu":
            return nn.LeakyReLU(0.2, inplace=True)  # Radford et al. 2016, section 4: slope 0.2
        case "elu":
            return nn.ELU()
        case "gelu":
            return nn.GELU()
        case "silu":
            return nn.SiLU()
        case "tanh":
            return nn.Tanh()
        case "maxout":
            raise ValueError("maxout is a layer of its own, for model=mlp only")


class Maxout(nn.Module):
    """Goodfellow et al. 2013 (arXiv:1302.4389): the largest of `pieces` affine maps, [N, inputs] to [N, outputs]."""

    def __init__(self, inputs: int, outputs: int, pieces: int = 5) -> None:
        super().__init__()
        self.pieces = pieces
        self.affine = nn.Linear(inputs, outputs * pieces)

    def forward(self, x: Tensor) -> Tensor:
        return torch.amax(self.affine(x).unflatten(1, (-1, self.pieces)), dim=2)

"""The norms and activations that the families choose from by name, and layers that several of them have."""

import math
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import linear

Norm = Literal["batch", "layer", "instance", "none"]
AutoNorm = Literal["auto", "batch", "layer", "instance", "none"]
Activation = Literal["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "maxout"]

GROUP = 4  # samples that minibatch standard deviation looks at together: StyleGAN's code (Karras et al. 2019)


def at_least(name: str, value: int, low: int = 1) -> int:
    """The value, where it is large enough.

    Raises:
        ValueError: it is below `low`.
    """
    if value < low:
        raise ValueError(f"{name} must be at least {low}, got {value}")
    return value


def widened(x: Tensor) -> Tensor:
    """x in float32 at least: under autocast, layers hand on bfloat16."""
    return x.float() if x.dtype in (torch.bfloat16, torch.float16) else x


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


class Fourier(nn.Module):
    """Tancik et al. 2020, section 5 (arXiv:2006.10739): u [N, inputs] to u, sin 2 pi B u, cos 2 pi B u, side by side.

    B's entries are drawn once, from N(0, scale^2), and never learned. Layers alone are slow to bend at a small scale
    (their figure 1); with sines of that scale among their inputs they are not.

    Args:
        features: of sines and cosines together, so an even number.
        scale: the standard deviation of the frequencies, in periods to a unit of u.

    Raises:
        ValueError: an odd number of features, or a scale that is not positive.
    """

    B: Tensor

    def __init__(self, inputs: int, features: int, scale: float = 1.0) -> None:
        super().__init__()
        at_least("fourier", features)
        if features % 2:
            raise ValueError(f"fourier must be even, a sine and a cosine for each frequency, got {features}")
        if not 0 < scale < math.inf:
            raise ValueError(f"fourier_scale must be greater than 0, got {scale}")
        self.register_buffer("B", scale * torch.randn(inputs, features // 2))

    def forward(self, u: Tensor) -> Tensor:
        with torch.autocast(u.device.type, enabled=False):  # bfloat16 has no digits for many periods
            phase = 2 * math.pi * widened(u) @ self.B
        return torch.cat([u, phase.sin(), phase.cos()], 1)


class ConvTranspose2dFromOne(nn.ConvTranspose2d):
    """A transposed convolution of [N, inputs, 1, 1] to [N, outputs, size, size]: a product of matrices, taken as one.

    Convolution code is ten times as slow at it: it looks for places to slide over.
    """

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, bias=False)

    def forward(self, x: Tensor, output_size: list[int] | None = None) -> Tensor:
        size = (len(x), -1, *self.kernel_size)
        if self.weight.is_contiguous():
            return (x.flatten(1) @ self.weight.flatten(1)).view(size)
        product = x.flatten(1) @ self.weight.permute(0, 2, 3, 1).flatten(
            1
        )  # channels last: no copy, and so is the result
        image: Tensor = product.unflatten(1, (*self.kernel_size, -1)).permute(0, 3, 1, 2)
        return image


class Conv2dToOne(nn.Conv2d):
    """A convolution of [N, inputs, size, size] to [N, outputs, 1, 1]: likewise."""

    def __init__(self, inputs: int, outputs: int, size: int) -> None:
        super().__init__(inputs, outputs, size, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        weight = self.weight
        if not weight.is_contiguous():
            x, weight = x.permute(0, 2, 3, 1), weight.permute(0, 2, 3, 1)
        return linear(x.flatten(1), weight.flatten(1))[:, :, None, None]


class MinibatchStd(nn.Module):
    """Karras et al. 2018, section 3 (arXiv:1710.10196): how much samples differ, as one more feature of each of them.

    The standard deviation of every feature at every place over a group of samples, averaged to one number that all of
    the group get: [N, C, ...] to [N, C + 1, ...]. Fakes that are all alike have a 0 there, and D sees it. Sample i is
    in group i % ceil(N / 4): groups of 4, or 3 where N is no multiple.

    A logit then depends on the group, and so does what a penalty measures: the slope of the group's *summed* logits at
    each of its samples. That is the slope of one D that sees a group at once, and is 0 where D is flat, so R1 holds D
    back as ever (StyleGAN2 has both, Karras et al. 2020). Batch norm is another matter: it makes the sum over a batch
    of whatever it normalises a constant, whose slope says nothing.
    """

    def forward(self, x: Tensor) -> Tensor:
        n, features = len(x), widened(x.flatten(1))  # small differences are what bfloat16 loses
        groups = -(-n // GROUP)
        rows = -(-n // groups)
        missing = rows * groups - n
        filled = torch.cat([features, features.new_zeros(missing, features.shape[1])]).unflatten(0, (rows, groups))
        is_there = torch.ones(rows * groups, 1, dtype=features.dtype, device=x.device)
        is_there[n:] = 0
        is_there = is_there.unflatten(0, (rows, groups))
        count = is_there.sum(0)
        mean = filled.sum(0) / count
        variance = ((filled - mean).square() * is_there).sum(0) / count
        spread = (variance + 1e-8).sqrt().mean(1)  # [groups]; the root has no slope at 0, where all samples are one
        of_each = spread.repeat(rows)[:n].view(n, *[1] * (x.dim() - 1)).to(x.dtype)
        return torch.cat([x, of_each.expand(n, 1, *x.shape[2:])], 1)

"""SNGAN's residual networks (Miyato et al. 2018, appendix B, arXiv:1802.05957), with the initial values of their code.

Up to 32 pixels all feature maps have one width, as in the paper's table for CIFAR-10 (G 256 channels, D 128); from 48
on they double as the side halves, up to 16 times, as in its tables for STL-10 and ImageNet (64 channels).
The spectral norm that gave them their name is `model.spectral_norm=true`.
"""

import itertools
from collections.abc import Sequence
from typing import Literal

import torch
from torch import Tensor, nn
from torch.nn.functional import avg_pool2d, interpolate, relu

from gan_cli.models.labels import ClassNorm, Projection, judge
from gan_cli.models.layers import AutoNorm, MinibatchStd, Norm, at_least, critic_norm, norm_images
from gan_cli.models.sizes import doublings, image_channels, image_side, smallest_side

SIZES = (16, 28, 32, 48, 64, 128)

Pool = Literal["sum", "mean"]
Upsample = Literal["nearest", "bilinear"]


def _widths(side: int, base: int, stages: int) -> list[int]:
    """Channels from the largest feature map to the smallest, one more than there are stages."""
    return [base if side <= 32 else min(base << i, 16 * base) for i in range(stages + 1)]


def _conv(inputs: int, outputs: int, size: int, gain: float) -> nn.Conv2d:
    """A convolution that keeps the side. Gain: 2 ** 0.5 on the way through a block, 1 elsewhere."""
    conv = nn.Conv2d(inputs, outputs, size, padding=size // 2)
    nn.init.xavier_uniform_(conv.weight, gain)
    nn.init.zeros_(conv.bias)  # type: ignore[arg-type]
    return conv


def _dense(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs)
    nn.init.xavier_uniform_(linear.weight)
    nn.init.zeros_(linear.bias)
    return linear


def _twice(x: Tensor, how: Upsample) -> Tensor:
    return interpolate(x, scale_factor=2, mode=how, align_corners=None if how == "nearest" else False)


class _Up(nn.Module):
    """A residual block of G, to twice the side: norm, ReLU, doubling, convolution, norm, ReLU, convolution."""

    def __init__(
        self, inputs: int, outputs: int, norm: Norm, classes: int | None, upsample: Upsample = "nearest"
    ) -> None:
        super().__init__()
        self.upsample = upsample
        norms = [ClassNorm(classes, c) if classes else norm_images(norm, c) for c in (inputs, outputs)]
        self.norm1, self.norm2 = norms
        self.conv1, self.conv2 = _conv(inputs, outputs, 3, 2**0.5), _conv(outputs, outputs, 3, 2**0.5)
        self.shortcut = _conv(inputs, outputs, 1, 1.0)

    def forward(self, x: Tensor, y: Tensor | None) -> Tensor:
        labels = () if y is None else (y,)
        h = self.conv1(_twice(relu(self.norm1(x, *labels)), self.upsample))
        h = self.conv2(relu(self.norm2(h, *labels)))
        # The 1x1 convolution first: the same, for a quarter of the work.
        out: Tensor = h + _twice(self.shortcut(x), self.upsample)
        return out


class _Down(nn.Module):
    """A residual block of D, to half the side or to the same: norm, ReLU, convolution, twice, then the mean of 2x2."""

    def __init__(self, inputs: int, outputs: int, halves: bool, norm: Norm, first: bool = False) -> None:
        super().__init__()
        self.halves, self.first = halves, first
        self.norm1 = nn.Identity() if first else norm_images(norm, inputs)
        middle = outputs if first else inputs
        self.conv1, self.norm2 = _conv(inputs, middle, 3, 2**0.5), norm_images("none" if first else norm, middle)
        self.conv2 = _conv(middle, outputs, 3, 2**0.5)
        self.shortcut = _conv(inputs, outputs, 1, 1.0) if halves or inputs != outputs else nn.Identity()

    def forward(self, x: Tensor) -> Tensor:
        h = x if self.first else relu(self.norm1(x))  # the image itself meets no ReLU
        h = self.conv2(relu(self.norm2(self.conv1(h))))
        if self.halves:
            h, x = avg_pool2d(h, 2), avg_pool2d(x, 2)  # a 1x1 convolution of means is the mean of it
        out: Tensor = h + self.shortcut(x)
        return out


class _Pool(nn.Module):
    """[N, C, H, W] to [N, C]: ReLU, then the sum or the mean over all places."""

    def __init__(self, pool: Pool) -> None:
        super().__init__()
        self.pool = pool

    def forward(self, x: Tensor) -> Tensor:
        return relu(x).sum((2, 3)) if self.pool == "sum" else relu(x).mean((2, 3))


class Generator(nn.Module):
    """z [N, noise_dim] to images [N, C, size, size] in [-1, 1].

    Args:
        base_channels: of the largest feature map; the paper has 256 at 32 pixels, and 64 above.
        norm: in front of every ReLU. Batch norm has a scale and a shift for each class where there are classes.
        upsample: how a side is doubled; the paper repeats each pixel, Lee and Town 2020 (arXiv:2005.02494) interpolate.
        classes: of the data, for a conditional G; set by the builder.

    Raises:
        ValueError: the shape is not one that these networks make, a width is out of range, or there are classes and
            no batch norm.
    """

    def __init__(
        self,
        shape: Sequence[int],
        noise_dim: int,
        base_channels: int = 256,
        norm: Norm = "batch",
        upsample: Upsample = "nearest",
        classes: int | None = None,
    ) -> None:
        super().__init__()
        side, channels = image_side("ResNet", shape, SIZES), image_channels("ResNet", shape)
        at_least("base_channels", base_channels)
        if classes and norm != "batch":
            raise ValueError(f"labels come in through batch norm here, got norm={norm}; use norm=batch or model=dcgan")
        widths = _widths(side, base_channels, doublings(side))[::-1]
        bottom = smallest_side(side)
        self.dense = nn.Sequential(
            _dense(noise_dim, widths[0] * bottom**2), nn.Unflatten(1, (widths[0], bottom, bottom))
        )
        self.blocks = nn.ModuleList(_Up(*width, norm, classes, upsample) for width in itertools.pairwise(widths))
        self.norm = norm_images(norm, widths[-1])
        self.out = _conv(widths[-1], channels, 3, 1.0)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        x = self.dense(z)
        for block in self.blocks:
            x = block(x, y)
        return torch.tanh(self.out(relu(self.norm(x))))


class Discriminator(nn.Module):
    """Images [N, C, size, size] to logits [N]; any number of channels, so that packs of images go in as well.

    Args:
        base_channels: of the largest feature map; the paper has 128 at 32 pixels, and 64 above.
        norm: in front of the ReLUs, but for the first block. `auto`: none; these networks are made for a spectral norm.
        minibatch_std: in front of the last block, one more feature map says how much the samples differ.
        pool: of the last feature map over all places; a sum in the paper, a mean in WGAN-GP's networks (Gulrajani et
            al. 2017, appendix F): the slope that a penalty holds near 1 is that of the logit.
        penalised: whether a penalty reads each sample's slope; set by the builder.
        classes: of the data, for a conditional D; set by the builder.

    Raises:
        ValueError: the shape is not one that these networks read, a width is out of range, or batch norm under such a
            penalty.
    """

    def __init__(
        self,
        shape: Sequence[int],
        base_channels: int = 128,
        norm: AutoNorm = "auto",
        minibatch_std: bool = False,
        pool: Pool = "sum",
        penalised: bool = False,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        side = image_side("ResNet", shape, SIZES)
        at_least("base_channels", base_channels)
        norm = critic_norm("none" if norm == "auto" else norm, penalised)
        # Small images are halved twice and keep that side for two blocks; others are halved to 4 pixels or 3.
        halvings = 2 if side <= 32 else (side // 3).bit_length() - 1
        widths = _widths(side, base_channels, halvings)
        widths = [shape[0], *widths, *widths[-1:]] if side <= 32 else [shape[0], *widths]
        blocks: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(itertools.pairwise(widths), 1):
            if minibatch_std and number == len(widths) - 1:
                blocks.append(MinibatchStd())
                inputs += 1
            blocks.append(_Down(inputs, outputs, number <= halvings, norm, first=number == 1))
        self.net = nn.Sequential(*blocks, _Pool(pool), _dense(widths[-1], 1), nn.Flatten(0))
        self.projection = Projection(classes, widths[-1]) if classes else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return judge(self.net, self.projection, x, y)

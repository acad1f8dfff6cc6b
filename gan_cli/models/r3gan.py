"""R3GAN's networks (Huang et al. 2024, section 4, arXiv:2501.05441): G and D mirror each other and have no norm.

Residual blocks are inverted bottlenecks with a grouped 3x3 convolution (ResNeXt, ConvNeXt), the side changes by linear
interpolation between them, and initial values stand in for the norm (Fix-up: Zhang et al. 2019, arXiv:1901.09321). The
paper's nets at 32 pixels have 768 channels, at 256 pixels 23,057,952 (G) and 23,009,568 (D) parameters.
G's last layer is linear, as in the paper: images may leave [-1, 1] a little, and pictures of them are clamped.
"""

import itertools
import math
from collections.abc import Sequence

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_cli.models.labels import LabelledNoise, Projection, judge
from gan_cli.models.layers import MinibatchStd, at_least, widened
from gan_cli.models.sizes import doublings, image_channels, image_side, smallest_side

SIZES = (16, 28, 32, 64, 128, 256)
LEAK = 0.2  # slope of the leaky ReLU
GAIN = math.sqrt(2 / (1 + LEAK**2))  # keeps the mean square through it (He et al. 2015)


def _widths(side: int, base_channels: int, wide_up_to: int, blocks: int, group_channels: int) -> list[int]:
    """Channels from the largest feature map to the smallest: half as many for each doubling above `wide_up_to` pixels.

    Raises:
        ValueError: a number below 1, or channels that do not make whole groups.
    """
    at_least("base_channels", base_channels)
    at_least("wide_up_to", wide_up_to)
    at_least("blocks", blocks)
    at_least("group_channels", group_channels)
    halvings = [max(0, math.ceil(math.log2((side >> i) / wide_up_to))) for i in range(doublings(side) + 1)]
    step = max(1, group_channels // 2) << max(halvings)
    widths = [base_channels >> i for i in halvings]
    if base_channels % (1 << max(halvings)) or any(2 * width % group_channels for width in widths):
        raise ValueError(
            f"twice the channels of each feature map must be a multiple of group_channels={group_channels}; "
            f"base_channels={base_channels} gives {widths} here. Try base_channels={step} or a multiple of it"
        )
    return widths


def _conv(inputs: int, outputs: int, size: int, gain: float, groups: int = 1, bias: bool = False) -> nn.Conv2d:
    """A convolution that keeps the side, with weights N(0, gain / sqrt(fan-in))."""
    conv = nn.Conv2d(inputs, outputs, size, padding=size // 2, groups=groups, bias=bias)
    nn.init.normal_(conv.weight, std=gain / math.sqrt(conv.weight[0].numel()))
    if conv.bias is not None:
        nn.init.zeros_(conv.bias)
    return conv


def _linear(inputs: int, outputs: int) -> nn.Linear:
    linear = nn.Linear(inputs, outputs, bias=False)
    nn.init.normal_(linear.weight, std=1 / math.sqrt(inputs))
    return linear


class _Block(nn.Module):
    """x + what two wide layers make of it: 1x1 to twice the channels, grouped 3x3, 1x1 back.

    At the start it is the identity (the last convolution is 0), and the other two are scaled so that the updates of all
    `number` blocks of the network together stay bounded: by number ** (-1 / (2 m - 2)) for m = 3 layers in a block.
    """

    def __init__(self, channels: int, group_channels: int, number: int) -> None:
        super().__init__()
        wide, gain = 2 * channels, GAIN * number ** (-1 / 4)
        self.branch = nn.Sequential(
            _conv(channels, wide, 1, gain, bias=True),
            nn.LeakyReLU(LEAK, inplace=True),
            _conv(wide, wide, 3, gain, wide // group_channels, bias=True),
            nn.LeakyReLU(LEAK, inplace=True),
            _conv(wide, channels, 1, 0.0),
        )

    def forward(self, x: Tensor) -> Tensor:
        out: Tensor = x + self.branch(x)
        return out


class _Basis(nn.Module):
    """z [N, dim] to the smallest feature map [N, channels, side, side]: in each channel a picture, times a number."""

    def __init__(self, dim: int, channels: int, side: int) -> None:
        super().__init__()
        self.pictures = nn.Parameter(torch.randn(channels, side, side))
        self.amounts = _linear(dim, channels)

    def forward(self, z: Tensor) -> Tensor:
        amounts: Tensor = self.amounts(z)
        return self.pictures * amounts[..., None, None]


class _Double(nn.Module):
    """Twice the side, by linear interpolation: weights 1, 3, 3, 1 along each axis."""

    def forward(self, x: Tensor) -> Tensor:
        return interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)


class _Halve(nn.Module):
    """Half the side, by the same weights."""

    def forward(self, x: Tensor) -> Tensor:
        half = interpolate(widened(x), scale_factor=0.5, mode="bilinear", align_corners=False, antialias=True)
        return half.to(x.dtype)  # on a CPU there is no such thing in bfloat16


class Generator(nn.Module):
    """z [N, noise_dim] to images [N, C, size, size].

    Args:
        base_channels: of the feature maps up to `wide_up_to` pixels; half for each doubling above. The paper has 768.
        wide_up_to: 32 in the paper.
        blocks: residual blocks at each size; the paper has 2.
        group_channels: channels of a group in the 3x3 convolutions; the paper has 16.
        classes: of the data, for a conditional G; set by the builder.

    Raises:
        ValueError: the shape is not one that these networks make, or a width is out of range.
    """

    def __init__(
        self,
        shape: Sequence[int],
        noise_dim: int,
        base_channels: int = 768,
        wide_up_to: int = 32,
        blocks: int = 2,
        group_channels: int = 16,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        side, channels = image_side("R3GAN", shape, SIZES), image_channels("R3GAN", shape)
        widths = _widths(side, base_channels, wide_up_to, blocks, group_channels)[::-1]
        self.labelled = LabelledNoise(classes, noise_dim) if classes else None
        layers: list[nn.Module] = [_Basis(noise_dim * (2 if classes else 1), widths[0], smallest_side(side))]
        for before, width in itertools.pairwise([widths[0], *widths]):
            if len(layers) > 1:
                layers += [_conv(before, width, 1, 1.0)] if before != width else []
                layers.append(_Double())
            layers += [_Block(width, group_channels, blocks * len(widths)) for _ in range(blocks)]
        self.net = nn.Sequential(*layers, _conv(widths[-1], channels, 1, 1.0))

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        x: Tensor = self.net(z if self.labelled is None else self.labelled(z, y))
        return x


class Discriminator(nn.Module):
    """Images [N, C, size, size] to logits [N]; any number of channels, so that packs of images go in as well.

    Args:
        base_channels, wide_up_to, blocks, group_channels: as in G.
        minibatch_std: in front of the last block, one more feature map says how much the samples differ.
        classes: of the data, for a conditional D; set by the builder.

    Raises:
        ValueError: the shape is not one that these networks read, or a width is out of range.
    """

    def __init__(
        self,
        shape: Sequence[int],
        base_channels: int = 768,
        wide_up_to: int = 32,
        blocks: int = 2,
        group_channels: int = 16,
        minibatch_std: bool = False,
        classes: int | None = None,
    ) -> None:
        super().__init__()
        side = image_side("R3GAN", shape, SIZES)
        widths = _widths(side, base_channels, wide_up_to, blocks, group_channels)
        last = widths[-1]
        layers: list[nn.Module] = [_conv(shape[0], widths[0], 1, 1.0)]
        for width, after in itertools.pairwise([*widths, last]):
            layers += [_Block(width, group_channels, blocks * len(widths)) for _ in range(blocks)]
            layers.append(_Halve())
            layers += [_conv(width, after, 1, 1.0)] if after != width else []
        layers.pop()  # the smallest feature map is not halved any more
        if minibatch_std:
            layers[-1:] = [MinibatchStd(), _conv(last + 1, last, 1, 1.0), layers[-1]]
        basis = nn.Conv2d(last, last, smallest_side(side), groups=last, bias=False)
        nn.init.normal_(basis.weight, std=1 / smallest_side(side))
        self.net = nn.Sequential(*layers, basis, nn.Flatten(), _linear(last, 1), nn.Flatten(0))
        self.projection = Projection(classes, last) if classes else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return judge(self.net, self.projection, x, y)

"""DCGAN (Radford et al. 2016, arXiv:1511.06434): strided convolutions, batch norm, no hidden dense layer.

At 64 pixels and 64 base channels these are the layers and the parameter counts of the usual PyTorch tutorial
(3,576,704 and 2,765,568 for RGB and z of 100), but for the last sigmoid: D returns logits.
"""

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from gan_cli.models.labels import LabelledNoise, Projection, judge
from gan_cli.models.layers import (
    Activation,
    AutoNorm,
    Conv2dToOne,
    ConvTranspose2dFromOne,
    MinibatchStd,
    Norm,
    activation,
    at_least,
    critic_norm,
    norm_images,
)
from gan_cli.models.sizes import doublings, image_channels, image_side, smallest_side

SIZES = (8, 16, 28, 32, 64, 128, 256)


def _widths(stages: int, base: int, cap: int | None) -> list[int]:
    """Channels from the largest feature map (half the image) to the smallest: they double as the side halves."""
    return [min(base << i, cap or base << i) for i in range(stages)]


def _init(module: nn.Module) -> None:
    """Radford et al. 2016, section 4: N(0, 0.02); batch norm's scale N(1, 0.02), as in the authors' code."""
    if isinstance(module, nn.Conv2d | nn.ConvTranspose2d):
        nn.init.normal_(module.weight, 0.0, 0.02)
    elif isinstance(module, nn.BatchNorm2d):
        nn.init.normal_(module.weight, 1.0, 0.02)
        nn.init.zeros_(module.bias)


class _Net(nn.Module):
    """Convolutions without biases, as in the tutorial, each followed by a norm and an activation."""

    def __init__(
        self, base_channels: int, max_channels: int | None, extra_layers: int, norm: Norm, act: Activation
    ) -> None:
        super().__init__()
        at_least("base_channels", base_channels)
        at_least("extra_layers", extra_layers, 0)
        if max_channels is not None and max_channels < base_channels:
            raise ValueError(f"max_channels must be at least base_channels, got {max_channels} and {base_channels}")
        self._norm, self._act = norm, act

    def _block(self, conv: nn.Module, channels: int, norm: bool = True) -> list[nn.Module]:
        normed = [norm_images(self._norm, channels)] if norm and self._norm != "none" else []
        return [conv, *normed, activation(self._act)]

    def _extra(self, layers: int, channels: int) -> list[nn.Module]:
        blocks = [self._block(nn.Conv2d(channels, channels, 3, 1, 1, bias=False), channels) for _ in range(layers)]
        return [layer for block in blocks for layer in block]


class Generator(_Net):
    """z [N, noise_dim] to images [N, C, size, size] in [-1, 1].

    Args:
        base_channels: channels of the largest hidden feature map; each smaller one has twice as many.
        max_channels: a cap on them, so that 128 and 256 pixels stay affordable.
        extra_layers: 3x3 convolutions in front of the last layer.
        classes: of the data, for a conditional G; set by the builder.

    Raises:
        ValueError: the shape is not one that DCGAN makes, or a width is out of range.
    """

    def __init__(
        self,
        shape: Sequence[int],
        noise_dim: int,
        base_channels: int = 64,
        max_channels: int | None = 1024,
        extra_layers: int = 0,
        norm: Norm = "batch",
        activation: Activation = "relu",
        classes: int | None = None,
    ) -> None:
        super().__init__(base_channels, max_channels, extra_layers, norm, activation)
        side, channels = image_side("DCGAN", shape, SIZES), image_channels("DCGAN", shape)
        widths = _widths(doublings(side), base_channels, max_channels)[::-1]
        self.labelled = LabelledNoise(classes, noise_dim) if classes else None
        inputs = noise_dim * (2 if classes else 1)
        layers = self._block(ConvTranspose2dFromOne(inputs, widths[0], smallest_side(side)), widths[0])
        for inputs, outputs in itertools.pairwise(widths):
            layers += self._block(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), outputs)
        layers += self._extra(extra_layers, widths[-1])
        layers += [nn.ConvTranspose2d(widths[-1], channels, 4, 2, 1, bias=False), nn.Tanh()]
        self.net = nn.Sequential(*layers)
        self.apply(_init)

    def forward(self, z: Tensor, y: Tensor | None = None) -> Tensor:
        if self.labelled is not None:
            z = self.labelled(z, y)
        x: Tensor = self.net(z[:, :, None, None])  # [N, dim] -> [N, dim, 1, 1]
        return x


class Discriminator(_Net):
    """Images [N, C, size, size] to logits [N]; any number of channels, so that packs of images go in as well.

    Args:
        base_channels: channels after the first layer; each later one has twice as many.
        max_channels: a cap on them.
        extra_layers: 3x3 convolutions behind the first layer.
        norm: of all layers but the first and the last. `auto`: batch norm, or none where `penalised`.
        minibatch_std: in front of the last hidden layer, one more feature map says how much the samples differ.
        penalised: whether a penalty reads each sample's slope; set by the builder.
        classes: of the data, for a conditional D; set by the builder.

    Raises:
        ValueError: the shape is not one that DCGAN reads, a width is out of range, or batch norm under such a penalty.
    """

    def __init__(
        self,
        shape: Sequence[int],
        base_channels: int = 64,
        max_channels: int | None = 1024,
        extra_layers: int = 0,
        norm: AutoNorm = "auto",
        activation: Activation = "leaky_relu",
        minibatch_std: bool = False,
        penalised: bool = False,
        classes: int | None = None,
    ) -> None:
        super().__init__(base_channels, max_channels, extra_layers, critic_norm(norm, penalised), activation)
        side = image_side("DCGAN", shape, SIZES)
        widths = _widths(doublings(side), base_channels, max_channels)
        layers: list[nn.Module] = []
        for number, (inputs, outputs) in enumerate(itertools.pairwise([shape[0], *widths]), 1):
            if minibatch_std and number == len(widths):
                layers.append(MinibatchStd())
                inputs += 1
            layers += self._block(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), outputs, norm=number > 1)
            if number == 1:
                layers += self._extra(extra_layers, outputs)
        bottom = smallest_side(side)
        layers += [Conv2dToOne(widths[-1], 1, bottom), nn.Flatten(0)]
        self.net = nn.Sequential(*layers)
        self.apply(_init)
        self.projection = Projection(classes, widths[-1] * bottom**2) if classes else None

    def forward(self, x: Tensor, y: Tensor | None = None) -> Tensor:
        return judge(self.net, self.projection, x, y)

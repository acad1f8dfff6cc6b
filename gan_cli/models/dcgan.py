"""DCGAN (Radford et al. 2016, arXiv:1511.06434): strided convolutions, batch norm, no hidden dense layer.

At 64 pixels and 64 base channels these are the layers and the parameter counts of the usual PyTorch tutorial
(3,576,704 and 2,765,568 for RGB and z of 100), but for the last sigmoid: D returns logits.
"""

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from gan_cli.models.layers import (
    Activation,
    AutoNorm,
    Norm,
    activation,
    at_least,
    critic_norm,
    norm_images,
)

SIZES = (8, 16, 28, 32, 64, 128, 256)


def _stages(shape: Sequence[int]) -> tuple[int, int]:
    """(side of the smallest feature map, how often it is doubled to give the image)."""
    if len(shape) != 3:
        raise ValueError(f"DCGAN makes images, and the data set gives points of {shape[0]} numbers; use model=mlp")
    channels, height, width = shape
    if height != width or height not in SIZES:
        larger = next((size for size in SIZES if size >= max(height, width)), SIZES[-1])
        raise ValueError(
            f"DCGAN needs square images of {', '.join(map(str, SIZES[:-1]))} or {SIZES[-1]} pixels; "
            f"the data set gives {channels} x {height} x {width}. Try dataset.size={larger}, or model=mlp"
        )
    if not 1 <= channels <= 4:
        raise ValueError(f"DCGAN makes images of 1 to 4 channels; the data set gives {channels}. Try model=mlp")
    side = 7 if height == 28 else 4
    return side, (height // side).bit_length() - 1


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
    ) -> None:
        super().__init__(base_channels, max_channels, extra_layers, norm, activation)
        side, stages = _stages(shape)
        widths = _widths(stages, base_channels, max_channels)[::-1]
        layers = self._block(nn.ConvTranspose2d(noise_dim, widths[0], side, 1, 0, bias=False), widths[0])
        for inputs, outputs in itertools.pairwise(widths):
            layers += self._block(nn.ConvTranspose2d(inputs, outputs, 4, 2, 1, bias=False), outputs)
        layers += self._extra(extra_layers, widths[-1])
        layers += [nn.ConvTranspose2d(widths[-1], shape[0], 4, 2, 1, bias=False), nn.Tanh()]
        self.net = nn.Sequential(*layers)
        self.apply(_init)

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.net(z[:, :, None, None])  # [N, dim] -> [N, dim, 1, 1]
        return x


class Discriminator(_Net):
    """Images [N, C, size, size] to logits [N].

    Args:
        base_channels: channels after the first layer; each later one has twice as many.
        max_channels: a cap on them.
        extra_layers: 3x3 convolutions behind the first layer.
        norm: of all layers but the first and the last. `auto`: batch norm, or none where `penalised`.
        penalised: whether a penalty reads each sample's slope; set by the builder.

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
        penalised: bool = False,
    ) -> None:
        super().__init__(base_channels, max_channels, extra_layers, critic_norm(norm, penalised), activation)
        side, stages = _stages(shape)
        widths = _widths(stages, base_channels, max_channels)
        layers = self._block(nn.Conv2d(shape[0], widths[0], 4, 2, 1, bias=False), widths[0], norm=False)
        layers += self._extra(extra_layers, widths[0])
        for inputs, outputs in itertools.pairwise(widths):
            layers += self._block(nn.Conv2d(inputs, outputs, 4, 2, 1, bias=False), outputs)
        layers += [nn.Conv2d(widths[-1], 1, side, 1, 0, bias=False), nn.Flatten(0)]
        self.net = nn.Sequential(*layers)
        self.apply(_init)

    def forward(self, x: Tensor) -> Tensor:
        logits: Tensor = self.net(x)
        return logits

"""DCGAN with kernels of 5x5, as its paper draws it (Radford et al. 2016, figure 1, arXiv:1511.06434) and as the
TensorFlow code of VEEGAN's and PacGAN's stacked MNIST has it (Lin et al. 2018, arXiv:1712.04086).

A side is halved four times, rounded up: 28 pixels go 14, 7, 4, 2. `model=dcgan` has kernels of 4x4, stops at 4 pixels
or 7, and has no dense layer.
"""

import itertools
from collections.abc import Sequence

from torch import Tensor, nn

from gan_cli.models.initial import draw_weights
from gan_cli.models.labels import judge
from gan_cli.models.layers import AutoNorm, Norm, activation, at_least, critic_norm, norm_images
from gan_cli.models.sizes import image_channels, image_side

SIZES = (16, 28, 32, 64)
STD = 0.02  # of initial weights (Radford et al. 2016, section 4)


def _sides(side: int) -> list[int]:
    """Of the image and all feature maps.

    >>> _sides(28), _sides(64)
    ([28, 14, 7, 4, 2], [64, 32, 16, 8, 4])
    """
    sides = [side]
    for _ in range(4):
        sides.append((sides[-1] + 1) // 2)
    return sides


class Generator(nn.Module):
    """z [N, noise_dim] to images [N, C, size, size] in [-1, 1].

    Args:
        base_channels: of the largest hidden feature map; each smaller one has twice as many; the paper has 64.
        norm: of all layers but the last.

    Raises:
        ValueError: the shape is not one that these networks make, a width is out of range, or there is no such norm.
    """

    def __init__(self, shape: Sequence[int], noise_dim: int, base_channels: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        sides, channels = _sides(image_side("DCGAN", shape, SIZES)), image_channels("DCGAN", shape)
        c, bias = at_least("base_channels", base_channels), norm != "batch"  # which has one of its own
        bottom = sides[-1]
        layers: list[nn.Module] = [nn.Linear(noise_dim, 8 * c * bottom**2, bias)]
        layers.append(nn.Unflatten(1, (8 * c, bottom, bottom)))
        widths = zip([8 * c, 4 * c, 2 * c, c], [4 * c, 2 * c, c, channels], strict=True)
        for (small, large), (inputs, outputs) in zip(itertools.pairwise(sides[::-1]), widths, strict=True):
            layers += [norm_images(norm, inputs), activation("relu")]
            more = large - (2 * small - 1)  # 1 where the side was even
            layers.append(nn.ConvTranspose2d(inputs, outputs, 5, 2, 2, more, bias=bias or large == sides[0]))
        self.net = nn.Sequential(*layers, nn.Tanh())
        draw_weights(self.net, STD)

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.net(z)
        return x


class Discriminator(nn.Module):
    """Images [N, C, size, size] to logits [N]; any number of channels, so that packs of images go in as well.

    Args:
        base_channels: after the first layer; each later one has twice as many; the paper has 64.
        norm: of all layers but the first and the last. `auto`: batch norm, or none where `penalised`.
        penalised: whether a penalty reads each sample's slope; set by the builder.

    Raises:
        ValueError: the shape is not one that these networks read, a width is out of range, or batch norm under such a
            penalty.
    """

    def __init__(
        self, shape: Sequence[int], base_channels: int = 64, norm: AutoNorm = "auto", penalised: bool = False
    ) -> None:
        super().__init__()
        bottom, c = _sides(image_side("DCGAN", shape, SIZES))[-1], at_least("base_channels", base_channels)
        norm = critic_norm(norm, penalised)
        layers: list[nn.Module] = [nn.Conv2d(shape[0], c, 5, 2, 2), activation("leaky_relu")]
        for inputs in (c, 2 * c, 4 * c):
            layers.append(nn.Conv2d(inputs, 2 * inputs, 5, 2, 2, bias=norm != "batch"))
            layers += [norm_images(norm, 2 * inputs), activation("leaky_relu")]
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * c * bottom**2, 1), nn.Flatten(0))
        draw_weights(self.net, STD)

    def forward(self, x: Tensor) -> Tensor:
        return judge(self.net, None, x, None)

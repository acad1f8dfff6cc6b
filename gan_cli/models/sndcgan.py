"""SNDCGAN (Miyato et al. 2018, table 3, arXiv:1802.05957): the plain convolutions to which they first added a spectral
norm, `model.spectral_norm=true`, and which Kurach et al. 2019 (arXiv:1807.04720) compared norms and penalties on.

D has no other norm, and in front of each halving a convolution that keeps the side. Initial values are those of the
latter's code.
"""

from collections.abc import Sequence

from torch import Tensor, nn

from gan_cli.models.initial import draw_weights
from gan_cli.models.labels import judge
from gan_cli.models.layers import Norm, activation, at_least, norm_features, norm_images
from gan_cli.models.sizes import image_channels, image_side

SIZES = (16, 32, 48, 64, 128)
STD = 0.02  # of initial weights
LEAK = 0.1  # slope of D's leaky ReLU, half of DCGAN's


class Generator(nn.Module):
    """z [N, noise_dim] to images [N, C, size, size] in [-1, 1].

    Args:
        base_channels: of the largest feature map, the image's own side; twice as many at each half; the paper has 64.
        norm: of all layers but the last.

    Raises:
        ValueError: the shape is not one that these networks make, a width is out of range, or there is no such norm.
    """

    def __init__(self, shape: Sequence[int], noise_dim: int, base_channels: int = 64, norm: Norm = "batch") -> None:
        super().__init__()
        eighth, channels = image_side("SNDCGAN", shape, SIZES) // 8, image_channels("SNDCGAN", shape)
        c, bias = at_least("base_channels", base_channels), norm != "batch"  # which has one of its own
        wide = 8 * c * eighth**2
        layers: list[nn.Module] = [nn.Linear(noise_dim, wide, bias), norm_features(norm, wide), activation("relu")]
        layers.append(nn.Unflatten(1, (8 * c, eighth, eighth)))
        for inputs in (8 * c, 4 * c, 2 * c):
            layers.append(nn.ConvTranspose2d(inputs, inputs // 2, 4, 2, 1, bias=bias))
            layers += [norm_images(norm, inputs // 2), activation("relu")]
        self.net = nn.Sequential(*layers, nn.Conv2d(c, channels, 3, 1, 1), nn.Tanh())
        draw_weights(self.net, STD)

    def forward(self, z: Tensor) -> Tensor:
        x: Tensor = self.net(z)
        return x


class Discriminator(nn.Module):
    """Images [N, C, size, size] to logits [N]; any number of channels, so that packs of images go in as well.

    Args:
        base_channels: after the first layer; twice as many at each half of the side; the paper has 64.

    Raises:
        ValueError: the shape is not one that these networks read, or a width is out of range.
    """

    def __init__(self, shape: Sequence[int], base_channels: int = 64) -> None:
        super().__init__()
        eighth, c = image_side("SNDCGAN", shape, SIZES) // 8, at_least("base_channels", base_channels)
        layers: list[nn.Module] = [nn.Conv2d(shape[0], c, 3, 1, 1), nn.LeakyReLU(LEAK, inplace=True)]
        for inputs in (c, 2 * c, 4 * c):
            layers += [nn.Conv2d(inputs, 2 * inputs, 4, 2, 1), nn.LeakyReLU(LEAK, inplace=True)]
            layers += [nn.Conv2d(2 * inputs, 2 * inputs, 3, 1, 1), nn.LeakyReLU(LEAK, inplace=True)]
        self.net = nn.Sequential(*layers, nn.Flatten(), nn.Linear(8 * c * eighth**2, 1), nn.Flatten(0))
        draw_weights(self.net, STD)

    def forward(self, x: Tensor) -> Tensor:
        return judge(self.net, None, x, None)

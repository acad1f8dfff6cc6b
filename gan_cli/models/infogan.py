"""InfoGAN's networks for MNIST (Chen et al. 2016, appendix C.1, arXiv:1606.03657) without their codes, as Lucic et al.
2018 compared seven losses on them (arXiv:1711.10337).

Initial values and the floor under batch norm's variance are those of the latter's code (which cuts those of D's
convolutions off at two standard deviations): its activations start so small, D's second layer with a variance near
1e-4, that a usual floor of 1e-5 would make other networks. Like it, they look at pixels in [0, 1]; outside, images are
in [-1, 1] as everywhere.
"""

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from gan_cli.models.initial import draw_weights
from gan_cli.models.labels import judge
from gan_cli.models.layers import AutoNorm, Norm, activation, at_least, critic_norm, norm_features, norm_images
from gan_cli.models.sizes import image_channels, image_side

SIZES = (8, 16, 28, 32, 64)
STD = 0.02  # of initial weights
FLOOR = 1e-3  # under batch norm's variance
MOMENTUM = 0.01  # of its running statistics: they start at 1, and theirs (0.001) need 7,000 batches to come down


def _loosen(net: nn.Module) -> None:
    for module in net.modules():
        if isinstance(module, nn.BatchNorm1d | nn.BatchNorm2d):
            module.eps, module.momentum = FLOOR, MOMENTUM


class Generator(nn.Module):
    """z [N, noise_dim] to images [N, C, size, size] in [-1, 1]: two dense layers, two transposed convolutions.

    Args:
        base_channels: of the feature map at half the image's side; twice as many at a quarter; the paper has 64.
        dense: units of the first layer; the paper has 1024.
        norm: of all layers but the last.

    Raises:
        ValueError: the shape is not one that these networks make, a width is out of range, or there is no such norm.
    """

    def __init__(
        self, shape: Sequence[int], noise_dim: int, base_channels: int = 64, dense: int = 1024, norm: Norm = "batch"
    ) -> None:
        super().__init__()
        quarter, channels = image_side("InfoGAN", shape, SIZES) // 4, image_channels("InfoGAN", shape)
        c, bias = at_least("base_channels", base_channels), norm != "batch"  # which has one of its own
        at_least("dense", dense)
        wide = 2 * c * quarter**2
        self.net = nn.Sequential(
            *(nn.Linear(noise_dim, dense, bias), norm_features(norm, dense), activation("leaky_relu")),
            *(nn.Linear(dense, wide, bias), norm_features(norm, wide), activation("leaky_relu")),
            nn.Unflatten(1, (2 * c, quarter, quarter)),
            *(nn.ConvTranspose2d(2 * c, c, 4, 2, 1, bias=bias), norm_images(norm, c), activation("leaky_relu")),
            nn.ConvTranspose2d(c, channels, 4, 2, 1),
        )
        draw_weights(self.net, STD)
        _loosen(self.net)

    def forward(self, z: Tensor) -> Tensor:
        return torch.tanh(self.net(z) / 2)  # the same as 2 sigmoid(y) - 1


class Discriminator(nn.Module):
    """Images [N, C, size, size] in [-1, 1] to logits [N]; any number of channels, so that packs go in as well.

    Args:
        base_channels: after the first convolution; twice as many after the second; the paper has 64.
        dense: units of the layer before the last; the paper has 1024.
        norm: of all layers but the first and the last. `auto`: batch norm, or none where `penalised`.
        penalised: whether a penalty reads each sample's slope; set by the builder.

    Raises:
        ValueError: the shape is not one that these networks read, a width is out of range, there is no such norm, or
            batch norm under such a penalty.
    """

    def __init__(
        self,
        shape: Sequence[int],
        base_channels: int = 64,
        dense: int = 1024,
        norm: AutoNorm = "auto",
        penalised: bool = False,
    ) -> None:
        super().__init__()
        quarter, c = image_side("InfoGAN", shape, SIZES) // 4, at_least("base_channels", base_channels)
        at_least("dense", dense)
        norm = critic_norm(norm, penalised)
        bias = norm != "batch"
        self.net = nn.Sequential(
            *(nn.Conv2d(shape[0], c, 4, 2, 1), activation("leaky_relu")),
            *(nn.Conv2d(c, 2 * c, 4, 2, 1, bias=bias), norm_images(norm, 2 * c), activation("leaky_relu")),
            *(nn.Flatten(), nn.Linear(2 * c * quarter**2, dense, bias)),
            *(norm_features(norm, dense), activation("leaky_relu")),
            *(nn.Linear(dense, 1), nn.Flatten(0)),
        )
        draw_weights(self.net, STD)
        _loosen(self.net)

    def forward(self, x: Tensor) -> Tensor:
        return judge(self.net, None, (x + 1) / 2, None)

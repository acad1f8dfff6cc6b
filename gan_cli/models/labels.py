"""What a label does in conditional networks: beside z in G, as a norm's scale and shift in G, as a projection in D."""

import torch
from torch import Tensor, nn

from gan_cli.models.layers import widened


class LabelledNoise(nn.Module):
    """z [N, dim] and labels y [N] to [N, 2 dim]: z, and beside it a learned vector of its class.

    G takes the label beside the noise (Mirza and Osindero 2014, section 3.2, arXiv:1411.1784); the vector has z's
    dimension, as in R3GAN's code, and starts as a normal z.
    """

    def __init__(self, classes: int, dim: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, dim)

    def forward(self, z: Tensor, y: Tensor) -> Tensor:
        return torch.cat([z, self.embedding(y)], 1)


class ClassNorm(nn.Module):
    """Batch norm of feature maps [N, C, H, W] with a scale and a shift for each class (Dumoulin et al. 2017, section 2,
    arXiv:1610.07629), as G has it in Miyato and Koyama 2018 (arXiv:1802.05637). It starts as batch norm.
    """

    def __init__(self, classes: int, channels: int) -> None:
        super().__init__()
        self.norm = nn.BatchNorm2d(channels, affine=False)
        self.scale, self.shift = nn.Embedding(classes, channels), nn.Embedding(classes, channels)
        nn.init.ones_(self.scale.weight)
        nn.init.zeros_(self.shift.weight)

    def forward(self, x: Tensor, y: Tensor) -> Tensor:
        scale, shift = (table(y)[..., None, None] for table in (self.scale, self.shift))
        out: Tensor = scale * self.norm(x) + shift
        return out


class Projection(nn.Module):
    """<v_y, h(x)>: what D's logit gains from the label (Miyato and Koyama 2018, equation 3, arXiv:1802.05637).

    h [N, features] is what D's last layer sees, y [N] the labels, v a learned vector of each class. At its start the
    gain has the variance of a mean of h squared: that of one more unit of the last layer.
    """

    def __init__(self, classes: int, features: int) -> None:
        super().__init__()
        self.embedding = nn.Embedding(classes, features)
        nn.init.normal_(self.embedding.weight, std=features**-0.5)

    def forward(self, h: Tensor, y: Tensor) -> Tensor:
        gain: Tensor = (self.embedding(y) * h).sum(1)
        return gain


def judge(net: nn.Sequential, projection: Projection | None, x: Tensor, y: Tensor | None) -> Tensor:
    """Logits [N] of samples x, under their labels y [N] where there is a projection.

    Args:
        net: D without labels; its last two layers map the features h to [N, 1] or [N, 1, 1, 1], and that to [N].
    """
    *features, last, flat = net  # not net[:-2]: a slice of a Sequential is made anew, which takes as long as a layer
    h = x
    for layer in features:
        h = layer(h)
    with torch.autocast(h.device.type, enabled=False):  # bfloat16 would leave a logit two digits and a half
        h = widened(h)
        logits: Tensor = flat(last(h))
        return logits if projection is None else logits + projection(h.flatten(1), y)

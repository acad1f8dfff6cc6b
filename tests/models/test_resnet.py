"""SNGAN's residual networks: the tables of the paper, layer by layer, every size, and what they refuse."""

import itertools

import pytest
import torch
from torch import nn

from gan_cli.models import resnet


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def conv(inputs: int, outputs: int, side: int) -> int:
    return inputs * outputs * side**2 + outputs


def up(inputs: int, outputs: int) -> int:
    """Two 3x3 convolutions with a batch norm in front of each, and a 1x1 shortcut."""
    return conv(inputs, outputs, 3) + conv(outputs, outputs, 3) + conv(inputs, outputs, 1) + 2 * (inputs + outputs)


def test_the_networks_for_cifar_10_have_the_parameters_of_table_3():
    """G: dense to 4x4x256, three blocks, batch norm, 3x3 to RGB. D: two blocks that halve, two that do not, dense."""
    G, D = resnet.Generator((3, 32, 32), 128), resnet.Discriminator((3, 32, 32))
    dense, last = 128 * 4 * 4 * 256 + 4 * 4 * 256, 2 * 256 + conv(256, 3, 3)
    assert count(G) == dense + 3 * up(256, 256) + last == 4_276_739
    first = conv(3, 128, 3) + conv(128, 128, 3) + conv(3, 128, 1)
    second = 2 * conv(128, 128, 3) + conv(128, 128, 1)
    others = 2 * 2 * conv(128, 128, 3)  # of one width and side: the shortcut has no weights
    assert count(D) == first + second + others + 128 + 1 == 1_053_825


def test_the_generator_for_imagenet_has_the_widths_of_its_table():
    """Dense to 4x4x1024, then blocks of 1024, 512, 256, 128 and 64 channels."""
    widths = [1024, 1024, 512, 256, 128, 64]
    with torch.device("meta"):
        G, D = resnet.Generator((3, 128, 128), 128, 64), resnet.Discriminator((3, 128, 128), 64)
    blocks = sum(up(*pair) for pair in itertools.pairwise(widths))
    assert count(G) == 129 * 16 * 1024 + blocks + 2 * 64 + conv(64, 3, 3)
    assert [block.conv2.out_channels for block in D.net[:6]] == [64, 128, 256, 512, 1024, 1024]
    assert [block.halves for block in D.net[:6]] == [True] * 5 + [False]


def test_the_networks_for_stl_10_end_at_6_and_at_3_pixels():
    G, D = resnet.Generator((3, 48, 48), 16, 2), resnet.Discriminator((3, 48, 48), 2)
    assert G.dense(torch.zeros(1, 16)).shape == (1, 16, 6, 6)
    assert D.net[:5](torch.zeros(1, 3, 48, 48)).shape == (1, 32, 3, 3)


@pytest.mark.parametrize("size", resnet.SIZES)
@pytest.mark.parametrize("channels", [1, 4])
def test_every_size_runs(size, channels):
    shape = (channels, size, size)
    images = resnet.Generator(shape, 5, 2)(torch.randn(2, 5))
    assert images.shape == (2, *shape)
    assert images.abs().max() <= 1
    assert resnet.Discriminator((3 * channels, size, size), 2)(images.repeat(1, 3, 1, 1)).shape == (2,)  # a pack of 3


@pytest.mark.parametrize("first", [True, False])
def test_a_block_of_D_that_halves_is_the_mean_of_both_ways_over_2x2(first):
    block = resnet._Down(3, 5, halves=True, norm="none", first=first)
    x = torch.randn(2, 3, 8, 8)
    full = block.conv2(block.conv1(x if first else x.relu()).relu()) + block.shortcut(x)  # an image meets no ReLU
    torch.testing.assert_close(block(x), full.unflatten(3, (4, 2)).unflatten(2, (4, 2)).mean((3, 5)))


def test_a_block_of_G_repeats_each_pixel_and_then_convolves():
    block = resnet._Up(3, 5, "none", None)
    x = torch.randn(2, 3, 4, 4)
    twice = x.repeat_interleave(2, 2).repeat_interleave(2, 3)
    torch.testing.assert_close(block(x, None), block.conv2(block.conv1(twice.relu()).relu()) + block.shortcut(twice))


def test_a_block_of_G_may_interpolate_instead():
    """Between two pixels a and b: a, (3a + b) / 4, (a + 3b) / 4, b."""
    block = resnet._Up(1, 1, "none", None, "bilinear")
    for conv in (block.conv1, block.conv2):
        nn.init.zeros_(conv.weight)
    nn.init.ones_(block.shortcut.weight)
    row = torch.tensor([0.0, 4.0, 8.0]).repeat(3, 1)[None, None]
    assert block(row, None)[0, 0, 2].tolist() == pytest.approx([0, 1, 3, 5, 7, 8])


def test_a_mean_is_a_sum_by_the_number_of_places():
    torch.manual_seed(0)
    total = resnet.Discriminator((1, 32, 32), 4)
    mean = resnet.Discriminator((1, 32, 32), 4, pool="mean")
    mean.load_state_dict(total.state_dict())
    x = torch.randn(3, 1, 32, 32)
    torch.testing.assert_close(64 * mean(x), total(x))  # 8 x 8 places are left, and the bias is 0 at the start


def test_D_has_no_norm_unless_asked_for():
    def norms(**arguments):
        return {type(m).__name__ for m in resnet.Discriminator((1, 16, 16), 4, **arguments).modules()}

    assert not any("Norm" in name for name in norms())
    assert "BatchNorm2d" in norms(norm="batch")
    assert "GroupNorm" in norms(norm="layer", penalised=True)
    with pytest.raises(ValueError, match="batch norm mixes the samples"):
        norms(norm="batch", penalised=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: resnet.Generator((2,), 4), "points of 2 numbers; use model=mlp"),
        (lambda: resnet.Discriminator((1, 20, 20)), r"1 x 20 x 20\. Try dataset\.size=28"),
        (lambda: resnet.Generator((5, 16, 16), 4), "1 to 4 channels; the data set gives 5"),
        (lambda: resnet.Generator((1, 16, 16), 4, base_channels=0), "base_channels must be at least 1"),
        (lambda: resnet.Generator((1, 16, 16), 4, 4, "layer", classes=3), "got norm=layer; use norm=batch"),
    ],
)
def test_what_they_cannot_do_is_refused_with_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()

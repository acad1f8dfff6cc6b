"""R3GAN's networks: sizes counted by hand, blocks that start as the identity, interpolation, and what they refuse."""

import math

import pytest
import torch
from pytest import approx
from torch import nn

from gan_cli.models import r3gan


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def block(width: int) -> int:
    """1x1 to twice the width, 3x3 in groups of 16, 1x1 back; the first two with biases."""
    return width * 2 * width + 2 * width * 16 * 9 + 2 * width * width + 2 * 2 * width


def test_the_networks_of_the_paper_for_256_pixels_have_its_23_million_parameters():
    """768 channels at 4 to 32 pixels, then 384, 192 and 96; two blocks at each of the seven sizes."""
    widths = [768, 768, 768, 768, 384, 192, 96]
    with torch.device("meta"):
        G, D = r3gan.Generator((3, 256, 256), 64), r3gan.Discriminator((3, 256, 256))
    shared = sum(2 * block(width) for width in widths) + 768 * 384 + 384 * 192 + 192 * 96 + 3 * 96
    basis = 768 * 4 * 4
    assert count(G) == shared + basis + 64 * 768 == 23_057_952
    assert count(D) == shared + basis + 768 == 23_009_568


@pytest.mark.parametrize("size", r3gan.SIZES[:-1])
@pytest.mark.parametrize("channels", [1, 4])
def test_every_size_runs(size, channels):
    shape = (channels, size, size)
    images = r3gan.Generator(shape, 5, 32, 16, 1, 8)(torch.randn(2, 5))
    assert images.shape == (2, *shape)
    assert r3gan.Discriminator((3 * channels, size, size), 32, 16, 1, 8)(images.repeat(1, 3, 1, 1)).shape == (2,)


@pytest.mark.parametrize(
    ("side", "wide_up_to", "widths"),
    [(16, 4, [32, 64, 128]), (16, 32, [128, 128, 128]), (28, 7, [32, 64, 128]), (64, 16, [32, 64, 128, 128, 128])],
)
def test_feature_maps_get_narrower_above_a_side(side, wide_up_to, widths):
    G = r3gan.Generator((1, side, side), 4, 128, wide_up_to, 1)
    D = r3gan.Discriminator((1, side, side), 128, wide_up_to, 1)
    of = lambda net: [m.branch[-1].out_channels for m in net.net if isinstance(m, r3gan._Block)]  # noqa: E731
    assert of(D) == widths == of(G)[::-1]


def test_a_block_starts_as_the_identity_and_learns_all_the_same():
    layer, x = r3gan._Block(16, 16, 6), torch.randn(2, 16, 8, 8)
    assert torch.equal(layer(x), x)
    layer(x).square().sum().backward()
    assert layer.branch[-1].weight.grad.abs().sum() > 0


def test_weights_start_as_fix_up_says():
    """Of 6 blocks of 3 layers, each of the first two is scaled by 6^(-1/4): so the branch as a whole by 6^(-1/2).

    The standard deviations of 524,288 and 73,728 draws: five standard errors are 0.5 % and 1.4 %.
    """
    torch.manual_seed(0)
    layer = r3gan._Block(512, 16, 6)
    first, grouped, last = (m.weight for m in layer.branch if isinstance(m, nn.Conv2d))
    gain = math.sqrt(2 / (1 + 0.2**2)) * 6 ** (-1 / 4)
    assert first.std().item() == approx(gain / math.sqrt(512), rel=0.005)
    assert grouped[:512].std().item() == approx(gain / math.sqrt(16 * 9), rel=0.014)
    assert not last.any()


def test_the_network_hands_each_block_the_number_of_all():
    torch.manual_seed(0)
    blocks = [m for m in r3gan.Generator((1, 32, 32), 4, 256, blocks=3).net if isinstance(m, r3gan._Block)]
    assert len(blocks) == 12
    expected = math.sqrt(2 / 1.04) * 12 ** (-1 / 4) / math.sqrt(256)
    assert blocks[5].branch[0].weight.std().item() == approx(expected, rel=0.01)


def test_the_side_changes_by_linear_interpolation():
    """Half: (1, 3, 3, 1) / 8 of neighbours, fewer at the edge. Twice: 3/4 of the nearer, 1/4 of the other."""
    row = torch.tensor([0.0, 8.0, 0.0, 0.0, 16.0, 0.0, 0.0, 0.0])
    x = row.expand(1, 1, 8, 8).clone()
    half = r3gan._Halve()(x)[0, 0]
    # the edge has three of the four weights: 7/8 of them
    assert half[1].tolist() == approx([8 * 3 / 7, 8 * 1 / 8 + 16 * 1 / 8, 16 * 3 / 8, 0.0], abs=1e-6)
    assert half.shape == (4, 4) and torch.allclose(half, half[:1].expand(4, 4))
    twice = r3gan._Double()(x[..., :4, :4])[0, 0]
    assert twice[3].tolist() == approx([0.0, 2.0, 6.0, 6.0, 2.0, 0.0, 0.0, 0.0], abs=1e-6)


def test_it_has_no_norm_and_no_tanh():
    nets = r3gan.Generator((1, 16, 16), 4, 16), r3gan.Discriminator((1, 16, 16), 16)
    names = {type(m).__name__ for net in nets for m in net.modules()}
    assert not any("Norm" in name or name == "Tanh" for name in names)


def test_a_penalty_on_slopes_moves_every_weight_that_it_can():
    """The second derivative goes through interpolation, groups and all."""
    D = r3gan.Discriminator((1, 16, 16), 16)
    with torch.no_grad():
        for p in D.parameters():
            p.add_(0.05 * torch.randn_like(p))
    x = torch.randn(4, 1, 16, 16, requires_grad=True)
    (slope,) = torch.autograd.grad(D(x).sum(), x, create_graph=True)
    slope.square().sum().backward()
    assert all(p.grad.abs().sum() > 0 for p in D.parameters() if p.dim() > 1)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: r3gan.Generator((2,), 4), "points of 2 numbers; use model=mlp"),
        (lambda: r3gan.Discriminator((1, 8, 8)), r"1 x 8 x 8\. Try dataset\.size=16"),
        (lambda: r3gan.Generator((5, 16, 16), 4), "1 to 4 channels; the data set gives 5"),
        (lambda: r3gan.Generator((1, 16, 16), 4, 12), "a multiple of group_channels=16; base_channels=12"),
        (lambda: r3gan.Generator((1, 128, 128), 4, 16), r"gives \[4, 8, 16, .* here\. Try base_channels=32 or"),
        (lambda: r3gan.Discriminator((1, 16, 16), 16, 0), "wide_up_to must be at least 1, got 0"),
        (lambda: r3gan.Generator((1, 16, 16), 4, 16, blocks=0), "blocks must be at least 1"),
        (lambda: r3gan.Generator((1, 16, 16), 4, 16, group_channels=0), "group_channels must be at least 1"),
    ],
)
def test_what_they_cannot_do_is_refused_with_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()

"""DCGAN: layers and parameter counts of the usual tutorial, every size and channel count, and what it refuses."""

import pytest
import torch
from pytest import approx
from torch import nn

from gan_cli.models import dcgan
from gan_cli.models.layers import Conv2dToOne, ConvTranspose2dFromOne


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def convolutions(net: nn.Module) -> list[tuple[int, int, int, int, int]]:
    kinds = (nn.Conv2d, nn.ConvTranspose2d)
    return [
        (m.in_channels, m.out_channels, m.kernel_size[0], m.stride[0], m.padding[0])
        for m in net.modules()
        if isinstance(m, kinds)
    ]


def test_at_64_pixels_G_has_the_layers_and_parameters_of_the_tutorial():
    G = dcgan.Generator((3, 64, 64), 100)
    assert convolutions(G) == [
        (100, 512, 4, 1, 0),
        (512, 256, 4, 2, 1),
        (256, 128, 4, 2, 1),
        (128, 64, 4, 2, 1),
        (64, 3, 4, 2, 1),
    ]
    assert count(G) == 3_576_704
    assert [type(m).__name__ for m in G.net][-2:] == ["ConvTranspose2d", "Tanh"]


def test_at_64_pixels_D_has_the_layers_and_parameters_of_the_tutorial():
    D = dcgan.Discriminator((3, 64, 64))
    assert convolutions(D) == [
        (3, 64, 4, 2, 1),
        (64, 128, 4, 2, 1),
        (128, 256, 4, 2, 1),
        (256, 512, 4, 2, 1),
        (512, 1, 4, 1, 0),
    ]
    assert count(D) == 2_765_568
    assert not any(isinstance(m, nn.Sigmoid) for m in D.modules()), "D returns logits"
    norms = [type(m).__name__ for m in D.net]
    assert norms[1] == "LeakyReLU", "no batch norm behind D's first layer"
    assert D.net[1].negative_slope == 0.2


def test_weights_start_as_radford_says():
    """Mean and standard deviation of 2.7 million draws: six standard errors are 7e-5 and 5e-5."""
    torch.manual_seed(0)
    D = dcgan.Discriminator((3, 64, 64))
    weights = torch.cat([m.weight.flatten() for m in D.modules() if isinstance(m, nn.Conv2d)])
    assert weights.mean().item() == pytest.approx(0, abs=7.3e-5)
    assert weights.std().item() == pytest.approx(0.02, abs=5.2e-5)


@pytest.mark.parametrize("size", dcgan.SIZES)
@pytest.mark.parametrize("channels", [1, 2, 3, 4])
def test_every_size_and_channel_count_runs(size, channels):
    shape = (channels, size, size)
    G, D = dcgan.Generator(shape, 5, base_channels=4), dcgan.Discriminator(shape, base_channels=4)
    images = G(torch.randn(2, 5))
    assert images.shape == (2, *shape)
    assert images.abs().max() <= 1
    assert D(images).shape == (2,)


@pytest.mark.parametrize("norm", ["batch", "layer", "instance", "none"])
@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh"])
def test_every_norm_and_activation_runs_and_learns(norm, activation):
    G = dcgan.Generator((1, 16, 16), 5, 4, extra_layers=1, norm=norm, activation=activation)
    D = dcgan.Discriminator((1, 16, 16), 4, extra_layers=1, norm=norm, activation=activation)
    D(G(torch.randn(3, 5))).sum().backward()
    assert all(p.grad.isfinite().all() and p.grad.abs().sum() > 0 for p in [*G.net[0].parameters()])


def test_widths_double_up_to_the_cap():
    G = dcgan.Generator((1, 64, 64), 10, base_channels=16, max_channels=32)
    assert [c[1] for c in convolutions(G)] == [32, 32, 32, 16, 1]


def test_extra_layers_are_3x3_convolutions_at_half_the_side():
    G = dcgan.Generator((1, 16, 16), 10, base_channels=8, extra_layers=2)
    assert convolutions(G)[-3:] == [(8, 8, 3, 1, 1), (8, 8, 3, 1, 1), (8, 1, 4, 2, 1)]
    D = dcgan.Discriminator((1, 16, 16), base_channels=8, extra_layers=1)
    assert convolutions(D)[:2] == [(1, 8, 4, 2, 1), (8, 8, 3, 1, 1)]


def test_a_penalty_on_slopes_takes_batch_norm_out_of_D():
    def norms(**arguments):
        D = dcgan.Discriminator((1, 16, 16), penalised=True, **arguments)
        return {type(m) for m in D.modules()} & {nn.BatchNorm2d, nn.GroupNorm}

    assert norms() == set()
    assert norms(norm="layer") == {nn.GroupNorm}
    with pytest.raises(ValueError, match="batch norm mixes the samples"):
        dcgan.Discriminator((1, 16, 16), norm="batch", penalised=True)


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        ((1, 31, 31), r"1 x 31 x 31\. Try dataset\.size=32, or model=mlp"),
        ((3, 96, 128), r"3 x 96 x 128\. Try dataset\.size=128"),
        ((2,), "points of 2 numbers; use model=mlp"),
    ],
)
def test_shapes_that_it_cannot_make_are_refused_with_what_to_do(shape, message):
    with pytest.raises(ValueError, match=message):
        dcgan.Generator(shape, 10)
    with pytest.raises(ValueError, match=message):
        dcgan.Discriminator(shape)


def test_G_makes_up_to_4_channels_and_D_takes_packs_of_them():
    with pytest.raises(ValueError, match="1 to 4 channels; the data set gives 5"):
        dcgan.Generator((5, 32, 32), 10)
    assert dcgan.Discriminator((12, 32, 32), 4)(torch.randn(2, 12, 32, 32)).shape == (2,)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"base_channels": 0}, "base_channels must be at least 1, got 0"),
        ({"max_channels": 8}, "max_channels must be at least base_channels"),
        ({"extra_layers": -1}, "extra_layers must be at least 0"),
        ({"activation": "maxout"}, "model=mlp only"),
    ],
)
def test_widths_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        dcgan.Discriminator((1, 16, 16), **arguments)


@pytest.mark.parametrize("order", [torch.contiguous_format, torch.channels_last])
def test_layers_to_and_from_one_place_are_the_convolutions_that_they_stand_for(order):
    g = torch.Generator().manual_seed(0)
    pairs = [
        (ConvTranspose2dFromOne(6, 5, 4), nn.ConvTranspose2d(6, 5, 4, bias=False), (3, 6, 1, 1)),
        (Conv2dToOne(6, 5, 4), nn.Conv2d(6, 5, 4, bias=False), (3, 6, 4, 4)),
    ]
    for ours, plain, shape in pairs:
        plain.load_state_dict(ours.state_dict())
        ours.to(memory_format=order)
        x = torch.randn(shape, generator=g).contiguous(memory_format=order)
        found = []
        for layer in (ours, plain):
            a = x.clone().requires_grad_()
            y = layer(a)
            (slope,) = torch.autograd.grad(y.sigmoid().sum(), a, create_graph=True)
            found.append([y, slope, *torch.autograd.grad(slope.square().sum(), [layer.weight, a])])
        for a, b in zip(*found, strict=True):
            assert a.shape == b.shape
            assert a.detach().numpy() == approx(b.detach().numpy(), abs=1e-5)

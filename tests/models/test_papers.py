"""Networks that one paper's figures hang on: layer by layer those of its table or its code, initial values and all."""

import math

import pytest
import torch
from torch import nn

from gan_cli.models import dcgan5x5, goodfellow, infogan, sndcgan
from gan_cli.models.initial import draw_weights

FAMILIES = {"goodfellow": goodfellow, "infogan": infogan, "sndcgan": sndcgan, "dcgan5x5": dcgan5x5}
BLACK, WHITE = -torch.ones(2, 1, 28, 28), torch.ones(2, 1, 28, 28)


def count(net: nn.Module) -> int:
    return sum(p.numel() for p in net.parameters())


def weights(net: nn.Module) -> list[torch.Tensor]:
    return [m.weight.detach() for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]


def biases(net: nn.Module) -> list[torch.Tensor]:
    of = [m for m in net.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)]
    return [m.bias.detach() for m in of if m.bias is not None]


def maps(net: nn.Module, x: torch.Tensor) -> list[tuple[int, ...]]:
    """The shapes of the convolutions' outputs for one sample."""
    found = []
    for m in net.modules():
        if isinstance(m, nn.Conv2d | nn.ConvTranspose2d):
            m.register_forward_hook(lambda _, __, out: found.append(tuple(out.shape[1:])))
    net(x)
    return found


# Goodfellow et al. 2014, mnist.yaml


def test_goodfellows_layers():
    G, D = goodfellow.Generator((1, 28, 28), 100), goodfellow.Discriminator((1, 28, 28))
    assert count(G) == (100 + 1) * 1200 + (1200 + 1) * 1200 + (1200 + 1) * 784 == 2_503_984
    assert count(D) == (784 + 1) * 240 * 5 + (240 + 1) * 240 * 5 + (240 + 1) == 1_231_441
    assert [m.p for m in D.modules() if isinstance(m, nn.Dropout)] == [0.2, 0.5, 0.5]


@pytest.mark.parametrize(
    ("net", "spread"), [(goodfellow.Generator((1, 28, 28), 100), 0.05), (goodfellow.Discriminator((1, 28, 28)), 0.005)]
)
def test_goodfellows_weights_start_uniform_and_biases_at_0(net, spread):
    for w in weights(net):
        assert w.abs().max() <= spread
        # of a uniform's variance estimate; 6 standard errors: wrong once in 5e8 seeds
        assert w.std().item() == pytest.approx(spread / math.sqrt(3), rel=6 * 0.45 / math.sqrt(w.numel()))
    assert not any(b.any() for b in biases(net))


@pytest.mark.parametrize(
    "D",
    [goodfellow.Discriminator((1, 28, 28)), infogan.Discriminator((1, 28, 28), norm="none")],
    ids=["2014", "infogan"],
)
def test_black_is_0_to_these_discriminators_and_white_is_1(D):
    """With biases at 0, nothing comes out where nothing goes in."""
    first = next(m for m in D.modules() if isinstance(m, nn.Linear | nn.Conv2d))
    seen = []
    first.register_forward_hook(lambda _, inputs, __: seen.append(inputs[0]))
    D.eval()
    assert not D(BLACK).any()
    assert D(WHITE).all()
    assert seen[0].eq(0).all() and seen[1].eq(1).all()


@pytest.mark.parametrize("G", [goodfellow.Generator((1, 28, 28), 4, 8), infogan.Generator((1, 28, 28), 4, 4, 8)])
def test_a_sigmoid_of_0_is_grey(G):
    for w in weights(G)[-1:]:
        nn.init.zeros_(w)
    last = [m for m in G.modules() if isinstance(m, nn.Linear | nn.Conv2d | nn.ConvTranspose2d)][-1]
    for value, grey in ((0.0, 0.0), (1.0, 2 / (1 + math.exp(-1)) - 1), (100.0, 1.0), (-100.0, -1.0)):
        nn.init.constant_(last.weight, 0.0)
        nn.init.constant_(last.bias, value)
        assert G(torch.randn(3, 4)).detach().numpy() == pytest.approx(grey, abs=1e-6)


# Lucic et al. 2018, abstract_gan.py


def test_infogans_layers():
    G, D = infogan.Generator((1, 28, 28), 64), infogan.Discriminator((1, 28, 28))
    wide = 128 * 7 * 7
    dense = 64 * 1024 + 2 * 1024 + 1024 * wide + 2 * wide  # a batch norm behind each, and so no bias
    assert count(G) == dense + 128 * 64 * 16 + 2 * 64 + (64 * 16 + 1) == 6_634_881
    assert count(D) == (16 + 1) * 64 + 64 * 128 * 16 + 2 * 128 + wide * 1024 + 2 * 1024 + 1025 == 6_558_017
    assert maps(G, torch.randn(2, 64)) == [(64, 14, 14), (1, 28, 28)]
    assert maps(D, BLACK) == [(64, 14, 14), (128, 7, 7)]


def test_infogans_batch_norms_have_the_floor_of_the_code():
    D = infogan.Discriminator((1, 28, 28))
    norms = [m for net in (infogan.Generator((1, 28, 28), 64), D) for m in net.modules() if "BatchNorm" in str(type(m))]
    assert len(norms) == 5
    assert {m.eps for m in norms} == {1e-3}
    seen = []
    next(m for m in D.modules() if isinstance(m, nn.BatchNorm2d)).register_forward_hook(
        lambda _, inputs, __: seen.append(inputs[0].var().item())
    )
    D((torch.rand(64, 1, 28, 28) < 0.2) * 2.0 - 1)  # as much ink as in a digit, anywhere
    assert seen[0] < 1e-3, "which is why the floor matters"


# Miyato et al. 2018, table 3


def test_sndcgans_layers():
    G, D = sndcgan.Generator((3, 32, 32), 128), sndcgan.Discriminator((3, 32, 32))
    up = sum(a * b * 16 + 2 * b for a, b in ((512, 256), (256, 128), (128, 64)))
    assert count(G) == 128 * 8192 + 2 * 8192 + up + (64 * 9 * 3 + 3)
    down = sum(a * b * 16 + b + b * b * 9 + b for a, b in ((64, 128), (128, 256), (256, 512)))
    assert count(D) == (3 * 9 * 64 + 64) + down + 4 * 4 * 512 + 1
    assert maps(G, torch.randn(2, 128)) == [(256, 8, 8), (128, 16, 16), (64, 32, 32), (3, 32, 32)]
    sides = [(64, 32), (128, 16), (128, 16), (256, 8), (256, 8), (512, 4), (512, 4)]
    assert maps(D, torch.zeros(2, 3, 32, 32)) == [(channels, side, side) for channels, side in sides]
    assert {m.negative_slope for m in D.modules() if isinstance(m, nn.LeakyReLU)} == {0.1}
    assert not any("Norm" in type(m).__name__ for m in D.modules())


# Lin et al. 2018, VEEGAN_experiment/model.py


def test_the_5x5_dcgan_goes_28_14_7_4_2_and_back():
    G, D = dcgan5x5.Generator((3, 28, 28), 100), dcgan5x5.Discriminator((6, 28, 28))  # a pack of 2
    assert maps(G, torch.randn(2, 100)) == [(256, 4, 4), (128, 7, 7), (64, 14, 14), (3, 28, 28)]
    assert maps(D, torch.zeros(2, 6, 28, 28)) == [(64, 14, 14), (128, 7, 7), (256, 4, 4), (512, 2, 2)]
    up = sum(a * b * 25 + 2 * a for a, b in ((512, 256), (256, 128), (128, 64), (64, 3)))
    assert count(G) == 100 * 2048 + up + 3
    down = sum(a * b * 25 + 2 * b for a, b in ((64, 128), (128, 256), (256, 512)))
    assert count(D) == (6 * 25 * 64 + 64) + down + 2048 + 1


@pytest.mark.parametrize("name", ["infogan", "sndcgan", "dcgan5x5"])
def test_their_weights_start_normal_with_std_0_02_and_their_biases_at_0(name):
    size = 28 if name == "infogan" else 32
    for net in (FAMILIES[name].Generator((3, size, size), 64), FAMILIES[name].Discriminator((3, size, size))):
        for w in weights(net):
            # 6 standard errors of a normal's standard deviation, 1 / sqrt(2 n) of it: wrong once in 5e8 draws
            assert w.std().item() == pytest.approx(0.02, rel=6 / math.sqrt(2 * w.numel())), w.shape
        assert not any(b.any() for b in biases(net))
        assert all(m.weight.eq(1).all() for m in net.modules() if "BatchNorm" in type(m).__name__)


def test_initial_weights_of_a_standard_deviation_that_is_none_are_refused():
    with pytest.raises(ValueError, match="init_std must be greater than 0, got 0"):
        draw_weights(nn.Linear(1, 1), 0)


@pytest.mark.parametrize("name", ["infogan", "sndcgan", "dcgan5x5"])
@pytest.mark.parametrize("channels", [1, 4])
def test_every_size_runs(name, channels):
    for size in FAMILIES[name].SIZES:
        shape = (channels, size, size)
        images = FAMILIES[name].Generator(shape, 5, base_channels=2)(torch.randn(2, 5))
        assert images.shape == (2, *shape)
        assert images.abs().max() <= 1
        D = FAMILIES[name].Discriminator((3 * channels, size, size), base_channels=2)
        assert D(images.repeat(1, 3, 1, 1)).shape == (2,)  # a pack of 3


@pytest.mark.parametrize("name", ["infogan", "dcgan5x5"])
def test_auto_is_batch_norm_and_none_under_a_penalty_on_slopes(name):
    make = FAMILIES[name].Discriminator
    shape = (1, 28, 28)
    assert any("BatchNorm" in type(m).__name__ for m in make(shape, 2).modules())
    assert not any("Norm" in type(m).__name__ for m in make(shape, 2, penalised=True).modules())
    assert not any("BatchNorm" in type(m).__name__ for m in make(shape, 2, norm="layer", penalised=True).modules())
    with pytest.raises(ValueError, match="batch norm mixes the samples"):
        make(shape, 2, norm="batch", penalised=True)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: goodfellow.Generator((2,), 4), "points of 2 numbers; use model=mlp"),
        (lambda: goodfellow.Discriminator((2,)), "points of 2 numbers; use model=mlp"),
        (lambda: goodfellow.Generator((1, 28, 28), 4, 0), "width must be at least 1"),
        (lambda: goodfellow.Generator((1, 28, 28), 4, spread=0.0), r"spread must be greater than 0, got 0\.0"),
        (lambda: goodfellow.Discriminator((1, 28, 28), pieces=0), "pieces must be at least 1"),
        (lambda: goodfellow.Discriminator((1, 28, 28), dropout=1.0), r"dropout must be in \[0, 1\), got 1\.0"),
        (lambda: infogan.Generator((2,), 4), "points of 2 numbers; use model=mlp"),
        (lambda: infogan.Discriminator((1, 20, 20)), r"1 x 20 x 20\. Try dataset\.size=28"),
        (lambda: infogan.Discriminator((1, 28, 28), dense=0), "dense must be at least 1"),
        (lambda: infogan.Generator((1, 28, 28), 4, norm="instance"), "instance norm needs feature maps"),
        (lambda: sndcgan.Generator((1, 28, 28), 4), r"Try dataset\.size=32"),
        (lambda: sndcgan.Discriminator((3, 32, 32), 0), "base_channels must be at least 1"),
        (lambda: dcgan5x5.Generator((5, 28, 28), 4), "1 to 4 channels; the data set gives 5"),
        (lambda: dcgan5x5.Discriminator((1, 8, 8)), r"Try dataset\.size=16"),
    ],
)
def test_what_they_cannot_do_is_refused_with_what_to_do(make, message):
    with pytest.raises(ValueError, match=message):
        make()

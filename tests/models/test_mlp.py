"""MLPs for samples of any shape."""

import pytest
import torch
from torch import nn

from gan_cli.models import mlp
from gan_cli.models.layers import Maxout

SHAPES = [(1,), (2,), (1, 28, 28), (3, 5, 7)]


@pytest.mark.parametrize("shape", SHAPES)
def test_any_shape_goes_in_and_comes_out(shape):
    samples = mlp.Generator(shape, 4, width=8)(torch.randn(3, 4))
    assert samples.shape == (3, *shape)
    assert mlp.Discriminator(shape, width=8)(samples).shape == (3,)


def test_images_are_bounded_and_points_are_free():
    z = 100 * torch.randn(64, 4)
    assert mlp.Generator((1, 4, 4), 4)(z).abs().max() <= 1
    assert mlp.Generator((2,), 4)(z).abs().max() > 1


def test_width_and_depth_make_the_parameters():
    D = mlp.Discriminator((2,), width=10, depth=2)
    assert sum(p.numel() for p in D.parameters()) == (2 * 10 + 10) + (10 * 10 + 10) + (10 + 1)


@pytest.mark.parametrize("activation", ["relu", "leaky_relu", "elu", "gelu", "silu", "tanh", "maxout"])
@pytest.mark.parametrize("norm", ["batch", "layer", "none"])
def test_every_norm_and_activation_runs_and_learns(norm, activation):
    G = mlp.Generator((2,), 4, 8, 2, norm, activation)
    D = mlp.Discriminator((2,), 8, 2, norm, activation, dropout=0.2)
    D(G(torch.randn(6, 4))).sum().backward()
    assert all(p.grad is not None for net in (G, D) for p in net.parameters())


def test_maxout_is_the_largest_of_its_pieces():
    layer = Maxout(3, 2, pieces=4)
    x = torch.randn(5, 3)
    by_hand = torch.stack(
        [torch.stack([layer.affine(x)[:, 4 * unit + k] for k in range(4)]).amax(0) for unit in range(2)], dim=1
    )
    assert torch.equal(layer(x), by_hand)


def test_initial_weights_have_the_standard_deviation_asked_for_and_biases_are_0():
    """PacGAN's (Lin et al. 2018), whose layers have the parameters that its code counts."""
    G = mlp.Generator((2,), 2, 400, 4, "batch", init_std=0.02)
    D = mlp.Discriminator((4,), 200, 3, activation="maxout", init_std=0.02)  # packs of 2
    assert sum(p.numel() for p in G.parameters()) == 2 * 400 + 3 * 400 * 400 + 4 * 2 * 400 + (400 + 1) * 2
    assert sum(p.numel() for p in D.parameters()) == (4 + 1) * 1000 + 2 * (200 + 1) * 1000 + (200 + 1)
    layers = [m for net in (G, D) for m in net.modules() if isinstance(m, nn.Linear)]
    for m in layers:
        # 6 standard errors of a normal's standard deviation: wrong once in 5e8 layers
        assert m.weight.std().item() == pytest.approx(0.02, rel=6 / (2 * m.weight.numel()) ** 0.5)
        assert m.bias is None or not m.bias.any()
    assert [m.bias is None for m in layers] == [True] * 4 + [False] * 5


def test_dropout_acts_in_training_only():
    D = mlp.Discriminator((2,), width=64, dropout=0.5)
    x = torch.randn(4, 2)
    assert not torch.equal(D(x), D(x))
    D.eval()
    assert torch.equal(D(x), D(x))


def test_auto_is_batch_norm_and_none_under_a_penalty_on_slopes():
    assert not any("Norm" in type(m).__name__ for m in mlp.Discriminator((2,), norm="auto", penalised=True).modules())
    assert any(isinstance(m, nn.BatchNorm1d) for m in mlp.Discriminator((2,), norm="auto").modules())


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 0}, "width must be at least 1"),
        ({"depth": 0}, "depth must be at least 1"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"norm": "instance"}, "instance norm needs feature maps"),
        ({"norm": "batch", "penalised": True}, "batch norm mixes the samples"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        mlp.Discriminator((2,), **arguments)

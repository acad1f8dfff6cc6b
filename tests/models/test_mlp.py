"""MLPs for samples of any shape."""

import pytest
import torch
from torch import nn

from gan_cli.models import mlp
from gan_cli.models.layers import Fourier, Maxout

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


def test_fourier_features_are_a_sine_and_a_cosine_of_each_frequency_beside_the_input():
    layer = Fourier(2, 6, scale=3.0)
    u = torch.randn(5, 2)
    phase = 2 * torch.pi * (u[:, :1] * layer.B[0] + u[:, 1:] * layer.B[1])
    assert torch.allclose(layer(u), torch.cat([u, phase.sin(), phase.cos()], 1), atol=1e-4)
    assert not list(layer.parameters()), "they are drawn, not learned"
    assert Fourier(4, 10_000, scale=3.0).B.std().item() == pytest.approx(3, rel=0.03), "wrong once in 10^8 seeds"


def test_a_phase_of_many_periods_keeps_its_digits_under_bf16():
    layer, u = Fourier(2, 64, scale=3.0), 2 * torch.randn(50, 2)
    with torch.autocast("cpu", torch.bfloat16):
        half = layer(u)
    assert torch.equal(half, layer(u))


def test_D_sees_its_input_and_the_features_and_keeps_their_frequencies_with_its_weights():
    D = mlp.Discriminator((2,), width=8, fourier=6)
    assert D.state_dict()["net.1.B"].shape == (2, 3)
    assert D.net[2].in_features == 2 + 6
    torch.manual_seed(1)
    same = mlp.Discriminator((2,), width=8, fourier=6)
    torch.manual_seed(1)
    assert torch.equal(mlp.Discriminator((2,), width=8, fourier=6).net[1].B, same.net[1].B)


def test_moments_move_samples_out_and_back():
    moments = ([5.0, -3.0], 2.0)
    torch.manual_seed(0)
    G, D = mlp.Generator((2,), 4, 8, moments=moments), mlp.Discriminator((2,), 8, moments=moments)
    torch.manual_seed(0)
    plain_G, plain_D = mlp.Generator((2,), 4, 8), mlp.Discriminator((2,), 8)
    z, mean = torch.randn(6, 4), torch.tensor([5.0, -3.0])
    assert torch.allclose(G(z), mean + 2 * plain_G(z))
    assert torch.allclose(D(mean + 2 * z[:, :2]), plain_D(z[:, :2]), atol=1e-6)
    assert G.state_dict().keys() == plain_G.state_dict().keys(), "a description has them, the weights do not"


@pytest.mark.parametrize(
    ("shape", "moments", "message"),
    [
        ((1, 4, 4), ([0.0] * 16, 1.0), "standardise is for points"),
        ((2,), ([0.0], 1.0), "moments must be 2 finite numbers"),
        ((2,), ([0.0, float("nan")], 1.0), "moments must be 2 finite numbers"),
        ((2,), ([0.0, 0.0], 0.0), "a std above 0"),
    ],
)
def test_moments_that_no_data_have_are_refused(shape, moments, message):
    with pytest.raises(ValueError, match=message):
        mlp.Generator(shape, 4, 8, moments=moments)
    with pytest.raises(ValueError, match=message):
        mlp.Discriminator(shape, 8, moments=moments)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"width": 0}, "width must be at least 1"),
        ({"depth": 0}, "depth must be at least 1"),
        ({"dropout": 1.0}, r"dropout must be in \[0, 1\), got 1.0"),
        ({"fourier": 3}, "fourier must be even"),
        ({"fourier": -2}, "fourier must be at least 1"),
        ({"fourier": 2, "fourier_scale": 0.0}, "fourier_scale must be greater than 0"),
        ({"norm": "instance"}, "instance norm needs feature maps"),
        ({"norm": "batch", "penalised": True}, "batch norm mixes the samples"),
    ],
)
def test_settings_out_of_range_are_refused(arguments, message):
    with pytest.raises(ValueError, match=message):
        mlp.Discriminator((2,), **arguments)

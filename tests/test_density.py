"""The density of samples: exact for an affine G, close for a kernel estimate that chooses its own width."""

import math

import pytest
import torch
from pytest import approx
from torch import nn
from torch.distributions import MultivariateNormal, Normal

from gan_cli.data import Ring
from gan_cli.density import Kernels, lattice, log_ratio, of_affine
from gan_cli.models import mlp


def affine(shape, noise_dim):
    torch.manual_seed(3)
    return mlp.Generator(shape, noise_dim, depth=0)


@pytest.mark.parametrize(("dim", "noise_dim"), [(1, 1), (1, 3), (2, 2), (2, 5)])
def test_an_affine_G_has_the_density_of_a_normal_distribution(dim, noise_dim):
    G = affine((dim,), noise_dim)
    layer = next(module for module in G.modules() if isinstance(module, nn.Linear))
    W, b = layer.weight.detach().double(), layer.bias.detach().double()
    x = torch.randn(50, dim)
    wanted = MultivariateNormal(b, W @ W.T).log_prob(x.double())
    assert of_affine(G, noise_dim)(x).double().numpy() == approx(wanted.numpy(), abs=1e-4)


def test_noise_of_another_size_makes_another_density():
    G = affine((1,), 1)
    x = torch.linspace(-2, 2, 9)[:, None]
    wide, narrow = of_affine(G, 1, std=2.0)(x), of_affine(G, 1, std=0.5)(x)
    assert not torch.allclose(wide, narrow)


@pytest.mark.parametrize("G", [mlp.Generator((1,), 2, depth=1), nn.Sequential(nn.Linear(1, 2), nn.Linear(2, 2))])
def test_a_bent_G_and_one_that_fills_no_area_have_no_closed_form(G):
    assert of_affine(G, next(G.parameters()).shape[1]) is None


def test_samples_of_a_normal_density_give_it_back():
    torch.manual_seed(0)
    x = torch.linspace(-2, 2, 41)[:, None]
    found = Kernels(torch.randn(1000, 1))(x).exp()
    wanted = Normal(0.0, 1.0).log_prob(x[:, 0]).exp()
    assert (found - wanted).abs().max() < 0.06, "the standard error of such an estimate is about 0.02"


def test_narrow_modes_are_not_smeared():
    """A width from the overall spread of the ring, 0.3, would give a thousandth of the density at a mode."""
    ring = Ring()
    samples = ring.sample(1000, torch.Generator().manual_seed(0))
    at = ring.sample(500, torch.Generator().manual_seed(1))
    gap = Kernels(samples)(at) - ring.log_prob(at)
    assert gap.mean().abs() < 0.4
    assert Kernels(samples)(torch.zeros(1, 2)).item() < -100, "nothing is in the middle"


def test_the_estimate_integrates_to_one():
    torch.manual_seed(1)
    x = torch.linspace(-8, 8, 4001)[:, None]
    assert torch.trapezoid(Kernels(torch.randn(300, 1))(x).exp(), x[:, 0]).item() == approx(1, abs=1e-3)


def test_the_optimal_logit_of_two_shifted_normal_densities_is_a_straight_line():
    p, q = (lambda x, m=m: Normal(m, 1.0).log_prob(x[:, 0]) for m in (0.0, 1.0))
    x = torch.linspace(-3, 3, 7)[:, None]
    assert log_ratio(p, q)(x).numpy() == approx((0.5 - x[:, 0]).numpy(), abs=1e-6)


def test_equal_samples_are_no_reason_to_fail():
    assert math.isfinite(Kernels(torch.zeros(10, 2))(torch.zeros(1, 2)).item())


class Folded(nn.Module):
    """|W z + b|: bent between its layers, as many networks are written."""

    def __init__(self) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)

    def forward(self, z):
        return self.line(z).abs()


def test_a_G_that_bends_without_a_layer_for_it_has_no_closed_form():
    assert of_affine(Folded(), 1) is None


def test_samples_far_from_0_have_the_density_of_samples_near_it():
    """Distances in 32 bits are exact only where no large squares are subtracted."""
    torch.manual_seed(0)
    samples, x = torch.randn(1000, 1) / 64, torch.linspace(-1, 1, 200)[:, None] / 32
    near, far = Kernels(samples)(x), Kernels((samples + 16).double().float())(x + 16)
    assert far.numpy() == approx(near.numpy(), abs=0.1)


@pytest.mark.parametrize("offset", [0, 1000])
@pytest.mark.parametrize("width", [0.3, 0.05, 0.004])
def test_all_at_once_on_a_lattice_the_estimate_is_what_it_is_place_by_place(width, offset):
    """Near samples to the last digits; far away, where 64 bits hold no kernel, as far as a picture shows it."""
    q = Kernels(Ring().sample(200, torch.Generator().manual_seed(0)) + offset)
    q.width = width
    across, up = torch.linspace(-1.5, 1.2, 201) + offset, torch.linspace(-1.3, 1.4, 190) + offset
    found = lattice(q, across, up)
    each = q(torch.cartesian_prod(up, across).flip(1)).reshape(190, 201)
    near = each > -100
    assert near.any()
    assert found[near].numpy() == approx(each[near].numpy(), rel=1e-4, abs=1e-3)
    assert (found[~near] < -90).all()
    assert ((found - each) / each)[~near].abs().sum() <= 0.02 * len(each[~near])


def test_any_other_density_is_asked_place_by_place():
    found = lattice(Ring().log_prob, torch.tensor([1.0, 0.0]), torch.tensor([0.0, 1.0, 2.0]))
    assert found[0, 0] == approx(float(Ring().log_prob(torch.tensor([[1.0, 0.0]]))))
    assert found.shape == (3, 2)

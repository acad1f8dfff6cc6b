"""Every prior has the moments it claims. Bounds are six standard errors: one false alarm in 5e8 draws."""

import math

import pytest
import torch
from conftest import choices, compose_plain
from hydra.utils import instantiate
from pytest import approx

from gan_cli.priors import Normal, Sphere, Uniform
from gan_cli.seeds import generator

N, DIM = 20_000, 16


def draw(prior, n=N, seed=0):
    return prior.sample(n, generator(seed, "test"))


@pytest.mark.parametrize("name", choices("prior"))
class TestEveryPrior:
    def make(self, name):
        return instantiate(compose_plain(f"prior={name}", f"prior.dim={DIM}")[0]["prior"])

    def test_has_the_shape_it_says(self, name):
        assert draw(self.make(name), 3).shape == (3, DIM)

    def test_has_mean_zero_and_unit_variance_by_default(self, name):
        z = draw(self.make(name)).double()
        assert z.mean().item() == approx(0, abs=6 / math.sqrt(z.numel()))
        assert z.var().item() == approx(1, abs=6 * math.sqrt(2 / z.numel()))

    def test_has_uncorrelated_coordinates(self, name):
        off_diagonal = torch.cov(draw(self.make(name)).double().T).fill_diagonal_(0)
        assert off_diagonal.abs().max().item() < 6 / math.sqrt(N)

    def test_is_symmetric(self, name):
        z = draw(self.make(name))
        assert (z > 0).double().mean().item() == approx(0.5, abs=3 / math.sqrt(z.numel()))

    def test_depends_on_the_generator_alone(self, name):
        prior = self.make(name)
        torch.manual_seed(1)
        first = draw(prior, 5)
        torch.manual_seed(2)
        assert torch.equal(draw(prior, 5), first)
        assert not torch.equal(draw(prior, 5, seed=1), first)

    def test_refuses_no_dimension(self, name):
        with pytest.raises(ValueError, match="dim must be at least 1, got 0"):
            type(self.make(name))(dim=0)


def test_the_normal_has_the_fourth_moment_of_a_normal():
    kurtosis = draw(Normal(DIM)).double().pow(4).mean().item()
    assert kurtosis == approx(3, abs=6 * math.sqrt(96 / (N * DIM)))  # var of z^4 is 105 - 9


def test_the_uniform_has_the_fourth_moment_of_a_uniform():
    kurtosis = draw(Uniform(DIM)).double().pow(4).mean().item()
    assert kurtosis == approx(9 / 5, abs=6 * math.sqrt((9 - 3.24) / (N * DIM)))


def test_the_uniform_stays_in_its_bounds_and_fills_them():
    z = draw(Uniform(DIM, low=-1, high=3))
    assert -1 <= z.min() < -0.99
    assert 2.99 < z.max() <= 3
    assert z.double().var().item() == approx(16 / 12, rel=0.02)
    with pytest.raises(ValueError, match="low must be below high"):
        Uniform(4, low=1, high=1)


def test_the_sphere_is_a_sphere():
    assert draw(Sphere(DIM)).norm(dim=1).numpy() == approx(4.0, rel=1e-5)


def test_the_sphere_reaches_every_orthant():
    """Directions drawn from uniform [0, 1) numbers stay in one of the 2^dim orthants."""
    orthants = {tuple(row) for row in (draw(Sphere(3), 500) > 0).tolist()}
    assert len(orthants) == 8

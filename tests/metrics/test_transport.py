"""Distances without features: exact against closed forms and SciPy."""

import math
from itertools import permutations

import numpy as np
import pytest
import scipy.stats
import torch

from gan_cli.data.ring import Ring
from gan_cli.metrics import energy, wasserstein1
from gan_cli.metrics.transport import MOST


def normal(n, dims, seed, shift=0.0, scale=1.0):
    return shift + scale * torch.randn(n, dims, generator=torch.Generator().manual_seed(seed))


@pytest.mark.parametrize("sizes", [(500, 500), (500, 37), (1, 3), (1, 1)])
def test_on_the_line_w1_is_scipys(sizes):
    x, y = normal(sizes[0], 1, 0), normal(sizes[1], 1, 1, shift=0.5, scale=2)
    theirs = scipy.stats.wasserstein_distance(x.flatten().double(), y.flatten().double())
    assert wasserstein1(x, y) == pytest.approx(theirs, rel=1e-12)
    assert wasserstein1(x.flatten(), y) == wasserstein1(x, y) == pytest.approx(wasserstein1(y, x), rel=1e-12)


@pytest.mark.parametrize("dims", [1, 2, 5])
def test_w1_of_a_set_and_itself_moved_is_the_way(dims):
    x = normal(300, dims, 0)
    way = torch.full((dims,), 3.0)
    assert wasserstein1(x, (x + way)[torch.randperm(300)]) == pytest.approx(3 * math.sqrt(dims), rel=1e-6)
    assert wasserstein1(x, x.flip(0)) == 0


def test_w1_of_two_gaussians_is_how_far_they_are_shifted():
    # of 100,000 each: 2 +- sqrt(2 / 100,000), and this is five of those
    assert wasserstein1(normal(100_000, 1, 0), normal(100_000, 1, 1, shift=2)) == pytest.approx(2, abs=0.022)


def test_in_the_plane_w1_is_the_best_of_all_assignments():
    x, y = normal(6, 2, 0), normal(6, 2, 1)
    cost = torch.cdist(x.double(), y.double())
    best = min(sum(float(cost[i, j]) for i, j in enumerate(order)) for order in permutations(range(6)))
    assert wasserstein1(x, y) == pytest.approx(best / 6, rel=1e-6)


def test_points_of_the_plane_on_a_line_have_the_w1_of_the_line():
    x, y = normal(200, 1, 0), normal(200, 1, 1, shift=1)
    both = [torch.cat([0.6 * points, 0.8 * points], 1) for points in (x, y)]
    assert wasserstein1(*both) == pytest.approx(wasserstein1(x, y), rel=1e-6)


def test_in_the_plane_w1_asks_for_few_and_as_many():
    with pytest.raises(ValueError, match="one size"):
        wasserstein1(normal(5, 2, 0), normal(6, 2, 0))
    with pytest.raises(ValueError, match=f"{MOST} points or fewer"):
        wasserstein1(torch.zeros(MOST + 1, 2), torch.zeros(MOST + 1, 2))


@pytest.mark.parametrize("dims", [1, 2, 7])
def test_energy_is_the_mean_over_pairs(dims):
    x, y = normal(40, dims, 0).double(), normal(30, dims, 1, shift=1).double()

    def mean(a, b):
        every = [float((p - q).norm()) for i, p in enumerate(a) for j, q in enumerate(b) if a is not b or i != j]
        return sum(every) / len(every)

    assert energy(x, y) == pytest.approx(2 * mean(x, y) - mean(x, x) - mean(y, y), rel=1e-9)


def test_energy_is_scipys_squared_but_for_the_pairs_of_a_point_and_itself():
    x, y = normal(500, 1, 0).double(), normal(400, 1, 1, scale=3).double()
    within = [float(torch.pdist(each).mean()) / len(each) for each in (x, y)]  # what those pairs take from the means
    theirs = scipy.stats.energy_distance(x.flatten(), y.flatten()) ** 2
    assert energy(x, y) == pytest.approx(theirs - sum(within), rel=1e-9)


def test_energy_of_two_gaussians_has_a_closed_form():
    shift = 1.5
    root = math.sqrt(2)  # E|N(m, 2)| = 2 phi(m / root) root + m (2 Phi(m / root) - 1)
    pdf, cdf = scipy.stats.norm.pdf(shift / root), scipy.stats.norm.cdf(shift / root)
    exact = 2 * (2 * root * pdf + shift * (2 * cdf - 1)) - 2 * 2 / math.sqrt(math.pi)
    assert energy(normal(4000, 1, 0), normal(4000, 1, 1, shift=shift)) == pytest.approx(exact, rel=0.1)


def test_energy_of_two_fresh_sets_is_around_0_and_not_above_it():
    data = Ring()
    found = [
        energy(*(data.sample(200, torch.Generator().manual_seed(seed)) for seed in (2 * i, 2 * i + 1)))
        for i in range(200)
    ]
    assert min(found) < 0 < max(found)
    assert np.mean(found) == pytest.approx(0, abs=5 * np.std(found) / math.sqrt(200))  # missed twice in a million times


def test_a_ring_with_a_mode_missing_is_further_away_than_the_ring():
    data, less = Ring(), Ring(weights=[0, 1, 1, 1, 1, 1, 1, 1])
    real, fresh, fake = (
        each.sample(1000, torch.Generator().manual_seed(seed)) for seed, each in enumerate((data, data, less))
    )
    assert energy(fake, real) > 5 * abs(energy(fresh, real))
    assert wasserstein1(fake, real) > 2 * wasserstein1(fresh, real)


@pytest.mark.parametrize("metric", [wasserstein1, energy])
def test_points_that_cannot_be_compared_are_refused(metric):
    with pytest.raises(ValueError, match=r"x: 1 of 3 are not finite \(nan or inf\)"):
        metric(torch.tensor([0.0, 1.0, math.nan]), torch.zeros(3))
    with pytest.raises(ValueError, match="x has 2 numbers a point and y has 3"):
        metric(torch.zeros(4, 2), torch.zeros(4, 3))
    with pytest.raises(ValueError, match="y: at least"):
        metric(torch.zeros(4, 2), torch.zeros(0, 2))

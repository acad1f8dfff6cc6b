"""How varied samples are, by hand and by theory: distances, modes, classes."""

import math
from statistics import NormalDist

import pytest
import torch
from pytest import approx

from gan_cli.data import Digits, Grid, Ring
from gan_cli.diversity import among, classes, distances, effective_number, mixture, names, pairwise


def draw(n, seed):
    return torch.randn(n, 1, generator=torch.Generator().manual_seed(seed))


def digits():
    """All of them, shuffled: they lie in the order of their writers."""
    x, y = Digits().load()
    order = torch.randperm(len(x), generator=torch.Generator().manual_seed(0))
    return x[order].float(), y[order]


def test_distances_by_hand():
    samples, real = torch.tensor([[0.0], [1.0], [5.0]]), torch.tensor([[0.0], [2.0], [8.0]])
    found = distances(samples, real)
    assert found["distance"] == approx((1 + 5 + 4) / (2 + 8 + 6))
    assert found["nearest"] == approx((1 + 1 + 4) / (2 + 2 + 6))
    between = (0 + 2 + 8 + 1 + 1 + 7 + 5 + 3 + 3) / 9
    assert found["energy"] == approx(1 - (10 / 3 + 16 / 3) / (2 * between))


def test_a_distance_is_between_whole_samples_whatever_their_shape():
    square = torch.tensor([[0.0, 0.0, 0.0, 0.0], [3.0, 4.0, 0.0, 0.0]])
    real = torch.tensor([[0.0, 0.0, 0.0, 0.0], [0.0, 0.0, 6.0, 8.0]])
    flat = distances(square, real)
    assert flat["distance"] == approx(5 / 10)
    assert distances(square.view(2, 1, 2, 2), real.view(2, 1, 2, 2)) == flat
    assert distances(1000 * square, 1000 * real) == approx(flat), "ratios have no unit"


def test_samples_that_are_all_one_have_no_distance_to_the_last_bit():
    real = draw(300, 0) + 1000
    found = distances(real[7:8].expand(300, 1), real)
    assert found["distance"] == found["nearest"] == 0.0


def test_copies_of_a_few_are_seen_by_the_nearest_and_not_by_the_mean_distance():
    real = torch.cat([draw(400, 0), draw(400, 1)], 1)
    found = distances(real[:8].repeat(50, 1), real)
    assert found["nearest"] == 0.0
    assert found["distance"] > 0.5


@pytest.mark.parametrize("shift", [0.0, 0.5, 1.0, 3.0])
def test_the_energy_of_two_normal_densities_is_that_of_the_formula(shift):
    """E|s - s'| of N(0, 1) is 2 / sqrt(pi); s - x is N(shift, 2). The standard deviation is 0.015 at the most."""
    phi = NormalDist().cdf
    within = 2 / math.sqrt(math.pi)
    between = within * math.exp(-(shift**2) / 4) + shift * (1 - 2 * phi(-shift / math.sqrt(2)))
    found = distances(draw(1000, 0) + shift, draw(1000, 1))
    assert found["energy"] == approx(1 - within / between, abs=0.05)
    assert found["distance"] == approx(1, abs=0.15)


def test_data_held_against_data_have_ratios_of_one_and_no_energy():
    x, _ = digits()
    found = distances(x[:256], x[512:768])  # the standard deviations over many such halves: 0.011, 0.024, 0.0008
    assert found["distance"] == approx(1, abs=0.1)
    assert found["nearest"] == approx(1, abs=0.15)
    assert found["energy"] == approx(0, abs=0.01)
    assert distances(x[:256] / 2, x[512:768])["energy"] > 0.1


def test_only_as_many_are_compared_as_there_are_of_both():
    samples, real = draw(50, 0), draw(5000, 1)
    assert distances(samples, real) == distances(samples, real[:50])
    assert distances(real, samples) == distances(real[:50], samples)


def test_real_data_of_one_point_have_no_ratio():
    point = torch.zeros(16, 1)
    assert distances(draw(16, 0), point) == {}
    assert distances(draw(1, 0), draw(1, 1)) == {}
    twice = torch.tensor([[0.0], [0.0], [1.0], [1.0]])  # every real sample has a copy
    assert distances(draw(4, 0), twice).keys() == {"distance", "energy"}


def test_modes_and_quality_by_hand():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [20.0, 0.0]])
    samples = torch.tensor([[0.29, 0.0], [0.0, -0.29], [10.0, 0.31], [20.0, 0.0]])
    assert mixture(samples, centres, std=0.1) == {"modes": 2.0, "quality": 0.75}
    assert mixture(samples + 100, centres, std=0.1) == {"modes": 0.0, "quality": 0.0}


@pytest.mark.parametrize(("density", "modes"), [(Ring(), 8), (Grid(), 25)])
def test_a_perfect_sampler_has_every_mode_and_the_quality_of_the_reference(density, modes):
    found = mixture(density.sample(2500, torch.Generator().manual_seed(0)), density.centres, density.std)
    assert found["modes"] == modes
    assert found["quality"] == approx(0.9889, abs=5 * 0.0021)  # 1 - exp(-9/2); the standard deviation is 0.21 %


def test_classes_are_those_of_the_nearest_examples():
    real, labels = torch.tensor([[0.0], [1.0], [10.0], [11.0]]), torch.tensor([5, 5, 9, 9])
    assert classes(torch.tensor([[0.4], [1.4], [3.0], [-7.0]]), real, labels) == 1.0
    assert classes(torch.tensor([[0.4], [10.4]]), real, labels) == approx(2)
    three_to_one = classes(torch.tensor([[0.4], [0.1], [1.1], [10.4]]), real, labels)
    assert three_to_one == approx(math.exp(-0.75 * math.log(0.75) - 0.25 * math.log(0.25)))


def test_ten_kinds_of_digits_are_told_from_two_and_from_one():
    x, y = digits()
    judge, others, of = (x[:900], y[:900]), x[900:], y[900:]
    assert classes(others[:256], *judge) > 9.5
    for kept in ([3], [3, 8]):
        assert classes(others[torch.isin(of, torch.tensor(kept))], *judge) < len(kept) + 0.5


def test_the_effective_number_is_that_of_equal_classes():
    assert effective_number(torch.arange(10).repeat(3)) == approx(10)
    assert effective_number(torch.zeros(30, dtype=torch.int64)) == 1.0


def test_pairwise_distances_by_hand():
    a, b = torch.tensor([[0.0, 0.0], [3.0, 4.0]]), torch.tensor([[0.0, 0.0], [0.0, 4.0], [6.0, 8.0]])
    assert pairwise(a, b).tolist() == [[0, 4, 10], [5, 3, 5]]


@pytest.mark.parametrize("real", [[0, 2, 8], [0, 0, 8], [0, 0, 8, 8], [3, 3, 3], [3], [0, 0, 0, 1]], ids=str)
def test_the_names_of_distances_depend_on_which_real_data_are_equal(real):
    points = torch.tensor(real, dtype=torch.float32)[:, None]
    assert names(points) == [*distances(torch.randn(len(real), 1), points)]


def test_distances_of_long_samples_are_those_taken_one_by_one():
    g = torch.Generator().manual_seed(0)
    a = torch.rand(20, 784, generator=g)
    b = torch.cat([a[:5], a[5:10] + 1e-6, torch.rand(10, 784, generator=g) + 100])
    exact = torch.cdist(a.double(), b.double(), compute_mode="donot_use_mm_for_euclid_dist")
    found = pairwise(a, b)
    assert found.numpy() == approx(exact.numpy(), rel=1e-3)
    assert (found[range(5), range(5)] == 0).all(), "equal samples are not apart"
    assert (found[range(5, 10), range(5, 10)] > 0).all(), "and those that are nearly equal are"


def test_what_is_known_of_the_real_ones_need_not_be_found_again(monkeypatch):
    s, x = torch.randn(300, 2), torch.randn(300, 2) + 1
    wanted, known = distances(s, x), among(x)
    asked = []
    monkeypatch.setattr("gan_cli.diversity.pairwise", lambda a, b: asked.append(b is x) or pairwise(a, b))
    assert distances(s, x, known) == wanted
    assert not asked[0], "samples among themselves"
    assert len(asked) == 2 * 5, "blocks of 64: among samples, and between samples and real ones"


def test_distances_in_blocks_are_those_of_all_at_once():
    s = torch.randn(150, 3)
    d = pairwise(s, s)
    spread, nearest = among(s)
    assert spread.item() == approx(d.sum().item() / (150 * 149), rel=1e-5)
    assert nearest.item() == approx(d.fill_diagonal_(torch.inf).amin(1).mean().item(), rel=1e-5)


@pytest.mark.parametrize("shift", [0.0, 50.0])
def test_the_nearest_example_of_long_samples_gives_the_class(shift):
    """Twelve classes that differ by a twelfth of their noise's norm: only the nearest example itself knows."""
    real, labels = torch.randn(240, 1, 16, 16) + shift, torch.arange(240) % 12
    of_some = torch.arange(240) % 12 < 5
    assert classes(real[of_some] + 0.01 * torch.randn(100, 1, 16, 16), real, labels) == approx(5)

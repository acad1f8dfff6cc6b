"""From one z to another: exact ends, exact middles, and a way that is defined everywhere."""

import math

import pytest
import torch

from gan_cli.interpolate import linear, spherical

T = torch.linspace(0, 1, 17)
WAYS = [linear, spherical]


def pair(a, b):
    return torch.tensor([a], dtype=torch.float64), torch.tensor([b], dtype=torch.float64)


def draws(n=64, dim=100):
    generator = torch.Generator().manual_seed(0)
    return torch.randn(n, dim, generator=generator), torch.randn(n, dim, generator=generator)


@pytest.mark.parametrize("way", WAYS)
def test_the_ends_are_exact(way):
    a, b = draws()
    z = way(a, b, T)
    assert z.shape == (64, 17, 100)
    assert z.dtype == torch.float32
    assert torch.equal(z[:, 0], a)
    assert torch.equal(z[:, -1], b)


def test_a_straight_line_is_walked_at_a_constant_rate():
    assert linear(*pair([0.0, 4.0], [8.0, 0.0]), T[::4])[0].tolist() == [[0, 4], [2, 3], [4, 2], [6, 1], [8, 0]]


def test_the_middle_between_orthogonal_vectors_is_their_bisector():
    middle = spherical(*pair([3.0, 0.0, 0.0], [0.0, 3.0, 0.0]), torch.tensor([0.5]))
    assert middle[0, 0].tolist() == pytest.approx([3 / math.sqrt(2), 3 / math.sqrt(2), 0], abs=1e-12)


def test_a_third_of_a_right_angle_is_thirty_degrees():
    third = spherical(*pair([1.0, 0.0], [0.0, 1.0]), torch.tensor([1 / 3], dtype=torch.float64))
    assert third[0, 0].tolist() == pytest.approx([math.sqrt(3) / 2, 0.5], abs=1e-12)


def test_the_norm_stays_where_both_ends_have_it():
    a, b = (torch.nn.functional.normalize(z.double()) * 10 for z in draws())
    assert spherical(a, b, T).norm(dim=2) == pytest.approx(torch.full((64, 17), 10.0), abs=1e-12)


def test_the_norm_goes_straight_from_one_to_the_other():
    z = spherical(*pair([2.0, 0.0], [0.0, 4.0]), torch.tensor([0.25, 0.5, 0.75]))
    assert z[0].norm(dim=1).tolist() == pytest.approx([2.5, 3.0, 3.5], abs=1e-12)


def test_white_s_formula_is_met_where_it_holds():
    """(sin((1 - t) w) a + sin(t w) b) / sin w, for ends of one norm."""
    a, b = (torch.nn.functional.normalize(z.double()) for z in draws())
    w = (a * b).sum(1).acos()[:, None, None]
    t = T.double()[None, :, None]
    expected = (((1 - t) * w).sin() * a[:, None] + (t * w).sin() * b[:, None]) / w.sin()
    assert torch.allclose(spherical(a, b, T), expected, rtol=0, atol=1e-12)


def test_normal_noise_keeps_its_length_on_the_arc_and_loses_it_on_the_line():
    """|z| of 100 normal numbers is 10 give or take 0.7; half-way along the line it is sqrt(50) = 7.1."""
    a, b = draws(n=2000)
    half = torch.tensor([0.5])
    assert spherical(a, b, half).norm(dim=2).mean().item() == pytest.approx(9.97, abs=0.05)
    assert linear(a, b, half).norm(dim=2).mean().item() == pytest.approx(7.05, abs=0.05)


@pytest.mark.parametrize("angle", [0.0, 1e-9, 1e-7])
def test_ends_of_one_direction_are_joined_by_the_straight_line(angle):
    a, b = pair([2.0, 0.0], [4 * math.cos(angle), 4 * math.sin(angle)])
    assert torch.equal(spherical(a, b, T), linear(a, b, T))


def test_the_two_ways_meet_where_the_line_takes_over():
    a, b = pair([1.0, 0.0], [math.cos(2e-6), math.sin(2e-6)])
    assert torch.allclose(spherical(a, b, T), linear(a, b, T), rtol=0, atol=1e-11)


def test_opposite_ends_are_joined_over_the_first_axis_across():
    z = spherical(*pair([0.0, 0.0, 2.0], [0.0, 0.0, -2.0]), torch.tensor([0.0, 0.25, 0.5, 1.0]))
    expected = [[0, 0, 2], [math.sqrt(2), 0, math.sqrt(2)], [2, 0, 0], [0, 0, -2]]
    assert z[0].tolist() == [pytest.approx(place, abs=1e-12) for place in expected]


def test_the_way_between_opposite_ends_keeps_their_norm():
    a = torch.nn.functional.normalize(draws()[0])
    assert spherical(a, -a, T).norm(dim=2) == pytest.approx(torch.ones(64, 17), abs=1e-6)


def test_an_end_at_zero_has_no_direction_and_gets_the_straight_line():
    a, b = pair([0.0, 0.0], [3.0, 4.0])
    assert torch.equal(spherical(a, b, T), linear(a, b, T))
    assert torch.equal(spherical(b, a, T), linear(b, a, T))


def test_a_line_has_nothing_to_turn_in():
    a, b = pair([2.0], [-1.0])
    assert torch.equal(spherical(a, b, T), linear(a, b, T))


def test_each_pair_goes_its_own_way_whatever_its_neighbours():
    a = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 0.0], [1.0, 0.0]])
    b = torch.tensor([[0.0, 1.0], [-1.0, 0.0], [1.0, 1.0], [1.0, 0.0]])
    together = spherical(a, b, T)
    assert together.isfinite().all()
    for i in range(4):
        assert torch.equal(together[i : i + 1], spherical(a[i : i + 1], b[i : i + 1], T))

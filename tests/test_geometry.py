"""Distances by one dimension after the other are those of torch.cdist."""

import pytest
import torch

from gan_cli.geometry import squared_distances


@pytest.mark.parametrize("dim", [1, 2, 3, 4, 5, 50])
@pytest.mark.parametrize(("n", "m"), [(1, 1), (200, 70), (65, 0), (0, 3)])
def test_squared_distances_are_those_of_cdist(n, m, dim):
    a, b = torch.randn(n, dim), torch.randn(m, dim)
    wanted = torch.cdist(a.double(), b.double()).square()
    assert torch.allclose(squared_distances(a, b).double(), wanted, rtol=1e-5, atol=1e-5)


def test_far_from_0_equal_points_are_0_apart_and_near_ones_keep_their_digits():
    a = torch.tensor([[1e4, 1e4], [1e4, 1e4 + 0.25]])
    assert squared_distances(a, a).tolist() == [[0, 0.0625], [0.0625, 0]]

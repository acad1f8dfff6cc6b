"""The Fréchet distance: a closed form, SciPy, and a way that needs no root of a matrix."""

import math

import numpy as np
import pytest
import scipy.linalg
import torch

from gan_cli.metrics import frechet


def features(n, dims, seed, scale=1.0):
    g = torch.Generator().manual_seed(seed)
    return scale * torch.randn(n, dims, generator=g, dtype=torch.float64) @ torch.randn(
        dims, dims, generator=g, dtype=torch.float64
    )


def with_moments(x, mean, std):
    """These points, moved and stretched to have just this mean and these standard deviations, uncorrelated."""
    x = x - x.mean(0)
    x = torch.linalg.qr(x).Q * math.sqrt(len(x) - 1)
    return torch.as_tensor(mean) + x * torch.as_tensor(std)


def by_singular_values(x, y):
    """tr (S S')^(1/2) is the sum of the singular values of A B^T, where S = A^T A and S' = B^T B."""
    a, b = ((each - each.mean(0)) / math.sqrt(len(each) - 1) for each in (x, y))
    apart = (x.mean(0) - y.mean(0)).square().sum()
    return float(apart + a.square().sum() + b.square().sum() - 2 * torch.linalg.svdvals(a @ b.T).sum())


def test_two_gaussians_along_the_axes_have_a_closed_form():
    x = with_moments(features(50, 3, 0), [0.0, 1.0, 2.0], [1.0, 2.0, 3.0])
    y = with_moments(features(60, 3, 1), [0.0, 1.0, 4.0], [1.0, 3.0, 1.0])
    assert frechet(x, y) == pytest.approx(2**2 + (2 - 3) ** 2 + (3 - 1) ** 2)


def test_one_feature_is_enough():
    x = with_moments(features(50, 1, 0), [1.0], [2.0])
    assert frechet(x, 5 + (x - 1) * 3) == pytest.approx((5 - 1) ** 2 + (6 - 2) ** 2)


def test_it_is_what_scipys_root_of_a_matrix_gives():
    x, y = features(200, 20, 0), 1 + features(150, 20, 1)
    s, t = np.cov(x.numpy(), rowvar=False), np.cov(y.numpy(), rowvar=False)
    root = np.trace(scipy.linalg.sqrtm(s @ t)).real
    exact = float((x.mean(0) - y.mean(0)).square().sum()) + np.trace(s) + np.trace(t) - 2 * root
    assert frechet(x, y) == pytest.approx(exact, rel=1e-9)
    assert frechet(x, y) == pytest.approx(by_singular_values(x, y), rel=1e-9)


@pytest.mark.parametrize("sizes", [(20, 30), (20, 500), (2, 2)])
def test_fewer_samples_than_features_are_no_obstacle(sizes):
    x, y = features(sizes[0], 100, 0), 0.5 + features(sizes[1], 100, 1)
    assert frechet(x, y) == pytest.approx(by_singular_values(x, y), rel=1e-5)  # roots of rounded zeros


def test_float32_far_from_0_loses_no_digits():
    x, y = features(300, 8, 0), features(300, 8, 1)
    far = 10_000.0
    assert frechet((x + far).float(), (y + far).float()) == pytest.approx(frechet(x, y), rel=1e-2)
    assert frechet(x + far, y + far) == pytest.approx(frechet(x, y), rel=1e-7)


def test_the_same_features_are_0_apart_and_constant_ones_as_far_as_their_means():
    x = features(100, 10, 0)
    assert frechet(x, x.flip(0)) == pytest.approx(0, abs=1e-9)
    assert frechet(torch.zeros(5, 3), torch.ones(5, 3)) == pytest.approx(3)


@pytest.mark.slow  # its import takes seconds
def test_it_is_what_torchmetrics_gives():
    from torchmetrics.image.fid import _compute_fid

    x, y = features(500, 30, 0), 1 + features(400, 30, 1)
    theirs = _compute_fid(x.mean(0), x.T.cov(), y.mean(0), y.T.cov())
    assert frechet(x, y) == pytest.approx(float(theirs), rel=1e-7)


@pytest.mark.parametrize(
    ("real", "fake", "says"),
    [
        (torch.zeros(1, 3), torch.zeros(5, 3), "real: at least 2 are needed, got 1"),
        (torch.zeros(5, 3), torch.full((5, 3), math.inf), "fake: 5 of 5 are not finite"),
        (torch.zeros(5, 3), torch.zeros(5, 4), "real has 3 numbers a point and fake has 4"),
    ],
)
def test_features_that_cannot_be_compared_are_refused(real, fake, says):
    with pytest.raises(ValueError, match=says):
        frechet(real, fake)

"""The kernel distance: the formula, written out, and subsets that nothing else feels."""

import random

import numpy as np
import pytest
import torch

from gan_cli.metrics import kid


def features(n, dims, seed, shift=0.0):
    return shift + torch.randn(n, dims, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def mmd(x, y):
    """The unbiased estimate of squared MMD, pair by pair."""

    def mean(a, b):
        pairs = [(p, q) for i, p in enumerate(a) for j, q in enumerate(b) if a is not b or i != j]
        return sum((float(p @ q) / len(p) + 1) ** 3 for p, q in pairs) / len(pairs)

    return mean(x, x) + mean(y, y) - 2 * mean(x, y)


def test_a_subset_of_all_is_the_formula():
    x, y = features(25, 6, 0), features(25, 6, 1, shift=0.3)
    mean, std = kid(x, y, seed=0, subsets=3)
    assert mean == pytest.approx(mmd(x, y), rel=1e-9)
    assert std == pytest.approx(0, abs=1e-12)  # all three are the whole


def test_the_mean_over_subsets_is_that_of_all():
    x, y = features(200, 4, 0), features(300, 4, 1, shift=0.5)
    mean, std = kid(x, y, seed=0, subsets=200, size=50)
    # Six standard errors, were the subsets apart; that they overlap makes them nearer to the figure of all.
    assert mean == pytest.approx(mmd(x, y), abs=6 * std / 200**0.5)


def test_two_sets_of_one_distribution_are_around_0():
    found = [kid(features(50, 4, 2 * i), features(50, 4, 2 * i + 1), seed=i, subsets=1)[0] for i in range(200)]
    assert min(found) < 0 < max(found)
    assert np.mean(found) == pytest.approx(0, abs=5 * np.std(found) / 200**0.5)  # missed twice in a million times


def test_no_subset_is_larger_than_the_smaller_set():
    assert kid(features(30, 4, 0), features(2000, 4, 1), seed=0, subsets=2)[0] < 1


def test_the_seed_says_all_and_global_generators_do_not_move():
    x, y = features(100, 4, 0), features(100, 4, 1)
    torch.manual_seed(7)
    np.random.seed(7)
    random.seed(7)
    before = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    first = kid(x, y, seed=3, subsets=5, size=20)
    after = torch.get_rng_state(), np.random.get_state()[1].tolist(), random.getstate()
    assert torch.equal(before[0], after[0])
    assert before[1:] == after[1:]
    np.random.seed(8)
    assert kid(x, y, seed=3, subsets=5, size=20) == first != kid(x, y, seed=4, subsets=5, size=20)


@pytest.mark.slow  # its import takes seconds
def test_it_is_what_torchmetrics_gives():
    from torchmetrics.image.kid import poly_mmd

    x, y = features(80, 12, 0), features(80, 12, 1, shift=0.3)
    assert kid(x, y, seed=0, subsets=1)[0] == pytest.approx(float(poly_mmd(y, x)), rel=1e-9)


def test_features_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="fake: at least 2"):
        kid(torch.zeros(5, 3), torch.zeros(1, 3), seed=0)

"""Means, intervals and tests, against tables, exact hand values, scipy's own test, and their odds by simulation."""

import math

import numpy as np
import pytest
from pytest import approx
from scipy import stats

from gan_cli.report.statistics import Sample, holm, runs_needed, welch


def test_an_interval_has_the_table_s_quantile_of_t():
    # 1, 2, 3: standard error 1/sqrt(3); t(0.975; 2) = 4.3027 in every table
    assert Sample.of([1.0, 2.0, 3.0]).interval() == approx(
        (2 - 4.3027 / math.sqrt(3), 2 + 4.3027 / math.sqrt(3)), abs=1e-4
    )
    low, high = Sample.of([0.0, 2.0]).interval()
    assert (low, high) == approx((1 - 12.7062, 1 + 12.7062), abs=1e-4)  # t(0.975; 1), standard error 1


def test_one_run_has_no_interval_and_none_has_no_mean():
    assert Sample.of([7.0]).interval() is None
    assert Sample.of([]).n == 0 and math.isnan(Sample.of([]).mean)


@pytest.mark.parametrize("sizes", [(2, 2), (3, 3), (3, 8), (20, 2)], ids=str)
def test_welch_is_scipy_s(sizes):
    random = np.random.default_rng(sum(sizes))
    a, b = (random.normal(i, 1 + 3 * i, size) for i, size in enumerate(sizes))
    found = welch([Sample.of(a.tolist()), Sample.of(b.tolist())], [(0, 1), (1, 0)])
    told = stats.ttest_ind(a, b, equal_var=False)
    interval = told.confidence_interval(0.95)
    assert (found.t[0], found.df[0], found.p[0]) == approx((told.statistic, told.df, told.pvalue), rel=1e-10)
    assert (found.low[0], found.high[0]) == approx((interval.low, interval.high), rel=1e-10)
    assert (found.difference[1], found.t[1], found.p[1]) == (-found.difference[0], -found.t[0], found.p[0])


def test_welch_by_hand():
    # 1, 2, 3 and 4, 6, 8: means 2 and 6, variances 1 and 4; t = -4 / sqrt(5/3); df = (5/3)^2 / ((1/9 + 16/9) / 2)
    found = welch([Sample.of([1, 2, 3]), Sample.of([4, 6, 8])], [(0, 1)])
    assert found.t[0] == approx(-4 / math.sqrt(5 / 3))
    assert found.df[0] == approx(50 / 17)


def test_one_run_cannot_be_tested():
    assert math.isnan(welch([Sample.of([1.0]), Sample.of([2.0, 3.0])], [(0, 1)]).p[0])


def test_constants_are_dealt_in_all_ways():
    def p(n_a: int, n_b: int, shift: float = 1.0) -> float:
        return welch([Sample.of([8.0] * n_a), Sample.of([8.0 - shift] * n_b)], [(0, 1)]).p[0]

    assert p(3, 3) == approx(2 / 20)  # 20 ways to choose 3 of 6
    assert p(4, 4) == approx(2 / 70)
    assert p(3, 3, shift=0.0) == 1.0
    told = stats.permutation_test(
        ([8.0] * 4, [7.0] * 4), lambda x, y: np.mean(x) - np.mean(y), n_resamples=np.inf, alternative="two-sided"
    )
    assert p(4, 4) == approx(told.pvalue)


def test_rounding_is_no_spread():
    values = [0.1 + 0.2, 0.3, 0.3]
    assert len(set(values)) == 2 and Sample.of(values).std == 0.0


def test_holm_by_hand():
    # sorted 0.005, 0.01, 0.03, 0.04 times 4, 3, 2, 1; never below one that was smaller before
    assert holm([0.01, 0.04, 0.03, 0.005]).tolist() == approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.5, 0.9]).tolist() == [1.0, 1.0]
    found = holm([0.02, math.nan, 0.5])
    assert found[0] == approx(0.04) and math.isnan(found[1]) and found[2] == 0.5
    assert holm([]).tolist() == []


@pytest.mark.parametrize(("effect", "runs"), [(0.2, 394), (0.5, 64), (0.8, 26), (1.0, 17)])
def test_runs_needed_are_those_of_cohen_s_table(effect, runs):
    """Two-sided 5 %, power 0.8 (Cohen 1988, table 2.4.1): 393 for d = 0.2, which is rounded there; 64, 26, 17."""
    assert runs_needed(effect, 1.0, 1.0) == runs
    assert runs_needed(-3 * effect, 3.0, 3.0) == runs


def test_more_comparisons_need_more_runs_and_what_has_no_spread_cannot_be_planned():
    assert runs_needed(1.0, 1.0, 1.0, level=0.005) > runs_needed(1.0, 1.0, 1.0)
    assert runs_needed(1.0, 0.0, 0.0) is None
    assert runs_needed(0.0, 1.0, 1.0) is None
    assert runs_needed(1e-6, 1.0, 1.0) is None
    assert runs_needed(1e6, 1.0, 1.0) == 2


def test_so_many_runs_see_the_difference_in_8_of_10_times():
    """Unequal spreads: 4,000 simulated tests with the n that was told; 0.8 within 5 standard errors of 0.0063."""
    n, rounds = runs_needed(2.0, 1.0, 2.0), 4000
    random = np.random.default_rng(0)
    a, b = random.normal(0, 1, (rounds, n)), random.normal(2, 2, (rounds, n))
    seen = (stats.ttest_ind(a, b, axis=1, equal_var=False).pvalue < 0.05).mean()
    assert 0.8 - 0.032 < seen < 0.8 + 0.032 + 0.05  # the next whole n may see a little more


def test_seeds_alone_are_seldom_called_a_difference():
    """Eight equal configurations of three seeds, all pairs: in at most 5 of 100 reports is any pair set apart.

    1,000 reports: 50 are expected at most, and 85 have odds below 1 in 10^5.
    """
    random = np.random.default_rng(1)
    pairs = [(i, j) for i in range(8) for j in range(i)]
    wrong = 0
    for _ in range(1000):
        samples = [Sample.of(values) for values in random.normal(0, 1, (8, 3)).tolist()]
        wrong += bool((holm(welch(samples, pairs).p) < 0.05).any())
    assert wrong < 85
    assert wrong > 0  # or nothing was tested


def test_the_interval_holds_the_mean_in_95_of_100():
    """4,000 samples of 3: 0.95 within 5 standard errors of 0.0034."""
    random = np.random.default_rng(2)
    found = [Sample.of(values).interval() for values in random.normal(5, 2, (4000, 3)).tolist()]
    assert np.mean([low <= 5 <= high for low, high in found]) == approx(0.95, abs=0.0175)

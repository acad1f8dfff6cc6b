"""Bands: statistics over seeds, by hand, and what lies in a band."""

import math

import pytest
from pytest import approx

from gan_cli.suite.bands import Band, standard_error

VALUES = [4.0, 1.0, 1.0, 10.0]


@pytest.mark.parametrize(
    ("statistic", "value"),
    [("mean", 4.0), ("median", 2.5), ("min", 1.0), ("max", 10.0), ("every", 10.0), ("worst", 10.0)],
)
def test_a_statistic_over_seeds_by_hand(statistic, value):
    assert Band("x", statistic, high=5).value(VALUES) == value


def test_the_worst_is_the_farthest_outside_or_the_nearest_to_an_end():
    both = Band("std_ratio", "worst", 0.7, 1.2)
    assert both.value([0.5, 1.0, 1.3]) == 0.5  # 0.2 outside against 0.1
    assert both.value([0.9, 1.0, 1.15]) == 1.15  # 0.05 from an end, the others 0.2 and more
    assert Band("hq", "worst", low=0.8).value([0.95, 0.85, 0.9]) == 0.85


def test_the_ends_belong_to_a_band_and_what_is_no_number_does_not():
    band = Band("hq", "mean", 0.25, 0.5)
    assert [band.holds(x) for x in (0.25, 0.5, 0.2499, 0.5001, math.nan)] == [True, True, False, False, False]
    assert not Band("w1", high=math.inf, low=0).holds(math.nan)
    assert not Band("kl", high=1).holds(math.inf)


@pytest.mark.parametrize("statistic", ["mean", "median", "min", "max", "every", "worst"])
def test_one_seed_that_is_no_number_is_seen_by_every_statistic(statistic):
    band = Band("kl", statistic, high=1)
    assert math.isnan(band.value([0.1, math.nan, 0.2]))
    assert math.isnan(band.value([math.nan, 0.1]))
    assert math.isnan(band.value([]))


def test_what_is_infinite_both_ways_has_no_mean_and_lies_in_no_band():
    both = [math.inf, 1.0, -math.inf]
    for band in (Band("parzen", low=-1e300), Band("parzen", high=1e300), Band("parzen", low=0, high=math.inf)):
        assert math.isnan(band.value(both)) and not band.holds(band.value(both))
    assert Band("parzen", high=2).value([-math.inf, 1.0]) == -math.inf
    assert Band("parzen", "median", high=2).value(both) == 1.0


def test_every_fails_where_one_of_ten_does():
    band = Band("modes", "every", 8, 8)
    assert band.holds(band.value([8.0] * 10))
    assert not band.holds(band.value([8.0] * 9 + [7.0]))


def test_the_standard_error_is_that_of_the_mean():
    assert standard_error([1.0, 2.0, 3.0, 4.0]) == approx(math.sqrt(5 / 3 / 4))
    assert standard_error([7.0]) is None
    assert standard_error([1.0, math.inf]) is None


def test_a_band_that_could_not_be_missed_or_kept_is_refused():
    with pytest.raises(ValueError, match="needs an end"):
        Band("hq")
    with pytest.raises(ValueError, match="low <= high; got 2 and 1"):
        Band("hq", low=2, high=1)
    with pytest.raises(ValueError, match="low <= high"):
        Band("hq", low=math.nan, high=1)
    with pytest.raises(ValueError, match=r"statistic must be one of mean, .*; got 'mode'"):
        Band("hq", "mode", low=0)
    with pytest.raises(ValueError, match="needs both variants"):
        Band("hq", low=0, minus="other")

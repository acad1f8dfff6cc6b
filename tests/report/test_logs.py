"""Figures along the steps: read fast and with care, thinned without losing a peak."""

import math

import numpy as np
import pytest
from pytest import approx

from gan_cli.errors import RunError
from gan_cli.report.logs import Series, band, best, rate, read, shortened, thinned


def series(values, every=1):
    found = Series()
    for i, value in enumerate(values):
        found.add(i * every, value)
    return found


def write(tmp_path, *lines):
    path = tmp_path / "metrics.jsonl"
    path.write_text("".join(lines))
    return path


def test_words_for_what_is_no_number_are_gaps_and_n_a_is_none(tmp_path):
    path = write(tmp_path, '{"step": 1, "a": 2, "b": "inf"}\n', '{"step": 2, "a": "nan", "b": "n/a"}\n')
    found, problem = read(path)
    assert problem is None
    assert (list(found["a"].steps), found["a"].values[0], math.isnan(found["a"].values[1])) == ([1, 2], 2.0, True)
    assert list(found["b"].values) == [math.inf]


def test_a_line_without_an_end_is_being_written(tmp_path):
    found, problem = read(write(tmp_path, '{"step": 1, "a": 2.0}\n', '{"step": 2, "a": 3'))
    assert (problem, list(found["a"].values)) == (None, [2.0])


@pytest.mark.parametrize("line", [
    "[]", "{", '{"a": 1.0}', '{"step": 0, "a": 1.0}', '{"step": true}', '{"step": 1e3}', '{"step": 2, "a": "text"}',
    '{"step": 2, "a": []}', '{"step": 2, "a": true}', '{"step": 2, "a": null}', '{"step": 99999999999999999999}',
    '{"step": 2, "a": ' + "9" * 5000 + "}", "[" * 60_000, "x" * 70_000,
], ids=lambda line: line[:30])  # fmt: skip
def test_what_gan_train_did_not_write_ends_the_reading(tmp_path, line):
    found, problem = read(write(tmp_path, '{"step": 1, "a": 2.0}\n', f"{line}\n", '{"step": 3, "a": 4.0}\n'))
    assert list(found["a"].values) == [2.0]
    assert problem is not None and problem.startswith("metrics.jsonl: line 2 ") and len(problem) < 200


def test_numbers_beyond_all_are_not_believed(tmp_path):
    found, _ = read(write(tmp_path, '{"step": 1, "a": 1e999, "b": 1e305}\n'))
    assert all(math.isnan(value) for tag in "ab" for _, value in thinned(found[tag], 10))


def test_links_and_pipes_are_not_read(tmp_path):
    (tmp_path / "there").write_text('{"step": 1, "a": 2}\n')
    (tmp_path / "metrics.jsonl").symlink_to(tmp_path / "there")
    with pytest.raises(RunError, match="is a link"):
        read(tmp_path / "metrics.jsonl")


def test_a_run_that_logs_without_end_of_names_is_cut(tmp_path):
    lines = [f'{{"step": {i}, ' + ", ".join(f'"t{i * 100 + j}": 1' for j in range(100)) + "}\n" for i in range(20)]
    found, _ = read(write(tmp_path, *lines))
    assert len(found) == 1000


def test_the_rate_is_the_median(tmp_path):
    rates = (1.0, 500.0, 3.0)
    (tmp_path / "timing.jsonl").write_text(
        "".join(f'{{"step": {i}, "time": 1e9, "time/images_per_second": {v}}}\n' for i, v in enumerate(rates))
    )
    assert rate(tmp_path) == 3.0
    assert rate(tmp_path / "nowhere") is None


def test_thinning_keeps_the_ends_every_peak_and_the_bound():
    values = np.random.default_rng(0).normal(size=10_000)
    values[[1234, 8765]] = 50.0, -60.0
    points = thinned(series(values.tolist(), every=7), 100)
    assert len(points) <= 100
    assert (7 * 1234, 50.0) in points and (7 * 8765, -60.0) in points
    assert points[0] == (0, values[0]) and points[-1] == (7 * 9999, values[-1])
    assert points == sorted(points) and all(values[step // 7] == value for step, value in points)


def test_what_is_short_is_not_thinned():
    assert thinned(series([1.0, 2.0, 3.0]), 4) == [(0, 1.0), (1, 2.0), (2, 3.0)]


def test_a_stretch_without_numbers_stays_a_gap():
    points = thinned(series([1.0] * 50 + [math.nan] * 50), 10)
    assert {math.isnan(value) for step, value in points if step >= 50} == {True}


def test_shortening_takes_means_and_leaves_gaps_out():
    found = shortened(series([1.0, 3.0, 10.0, math.nan, math.inf, math.nan]), 3)
    assert list(found.steps) == [1, 3, 5]
    assert list(found.values)[:2] == [2.0, 10.0] and math.isnan(found.values[2])


def test_a_band_is_over_the_runs_that_are_there():
    steps, mean, low, high = band([series([1.0, 2.0, 3.0]), series([3.0, 6.0]), series([math.nan, 1.0])], 10)
    assert steps == [0, 1, 2]
    assert (mean, low, high) == ([2.0, 3.0, 3.0], [1.0, 1.0, 3.0], [3.0, 6.0, 3.0])


def test_a_long_band_counts_each_run_once_in_a_stretch():
    """One run logs ten times as often as the other: in each stretch both count alike."""
    steps, mean, low, high = band([series([0.0] * 1000), series([4.0] * 100, every=10)], 20)
    assert len(steps) <= 20 and steps[-1] == 999
    assert (mean, low, high) == ([2.0] * len(steps), [0.0] * len(steps), [4.0] * len(steps))


def test_nothing_finite_has_no_band():
    assert band([series([math.nan, math.inf])], 10) == ([], [], [], [])


def test_the_best_value_is_a_finite_one():
    assert best(series([3.0, 1.0, math.nan, 2.0]), "smallest") == 1.0
    assert best(series([3.0, math.inf, 2.0]), "largest") == 3.0
    assert best(series([math.inf]), "smallest") == approx(math.inf)

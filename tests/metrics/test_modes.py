"""Samples of a mixture: the perfect sampler scores as it must, and nothing else passes for it."""

import math

import pytest
import torch

from gan_cli.data.grid import Grid
from gan_cli.data.mixture import Mixture
from gan_cli.data.ring import Ring
from gan_cli.metrics import density_coverage, modes

N = 2500  # samples of an evaluation, in VEEGAN's and PacGAN's papers


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def judged(data, samples, **more):
    return modes(samples, data.centres, data.std, data.weights, **more)


@pytest.mark.parametrize(("data", "kl"), [(Ring(), 0.0014), (Grid(), 0.0048)], ids=["ring", "grid"])
def test_a_perfect_sampler_scores_as_it_must(data, kl):
    draws = [judged(data, data.sample(N, generator(seed))) for seed in range(200)]
    mean = {name: sum(draw[name] for draw in draws) / len(draws) for name in draws[0]}
    assert {draw["modes"] for draw in draws} == {float(len(data.centres))}
    # Six standard errors of the mean of 200, so each by chance once in 500 million: 0.21 % / sqrt(200) of the share, a
    # relative sqrt(2 / (K - 1) / 200) of the divergence, 2N times which is chi-squared, and 0.0007 of the ratio.
    assert mean["hq"] == pytest.approx(1 - math.exp(-4.5), abs=6 * 0.0021 / math.sqrt(200))
    assert mean["reverse_kl"] == pytest.approx(kl, abs=0.00005 + 6 * kl * math.sqrt(2 / (len(data.centres) - 1) / 200))
    assert mean["std_ratio"] == pytest.approx(1, abs=0.005)  # without the correction for the cut 0.974
    scatter = torch.tensor([draw["hq"] for draw in draws]).std().item()
    assert scatter == pytest.approx(0.0021, rel=0.3)  # sqrt(0.9889 x 0.0111 / 2500); of 200 draws within 5 % or so


@pytest.mark.parametrize("data", [Ring(), Grid()], ids=["ring", "grid"])
def test_a_generator_of_the_exact_means_is_not_taken_for_perfect(data):
    exact = Mixture(data.centres, 1e-9).sample(N, generator())
    found = judged(data, data.centres[torch.cdist(exact, data.centres).argmin(1)])
    assert found["modes"] == len(data.centres)
    assert found["hq"] == 1
    assert found["reverse_kl"] < 0.02  # by these three it is better than perfect
    assert found["std_ratio"] == 0
    real = data.sample(N, generator(1))
    assert density_coverage(real, exact)["coverage"] < 0.1  # which sees it as well, and knows of no modes
    assert density_coverage(real, data.sample(N, generator(2)))["coverage"] > 0.95


@pytest.mark.parametrize("narrow", [0.5, 0.9])
def test_the_ratio_is_that_of_narrower_modes(narrow):
    data = Ring(std=0.02)
    samples = Ring(std=0.02 * narrow).sample(20_000, generator())
    cut = {0.5: 0.97440, 0.9: 0.97440 / 0.98680}[narrow]  # at 0.5 hardly anything is cut off; at 0.9 beyond 3.33
    assert judged(data, samples)["std_ratio"] == pytest.approx(narrow / cut, rel=0.02)


def test_samples_on_a_line_through_the_modes_are_half_as_wide():
    line = torch.stack([0.01 * torch.randn(N, generator=generator()), torch.zeros(N)], 1)
    turned = line @ torch.tensor([[0.6, 0.8], [-0.8, 0.6]])
    ratios = [modes(x, torch.zeros(1, 2), 0.01)["std_ratio"] for x in (line, turned)]
    assert ratios[0] == pytest.approx(math.sqrt(0.5), rel=0.05)
    assert ratios[1] == pytest.approx(ratios[0])  # whichever way the axes run


def test_figures_by_hand():
    centres = torch.tensor([[0.0, 0.0], [10.0, 0.0], [0.0, 10.0]])
    samples = torch.tensor([[0.0, 1.0], [0.0, -1.0], [0.0, 0.0], [10.0, 0.0], [12.9, 0.0], [0.0, 6.9], [5.0, 5.0]])
    found = modes(samples, centres, 1.0)
    assert found["modes"] == 2  # the sample nearest to the third is 3.1 away
    assert found["hq"] == pytest.approx(5 / 7)
    assert found["reverse_kl"] == pytest.approx(0.6 * math.log(1.8) + 0.4 * math.log(1.2))
    # variances over both axes: (1 + 1 + 0) / 2 / 2 and 2.9^2 / 2 / 2
    assert found["std_ratio"] == pytest.approx((math.sqrt(0.5) + 2.9 / 2) / 2 / 0.97440, rel=1e-4)


def test_one_mode_of_all_is_log_k():
    data = Ring()
    found = judged(data, Mixture(data.centres[:1], data.std).sample(N, generator()))
    assert found["modes"] == 1
    assert found["reverse_kl"] == pytest.approx(math.log(8))


def test_unequal_modes_are_held_against_their_weights_and_by_pacgan_against_equal_ones():
    data = Ring(weights=[8, 1, 1, 1, 1, 1, 1, 1])
    samples = data.sample(N, generator())
    assert judged(data, samples)["reverse_kl"] < 8e-3  # 2 N of it is chi-squared with 7: more once in a million times
    entropy = -(8 / 15 * math.log(8 / 15) + 7 / 15 * math.log(1 / 15))
    assert judged(data, samples, definition="pacgan")["reverse_kl"] == pytest.approx(math.log(8) - entropy, rel=0.1)
    even = Ring().sample(N, generator())
    assert judged(Ring(), even, definition="pacgan") == judged(Ring(), even)


def test_a_mode_of_weight_0_is_none():
    data = Ring(weights=[1, 1, 1, 1, 1, 1, 1, 0])
    perfect = judged(data, data.sample(N, generator()))
    assert perfect["modes"] == 7
    assert perfect["hq"] > 0.978  # 0.9889 - 5 x 0.0021: less once in a million times
    assert perfect["reverse_kl"] < 8e-3
    there = judged(data, Mixture(data.centres[7:], data.std).sample(N, generator()))
    assert (there["modes"], there["hq"]) == (0, 0)


def test_no_sample_of_high_quality_is_the_worst_of_all_divergences_and_has_no_width():
    found = modes(torch.full((N, 2), 100.0), Ring().centres, 0.01)
    assert (found["modes"], found["hq"], found["reverse_kl"]) == (0, 0, math.inf)
    assert math.isnan(found["std_ratio"])


def test_a_sample_that_is_no_number_is_a_miss():
    data = Ring()
    samples = data.sample(N, generator())
    before = judged(data, samples)["hq"] * N
    bad = judged(data, torch.cat([samples, torch.full((N, 2), math.nan), torch.full((N, 2), math.inf)]))
    assert bad["hq"] * 3 * N == pytest.approx(before)
    assert math.isfinite(bad["std_ratio"])


def test_modes_that_overlap_share_samples_by_the_nearest_one():
    data = Mixture(torch.tensor([[0.0, 0.0], [1.0, 0.0]]), 1.0)
    found = judged(data, data.sample(20_000, generator()))
    assert found["modes"] == 2
    assert 0.98 < found["hq"] < 1
    assert found["reverse_kl"] < 1e-3  # they are alike, so each still has half
    assert found["std_ratio"] < 0.9  # cut between them: a perfect sampler has less than 1 here


def test_one_mode_and_points_on_the_line():
    x = torch.randn(40_000, 1, generator=generator())
    found = modes(5 + 2 * x, torch.tensor([[5.0]]), 2.0)
    assert found["modes"] == 1
    assert found["reverse_kl"] == 0
    assert found["hq"] == pytest.approx(math.erf(3 / math.sqrt(2)), abs=0.0015)  # 0.9973 +- 0.00026: six of those
    assert found["std_ratio"] == pytest.approx(1, abs=0.02)


@pytest.mark.parametrize(
    ("more", "says"),
    [
        ({"definition": "metz"}, "definition must be one of veegan, pacgan, got 'metz'"),
        ({"std": 0.0}, "std > 0"),
        ({"weights": torch.ones(3)}, "weights must be 8"),
        ({"weights": torch.zeros(8)}, "not all 0"),
        ({"samples": torch.zeros(0, 2)}, "samples"),
        ({"samples": torch.zeros(5, 3)}, "samples"),
    ],
)
def test_an_argument_out_of_range_says_what_was_found(more, says):
    arguments = {"samples": torch.zeros(5, 2), "centres": Ring().centres, "std": 0.01} | more
    with pytest.raises(ValueError, match=says):
        modes(**arguments)

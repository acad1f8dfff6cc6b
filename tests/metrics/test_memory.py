"""Memorisation, on the bundled digits: copies are reported, and data that nobody trained on are not."""

import math

import pytest
import torch
from scipy.stats import mannwhitneyu

from gan_cli.data.digits import Digits
from gan_cli.metrics import density_coverage, frechet, memorisation, memory, nearest


@pytest.fixture(scope="module")
def digits():
    """Digits to train on, to hold out, and to stand in for a perfect generator: float [N, 1, 8, 8] in [0, 1]."""
    x = Digits(size=8).load().x.float() / 255
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))]
    return x[:1000], x[1000:1400], x[1400:1797]


def noise(like, scale):
    return scale * torch.randn(like.shape, generator=torch.Generator().manual_seed(1))


def test_a_generator_that_returns_training_images_is_reported(digits):
    train, heldout, _ = digits
    copies = train[torch.randint(1000, (400,), generator=torch.Generator().manual_seed(0))]
    found = memorisation(copies, train, heldout)
    assert found.verdict == "copies"
    assert (found.closer, found.copies) == (1, 1)
    assert found.z < -20
    assert found.distances.count_nonzero() == 0
    assert torch.equal(train[found.nearest], copies)


def test_no_other_figure_reports_it(digits):
    train, heldout, fresh = (x.flatten(1) for x in digits)
    copies = train[:397]
    assert frechet(train, copies) < frechet(train, fresh)  # it is praised
    assert density_coverage(heldout, copies)["density"] > 0.9 * density_coverage(heldout, fresh)["density"]


@pytest.mark.parametrize("scale", [0.01, 0.03])
def test_copies_under_small_noise_are_reported(digits, scale):
    train, heldout, _ = digits
    found = memorisation(train[:400] + noise(train[:400], scale), train, heldout)
    assert found.verdict == "copies"
    assert found.copies > 0.8
    assert torch.equal(found.nearest, torch.arange(400))


def test_a_few_copies_among_many_others_are_reported(digits):
    train, heldout, fresh = digits
    found = memorisation(torch.cat([fresh, train[:40]]), train, heldout)
    assert found.verdict == "copies"  # 40 of 437 and 0 of 400: by chance once in 10^12
    assert found.copies == pytest.approx(40 / 437)


def test_a_copy_of_an_example_that_is_there_twice_is_a_copy(digits):
    train, heldout, _ = digits
    assert memorisation(train[:100], torch.cat([train, train]), heldout).copies == 1  # both are 0 away


def test_a_perfect_sampler_is_not_reported(digits):
    train, heldout, fresh = digits
    found = memorisation(fresh, train, heldout)
    assert found.verdict == "clean"
    assert found.closer == pytest.approx(0.5, abs=5 * math.sqrt((397 + 400 + 1) / (12 * 397 * 400)))
    assert abs(found.z) < 5
    assert found.copies == found.heldout_copies == 0


def test_twins_in_the_data_are_no_copies_by_the_generator(digits):
    train, heldout, fresh = digits
    twins = torch.cat([heldout[:40], fresh[:40]])  # as CIFAR's test set has of its training set
    found = memorisation(fresh, torch.cat([train, twins]), heldout)
    assert found.verdict == "clean"
    assert found.copies > 0.1
    assert found.heldout_copies == pytest.approx(0.1)


@pytest.mark.parametrize("strength", [0.3, 1.0])
def test_a_mere_blur_is_no_copy(digits, strength):
    train, heldout, fresh = digits
    blurred = torch.nn.functional.avg_pool2d(fresh, 3, 1, 1, count_include_pad=False)
    found = memorisation(fresh.lerp(blurred, strength), train, heldout)
    assert found.verdict != "copies"
    assert found.copies == 0


def test_images_halfway_between_training_examples_are_closer_and_copies_of_none(digits):
    train, heldout, _ = digits
    other = nearest(train[:400], train, 2)[1][:, 1]
    found = memorisation(train[:400].lerp(train[other], 0.5), train, heldout)
    assert found.closer > 0.95
    assert found.copies < 0.01
    assert found.verdict == "closer"


def test_noise_is_far_away_and_copies_nothing(digits):
    train, heldout, _ = digits
    found = memorisation(torch.rand(heldout.shape, generator=torch.Generator().manual_seed(0)), train, heldout)
    assert (found.closer, found.verdict) == (0, "clean")
    assert found.z > 20


def test_whole_numbers_are_compared_as_they_are(digits):
    train, heldout, fresh = digits
    bytes_ = [(255 * x).round().byte() for x in (fresh, train, heldout)]
    found, exact = memorisation(*bytes_), memorisation(fresh, train, heldout)
    assert found.closer == pytest.approx(exact.closer, abs=1e-3)
    assert memorisation(bytes_[1][:300], *bytes_[1:]).verdict == "copies"


@pytest.mark.parametrize("tied", [False, True])
def test_z_is_that_of_mann_and_whitney(tied):
    g = torch.Generator().manual_seed(0)
    d, other = torch.rand(80, generator=g).double(), 0.1 + torch.rand(50, generator=g).double()
    if tied:
        d, other = (10 * d).round(), (10 * other).round()
    closer, z = memory._mann_whitney(d, other)
    u, p = mannwhitneyu(d, other, alternative="less", method="asymptotic", use_continuity=False)
    assert closer == pytest.approx(1 - u / 4000)
    assert 0.5 * math.erfc(-z / math.sqrt(2)) == pytest.approx(p)


def test_fresh_samples_are_as_often_closer_as_not():
    g = torch.Generator().manual_seed(0)
    found = [memorisation(*(torch.randn(n, 3, generator=g) for n in (60, 80, 60))) for _ in range(200)]
    z = torch.tensor([each.z for each in found])
    assert z.mean().item() == pytest.approx(0, abs=6 / math.sqrt(200))  # standard normal: six standard errors
    assert z.std().item() == pytest.approx(1, abs=6 / math.sqrt(400))
    assert {each.verdict for each in found} == {"clean"}  # 400 verdicts of one in a million


@pytest.mark.parametrize("dims", [2, 50])
def test_the_nearest_are_found_and_their_distances_are_exact(dims, monkeypatch):
    monkeypatch.setattr(memory, "ROWS", 7)
    g = torch.Generator().manual_seed(0)
    x, train = 100 + torch.randn(20, dims, generator=g), 100 + torch.randn(60, dims, generator=g)
    exact, index = torch.cdist(x.double(), train.double(), compute_mode="donot_use_mm_for_euclid_dist").sort(1)
    distances, found = nearest(x, train, 3)
    assert torch.equal(found, index[:, :3])
    torch.testing.assert_close(distances, exact[:, :3], rtol=1e-12, atol=0)


def test_examples_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match=r"of one shape are needed, got \[5, 2\] and \[5, 3\]"):
        nearest(torch.zeros(5, 2), torch.zeros(5, 3))
    with pytest.raises(ValueError, match="2 or more training examples"):
        memorisation(torch.zeros(5, 2), torch.zeros(1, 2), torch.zeros(5, 2))
    with pytest.raises(ValueError, match="training examples are not all finite"):
        nearest(torch.zeros(5, 2), torch.tensor([[0.0, 0.0], [math.nan, 0.0]]))
    with pytest.raises(ValueError, match="samples are not all finite"):
        nearest(torch.full((5, 2), math.nan), torch.zeros(5, 2))

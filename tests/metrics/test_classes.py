"""Samples by class: histograms, their divergence, and the thousand modes of stacked MNIST."""

import math

import pytest
import torch

from gan_cli.metrics import by_class, stacked
from gan_cli.metrics.classes import histogram
from gan_cli.metrics.divergence import divergence

MNIST = [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]  # digits of each kind among the 60,000


def logits_of(labels, classes, sure=5.0):
    return sure * torch.nn.functional.one_hot(torch.as_tensor(labels), classes).float()


def test_figures_by_hand():
    found = by_class(torch.tensor([0, 1, 2, 2]), logits_of([0, 0, 0, 2], 3, sure=math.log(6)))
    assert found["classes"] == 2
    assert found["class_kl"] == pytest.approx(0.75 * math.log(0.75 / 0.25) + 0.25 * math.log(0.25 / 0.5))
    assert found["confidence"] == pytest.approx(6 / 8)


def test_a_perfect_sampler_has_the_divergence_of_two_fresh_histograms():
    share, g = torch.tensor(MNIST) / 60_000, torch.Generator().manual_seed(0)
    found = []
    for _ in range(200):
        real, fake = (share.multinomial(1000, replacement=True, generator=g) for _ in range(2))
        found.append(by_class(real, logits_of(fake, 10))["class_kl"])
    # (K - 1) / 2 (1/N + 1/M), and six standard errors: 2 N M / (N + M) of it is about chi-squared with 9
    assert sum(found) / 200 == pytest.approx(0.009, rel=0.05 + 6 * math.sqrt(2 / 9 / 200))


def test_one_class_of_ten_is_log_10():
    found = by_class(torch.arange(10).repeat(10), logits_of([3] * 50, 10))
    assert found["classes"] == 1
    assert found["class_kl"] == pytest.approx(math.log(10))


def test_a_class_without_samples_adds_nothing_and_one_without_real_data_is_infinitely_wrong():
    assert math.isfinite(by_class(torch.tensor([0, 1]), logits_of([0, 0], 3))["class_kl"])
    assert by_class(torch.tensor([0, 1]), logits_of([0, 2], 3))["class_kl"] == math.inf


def test_a_divergence_is_what_scipy_gives():
    from scipy.stats import entropy

    counts, target = torch.tensor([4, 0, 9, 2]), torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    assert divergence(counts, target) == pytest.approx(entropy(counts, target), rel=1e-12)


@pytest.mark.parametrize(
    ("share", "kl"), [([1] * 10, 0.0193), (MNIST, 0.0237)], ids=["even digits", "the digits of MNIST"]
)
def test_a_perfect_sampler_of_stacked_mnist_finds_all_modes(share, kl):
    g, share = torch.Generator().manual_seed(0), torch.tensor(share, dtype=torch.float64)
    found = [stacked(share.multinomial(26_000 * 3, replacement=True, generator=g).view(-1, 3)) for _ in range(50)]
    assert {each["stacked_modes"] for each in found} == {1000}
    # 2 N of it is chi-squared with 999, so that one scatters by 0.0009, and the mean of 50 by 0.00012: six of those
    assert sum(each["stacked_kl"] for each in found) / 50 == pytest.approx(kl, abs=0.0008)


def test_each_channel_counts():
    found = stacked(torch.tensor([[0, 0, 1], [0, 1, 0], [1, 0, 0], [1, 0, 0]]))
    assert found["stacked_modes"] == 3
    assert found["stacked_kl"] == pytest.approx(math.log(1000) - 1.5 * math.log(2))


def test_what_is_no_class_is_refused():
    for labels in ([], [-1, 2], [3]):
        with pytest.raises(ValueError, match="labels must be 0 to 2, at least one of them, got"):
            histogram(torch.tensor(labels), 3)
    with pytest.raises(ValueError, match="labels must be 0 to 9"):
        stacked(torch.tensor([[1, 2, 10]]))
    with pytest.raises(ValueError, match=r"digits must be \[N, 3\], got \[4\]"):
        stacked(torch.zeros(4))
    with pytest.raises(ValueError, match="fake_logits must be finite"):
        by_class(torch.tensor([0]), torch.full((1, 3), math.nan))

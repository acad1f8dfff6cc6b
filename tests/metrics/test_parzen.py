"""The Parzen-window log-likelihood: written out, against SciPy, on real MNIST, and why it is history."""

import math
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import gaussian_kde, multivariate_normal

from gan_cli.data.digits import Digits
from gan_cli.data.mnist import MNIST
from gan_cli.metrics import parzen
from gan_cli.metrics.parzen import SIGMAS, log_densities

DATASETS = Path(__file__).parents[2].parent / "shared" / "datasets"


def points(n, dims, seed):
    return torch.randn(n, dims, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


def test_the_grid_is_that_of_the_authors():
    np.testing.assert_allclose(SIGMAS, np.logspace(-1, 0, 10), rtol=1e-15)


@pytest.mark.parametrize("sigma", [0.05, 0.7])
def test_a_density_is_the_mean_of_gaussians(sigma):
    samples, x = points(15, 3, 0), points(8, 3, 1)
    exact = [
        math.log(np.mean([multivariate_normal.pdf(p, mean=s, cov=sigma**2) for s in samples.numpy()]))
        for p in x.numpy()
    ]
    if sigma == 0.7:  # at 0.05 it is 0 to float64, whose logarithm the sum of exponentials below still finds
        assert log_densities(x, samples, (sigma,))[0].tolist() == pytest.approx(exact, rel=1e-10)
    by_hand = [
        torch.logsumexp(-(p - samples).square().sum(1) / (2 * sigma**2), 0)
        - math.log(15)
        - 3 * math.log(sigma * math.sqrt(2 * math.pi))
        for p in x
    ]
    assert log_densities(x, samples, (sigma,))[0].tolist() == pytest.approx([float(b) for b in by_hand], rel=1e-10)


def test_scipys_kernel_density_is_the_same():
    samples, x = points(40, 1, 0), points(20, 1, 1)
    kde = gaussian_kde(samples.T.numpy(), bw_method=0.3 / float(samples.std()))
    assert log_densities(x, samples, (0.3,))[0].tolist() == pytest.approx(kde.logpdf(x.T.numpy()).tolist(), rel=1e-9)


def test_validation_points_choose_the_width_and_test_points_are_scored():
    samples, valid, test = points(200, 2, 0), points(150, 2, 1), points(100, 2, 2)
    scores = [float(log_densities(valid, samples, (s,)).mean()) for s in SIGMAS]
    found = parzen(samples, test, valid)
    assert found.sigma == SIGMAS[int(np.argmax(scores))]
    logs = log_densities(test, samples, (found.sigma,))[0].numpy()
    assert found.mean == pytest.approx(logs.mean())
    assert found.se == pytest.approx(logs.std() / 10)


def test_parts_make_no_difference(monkeypatch):
    samples, x = points(30, 2, 0), points(25, 2, 1)
    whole = log_densities(x, samples, SIGMAS)
    monkeypatch.setattr(sys.modules[parzen.__module__], "ROWS", 7)
    torch.testing.assert_close(log_densities(x, samples, SIGMAS), whole)


def test_it_is_history_cluster_centres_are_better_than_the_data_themselves():
    x = Digits(size=8).load().x.flatten(1).double() / 255
    x = x[torch.randperm(len(x), generator=torch.Generator().manual_seed(0))]
    train, valid, test = x[:1200], x[1200:1400], x[1400:]
    centres = train[:200]
    for _ in range(5):  # Lloyd's algorithm
        which = torch.cdist(train, centres).argmin(1)
        kept = which.unique()
        centres = torch.stack([train[which == k].mean(0) for k in kept])
    ours, real = parzen(centres, test, valid), parzen(train[:200], test, valid)
    assert ours.mean - real.mean > 5 * math.hypot(ours.se, real.se)  # Theis et al. 2016, table 1


def test_points_that_cannot_be_compared_are_refused():
    with pytest.raises(ValueError, match="samples has 2 numbers a point and valid has 3"):
        parzen(torch.zeros(5, 2), torch.zeros(5, 2), torch.zeros(5, 3))
    with pytest.raises(ValueError, match="test: 5 of 5 are not finite"):
        parzen(torch.zeros(5, 2), torch.full((5, 2), math.inf), torch.zeros(5, 2))


@pytest.mark.slow
@pytest.mark.skipif(not DATASETS.is_dir(), reason="the real files are not in ../shared/datasets")
def test_real_images_score_243_nats_by_the_protocol_of_2014():
    train, test = (
        MNIST(root=str(DATASETS), size=28, split=split, download=False).load().x.double() / 255
        for split in ("train", "test")
    )
    real = train[torch.randperm(50_000, generator=torch.Generator().manual_seed(0))[:10_000]]
    found = parzen(real, test, valid=train[50_000:51_000])
    assert found.mean == pytest.approx(242.7, abs=0.1)  # other draws of the 10,000: 241 to 244
    assert found.se == pytest.approx(2.1, abs=0.05)
    assert found.sigma == pytest.approx(0.1668, abs=1e-4)

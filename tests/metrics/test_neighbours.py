"""Balls to the k-th neighbour: what the authors' code and torch-fidelity give, and what the figures see."""

import contextlib
import io
import math

import pytest
import torch

from gan_cli.metrics import density_coverage, neighbours, precision_recall


def features(n, dims, seed, shift=0.0, scale=1.0):
    return shift + scale * torch.randn(n, dims, generator=torch.Generator().manual_seed(seed), dtype=torch.float64)


CASES = [
    (features(300, 2, 0), features(200, 2, 1)),
    (features(150, 40, 2), features(300, 40, 3, shift=0.2)),
    (features(200, 64, 4), features(200, 64, 5, scale=0.7)),
    (features(200, 8, 6, shift=1e6), features(200, 8, 7, shift=1e6)),
]


@pytest.mark.parametrize("k", [1, 3, 5])
@pytest.mark.parametrize("case", range(len(CASES)))
def test_the_authors_code_gives_the_same(case, k):
    from prdc import compute_prdc

    real, fake = CASES[case]
    centre = real.mean(0)  # theirs loses its digits far from 0
    with contextlib.redirect_stdout(io.StringIO()):
        theirs = compute_prdc((real - centre).numpy(), (fake - centre).numpy(), nearest_k=k)
    ours = precision_recall(real, fake, k) | density_coverage(real, fake, k)
    assert ours == {name: pytest.approx(float(value), abs=1e-6) for name, value in theirs.items()}


@pytest.mark.parametrize("case", range(3))
def test_torch_fidelity_gives_the_same(case):
    from torch_fidelity.metric_prc import prc_features_to_metric

    real, fake = CASES[case]
    theirs = prc_features_to_metric(fake, real, prc_neighborhood=3, verbose=False)
    del theirs["f_score"]
    assert precision_recall(real, fake) == pytest.approx(theirs, abs=1e-6)


def test_parts_make_no_difference(monkeypatch):
    real, fake = CASES[0]
    whole = precision_recall(real, fake) | density_coverage(real, fake)
    monkeypatch.setattr(neighbours, "ROWS", 7)
    assert precision_recall(real, fake) | density_coverage(real, fake) == whole


def test_figures_by_hand():
    real, fake = torch.tensor([0.0, 1.0, 3.0, 7.0]), torch.tensor([0.5, 2.0, 20.0, 21.0])
    # Balls around real points to their nearest neighbour: 1, 1, 2, 4 wide; around samples 1.5, 1.5, 1, 1.
    # 2 is on the edge of the ball around 1, which density does not count.
    assert precision_recall(real, fake, k=1) == {"precision": 2 / 4, "recall": 3 / 4}
    assert density_coverage(real, fake, k=1) == {"density": 3 / 4, "coverage": 3 / 4}


def test_a_perfect_sampler_has_a_density_of_1_and_covers_all_but_one_in_32():
    found = density_coverage(features(2000, 8, 0), features(2000, 8, 1))
    # 1 - 2^-5; six standard errors of 2,000 apart ones (0.004), which these nearly are
    assert found["coverage"] == pytest.approx(1 - 2**-5, abs=0.025)
    assert found["density"] == pytest.approx(1, abs=0.1)


def test_half_of_the_data_is_precise_and_recalls_half():
    near, far = features(400, 4, 0), features(400, 4, 1, shift=100)
    real, fake = torch.cat([near[:200], far[:200]]), near[200:]
    found = precision_recall(real, fake) | density_coverage(real, fake)
    assert found["precision"] > 0.8
    assert 0.4 < found["recall"] <= 0.5
    assert 0.4 < found["coverage"] <= 0.5


def test_one_outlier_makes_noise_precise_but_not_dense():
    real = torch.cat([features(500, 4, 0), torch.full((1, 4), 50.0)])
    noise = features(500, 4, 1, shift=25, scale=3)
    assert precision_recall(real, noise)["precision"] > 0.9
    assert density_coverage(real, noise)["density"] < 0.25
    assert density_coverage(real, noise)["coverage"] < 0.01


@pytest.mark.parametrize("metric", [precision_recall, density_coverage])
def test_points_that_cannot_be_compared_are_refused(metric):
    with pytest.raises(ValueError, match="real: at least 4 are needed, got 3"):
        metric(torch.zeros(3, 2), torch.zeros(9, 2), k=3)
    with pytest.raises(ValueError, match="k must be at least 1"):
        metric(torch.zeros(3, 2), torch.zeros(9, 2), k=0)
    with pytest.raises(ValueError, match="fake: 9 of 9 are not finite"):
        metric(torch.zeros(9, 2), torch.full((9, 2), math.nan))

"""The densities: what is drawn is what log_prob says, and both are the formula in the docstring."""

import math

import numpy as np
import pytest
import scipy.stats
import torch

from gan_cli.data import Density, Gaussian, Grid, Ring, Spiral

PLANAR = {
    "ring": Ring(modes=5, radius=1.0, std=0.2, rotation=10.0, shift=(0.1, -0.2), weights=[1, 2, 3, 4, 0]),
    "grid": Grid(rows=2, columns=3, spacing=1.0, std=0.2, rotation=30.0),
    "spiral": Spiral(turns=1.5, std=0.1, arms=2),
}


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def cells(low: float = -3.0, high: float = 3.0, n: int = 200) -> tuple[torch.Tensor, float]:
    """The middles [n * n, 2] of a lattice's cells, and the area of one."""
    side = (high - low) / n
    middle = low + side * (torch.arange(n) + 0.5)
    return torch.cartesian_prod(middle, middle), side**2


@pytest.mark.parametrize("name", PLANAR)
def test_a_density_integrates_to_one(name):
    x, area = cells()
    assert PLANAR[name].log_prob(x).exp().sum().item() * area == pytest.approx(1, abs=1e-4)


@pytest.mark.parametrize("name", PLANAR)
def test_samples_fall_where_the_density_says(name):
    density, n = PLANAR[name], 20000
    x = density.sample(n, seeded())
    middles, area = cells(-2, 2, 200)
    mass = (density.log_prob(middles).exp() * area).view(20, 10, 20, 10).sum((1, 3))  # cells of 0.2
    counts, _, _ = np.histogram2d(*x.T.numpy(), bins=20, range=[[-2, 2], [-2, 2]])
    expected = mass.numpy() * n
    full = expected > 10
    chi2 = ((counts - expected)[full] ** 2 / expected[full]).sum()
    # wrong once in a million seeds; the integral over a cell is a sum over 100 points, good to 1e-3
    assert chi2 < scipy.stats.chi2.isf(1e-6, full.sum())
    assert full.sum() > 20


def test_a_mixture_is_the_weighted_sum_of_normals():
    ring, x = PLANAR["ring"], torch.randn(7, 2, generator=seeded())
    normals = [scipy.stats.multivariate_normal(c.numpy(), 0.2**2).pdf(x.numpy()) for c in ring.centres]
    assert ring.log_prob(x).exp().numpy() == pytest.approx(np.array([0.1, 0.2, 0.3, 0.4, 0]) @ normals, rel=1e-5)


def test_log_prob_is_the_same_in_parts_and_far_away_stays_finite():
    ring = Ring()
    x = torch.randn(9001, 2, generator=seeded())
    assert torch.equal(ring.log_prob(x)[[0, 5000, 9000]], ring.log_prob(x[[0, 5000, 9000]]))
    assert ring.log_prob(torch.tensor([[100.0, 0.0]])).isfinite().all()


def test_a_ring_has_as_many_distinct_centres_as_modes():
    ring = Ring(modes=8, radius=2.0)
    assert ring.centres.norm(dim=1).numpy() == pytest.approx(2.0)
    distance = torch.cdist(ring.centres, ring.centres) + 9 * torch.eye(8)
    assert distance.min(1).values.numpy() == pytest.approx(2 * 2 * math.sin(math.pi / 8), rel=1e-5)


def test_the_first_centre_is_on_the_first_axis_and_rotation_is_counter_clockwise():
    assert Ring(modes=4).centres.tolist() == [pytest.approx(c, abs=1e-6) for c in ((1, 0), (0, 1), (-1, 0), (0, -1))]
    assert Ring(modes=4, rotation=90.0).centres[0].tolist() == pytest.approx([0, 1], abs=1e-6)
    assert Ring(modes=1, rotation=90.0, shift=(3, 4)).centres.tolist() == [pytest.approx([3, 5], abs=1e-6)]


def test_weights_decide_how_often_a_mode_is_drawn():
    ring = Ring(modes=3, weights=[1, 0, 3])
    assert ring.weights.tolist() == [0.25, 0, 0.75]
    near = torch.cdist(ring.sample(10000, seeded()), ring.centres).argmin(1)
    counts = near.bincount(minlength=3).tolist()
    assert counts[1] == 0
    assert counts[0] == pytest.approx(2500, abs=5 * math.sqrt(10000 * 0.25 * 0.75))  # 5 sigma: once in 1.7e6 seeds


def test_a_grid_is_centred_and_goes_row_by_row_from_the_lower_left():
    grid = Grid(rows=2, columns=3, spacing=2.0)
    assert grid.centres.tolist() == [[-2, -1], [0, -1], [2, -1], [-2, 1], [0, 1], [2, 1]]
    assert len(Grid().centres) == 25
    assert Grid(rows=1, columns=1).centres.tolist() == [[0, 0]]


def test_a_spiral_winds_outwards_and_its_arms_are_turned_copies():
    spiral = Spiral(turns=2.0, radius=3.0, arms=2)
    first, second = spiral.centres.view(2, 512, 2)
    assert first.norm(dim=1).numpy() == pytest.approx(3 * (np.arange(512) + 0.5) / 512, rel=1e-5)
    assert second.numpy() == pytest.approx(-first.numpy(), abs=1e-5)  # half a turn
    angle = torch.atan2(first[:, 1], first[:, 0]).numpy()
    assert np.unwrap(angle)[-1] == pytest.approx(4 * math.pi * 511.5 / 512, abs=1e-4)


def test_a_gaussian_is_scipys():
    gaussian, x = Gaussian(mean=1.5, std=0.3), torch.linspace(-1, 4, 11)[:, None]
    assert gaussian.log_prob(x).numpy() == pytest.approx(scipy.stats.norm(1.5, 0.3).logpdf(x[:, 0].numpy()), rel=1e-4)
    drawn = gaussian.sample(4000, seeded())
    assert drawn.shape == (4000, 1)
    assert drawn.mean().item() == pytest.approx(1.5, abs=5 * 0.3 / math.sqrt(4000))  # 5 sigma: once in 1.7e6 seeds


@pytest.mark.parametrize("density", [*PLANAR.values(), Gaussian()], ids=[*PLANAR, "gaussian"])
def test_a_draw_is_float32_of_the_shape_and_repeats_with_its_generator(density):
    assert isinstance(density, Density)
    x = density.sample(6, seeded(1))
    assert x.shape == (6, *density.shape)
    assert x.dtype == torch.float32
    assert torch.equal(x, density.sample(6, seeded(1)))
    assert not torch.equal(x, density.sample(6, seeded(2)))
    assert density.log_prob(x).shape == (6,)


def test_a_mode_is_a_centre_that_is_drawn_and_stands_apart():
    assert torch.equal(Ring().modes, Ring().centres)
    assert len(Ring(modes=3, weights=[1, 0, 1]).modes) == 2
    assert len(Ring(modes=1).modes) == 1
    assert len(Grid(spacing=0.31).modes) == 25, "0.31 is more than six times 0.05"
    assert Grid(spacing=0.29).modes is None
    assert Spiral().modes is None, "a curve, of many components that overlap"


@pytest.mark.parametrize(
    ("build", "says"),
    [
        (lambda: Ring(modes=0), "modes must be at least 1, got 0"),
        (lambda: Ring(radius=-1.0), "radius must be greater than 0, got -1.0"),
        (lambda: Ring(std=0.0), "std must be greater than 0, got 0.0"),
        (lambda: Ring(std=math.nan), "std must be greater than 0, got nan"),
        (lambda: Ring(weights=[1, 2]), "weights must be one for each of the 8 centres, got 2"),
        (lambda: Ring(modes=2, weights=[1, -1]), r"weights must be 0 or more and not all 0, got \[1.0, -1.0\]"),
        (lambda: Ring(modes=2, weights=[0, 0]), "not all 0"),
        (lambda: Ring(shift=(0.0,)), "shift must be two numbers, got 1"),  # type: ignore[arg-type]
        (lambda: Ring(rotation=math.inf), "rotation and shift must be finite"),
        (lambda: Grid(rows=0), "rows and columns must be at least 1, got 0 and 5"),
        (lambda: Grid(spacing=0.0), "spacing must be greater than 0"),
        (lambda: Spiral(turns=0.0), "turns must be greater than 0"),
        (lambda: Spiral(radius=0.0), "radius must be greater than 0"),
        (lambda: Spiral(arms=0), "arms must be at least 1"),
        (lambda: Gaussian(std=0.0), "std must be greater than 0"),
        (lambda: Gaussian(mean=math.nan), "mean must be finite"),
    ],
)
def test_an_argument_out_of_range_says_what_was_found(build, says):
    with pytest.raises(ValueError, match=says):
        build()

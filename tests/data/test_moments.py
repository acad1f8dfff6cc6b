"""The moments that points are standardised by: in closed form where there is one, else of all that is trained on."""

import math

import numpy as np
import pytest
import torch
from pytest import approx

from gan_cli.data import Array, Gaussian, Grid, Point, Ring, Spiral, Stream
from gan_cli.data.moments import estimated, in_closed_form


def test_those_of_the_two_pictures_by_hand():
    mean, std = in_closed_form(Ring())
    assert mean == approx([0, 0], abs=1e-7)
    assert std == approx(math.sqrt(1 / 2 + 0.01**2)), "half of radius^2 in each coordinate, and the noise"
    mean, std = in_closed_form(Grid(shift=(5, -3)))
    assert mean == approx([5, -3])
    assert std == approx(math.sqrt((16 + 4 + 0 + 4 + 16) / 5 + 0.05**2))
    assert in_closed_form(Gaussian(mean=-2.0, std=3.0)) == ([-2.0], 3.0)


@pytest.mark.parametrize(
    "density",
    [Ring(modes=5, std=0.3, shift=(7.0, 1.0), weights=[1, 2, 3, 4, 0]), Grid(rows=3, columns=7, std=0.4), Spiral()],
)
def test_closed_forms_are_those_of_draws(density):
    (mean, std), n = in_closed_form(density), 100_000
    x = density.sample(n, torch.Generator().manual_seed(0)).double()
    assert mean == approx(x.mean(0).tolist(), abs=5 * std * math.sqrt(2 / n)), "wrong once in a million seeds"
    assert std == approx(math.sqrt(float(x.var(0).mean())), rel=5 * math.sqrt(2 / n))


def test_turning_the_data_leaves_their_std():
    assert in_closed_form(Grid(rows=3, columns=7, rotation=37.0))[1] == approx(in_closed_form(Grid(3, 7))[1], rel=1e-6)


def test_of_a_file_they_are_those_of_what_is_trained_on(tmp_path):
    points = np.random.default_rng(0).normal([3, -1, 0], [1, 2, 3], (500, 3)).astype(np.float32)
    np.save(tmp_path / "points.npy", points)
    stream = Stream(Array(str(tmp_path / "points.npy")), batch_size=10, seed=0, held_out=100)
    seen = stream.examples.x.double().numpy()
    assert in_closed_form(stream.data) is None
    mean, std = estimated(stream)
    assert len(seen) == 400
    assert mean == approx(seen.mean(0).tolist())
    assert std == approx(math.sqrt(seen.var(0).mean()))


def test_points_that_are_all_one_are_divided_by_one():
    assert estimated(Stream(Point(), batch_size=4, seed=0)) == ([0.0], 1.0)


def test_of_a_density_of_ones_own_they_are_the_same_for_every_seed():
    """Weights are of use in another run of the same data only if they work in the same units there."""

    class Flat:
        shape = (2,)

        def sample(self, n, generator):
            return 10 + torch.rand(n, 2, generator=generator)

        def log_prob(self, x):
            return torch.zeros(len(x))

    first, other = (estimated(Stream(Flat(), batch_size=4, seed=seed)) for seed in (0, 1))
    assert first == other
    mean, std = first
    assert mean == approx([10.5, 10.5], abs=5 * std / math.sqrt(1 << 16))
    assert std == approx(1 / math.sqrt(12), rel=0.02)

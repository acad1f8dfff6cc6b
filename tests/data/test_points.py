"""A mixture of so many points: drawn once, gone through epoch by epoch, and its density known all the same."""

import pytest
import torch

from gan_cli.data import Density, Gaussian, Grid, Ring, Source, Stream
from gan_cli.errors import DataError


def test_every_point_comes_once_an_epoch_and_is_a_draw_of_the_density():
    ring = Ring(points=60)
    stream = Stream(ring, 20, seed=1)
    first, second = (torch.cat([next(stream) for _ in range(3)]) for _ in range(2))
    assert stream.size == 60
    assert first.dtype == torch.float32
    assert not torch.equal(first, second), "another order"
    assert torch.equal(first.sort(0).values, second.sort(0).values), "of the same points"
    assert len(first.unique(dim=0)) == 60
    assert (torch.cdist(first, ring.centres).amin(1) < 6 * ring.std).all()


def test_the_points_are_named_by_the_seed():
    one, same, other = (Stream(Grid(points=40), 40, seed) for seed in (1, 1, 2))
    x, y, z = next(one), next(same), next(other)
    assert torch.equal(x, y)
    assert not torch.isin(x, z).any()


def test_the_position_is_all_there_is_to_a_stream_of_points():
    whole, resumed = (Stream(Ring(points=50), 20, 3) for _ in range(2))
    batches = [next(whole) for _ in range(6)]
    resumed.cursor = 4
    assert torch.equal(next(resumed), batches[4])
    assert torch.equal(next(resumed), batches[5])


def test_its_density_is_known_and_what_is_held_out_is_drawn_from_it():
    ring = Ring(points=50)
    stream = Stream(ring, 20, 3)
    assert isinstance(ring, Density) and not isinstance(ring, Source)
    assert ring.modes is not None and len(ring.modes) == 8
    trained_on, held = torch.cat([next(stream) for _ in range(5)]), stream.held_out("now").x
    assert held.shape == (1024, 2)
    assert not torch.isin(held, trained_on).any()
    assert torch.isin(stream.peek(30, "grid"), trained_on).all(), "a picture shows what is learned from"


def test_a_twin_goes_through_the_same_points_in_another_order():
    stream = Stream(Ring(points=40), 40, 0)
    twin = stream.twin()
    x, y = next(stream), next(twin)
    assert not torch.equal(x, y)
    assert torch.equal(x.sort(0).values, y.sort(0).values)


def test_without_points_no_point_comes_twice():
    stream = Stream(Ring(), 500, 0)
    assert stream.size is None
    assert len(torch.cat([next(stream) for _ in range(4)]).unique(dim=0)) == 2000


@pytest.mark.parametrize("points", [0, -5, 10**9])
def test_a_number_of_points_out_of_range_is_refused(points):
    with pytest.raises(ValueError, match=f"points must be 1 to 10,000,000, or null for endless data, got {points}"):
        Ring(points=points)


def test_fewer_points_than_a_batch_are_refused():
    with pytest.raises(DataError, match="has 10 points, fewer than one batch of 32"):
        Stream(Grid(points=10), 32, 0)


def test_a_density_that_is_no_mixture_is_endless():
    assert Stream(Gaussian(), 8, 0).size is None

"""The picture of the table, read by its colours."""

import pytest
import torch

from gan_cli.plots.canvas import FAKE, INK, REAL, Picture
from gan_cli.theory import optimum
from gan_cli.theory_plot import GREEN, PURPLE, picture

BELOW = slice(540, 1020)  # rows of the two lower panels
LEFT, RIGHT = slice(0, 760), slice(760, 1440)


def area(image: Picture, colour: str, place: tuple[slice, slice]) -> int:
    """How many pixels of a part have a colour."""
    wanted = torch.tensor([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((torch.from_numpy(image[place].astype(int)) - wanted).abs().amax(-1).lt(12).sum())


class Flat(torch.nn.Module):
    """A D that says 1/2."""

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        return 0 * x[:, 0]


@pytest.mark.parametrize("shifts", [[0.0], [20.0], [1.0, 1.5]])
def test_it_has_1440_by_1020_pixels_whatever_the_shifts(shifts):
    image = picture(shifts, {}, [])
    assert image.shape == (1020, 1440, 3)
    for colour, side in ((PURPLE, LEFT), (GREEN, LEFT), (REAL, RIGHT), (FAKE, RIGHT)):
        assert area(image, colour, (BELOW, side)) > 500, colour


def test_each_measured_row_is_a_dot_on_every_curve():
    without, rows = picture([1.0, 3.0], {}, []), [optimum(1.0), optimum(3.0)]
    image = picture([1.0, 3.0], {}, rows)
    for colour, side in ((PURPLE, LEFT), (GREEN, LEFT), (REAL, RIGHT), (FAKE, RIGHT)):
        assert area(image, colour, (BELOW, side)) > area(without, colour, (BELOW, side)) + 50, colour


def test_the_trained_D_is_drawn_as_it_is():
    """A flat line at 1/2, across the whole panel: nothing else is as dark there."""
    alone, both = picture([2.0], {}, []), picture([2.0], {2.0: Flat()}, [])
    row = next(y for y in range(200, 400) if area(both, INK, (slice(y, y + 1), slice(200, 1200))) > 900)
    assert area(alone, INK, (slice(row, row + 1), slice(200, 1200))) < 100
    assert row == pytest.approx((0.1 + 0.335 * (1 - 0.53 / 1.13)) * 1020, abs=3)  # its axis goes from -0.03 to 1.1

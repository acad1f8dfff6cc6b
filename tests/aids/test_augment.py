"""Differentiable augmentation: what moves, what is cut out, what keeps its colour, and where gradients go."""

import pytest
import torch
from pytest import approx

from gan_cli.aids import AUGMENTATIONS
from gan_cli.aids.augment import augment, colour, cutout, translation


def images(n=64, channels=3, size=16):
    return torch.rand(n, channels, size, size, generator=torch.Generator().manual_seed(0)) * 2 - 1


@pytest.mark.parametrize("name", AUGMENTATIONS)
class TestEvery:
    def test_keeps_shape_and_type_and_draws_for_each_image(self, name):
        torch.manual_seed(0)
        x = images()[:1].expand(64, -1, -1, -1)
        out = AUGMENTATIONS[name](x)
        assert out.shape == x.shape
        assert out.dtype == x.dtype
        assert len({tuple(image.flatten().tolist()) for image in out}) > 10

    def test_lets_gradients_through(self, name):
        x = images().requires_grad_()
        AUGMENTATIONS[name](x).square().sum().backward()
        assert x.grad.isfinite().all()
        assert (x.grad != 0).float().mean() > 0.3


def test_a_translation_moves_an_image_by_whole_pixels_and_brings_in_mid_grey():
    torch.manual_seed(0)
    x = torch.zeros(500, 1, 16, 16)
    x[:, 0, 8, 8] = 1.0
    out = translation(x)
    assert out.sum((1, 2, 3)).tolist() == [1.0] * 500
    places = out[:, 0].flatten(1).argmax(1)
    rows, columns = places // 16, places % 16
    assert (rows.min().item(), rows.max().item()) == (6, 10), "an eighth of 16 pixels, both ways"
    assert (columns.min().item(), columns.max().item()) == (6, 10)
    assert len(set(zip(rows.tolist(), columns.tolist(), strict=True))) == 25


def test_what_a_translation_shows_is_the_image():
    torch.manual_seed(1)
    x = images(8)
    for before, after in zip(x, translation(x), strict=True):
        shifts = [(a, b) for a in range(-2, 3) for b in range(-2, 3)]
        inner = [before[:, 4 + a : 12 + a, 4 + b : 12 + b] for a, b in shifts]
        assert any(torch.equal(after[:, 4:12, 4:12], part) for part in inner)


def test_a_cutout_is_a_square_of_half_the_side_cut_by_the_edge():
    torch.manual_seed(0)
    holes = (cutout(torch.ones(2000, 2, 16, 16)) == 0).float()
    assert torch.equal(holes[:, 0], holes[:, 1]), "all channels"
    heights, widths = holes[:, 0].amax(2).sum(1), holes[:, 0].amax(1).sum(1)
    assert torch.equal(holes[:, 0].sum((1, 2)), heights * widths), "a rectangle"
    assert (heights.min().item(), heights.max().item()) == (4, 8), "a centre on the edge leaves half of it"
    assert holes[:, 0].mean(0)[8, 8] > holes[:, 0].mean(0)[0, 0] > 0, "the middle is hit more often than the corner"


def test_colour_is_brightness_saturation_and_contrast_by_the_formulas(monkeypatch):
    x, draws = images(4), iter([0.75, 0.25, 0.5])  # brightness +0.25, saturation x 0.5, contrast x 1.0
    monkeypatch.setattr(torch, "rand", lambda *shape, **_: torch.full(shape, next(draws)))
    bright = x + 0.25
    grey = bright.mean(1, keepdim=True)
    assert colour(x).numpy() == approx((grey + 0.5 * (bright - grey)).numpy(), abs=1e-6)


def test_brightness_is_drawn_once_for_an_image_and_contrast_leaves_its_mean():
    torch.manual_seed(0)
    shift = (colour(images(500)) - images(500)).mean((1, 2, 3))
    assert (shift.min() >= -0.5) and (shift.max() <= 0.5)
    assert shift.std().item() == approx(1 / 12**0.5, rel=0.15), "uniform on an interval of length 1"


def test_nothing_asked_for_changes_nothing():
    x = images()
    assert augment(x, []) is x

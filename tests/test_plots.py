"""Plots are read by people; the tests read them by their colours and by what was asked of the functions."""

import subprocess
import sys
from collections.abc import Callable

import numpy as np
import pytest
import torch
from torch import Tensor

from gan_cli.plots import Opinion, against_optimum, densities, line, optimum, phase, plane, scatter, shade
from gan_cli.plots.canvas import FAKE, REAL, Picture, round_up, top_of
from gan_cli.plots.sheet import Sheet

NAN = float("nan")


def square(n: int = 400) -> Tensor:
    """Points on a lattice in [-1, 1]^2."""
    side = torch.linspace(-1, 1, int(n**0.5))
    return torch.cartesian_prod(side, side)


def area(picture: Picture, colour: str, inside: tuple[slice, slice] = (slice(66, 500), slice(115, 500))) -> int:
    """How many pixels of the plot have a colour; the legend lies above row 66 and is left out."""
    wanted = np.array([int(colour[i : i + 2], 16) for i in (1, 3, 5)])
    return int((np.abs(picture[inside].astype(int) - wanted).max(axis=-1) < 12).sum())


def said(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Collects the titles and what the corners say from now on."""
    texts: list[str] = []
    original = Sheet.finish

    def finish(self: Sheet, title: str, corner: str = "") -> Picture:
        texts.extend((title, corner))
        return original(self, title, corner)

    monkeypatch.setattr(Sheet, "finish", finish)
    return texts


def tilt(x: Tensor) -> Tensor:
    """A discriminator that takes the right half for real."""
    return 3 * x[:, 0]


@pytest.mark.parametrize("probability", [False, True])
@pytest.mark.parametrize("logits", [None, tilt, lambda x: 3 * x[:, :1], lambda x: x[:, 0] * 0, lambda x: x[:, 0] * NAN])
def test_a_scatter_plot_has_640_by_560_pixels_whatever_D_says(
    logits: Callable[[Tensor], Tensor] | None, probability: bool
) -> None:
    picture = scatter(square(), square() + 0.05, logits, "step 100", probability)
    assert picture.shape == (560, 640, 3)
    assert picture.dtype == np.uint8
    assert area(picture, REAL) > 500
    assert area(picture, FAKE) > 500


def test_points_far_away_leave_the_picture_of_the_real_data_as_it_is() -> None:
    nothing = scatter(square(), torch.empty(0, 2), None)
    far = scatter(square(), square() + 1e6, None)
    assert np.array_equal(far[:500], nothing[:500])  # below: the numbers of the axis and what the corner says
    assert area(far, FAKE) == 0


@pytest.mark.parametrize(
    ("fake", "corner"),
    [
        (torch.tensor([[0.0, 0.0], [1.0, 1.0]]), ""),
        (torch.tensor([[0.0, 0.0], [9.0, 0.0], [1.0, 1.0]]), "of 3 generated points: 1 outside the picture"),
        (torch.tensor([[NAN, 0.0], [0.0, float("inf")]]), "of 2 generated points: 2 not finite"),
        (
            torch.cat([torch.zeros(1000, 2), torch.full((200, 2), 5.0), torch.full((34, 2), NAN)]),
            "of 1,234 generated points: 1,000 in the ring, 200 outside the picture, 34 not finite",
        ),
    ],
)
def test_the_corner_counts_what_cannot_be_seen(fake: Tensor, corner: str, monkeypatch: pytest.MonkeyPatch) -> None:
    texts = said(monkeypatch)
    scatter(square(), fake, tilt, "title")
    assert texts == ["title", corner]


def test_points_of_one_place_get_a_ring_that_can_be_found() -> None:
    one_place = scatter(square(), torch.full((500, 2), 0.5), None)
    two_places = scatter(square(), torch.tensor([[0.5, 0.5], [-0.5, 0.5]]), None)
    assert area(one_place, FAKE) > 4 * area(two_places, FAKE)


def test_a_cloud_drawn_with_another_is_not_hidden_by_it() -> None:
    x = torch.randn(2000, 2, generator=torch.Generator().manual_seed(0))
    picture = scatter(x, x.flip(0), None)
    assert area(picture, REAL) == pytest.approx(area(picture, FAKE), rel=0.25)


def test_the_plane_takes_the_colour_of_what_D_takes_it_for() -> None:
    """Left of the boundary vermilion, right of it blue, both pale; the same for logits and for probabilities."""
    corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    for probability in (False, True):
        picture = scatter(corners, corners, tilt, probability=probability).astype(int)
        left, right = picture[250, 90], picture[250, 490]
        assert left[0] > left[2] + 50
        assert right[2] > right[0] + 50


def test_half_way_is_white() -> None:
    corners = torch.tensor([[-1.0, -1.0], [1.0, 1.0]])
    picture = scatter(corners, corners, lambda x: 0 * x[:, 0] + 0.001, probability=True)
    assert picture[250, 250].min() > 240


def test_limits_are_a_square_around_the_real_data_with_a_margin() -> None:
    asked: list[Tensor] = []
    scatter(torch.tensor([[0.0, 0.0], [10.0, 1.0]]), torch.zeros(1, 2), lambda x: asked.append(x) or x[:, 0])
    [places] = asked  # D is asked once, for the whole plane
    assert places.amin(0).tolist() == pytest.approx([-2.0, -6.5])  # a margin of 0.2 * 10; y around 0.5
    assert places.amax(0).tolist() == pytest.approx([12.0, 7.5])


def test_D_is_asked_for_its_opinion_and_not_for_gradients() -> None:
    weight = torch.ones(2, requires_grad=True)
    graphs: list[bool] = []

    def critic(x: Tensor) -> Tensor:
        value = x @ weight
        graphs.append(value.requires_grad)
        return value

    scatter(square(), square().requires_grad_(), critic)
    densities(square()[:, :1], square()[:, :1].clone().requires_grad_(), None, lambda x: critic(x.expand(-1, 2)))
    assert graphs == [False, False]


@pytest.mark.parametrize("real", [torch.zeros(5, 2), torch.full((3, 2), NAN), torch.empty(0, 2)])
def test_degenerate_real_data_are_drawn_and_not_refused(real: Tensor) -> None:
    assert scatter(real, real, tilt).shape == (560, 640, 3)
    assert densities(real[:, :1], real[:, :1], None, lambda x: x).shape == (560, 640, 3)


def test_a_title_is_text_and_not_mathematics() -> None:
    assert scatter(square(), square(), None, title="costs $5 or {x").shape == (560, 640, 3)


def normal(x: Tensor) -> Tensor:
    """log of the standard normal density."""
    return torch.distributions.Normal(0.0, 1.0).log_prob(x[:, 0])


def gauss(n: int = 2000) -> Tensor:
    return torch.randn(n, 1, generator=torch.Generator().manual_seed(1))


@pytest.mark.parametrize("log_prob", [normal, None])
@pytest.mark.parametrize("logits", [tilt, None, lambda x: x * NAN])
@pytest.mark.parametrize("probability", [False, True])
@pytest.mark.parametrize("shift", [0.5, 1e6, NAN])
def test_densities_have_640_by_560_pixels_and_always_show_p(
    log_prob: Callable[[Tensor], Tensor] | None,
    logits: Callable[[Tensor], Tensor] | None,
    probability: bool,
    shift: float,
) -> None:
    picture = densities(gauss(), gauss() + shift, log_prob, logits, "step 1", probability)
    assert picture.shape == (560, 640, 3)
    assert area(picture, REAL) > 300


def test_a_histogram_is_a_density_over_all_points_also_those_out_of_sight() -> None:
    points = np.array([[0.1], [0.1], [0.9], [7.0], [NAN]])
    heights = line._histogram(points, np.array([0.0, 0.5, 1.0]))
    assert heights.tolist() == pytest.approx([2 / 5 / 0.5, 1 / 5 / 0.5])


def test_a_peak_of_the_samples_is_cut_and_the_corner_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = said(monkeypatch)
    x = torch.tensor([[0.0], [1.0]])
    densities(x, torch.full((10, 1), 0.5), lambda x: x[:, 0] * 0, None)  # p = 1; 80 bins on [-0.2, 1.2]
    assert texts[-1] == f"$p_G$ reaches {80 / 1.4:.3g} and is cut"


def test_densities_count_what_cannot_be_seen(monkeypatch: pytest.MonkeyPatch) -> None:
    texts = said(monkeypatch)
    densities(gauss(), torch.tensor([[0.0], [0.3], [1e9], [NAN]]), normal, tilt)
    assert texts[-1].startswith("of 4 generated points: 1 outside the picture, 1 not finite")


@pytest.mark.parametrize(
    ("value", "rounded"), [(0.0, 1e-6), (1.0, 1.0), (1.2, 1.5), (11.2, 15.0), (0.037, 0.04), (9.5, 10.0)]
)
def test_a_scale_ends_at_a_number_that_reads_well(value: float, rounded: float) -> None:
    assert round_up(value) == pytest.approx(rounded)


def test_two_drawings_of_the_same_are_the_same() -> None:
    first, again = (scatter(square(), square() * 0.7, tilt, "t", True) for _ in range(2))
    assert np.array_equal(first, again)


SHEETS = (
    plane._plane,
    line._line,
    optimum._line_sheet,
    optimum._plane_sheet,
    sys.modules["gan_cli.plots.phase"]._sheet,
)


def forget() -> None:
    """From here on each picture is drawn from nothing."""
    for sheets in SHEETS:
        sheets.cache_clear()


def turned(angle: float) -> Opinion:
    """The opinion of a D that takes what lies in one direction for real."""
    return Opinion(lambda x: 4 * (x[:, 0] * np.cos(angle) + x[:, -1] * np.sin(angle)), torch.sigmoid)


def compare(x: Tensor, t: float) -> Picture:
    peaks = {"$p$": normal, "$q$": lambda y: normal(y - t) - 0.5}
    return against_optimum(x, x * (1 - t), turned(t), turned(2 * t), (0.0, 1.0), peaks, f"step {t}")


# Of what a run has reached at time t.
DRAWINGS: dict[str, Callable[[float], Picture]] = {
    "points over a probability": lambda t: scatter(square(), square() * (1.5 - t), turned(t), f"{t}", True),
    "points over a score": lambda t: scatter(square(), square() + t, lambda x: 9 * x[:, 0] + t, f"{t}"),
    "points that fall together": lambda t: scatter(square(), square() * min(t, 1 - t) / 50, None, f"{t}"),
    "a D that breaks": lambda t: scatter(square(), square(), lambda x: x[:, 0] * (NAN if t else 1), f"{t}", True),
    "densities": lambda t: densities(gauss(), gauss() * (1 - 0.1 * t), normal, tilt, f"{t}", True),
    "histograms": lambda t: densities(gauss(), gauss() + t, None, lambda x: tilt(x) * 1e-3 + t, f"{t}"),
    "the optimum in the plane": lambda t: compare(square(), t),
    "the optimum on the line": lambda t: compare(gauss(), t),
    "a path": lambda t: phase([(1.0, 0.5), (0.3, t)], lambda theta, psi: (psi, t - theta), f"{t}"),
}


@pytest.mark.parametrize("name", DRAWINGS)
def test_a_picture_is_the_same_whatever_was_drawn_before_it(name: str) -> None:
    """What a resumed process draws first is what it would have drawn last."""
    draw = DRAWINGS[name]
    forget()
    alone = draw(0.25)
    for before in (1.0, 0.0, 0.25):
        draw(before)
    assert np.array_equal(draw(0.25), alone)
    assert not np.array_equal(draw(0.5), alone)


@pytest.mark.parametrize("name", [name for name in DRAWINGS if name not in ("a D that breaks", "histograms", "a path")])
def test_the_next_picture_makes_no_new_figure_axes_or_artist(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from matplotlib.artist import Artist

    DRAWINGS[name](0.25)
    made = []
    original = Artist.__init__
    monkeypatch.setattr(Artist, "__init__", lambda self: (made.append(type(self).__name__), original(self))[1])
    DRAWINGS[name](0.26)
    assert made == []


def test_the_axis_of_densities_has_few_ends() -> None:
    ends = {top_of(0.4, peak) for peak in np.linspace(0, 5, 1000)}
    assert len(ends) == 7
    assert all(top_of(0.4, peak) > peak for peak in np.linspace(0, 1.2, 100))
    assert top_of(0.0, 0.0) > 0


def test_colours_are_bands_from_the_first_row_below_to_the_last_above() -> None:
    rows = torch.tensor([[-9.0, NAN], [0.001, 9.0]])
    shown = shade.bands(rows, -1.0, 1.0)
    assert shown[1, 0, 0] > shown[1, 0, 2] + 50, "vermilion, below and left"
    assert shown[1, 1].tolist() == [255] * 4, "what is not finite is white"
    assert shown[0, 0].min() > 240, "next to the decision value: nearly white"
    assert shown[0, 1, 2] > shown[0, 1, 0] + 50, "blue"


def test_values_between_places_are_those_of_a_smooth_function() -> None:
    def wave(side: int) -> Tensor:
        t = torch.linspace(-3, 3, side)
        return torch.sin(t)[:, None] * torch.cos(2 * t)

    assert (shade.enlarge(wave(64), 440) - wave(440)).abs().max() < 5e-4
    broken = wave(64)
    broken[10, 20] = NAN
    shown = shade.enlarge(broken, 64 * 7 - 6)
    assert 20 < shown.isnan().sum() < 80, "one place of 7 x 7 pixels"
    assert shown[70, 140].isnan()


def test_a_boundary_is_where_D_decides() -> None:
    t = torch.linspace(-2, 2, 64)
    found = shade.boundary(t.square()[:, None] + t.square() - 1, (-2, 2), (-2, 2))
    radii = np.hypot(*found[np.isfinite(found).all(axis=1)].T)
    assert len(radii) > 100
    assert abs(radii - 1).max() < 0.005
    assert len(shade.boundary(torch.ones(8, 8), (-2, 2), (-2, 2))) == 0


def test_matplotlib_waits_for_the_first_picture_and_pyplot_never_comes() -> None:
    script = """
import sys, torch
from gan_cli.plots import scatter
assert "matplotlib" not in sys.modules
scatter(torch.zeros(2, 2), torch.zeros(2, 2), None)
assert "matplotlib" in sys.modules and "matplotlib.pyplot" not in sys.modules
"""
    subprocess.run([sys.executable, "-c", script], check=True)

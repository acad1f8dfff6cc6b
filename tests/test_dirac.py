"""The Dirac-GAN (Mescheder, Geiger, Nowozin 2018, arXiv:1801.04406): what theory says of it happens.

Beside the project's own losses, penalties and steps stand the maps that theory writes down, in plain numbers: both go
the same way, and what holds for the one after 500 steps holds for the other. docs/theory.md derives every number.
"""

import cmath
import math
from collections.abc import Callable, Iterator
from itertools import islice, pairwise

import numpy as np
import pytest
import torch
from conftest import choices, make_run, train_in
from pytest import approx
from torch.optim import SGD

from gan_cli import checkpoint
from gan_cli.aids import Aids
from gan_cli.data import Point, Stream
from gan_cli.dirac import figures, gradient_field, logged, picture
from gan_cli.loop import turn
from gan_cli.losses import Hinge, LeastSquares, Loss, Minimax, NonSaturating, Relativistic, Wasserstein
from gan_cli.models.dirac import Discriminator, Generator
from gan_cli.penalties import R1, R1R2, Clip, GradientPenalty, NoPenalty, Penalty
from gan_cli.plots import phase
from gan_cli.priors import Normal
from gan_cli.run import Run
from gan_cli.settings import TrainConfig
from gan_cli.steps import discriminator_gradient, discriminator_step, generator_gradient, generator_step

H = 0.2  # the learning rate
ORDERS = ("simultaneous", "alternating", "G first")  # alternating is D first, as in Algorithm 1

Place = tuple[float, float]
Game = tuple[Loss, Penalty, Callable[[float, float], float], Callable[[float, float], float]]


def sigma(t: float) -> float:
    return 0.5 * (1 + math.tanh(t / 2))


# Loss, penalty, and where theta and psi go: minus the derivatives, by hand, t = theta and p = psi.
GAMES: dict[str, Game] = {
    "minimax": (Minimax(), NoPenalty(), lambda t, p: sigma(t * p) * p, lambda t, p: -sigma(t * p) * t),
    "nonsaturating": (NonSaturating(), NoPenalty(), lambda t, p: sigma(-t * p) * p, lambda t, p: -sigma(t * p) * t),
    "relativistic": (Relativistic(), NoPenalty(), lambda t, p: sigma(-t * p) * p, lambda t, p: -sigma(t * p) * t),
    "least squares": (
        *(LeastSquares(fake_label=-1.0), NoPenalty()),
        *(lambda t, p: (1 - t * p) * p, lambda t, p: -(1 + t * p) * t),
    ),
    "hinge": (Hinge(), NoPenalty(), lambda t, p: p, lambda t, p: -t if t * p > -1 else 0.0),
    "wasserstein": (Wasserstein(), NoPenalty(), lambda t, p: p, lambda t, p: -t),
    "clip": (Wasserstein(), Clip(0.5), lambda t, p: p, lambda t, p: -t),
    "wgan-gp": (
        *(Wasserstein(), GradientPenalty(0.35)),
        *(lambda t, p: p, lambda t, p: -t - 2 * 0.35 * (abs(p) - 1) * math.copysign(1, p)),
    ),
    "r1": (NonSaturating(), R1(0.3), lambda t, p: sigma(-t * p) * p, lambda t, p: -sigma(t * p) * t - 0.3 * p),
    "r1, critical": (NonSaturating(), R1(1.0), lambda t, p: sigma(-t * p) * p, lambda t, p: -sigma(t * p) * t - p),
    "r1r2": (Relativistic(), R1R2(0.5), lambda t, p: sigma(-t * p) * p, lambda t, p: -sigma(t * p) * t - p),
}


def play(
    loss: Loss, penalty: Penalty, order: str = "alternating", aids: Aids | None = None, batch: int = 1,
    start: Place = (1.0, 1.0),
) -> Run:  # fmt: skip
    """A run as the builder would make it, without a config."""
    cfg = TrainConfig(steps=500, batch_size=batch, updates="simultaneous" if order == "simultaneous" else "alternating")
    G, D = Generator((1,), start=start[0]), Discriminator((1,), start=start[1])
    opt_G, opt_D = (SGD(net.parameters(), lr=H) for net in (G, D))
    reals = Stream(Point(), batch, seed=0)
    aids = aids or Aids()
    return Run(cfg, 0, torch.device("cpu"), 500, reals, Normal(1), G, D, loss, penalty, opt_G, opt_D, None, aids)


def places(run: Run, order: str) -> Iterator[Place]:
    """(theta, psi) after each step of the project."""
    while True:
        if order == "G first":
            x = next(run.reals)
            generator_step(run, x)
            discriminator_step(run, x)
        else:
            turn(run)
        run.step += 1
        yield run.G.theta.item(), run.D.psi.item()


def theory(game: str, order: str, start: Place = (1.0, 1.0)) -> Iterator[Place]:
    """(theta, psi) after each step of the map by hand."""
    _, penalty, g, d = GAMES[game]
    bound = penalty.value if isinstance(penalty, Clip) else math.inf
    t, p = start
    while True:
        if order == "G first":
            t += H * g(t, p)
        new = max(-bound, min(bound, p + H * d(t, p)))
        if order != "G first":
            t += H * g(t, new if order == "alternating" else p)
        p = new
        yield t, p


def distances(game: str, order: str, n: int = 500, start: Place = (1.0, 1.0)) -> list[float]:
    """From (0, 0), before the first step and after each of n."""
    return [math.hypot(*start), *(math.hypot(*place) for place in islice(theory(game, order, start), n))]


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("game", GAMES)
def test_the_steps_of_the_project_are_the_maps_of_theory(game, order):
    loss, penalty, *_ = GAMES[game]
    ours, by_hand = places(play(loss, penalty, order), order), theory(game, order)
    assert np.array([*islice(ours, 40)]) == approx(np.array([*islice(by_hand, 40)]), rel=1e-4, abs=1e-5)


# After 500 steps of 0.2 from (1, 1)
TABLE = {
    "minimax": (3.353, 1.339, 1.495),
    "nonsaturating": (0.6402, 0.2839, 0.2706),
    "relativistic": (0.6402, 0.2839, 0.2706),
    "least squares": (0.6398, 0.1457, 0.1338),
    "hinge": (1.404, 1.398, 1.434),
    "wasserstein": (2.564e4, 1.398, 1.434),
    "clip": (0.5379, 0.4828, 0.5243),
    "wgan-gp": (1.758, 1.286, 1.283),
    "r1": (3.249e-6, 2.391e-7, 2.547e-7),
    "r1, critical": (2.502e-21, 1.468e-16, 1.606e-16),
    "r1r2": (2.502e-21, 1.468e-16, 1.606e-16),
}


@pytest.mark.parametrize("game", GAMES)
def test_the_distance_after_500_steps(game):
    assert [distances(game, order)[-1] for order in ORDERS] == approx(TABLE[game], rel=1e-3)


@pytest.mark.slow
@pytest.mark.parametrize("order", ORDERS[:2])
@pytest.mark.parametrize("name", [name for name in choices("experiment") if name.startswith("dirac/")])
def test_the_recipes_end_where_theory_says(name, order):
    games = {"wgan_clip": "clip", "r1r2": "r1r2", "least_squares": "least squares"}
    game = games.get(name.removeprefix("dirac/"), name.removeprefix("dirac/"))
    gp = ["penalty.weight=0.35"] if game == "wgan_gp" else []
    ends = [*islice(places(make_run(f"experiment={name}", f"train.updates={order}", *gp), order), 500)]
    if game == "instance_noise":
        assert max(math.hypot(*place) for place in ends[-100:]) < 0.06  # 5 standard deviations: see below
    else:
        expected = TABLE[game.replace("wgan_gp", "wgan-gp")][ORDERS.index(order)]
        # the hinge lets go at a sharp edge: rounding decides at which step
        assert math.hypot(*ends[-1]) == approx(expected, rel=0.1 if name == "dirac/hinge" else 2e-3)


# What does not converge


def test_minimax_goes_round_for_ever_or_outwards_at_every_step():
    round_and_round = distances("minimax", "alternating", 5000)
    assert min(round_and_round) > 1.33
    assert max(round_and_round) < 1.43
    for start in ((1.0, 1.0), (1e-3, 0.0)):
        assert all(after > before for before, after in pairwise(distances("minimax", "simultaneous", 500, start)))


def test_simultaneous_wgan_grows_by_the_same_factor_at_every_step():
    factors = [after / before for before, after in pairwise(distances("wasserstein", "simultaneous"))]
    assert factors == approx([math.sqrt(1 + H**2)] * 500)


@pytest.mark.parametrize("game", ["wasserstein", "hinge"])
def test_alternating_wgan_and_hinge_stay_on_an_ellipse(game):
    """theta^2 + psi^2 - h theta psi is the same at every step, so that the distance falls no more than it rises."""
    ways = [(1.0, 1.0), *islice(theory(game, "alternating"), 5000)]
    assert [t**2 + p**2 - H * t * p for t, p in ways] == approx([2 - H] * 5001)
    low, high = math.sqrt((2 - H) / (1 + H / 2)), math.sqrt((2 - H) / (1 - H / 2))
    assert all(low - 1e-9 < math.hypot(*place) < high + 1e-9 for place in ways)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize(("game", "least"), [("clip", 0.4), ("wgan-gp", 0.9), ("hinge", 1.2)])
def test_clipping_a_target_of_1_and_the_hinge_never_come_near(game, least, order):
    assert min(distances(game, order, 5000)) > least


@pytest.mark.parametrize("game", ["clip", "wgan-gp", "hinge"])
def test_from_next_to_the_equilibrium_a_simultaneous_step_leads_away(game):
    assert min(distances(game, "simultaneous", 5000, (1e-3, 0.0))[1000:]) > 0.4


def test_wgan_gp_pushes_D_away_from_its_equilibrium_in_one_step():
    assert distances("wgan-gp", "alternating", 1, (1e-3, 1e-3))[1] > 0.1


def test_simultaneous_nonsaturating_comes_to_a_circle_from_both_sides():
    """Each step adds h^2 r^2 / 4 to r^2, and the loss takes h r^4 / 8, a turn's mean: they balance at r^2 = 2h."""
    for start in ((1.0, 1.0), (0.1, 0.0)):
        assert np.mean(distances("nonsaturating", "simultaneous", 3000, start)[-1000:]) == approx(
            math.sqrt(2 * H), rel=0.02
        )


def test_alternating_nonsaturating_falls_as_one_over_the_root_of_the_steps():
    """It has no rate: 1 / r^2 grows by h / 8 a step, and each further factor costs a hundred times the steps."""
    r = distances("nonsaturating", "alternating", 40_000)
    for n in (500, 5000, 40_000):
        assert r[n] == approx(math.sqrt(8 / (H * n)), rel=0.1)
    rates = [(r[2 * n] / r[n]) ** (1 / n) for n in (200, 2000, 20_000)]
    assert [1 - rate for rate in rates] == approx([math.log(2) / 2 / n for n in (200, 2000, 20_000)], rel=0.25)


# The gradient field at the equilibrium, and how fast it draws


def jacobian(loss: Loss, penalty: Penalty, noise_std: float = 0.0) -> torch.Tensor:
    """Of the field (theta, psi) to its direction at (0, 0), through the project's loss and penalty."""

    def field(place: torch.Tensor) -> torch.Tensor:
        return torch.cat(gradient_field(loss, penalty, place[:1], place[1:], noise_std))

    jacobian: torch.Tensor = torch.autograd.functional.jacobian(field, torch.zeros(2, dtype=torch.float64))
    return jacobian


def roots(damping: float, turning: float) -> list[complex]:
    """Of x^2 + damping x + turning^2: the eigenvalues where D is damped and both players turn about each other."""
    spread = cmath.sqrt(damping**2 / 4 - turning**2)
    return [-damping / 2 - spread, -damping / 2 + spread]


LOCAL: dict[str, tuple[Loss, Penalty, float, float, float]] = {  # ..., std of the noise, damping, turning
    "minimax": (Minimax(), NoPenalty(), 0.0, 0.0, 0.5),
    "nonsaturating": (NonSaturating(), NoPenalty(), 0.0, 0.0, 0.5),
    "relativistic": (Relativistic(), NoPenalty(), 0.0, 0.0, 0.5),
    "least squares": (LeastSquares(fake_label=-1.0), NoPenalty(), 0.0, 0.0, 1.0),
    "hinge": (Hinge(), NoPenalty(), 0.0, 0.0, 1.0),
    "wasserstein": (Wasserstein(), NoPenalty(), 0.0, 0.0, 1.0),
    "r1 0.3": (NonSaturating(), R1(0.3), 0.0, 0.3, 0.5),
    "r1 1": (NonSaturating(), R1(1.0), 0.0, 1.0, 0.5),
    "r1 2": (NonSaturating(), R1(2.0), 0.0, 2.0, 0.5),
    "minimax r1": (Minimax(), R1(0.3), 0.0, 0.3, 0.5),
    "wasserstein r1": (Wasserstein(), R1(0.3), 0.0, 0.3, 1.0),
    "r1r2": (Relativistic(), R1R2(0.5), 0.0, 1.0, 0.5),
    "noise 1": (NonSaturating(), NoPenalty(), 1.0, 0.5, 0.5),
    "noise sqrt 2": (NonSaturating(), NoPenalty(), math.sqrt(2), 1.0, 0.5),
    "noise 2": (NonSaturating(), NoPenalty(), 2.0, 2.0, 0.5),
    "minimax noise": (Minimax(), NoPenalty(), 1.0, 0.5, 0.5),
    "relativistic noise": (Relativistic(), NoPenalty(), 1.0, 0.5, 0.5),
    "wasserstein noise": (Wasserstein(), NoPenalty(), 1.0, 0.0, 1.0),  # f is a line: noise does nothing
}


@pytest.mark.parametrize("game", LOCAL)
def test_the_eigenvalues_of_the_gradient_field(game):
    loss, penalty, noise, damping, turning = LOCAL[game]
    found = torch.linalg.eigvals(jacobian(loss, penalty, noise)).tolist()
    key = lambda x: (round(x.real, 6), round(x.imag, 6))  # noqa: E731
    assert sorted(found, key=key) == approx(sorted(roots(damping, turning), key=key), abs=1e-7)


@pytest.mark.parametrize(
    ("game", "values"),
    [
        ("nonsaturating", [-0.5j, 0.5j]),
        ("wasserstein", [-1j, 1j]),
        ("r1 0.3", [-0.15 - 0.4770j, -0.15 + 0.4770j]),
        ("r1 1", [-0.5, -0.5]),
        ("r1 2", [-1.8660, -0.1340]),
        ("r1r2", [-0.5, -0.5]),
    ],
)
def test_the_eigenvalues_in_figures(game, values):
    assert roots(*LOCAL[game][3:]) == approx(values, abs=5e-5)


@pytest.mark.parametrize("noise", [0.5, 1.0, 2.0])
def test_the_eigenvalues_under_instance_noise_are_those_of_the_paper(noise):
    """Their f(t) = -log(1 + exp(-t)) has f'(0) = 1/2 and f''(0) = -1/4: f'' s^2 +- sqrt(f''^2 s^4 - f'^2)."""
    first, second = 0.5, -0.25
    spread = cmath.sqrt(second**2 * noise**4 - first**2)
    assert roots(noise**2 / 2, 0.5) == approx([second * noise**2 - spread, second * noise**2 + spread])


def operator(field: torch.Tensor, order: str) -> torch.Tensor:
    """The update of one step near the equilibrium: I + hJ, or the product of two half steps, each with a row of J."""
    one = torch.eye(2, dtype=torch.float64)
    if order == "simultaneous":
        return one + H * field
    g, d = (one + H * torch.diag(which) @ field for which in torch.eye(2, dtype=torch.float64))
    return g @ d if order == "alternating" else d @ g


def radius(matrix: torch.Tensor) -> float:
    return float(torch.linalg.eigvals(matrix).abs().max())


def radius_by_hand(damping: float, turning: float, order: str) -> float:
    """From trace and determinant: those of I + hJ, and those of the product, the same whoever moves first."""
    both = (H * turning) ** 2
    if order == "simultaneous":
        trace, det = 2 - H * damping, 1 - H * damping + both
    else:
        trace, det = 2 - H * damping - both, 1 - H * damping
    spread = cmath.sqrt(trace**2 / 4 - det)
    return max(abs(trace / 2 - spread), abs(trace / 2 + spread))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("game", LOCAL)
def test_the_spectral_radius_of_an_update(game, order):
    loss, penalty, noise, damping, turning = LOCAL[game]
    found = radius(operator(jacobian(loss, penalty, noise), order))
    assert found == approx(radius_by_hand(damping, turning, order), abs=1e-7)
    if damping:
        assert found < 1
    elif order == "simultaneous":
        assert found == approx(math.sqrt(1 + (H * turning) ** 2))  # > 1: outwards
    else:
        assert found == approx(1, abs=1e-12)  # neither


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("game", [name for name in LOCAL if "noise" not in name])
def test_a_step_contracts_by_the_spectral_radius(game, order):
    """Measured on 20 steps of the project from two places next to the equilibrium, which make a matrix."""
    loss, penalty, _, damping, turning = LOCAL[game]
    small, n = 1e-3, 20
    ends = [
        next(islice(places(play(loss, penalty, order, start=start), order), n - 1, None))
        for start in ((small, 0.0), (0.0, small))
    ]
    measured = radius(torch.tensor(ends, dtype=torch.float64).T / small) ** (1 / n)
    assert measured == approx(radius_by_hand(damping, turning, order), rel=1e-3)


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("game", ["r1", "r1r2"])
def test_regularised_games_keep_their_rate_down_to_the_last_digit(game, order):
    rate = radius_by_hand(*{"r1": (0.3, 0.5), "r1r2": (1.0, 0.5)}[game], order)
    way = distances(game, order, 1000)
    assert (way[1000] / way[400]) ** (1 / 600) == approx(rate, rel=4e-3)


# Instance noise: an expectation, and samples of it


@pytest.mark.parametrize("loss", [NonSaturating(), Minimax(), Relativistic()])
def test_the_noisy_steps_have_the_field_of_the_quadrature_for_a_mean(loss):
    run = play(loss, NoPenalty(), aids=Aids(instance_noise=0.8), batch=200_000, start=(0.7, 0.9))
    torch.manual_seed(0)
    x = next(run.reals)
    discriminator_gradient(run, x)
    d = -run.D.psi.grad.item()
    generator_gradient(run, x)
    g = -run.G.theta.grad.item()
    exact = gradient_field(loss, NoPenalty(), *torch.tensor([[0.7], [0.9]], dtype=torch.float64), noise_std=0.8)
    # one sample's slopes have a std below 2: 5 standard errors, passed by 1 of 1.7 million seeds
    assert (g, d) == approx([value.item() for value in exact], abs=5 * 2 / math.sqrt(200_000))


@pytest.mark.parametrize("order", ORDERS[:2])
@pytest.mark.parametrize("noise", [1.0, 2.0])
def test_instance_noise_contracts_by_the_spectral_radius(noise, order):
    """By the exact expectation: 20 steps of two games at once, started next to the equilibrium."""
    small, n = 1e-3, 20
    theta, psi = small * torch.eye(2, dtype=torch.float64)
    for _ in range(n):
        g, d = gradient_field(NonSaturating(), NoPenalty(), theta, psi, noise)
        moved = (psi + H * d).detach()
        if order == "alternating":
            g, _ = gradient_field(NonSaturating(), NoPenalty(), theta, moved, noise)
        theta, psi = (theta + H * g).detach(), moved
    measured = radius(torch.stack([theta, psi]) / small) ** (1 / n)
    assert measured == approx(radius_by_hand(noise**2 / 2, 0.5, order), rel=1e-4)


def test_a_noisy_run_comes_as_near_as_its_batch_allows():
    run = play(NonSaturating(), NoPenalty(), aids=Aids(instance_noise=1.0), batch=1024)
    torch.manual_seed(0)
    ends = [math.hypot(*place) for place in islice(places(run, "alternating"), 160)]
    # At the equilibrium psi's slope has the std sqrt(1/2) / sqrt(1024), theta's none: the walk that a step of it feeds
    # has the covariance that solves C = M C M' + step.
    M = operator(jacobian(NonSaturating(), NoPenalty(), 1.0), "alternating")
    kick = H * math.sqrt(0.5 / 1024) * torch.tensor([[H * 0.5], [1.0]], dtype=torch.float64)
    C = kick @ kick.T
    for _ in range(500):
        C = M @ C @ M.T + kick @ kick.T
    assert max(ends[-40:]) < 5 * math.sqrt(float(C.trace()))  # half of it is 0.012
    assert distances("nonsaturating", "alternating", 160)[-1] > 0.4


# What is shown


def test_a_path_is_logged_and_drawn_and_a_resume_changes_neither(tmp_path):
    settings = ("experiment=dirac/minimax", "train.sample_every=4", "train.checkpoint_every=4")
    train_in(tmp_path / "whole", *settings, "train.steps=12")
    train_in(tmp_path / "parts", *settings, "train.steps=6")
    newest = checkpoint.available(tmp_path / "parts" / "checkpoints")[0]
    state = checkpoint.load(newest)
    train_in(tmp_path / "parts", *settings, "train.steps=12", state=state)
    for name in ("metrics.jsonl", "samples/step-000000008.png", "samples/step-000000012.png"):
        assert (tmp_path / "parts" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    way = logged(tmp_path / "whole", step=9)
    assert np.array(way) == approx(np.array([*islice(theory("minimax", "alternating"), 8)]), rel=1e-5)


def test_figures_are_those_of_the_players_and_other_networks_have_none():
    run = play(NonSaturating(), NoPenalty(), start=(3.0, -4.0))
    assert {name: float(value) for name, value in figures(run).items()} == {
        "dirac/theta": 3.0,
        "dirac/psi": -4.0,
        "dirac/distance": 5.0,
    }
    other = make_run("model=mlp", "dataset=point", "model.width=4")
    assert figures(other) == {}
    assert picture(other) is None


def test_drawing_the_gradients_moves_no_player():
    run = play(Wasserstein(), GradientPenalty())
    assert picture(run).shape == (560, 640, 3)
    assert run.G.theta.grad is None
    assert run.D.psi.grad is None


def test_the_field_of_many_places_is_the_field_of_each():
    theta, psi = torch.randn(2, 7, dtype=torch.float64, generator=torch.Generator().manual_seed(0))
    loss, penalty = Relativistic(), R1R2(0.5)
    together = torch.stack(gradient_field(loss, penalty, theta, psi))
    alone = [torch.cat(gradient_field(loss, penalty, t, p)) for t, p in zip(theta.split(1), psi.split(1), strict=True)]
    assert together.detach().numpy() == approx(torch.stack(alone).T.detach().numpy())


@pytest.mark.parametrize("now", [(0.5, 0.0), (9.0, 0.0), (-3e4, 2e4), (1.0, 1.0)])
def test_the_plane_holds_the_path_however_far_it_goes(now):
    dot = np.abs(phase([(1.0, 1.0), now])[66:500].astype(int) - (0xD5, 0x5E, 0)).max(axis=-1) < 12
    assert dot.sum() > 50


def test_a_field_is_drawn_where_it_is_known():
    plain = phase([(1.0, 1.0)])
    assert (phase([(1.0, 1.0)], lambda t, p: (p, -t)) != plain).any()
    assert (phase([(1.0, 1.0)], lambda t, p: (t * 0, p * np.nan)) == plain).all()


# The parts


def test_the_data_are_one_place():
    assert Point().sample(3, torch.Generator()).tolist() == [[0.0]] * 3
    assert Point().log_prob(torch.tensor([[0.0], [1e-9]])).tolist() == [math.inf, -math.inf]


@pytest.mark.parametrize("player", [Generator, Discriminator])
def test_players_of_one_number_refuse_others(player):
    with pytest.raises(ValueError, match=r"data give \[1, 16, 16\]; use dataset=point"):
        player((1, 16, 16))
    with pytest.raises(ValueError, match="start must be finite, got inf"):
        player((1,), start=math.inf)


def test_a_start_is_where_the_players_are():
    run = make_run("dataset=point", "model=dirac", "model.theta=0.5", "model.discriminator.start=-2")
    z = torch.randn(3, 5)
    assert run.G(z).tolist() == [[0.5]] * 3
    assert run.D(torch.tensor([[1.0], [3.0]])).tolist() == [-2.0, -6.0]

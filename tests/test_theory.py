"""The closed forms and the quadrature against tables, known identities and each other."""

import math

import pytest
import torch
from torch import Tensor
from torch.nn.functional import softplus

from gan_cli.losses import Hinge, LeastSquares, Loss, Minimax, NonSaturating, Relativistic, Wasserstein, total
from gan_cli.theory import (
    LOG_2,
    LOG_4,
    expectation,
    js,
    kl,
    kl_normals,
    lattice,
    log_normal,
    optimal_logit,
    optimum,
    pair_js,
    total_variation,
    triangular,
    value,
    w1_normals,
)

# V, D's loss, JS, accuracy, mean D(G(z)), and G's two slopes, computed once with adaptive quadrature.
TABLE = {
    0: (-1.3863, 1.3863, 0, 0.5, 0.5, 0, 0),
    0.5: (-1.3257, 1.3257, 0.0303, 0.5987, 0.4705, 0.2353, 0.2647),
    1: (-1.1635, 1.1635, 0.1114, 0.6915, 0.3980, 0.3980, 0.6020),
    2: (-0.7126, 0.7126, 0.3368, 0.8413, 0.2248, 0.4496, 1.5504),
    3: (-0.3327, 0.3327, 0.5268, 0.9332, 0.0986, 0.2959, 2.7041),
    4: (-0.1209, 0.1209, 0.6327, 0.9772, 0.0343, 0.1372, 3.8628),
    8: (-0.0002, 0.0002, 0.6931, 1.0, 0, 0.0004, 7.9996),
}
SHIFTS = [0.5, 1.0, 2.0, 4.0]


def shifted(mu: float, places: int = 4000) -> tuple[Tensor, Tensor, float]:
    """log densities of N(0, 1) and N(mu, 1) on a lattice, and its cell."""
    x, cell = lattice(-12.0, mu + 12.0, places=places)
    return log_normal(x), log_normal(x, mu), cell


def weighted(loss: Loss, logit: Tensor, log_p: Tensor, log_q: Tensor, cell: float) -> float:
    """D's loss over densities: a loss is a mean over samples, and each place of the lattice is one in its turn."""
    each = [loss.discriminator(here[None], here[None]) for here in logit]
    on_real, on_fake = (torch.stack([parts[name] for parts in each]) for name in ("real", "fake"))
    return expectation(log_p, on_real, cell) + expectation(log_q, on_fake, cell)


@pytest.mark.parametrize("mu", TABLE)
def test_a_row_of_the_table_to_four_digits(mu):
    row = optimum(mu)
    found = (row.value, row.d_loss, row.js, row.accuracy, row.d_g_z, row.slope_minimax, row.slope_nonsaturating)
    assert found == pytest.approx(TABLE[mu], abs=0.51e-4)
    assert row.mu == mu


def test_the_table_looks_the_same_from_the_left():
    left, right = optimum(-2.0), optimum(2.0)
    assert [*vars(left).values()][1:] == pytest.approx([*vars(right).values()][1:], abs=1e-12)


@pytest.mark.parametrize("mu", SHIFTS)
def test_the_slopes_are_those_of_the_expectations_with_D_held_fixed(mu):
    """Central differences: D stays that of mu while q moves."""
    x, cell = lattice(-12.0, mu + 12.0)
    logit, h = optimal_logit(log_normal(x), log_normal(x, mu)), 1e-3

    def slope(f: Tensor) -> float:
        ahead, behind = (expectation(log_normal(x, mu + step), f, cell) for step in (h, -h))
        return (ahead - behind) / (2 * h)

    assert slope(-softplus(logit)) == pytest.approx(optimum(mu).slope_minimax, abs=1e-5)
    assert slope(softplus(-logit)) == pytest.approx(optimum(mu).slope_nonsaturating, abs=1e-5)


@pytest.mark.parametrize("mu", SHIFTS)
def test_minimax_descends_js_and_the_nonsaturating_loss_kl_minus_two_js(mu):
    """Arjovsky and Bottou 2017, theorem 2.5. D moves along with mu on the left, and is held fixed on the right."""
    h = 1e-3

    def slope(f) -> float:
        return (f(*shifted(mu + h)) - f(*shifted(mu - h))) / (2 * h)

    assert slope(lambda p, q, cell: 2 * js(p, q, cell)) == pytest.approx(optimum(mu).slope_minimax, abs=1e-5)
    reverse = slope(lambda p, q, cell: kl(q, p, cell) - 2 * js(p, q, cell))
    assert reverse == pytest.approx(optimum(mu).slope_nonsaturating, abs=1e-5)


@pytest.mark.parametrize("mu", SHIFTS)
def test_the_means_of_the_optimal_D_add_up_to_1_and_differ_by_the_triangular_discrimination(mu):
    log_p, log_q, cell = shifted(mu)
    D = optimal_logit(log_p, log_q).sigmoid()
    on_data, on_samples = expectation(log_p, D, cell), expectation(log_q, D, cell)
    assert on_data + on_samples == pytest.approx(1)
    assert on_data - on_samples == pytest.approx(triangular(log_p, log_q, cell))


@pytest.mark.parametrize(("mu", "told"), [(0.0, 0.69), (1.0, 1.08), (2.0, 2.36), (8.0, 32.0)])
def test_the_nonsaturating_loss_is_no_read_out(mu, told):
    """With D* it is log 2 + KL(q||p) - KL(q||m); with a D that knows nothing log 2, whatever q is."""
    log_p, log_q, cell = shifted(mu)
    found = expectation(log_q, softplus(-optimal_logit(log_p, log_q)), cell)
    middle = torch.logaddexp(log_p, log_q) - LOG_2
    assert found == pytest.approx(LOG_2 + kl(log_q, log_p, cell) - kl(log_q, middle, cell))
    assert found == pytest.approx(told, abs=0.005)
    assert expectation(log_q, softplus(0 * log_p), cell) == pytest.approx(LOG_2)


def test_the_gradient_of_minimax_is_largest_at_a_shift_of_1_point_6():
    assert max((m / 10 for m in range(1, 60)), key=lambda mu: optimum(mu).slope_minimax) == 1.6


def test_logs_of_probabilities_break_where_logits_do_not():
    """What docs/theory.md says of public code, in float32."""
    logit = torch.tensor([17.0, -20.0], requires_grad=True)
    assert (1 - logit.sigmoid()).log()[0] == -math.inf
    assert -softplus(logit)[0].item() == pytest.approx(-17, abs=1e-6)
    for loss, slope in ((-(logit.sigmoid() + 1e-8).log(), -0.17), (softplus(-logit), -1.0)):
        (found,) = torch.autograd.grad(loss.sum(), logit)
        assert found[1] == pytest.approx(slope, abs=0.005)


def test_in_probabilities_the_value_of_a_shift_of_2_is_minus_infinity_and_in_logits_it_is_not():
    log_p, log_q, cell = (t.float() if isinstance(t, Tensor) else t for t in shifted(2.0))
    d = log_p.exp() / (log_p.exp() + log_q.exp())  # 1, rounded, where q is small and not 0
    in_probabilities = (log_p.exp() * d.log() + log_q.exp() * (1 - d).log()).nansum() * cell
    assert in_probabilities == -math.inf
    assert value(optimal_logit(log_p, log_q), log_p, log_q, cell) == pytest.approx(TABLE[2][0], abs=0.51e-4)


@pytest.mark.parametrize("mu", SHIFTS)
def test_no_other_D_has_a_higher_value_than_the_optimal_one(mu):
    log_p, log_q, cell = shifted(mu)
    best = optimal_logit(log_p, log_q)
    for other in (best + 0.1, 0.9 * best, best + best.sin(), 0 * best):
        assert value(other, log_p, log_q, cell) < value(best, log_p, log_q, cell) - 1e-5


def test_a_D_that_knows_nothing_has_the_value_minus_log_4_against_any_G():
    for mu in SHIFTS:
        log_p, log_q, cell = shifted(mu)
        assert value(0 * log_p, log_p, log_q, cell) == pytest.approx(-LOG_4)


@pytest.mark.parametrize("mu", SHIFTS)
def test_distances_of_a_shift_have_closed_forms(mu):
    log_p, log_q, cell = shifted(mu, places=100_000)
    share = math.erf(mu / math.sqrt(8))  # 2 Phi(mu / 2) - 1
    assert total_variation(log_p, log_q, cell) == pytest.approx(share, abs=1e-7)
    assert optimum(mu).accuracy == pytest.approx((1 + share) / 2)
    assert kl(log_p, log_q, cell) == pytest.approx(mu**2 / 2)
    assert kl_normals(0.0, 1.0, mu, 1.0) == pytest.approx(mu**2 / 2)
    assert w1_normals(0.0, 1.0, mu, 1.0) == mu


@pytest.mark.parametrize("mu", SHIFTS)
def test_distances_keep_their_inequalities(mu):
    """Le Cam 1986: TV² <= triangular <= TV; Topsøe 2000: triangular / 2 <= JS <= log 2 triangular."""
    log_p, log_q, cell = shifted(mu)
    tv, half = total_variation(log_p, log_q, cell), triangular(log_p, log_q, cell)
    assert tv**2 < half < tv
    assert half / 2 < js(log_p, log_q, cell) < LOG_2 * half


def test_normals_of_different_widths_against_integrals():
    x, cell = lattice(-60.0, 60.0, places=200_000)
    log_p, log_q = log_normal(x, 0.5, 1.0), log_normal(x, -1.0, 3.0)
    assert kl(log_p, log_q, cell) == pytest.approx(kl_normals(0.5, 1.0, -1.0, 3.0))
    assert kl(log_q, log_p, cell) == pytest.approx(kl_normals(-1.0, 3.0, 0.5, 1.0))
    # On the line W1 is the area between both distribution functions.
    gap = float((log_p.exp() - log_q.exp()).cumsum(0).abs().sum()) * cell**2
    assert gap == pytest.approx(w1_normals(0.5, 1.0, -1.0, 3.0), rel=1e-5)
    assert w1_normals(2.0, 1.0, 2.0, 4.0) == pytest.approx(3 * math.sqrt(2 / math.pi))


def test_two_uniform_densities_on_a_half_of_the_line_each_and_on_the_same():
    """p on (0, 2) and q on (1, 3), height 1/2: half of each is shared. Exact by hand; log densities of -inf outside."""
    x, cell = lattice(0.0, 3.0, places=3000)
    x = x[:, 0]
    log_p, log_q = ((x > low) & (x < low + 2) for low in (0, 1))
    log_p, log_q = (torch.where(inside, -torch.tensor(2).double().log(), -math.inf) for inside in (log_p, log_q))
    assert total_variation(log_p, log_q, cell) == pytest.approx(0.5)
    assert triangular(log_p, log_q, cell) == pytest.approx(0.5)
    assert js(log_p, log_q, cell) == pytest.approx(LOG_2 / 2)
    assert kl(log_p, log_q, cell) == math.inf
    assert kl(log_p, log_p, cell) == 0
    assert js(log_p, log_p, cell) == 0
    assert optimal_logit(log_p, log_q)[[0, 1500, 2999]].tolist() == [math.inf, 0, -math.inf]
    assert optimal_logit(log_p, torch.full_like(log_q, -math.inf))[2999] == 0  # where nobody is


def test_a_part_of_the_plane_is_the_product_of_two_lines():
    """Independent second coordinates of the same density change no divergence."""
    flat, cell = lattice(-8.0, 9.0, -8.0, 8.0, places=300)
    assert flat.shape == (90_000, 2)
    log_p = log_normal(flat[:, :1]) + log_normal(flat[:, 1:])
    log_q = log_normal(flat[:, :1], 1.0) + log_normal(flat[:, 1:])
    assert expectation(log_p, torch.ones(90_000), cell) == pytest.approx(1)
    assert js(log_p, log_q, cell) == pytest.approx(TABLE[1][2], abs=0.51e-4)


@pytest.mark.parametrize("mu", [0.5, 1.0, 2.0])
def test_pairs_of_two_shifted_normals_are_a_shift_that_is_longer_by_the_root_of_2(mu):
    """(x, y) against (y, x): what tells them apart is (x - y) / sqrt 2, of unit variance, at -+mu / sqrt 2."""
    assert pair_js(*shifted(mu, places=800)) == pytest.approx(optimum(math.sqrt(2) * mu).js, abs=1e-6)


LOSSES = {
    "minimax": (Minimax(), lambda logit: logit, lambda p, q, cell: LOG_4 - 2 * js(p, q, cell)),
    "nonsaturating": (NonSaturating(), lambda logit: logit, lambda p, q, cell: LOG_4 - 2 * js(p, q, cell)),
    "least_squares": (LeastSquares(), torch.sigmoid, lambda p, q, cell: (1 - triangular(p, q, cell)) / 4),
    "least_squares, -1 and 1": (
        LeastSquares(fake_label=-1.0),
        lambda logit: torch.tanh(logit / 2),
        lambda p, q, cell: 1 - triangular(p, q, cell),
    ),
    "hinge": (Hinge(), torch.sign, lambda p, q, cell: 2 * (1 - total_variation(p, q, cell))),
}


@pytest.mark.parametrize("mu", [0.5, 2.0])
@pytest.mark.parametrize("name", LOSSES)
def test_the_loss_of_its_optimal_D_is_the_divergence_it_measures_and_no_D_has_less(name, mu):
    """docs/theory.md, `What each loss measures`, on the project's own losses."""
    loss, best, least = LOSSES[name]
    log_p, log_q, cell = shifted(mu, places=1000)
    output = best(optimal_logit(log_p, log_q))
    assert weighted(loss, output, log_p, log_q, cell) == pytest.approx(least(log_p, log_q, cell), abs=1e-9)
    for other in (output + 0.05, 0.9 * output, output + 0.1 * output.sin()):
        assert weighted(loss, other, log_p, log_q, cell) > least(log_p, log_q, cell) + 1e-4


def test_the_critic_that_falls_one_to_one_finds_w1():
    log_p, log_q, cell = shifted(2.0, places=1000)
    x, _ = lattice(-12.0, 14.0, places=1000)
    loss = weighted(Wasserstein(), -x[:, 0], log_p, log_q, cell)
    assert -loss == pytest.approx(w1_normals(0.0, 1.0, 2.0, 1.0))


def test_the_relativistic_loss_of_its_optimal_D_is_log_2_minus_the_js_of_pairs():
    """Sampled with the project's loss: 200,000 pairs, five standard errors."""
    mu, n = 1.0, 200_000
    chance = torch.Generator().manual_seed(0)
    real, fake = torch.randn(n, generator=chance), torch.randn(n, generator=chance) + mu
    best = [mu**2 / 2 - mu * x + 3 for x in (real, fake)]  # any constant will do
    found = float(total(Relativistic().discriminator(*best)))
    exact = LOG_2 - pair_js(*shifted(mu, places=800))
    error = float(softplus(best[1] - best[0]).std()) / math.sqrt(n)
    assert found == pytest.approx(exact, abs=5 * error)
    for other in ([0.9 * b for b in best], [b + b.sin() for b in best]):
        assert float(total(Relativistic().discriminator(*other))) > found

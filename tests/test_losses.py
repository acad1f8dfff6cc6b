"""Every loss at given logits, against numbers worked out by hand or in double precision."""

import math

import pytest
import torch
from conftest import choices, compose_plain
from hydra.utils import instantiate
from pytest import approx
from torch.nn.functional import binary_cross_entropy_with_logits

from gan_cli.losses import (
    Hinge,
    LeastSquares,
    Loss,
    Minimax,
    NonSaturating,
    Relativistic,
    Wasserstein,
    accuracy,
)

LOG2 = math.log(2)


def loss_of(name: str) -> Loss:
    return instantiate(compose_plain(f"loss={name}")[0]["loss"])


def slope_of_generator(loss: Loss, logit: float) -> float:
    fake = torch.tensor([logit], dtype=torch.float64, requires_grad=True)
    loss.generator(fake, torch.zeros(1, dtype=torch.float64)).backward()
    return fake.grad.item()


def total(loss: Loss, real: torch.Tensor, fake: torch.Tensor) -> float:
    return sum(part.item() for part in loss.discriminator(real, fake).values())


@pytest.mark.parametrize("name", choices("loss"))
class TestEveryLoss:
    """The contract of a loss; a new conf/loss/*.yaml is held to it without a new test."""

    real = torch.tensor([1.5, -0.3, 2.0, 0.1])
    fake = torch.tensor([-1.0, 0.4, -2.5, 0.0])

    def test_parts_are_named_scalars(self, name):
        parts = loss_of(name).discriminator(self.real, self.fake)
        assert parts
        assert all(key.isidentifier() and part.shape == () for key, part in parts.items())

    def test_G_gets_a_scalar(self, name):
        assert loss_of(name).generator(self.fake, self.real).shape == ()

    def test_a_batch_repeated_has_the_same_loss(self, name):
        loss, twice = loss_of(name), lambda t: torch.cat([t, t])
        assert total(loss, twice(self.real), twice(self.fake)) == approx(total(loss, self.real, self.fake))
        once = loss.generator(self.fake, self.real).item()
        assert loss.generator(twice(self.fake), twice(self.real)).item() == approx(once)

    def test_D_wants_real_logits_up_and_fake_ones_down(self, name):
        real, fake = self.real.clone().requires_grad_(), self.fake.clone().requires_grad_()
        torch.stack(list(loss_of(name).discriminator(real, fake).values())).sum().backward()
        # Least squares pulls logits beyond its label back: at these logits it does so for real ones above 1.
        inside = self.real < 1
        assert (real.grad[inside] < 0).all()
        assert (fake.grad[self.fake > -1] > 0).any()

    def test_G_wants_fake_logits_up(self, name):
        fake = torch.tensor([-0.5, 0.2], requires_grad=True)
        loss_of(name).generator(fake, torch.zeros(2)).backward()
        assert (fake.grad < 0).all()

    def test_everything_is_finite_at_huge_logits(self, name):
        huge = torch.tensor([-200.0, 200.0])
        loss = loss_of(name)
        assert math.isfinite(total(loss, huge, huge.flip(0)))
        assert math.isfinite(loss.generator(huge, huge.flip(0)).item())

    def test_a_D_that_knows_nothing_is_right_half_of_the_time(self, name):
        loss = loss_of(name)
        constant = torch.full((8,), 0.0 if loss.threshold is None else loss.threshold)
        assert all(share.item() == 0.5 for share in accuracy(loss, constant, constant).values())

    def test_a_read_out_is_a_scalar_that_finds_nothing_where_D_knows_nothing(self, name):
        loss = loss_of(name)
        if loss.divergence is None:
            return
        constant = torch.full((8,), 0.0 if loss.threshold is None else loss.threshold)
        assert loss.estimate(constant, constant).shape == ()
        assert loss.estimate(constant, constant).item() == approx(0, abs=1e-6)
        assert loss.estimate(constant + 0.4, constant - 0.4).item() > 0, "D is right"
        assert loss.estimate(*torch.tensor([[200.0], [-200.0]])).isfinite()

    def test_the_optimal_D_rises_with_p_over_q_and_decides_where_they_are_equal(self, name):
        loss = loss_of(name)
        best = loss.optimum(torch.tensor([-torch.inf, -2.0, -0.1, 0.0, 0.1, 2.0, torch.inf]))
        if best is None:
            return
        assert (best.diff() >= 0).all()
        assert best[0] < best[-1]
        assert best[3].item() == approx(((best[0] + best[-1]) / 2).item())
        if loss.threshold is None:  # scores that mean something by their differences alone
            return
        at_threshold = loss.opinion(torch.tensor(loss.threshold))
        assert best[3].item() == approx(at_threshold.item())


EQUILIBRIUM = [
    # loss, D's logit at its optimum for p_G = p, D's loss, G's loss (table of equilibrium values)
    (Minimax(), 0.0, 2 * LOG2, -LOG2),
    (NonSaturating(), 0.0, 2 * LOG2, LOG2),
    (LeastSquares(), 0.5, 0.25, 0.125),
    (Hinge(), 0.0, 2.0, 0.0),
    (Wasserstein(), 0.0, 0.0, 0.0),
    (Relativistic(), 0.0, LOG2, LOG2),
]


@pytest.mark.parametrize(("loss", "logit", "d", "g"), EQUILIBRIUM, ids=lambda v: type(v).__name__)
def test_at_equilibrium_the_losses_have_their_known_values(loss, logit, d, g):
    logits = torch.full((5,), logit)
    assert total(loss, logits, logits) == approx(d, abs=1e-6)
    assert loss.generator(logits, logits).item() == approx(g, abs=1e-6)


def test_where_D_is_sure_the_nonsaturating_slope_stays_at_minus_one():
    assert slope_of_generator(NonSaturating(), -30.0) == approx(-1.0, abs=1e-12)
    assert slope_of_generator(NonSaturating(), -20.0) == approx(-1.0, abs=1e-8)  # log(sigmoid + 1e-8) has -0.17 here


def test_where_D_is_sure_the_minimax_slope_dies_away():
    assert slope_of_generator(Minimax(), -30.0) == approx(-math.exp(-30), rel=1e-9)  # -9.4e-14


@pytest.mark.parametrize("logit", [-6.0, -1.0, 0.0, 2.5])
def test_the_two_generator_slopes_differ_by_exactly_the_odds_that_a_sample_is_fake(logit):
    sigma = 1 / (1 + math.exp(-logit))
    ratio = slope_of_generator(NonSaturating(), logit) / slope_of_generator(Minimax(), logit)
    assert ratio == approx((1 - sigma) / sigma, rel=1e-12)


@pytest.mark.parametrize("loss_class", [Minimax, NonSaturating])
@pytest.mark.parametrize(("real_label", "fake_label"), [(1.0, 0.0), (0.9, 0.0), (0.8, 0.1)])
def test_smoothed_labels_are_the_cross_entropy_with_these_targets(loss_class, real_label, fake_label):
    real, fake = torch.linspace(-4, 4, 9), torch.linspace(3, -5, 9)
    parts = loss_class(real_label, fake_label).discriminator(real, fake)
    wanted = binary_cross_entropy_with_logits(real, torch.full_like(real, real_label))
    assert parts["real"].item() == approx(wanted.item(), rel=1e-6)
    wanted = binary_cross_entropy_with_logits(fake, torch.full_like(fake, fake_label))
    assert parts["fake"].item() == approx(wanted.item(), rel=1e-6)


def test_with_one_sided_smoothing_D_is_best_at_the_label_and_not_at_certainty():
    def d_real(p: float) -> float:
        logit = torch.tensor([math.log(p / (1 - p))])
        return NonSaturating(real_label=0.9).discriminator(logit, logit)["real"].item()

    assert d_real(0.9) < min(d_real(0.85), d_real(0.95), d_real(0.999))


def test_with_smoothed_labels_D_decides_where_equilibrium_is():
    loss = NonSaturating(real_label=0.9)
    assert loss.threshold == approx(math.log(0.45 / 0.55))
    assert NonSaturating().threshold == 0.0
    constant = torch.full((4,), loss.threshold)
    assert [share.item() for share in accuracy(loss, constant, constant).values()] == [0.5, 0.5]


def test_least_squares_by_hand():
    parts = LeastSquares().discriminator(torch.tensor([1.0, 3.0]), torch.tensor([0.0, -1.0]))
    assert parts["real"].item() == approx(0.5 * (0 + 4) / 2)
    assert parts["fake"].item() == approx(0.5 * (0 + 1) / 2)
    assert LeastSquares().generator(torch.tensor([0.0, 3.0])).item() == approx(0.5 * (1 + 4) / 2)


def test_hinge_by_hand():
    parts = Hinge().discriminator(torch.tensor([0.5, 2.0]), torch.tensor([-0.25, -3.0]))
    assert (parts["real"].item(), parts["fake"].item()) == (approx(0.25), approx(0.375))


def test_wasserstein_is_the_difference_of_mean_scores():
    real, fake = torch.tensor([2.0, 4.0]), torch.tensor([-1.0, 0.0])
    assert total(Wasserstein(), real, fake) == approx(-(3.0 - -0.5))


def test_relativistic_scores_pairs_and_not_means():
    real, fake = torch.tensor([2.0, 0.0]), torch.tensor([0.0, 2.0])
    expected = (math.log1p(math.exp(-2)) + math.log1p(math.exp(2))) / 2
    assert total(Relativistic(), real, fake) == approx(expected, rel=1e-6)
    assert Relativistic().generator(fake, real).item() == approx(expected, rel=1e-6)
    shifted = total(Relativistic(), real + 7, fake + 7)
    assert shifted == approx(expected, rel=1e-5), "a constant added to all scores must change nothing"


@pytest.mark.parametrize("t", [0.1, 0.5, 0.9])
@pytest.mark.parametrize("loss", [Minimax(), NonSaturating(0.9), LeastSquares(), LeastSquares(2.0, -1.0)])
def test_the_optimal_D_minimises_what_D_descends(loss, t):
    """At a place where p/(p+q) is t, D's loss is t times the real part plus 1 - t times the fake one."""
    places = torch.linspace(-6, 6, 24_001, dtype=torch.float64)
    risk = []
    for output in places.split(1):
        parts = loss.discriminator(output, output)
        risk.append((t * parts["real"] + (1 - t) * parts["fake"]).item())
    found = loss.opinion(places[min(range(len(risk)), key=risk.__getitem__)])
    assert found.item() == approx(loss.optimum(torch.tensor(math.log(t / (1 - t)))).item(), abs=1e-3)


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: Minimax(real_label=1.2), "real_label must be a probability"),
        (lambda: NonSaturating(fake_label=-0.1), "fake_label must be a probability"),
        (lambda: NonSaturating(0.3, 0.4), "fake_label must be below real_label"),
        (lambda: LeastSquares(real_label=0.0), "fake_label must be below real_label"),
    ],
)
def test_labels_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()


def test_accuracy_counts_each_side():
    right = accuracy(NonSaturating(), torch.tensor([1.0, -1.0, 2.0, 3.0]), torch.tensor([-1.0, 1.0, 1.0, 1.0]))
    assert (right["real"].item(), right["fake"].item()) == (0.75, 0.25)
    assert accuracy(LeastSquares(), torch.tensor([0.6, 0.4]), torch.tensor([0.6, 0.4]))["real"].item() == 0.5
    assert accuracy(Relativistic(), torch.tensor([1.0, 5.0]), torch.tensor([0.0, 6.0]))["pair"].item() == 0.5
    assert accuracy(Wasserstein(), torch.ones(2), torch.zeros(2)) == {}

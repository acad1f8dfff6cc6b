"""Penalties on critics of known slope, at several batch sizes."""

import math

import pytest
import torch
from pytest import approx
from torch import nn

from gan_cli.models import mlp
from gan_cli.penalties import R1, R1R2, Clip, GradientPenalty, NoPenalty, squared_slopes

SIZES = [1, 2, 64, 257]


def linear(slope: float, dim: int = 12):
    """D(x) = a.x with |a| = slope, on inputs of shape [N, 3, 2, 2]."""
    a = torch.full((dim,), slope / math.sqrt(dim), dtype=torch.float64)
    return lambda x: x.flatten(1) @ a


def batches(n: int):
    generator = torch.Generator().manual_seed(n)
    draw = lambda: torch.randn(n, 3, 2, 2, generator=generator, dtype=torch.float64)  # noqa: E731
    return draw(), draw()


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("slope", [0.0, 0.5, 1.0, 7.0])
class TestALinearCritic:
    def test_pays_the_squared_distance_of_its_slope_to_the_target_at_any_batch_size(self, n, slope):
        expected = 10 * (slope - 1) ** 2  # taking the norm over the batch gives 49.0 where this is 0, at N = 64
        assert GradientPenalty(10.0)(linear(slope), *batches(n)).item() == approx(expected, abs=1e-12)

    def test_pays_half_gamma_times_its_squared_slope(self, n, slope):
        assert R1(3.0)(linear(slope), *batches(n)).item() == approx(1.5 * slope**2, abs=1e-12)

    def test_pays_on_both_sides_under_r1r2(self, n, slope):
        assert R1R2(3.0)(linear(slope), *batches(n)).item() == approx(3.0 * slope**2, abs=1e-12)


def test_r1_looks_at_real_samples_and_r2_at_fake_ones():
    square = lambda x: x.square().flatten(1).sum(1) / 2  # noqa: E731, slope x
    real, fake = torch.full((4, 2), 1.0), torch.full((4, 2), 2.0)
    assert R1(2.0)(square, real, fake).item() == approx(2.0)
    assert R1R2(2.0)(square, real, fake).item() == approx(2.0 + 8.0)


def test_the_gradient_penalty_looks_between_real_and_fake():
    seen: list[torch.Tensor] = []

    def critic(x):
        seen.append(x.detach())
        return x.sum(1)

    real, fake = torch.zeros(1000, 1), torch.ones(1000, 1)
    GradientPenalty()(critic, real, fake)
    (points,) = seen
    assert 0 <= points.min() < 0.02, "1000 uniform points miss [0, 0.02] with probability 2e-9"
    assert 0.98 < points.max() <= 1


def test_a_flat_critic_gets_a_finite_gradient():
    D = nn.Linear(2, 1)
    nn.init.zeros_(D.weight)
    GradientPenalty()(lambda x: D(x).flatten(), torch.randn(4, 2), torch.randn(4, 2)).backward()
    assert D.weight.grad.isfinite().all()


def test_the_penalty_pulls_the_weights():
    """Its gradient, by hand: d/da of gamma/2 a^2 is gamma a."""
    D = nn.Linear(1, 1, bias=False)
    R1(3.0)(lambda x: D(x).flatten(), torch.randn(8, 1), torch.randn(8, 1)).backward()
    assert D.weight.grad.item() == approx(3.0 * D.weight.item())


@pytest.mark.parametrize("make", [GradientPenalty, R1, R1R2])
def test_a_lazy_penalty_has_its_weight_multiplied(make):
    torch.manual_seed(0)
    once = make(2.0)(linear(3.0), *batches(8)).item()
    assert make(2.0, every=16)(linear(3.0), *batches(8)).item() == approx(16 * once)


@pytest.mark.parametrize("make", [R1, R1R2])
def test_gamma_falls_along_half_a_cosine(make):
    """R3GAN's schedule: at the start, in the middle and near the end, whatever stands between two calls."""
    penalty = make(2.0, gamma_final=0.5)
    constant = make(1.0)(linear(3.0), *batches(8)).item()
    for progress, gamma in ((0.0, 2.0), (1.0, 0.5), (0.5, 1.25), (0.75, 0.5 + 1.5 * 0.14644661), (0.0, 2.0)):
        penalty.progress = progress
        assert penalty(linear(3.0), *batches(8)).item() == approx(gamma * constant)


@pytest.mark.parametrize("make", [GradientPenalty, R1, R1R2])
def test_slopes_are_those_in_units_of_the_data(make):
    wide = make(2.0, std=4.0)(linear(0.5), *batches(8)).item()
    assert wide == approx(make(2.0)(linear(2.0), *batches(8)).item()), "1/2 a unit is 2 a standard deviation of 4"


def test_real_and_fake_may_be_judged_together():
    D = mlp.Discriminator((2,), width=8)
    real, fake = torch.randn(5, 2), torch.randn(5, 2)
    penalty = R1R2(2.0, every=3, gamma_final=0.5, std=4.0)
    penalty.progress = 0.3
    penalty(D, real, fake).backward()
    apart = [p.grad.clone() for p in D.parameters() if p.grad is not None]
    D.zero_grad()
    both = torch.cat([real, fake]).requires_grad_()
    penalty.of_judged(D(both), both).backward()
    together = [p.grad for p in D.parameters() if p.grad is not None]
    assert len(together) == len(apart) > 3
    assert all(map(torch.allclose, together, apart))


def test_slopes_belong_to_their_sample():
    x = torch.tensor([[1.0], [2.0], [3.0]])
    assert squared_slopes(lambda x: x.square().flatten(), x).tolist() == approx([4.0, 16.0, 36.0])


def test_no_penalty_costs_nothing_and_moves_nothing():
    assert NoPenalty()(linear(3.0), *batches(2)).item() == 0.0


def test_clipping_bounds_every_weight_and_spares_what_the_user_froze():
    D = mlp.Discriminator((2,), width=8)
    frozen = next(D.parameters())
    frozen.requires_grad_(False).fill_(5.0)
    Clip(0.01).after_step(D)
    assert frozen.eq(5.0).all()
    assert max(p.abs().max().item() for p in D.parameters() if p.requires_grad) <= 0.01


def test_clipping_weights_alone_leaves_biases_free():
    D = nn.Linear(4, 4)
    nn.init.constant_(D.bias, 3.0)
    Clip(0.01, what="weights").after_step(D)
    assert D.bias.eq(3.0).all()
    assert D.weight.abs().max().item() <= 0.01


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda: R1(-1.0), "gamma must not be negative, got -1.0"),
        (lambda: R1R2(gamma_final=-1.0), "gamma_final must not be negative"),
        (lambda: GradientPenalty(weight=-1.0), "weight must not be negative"),
        (lambda: GradientPenalty(every=0), "every must be at least 1"),
        (lambda: Clip(0.0), "value must be positive"),
    ],
)
def test_settings_out_of_range_are_refused(make, message):
    with pytest.raises(ValueError, match=message):
        make()

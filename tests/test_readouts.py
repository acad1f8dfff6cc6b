"""What theory says of a run: exact where D is known, on data that D never saw, and without moving the run."""

import math
from statistics import NormalDist

import pytest
import torch
from conftest import choices, make_run, train_in
from pytest import approx
from torch import nn

from gan_cli.data import Digits, Examples, Stream
from gan_cli.loop import train
from gan_cli.losses import Loss
from gan_cli.readouts import judging, ranking, read_out, why_not

DIGITS = ("model=mlp", "model.width=8", "prior.dim=2", "dataset=digits", "train.steps=4", "train.batch_size=16")
LOG2 = math.log(2)


class Shift(nn.Module):
    """G(z) = z + mu, in place of a learned one."""

    def __init__(self, mu: float) -> None:
        super().__init__()
        self.mu = nn.Parameter(torch.tensor(float(mu)))

    def forward(self, z):
        return z + self.mu


class Optimal(nn.Module):
    """The logit of p/(p+q) for p = N(0, 1), q = N(mu, 1): mu^2/2 - mu x, times a factor."""

    def __init__(self, mu: float, factor: float = 1.0) -> None:
        super().__init__()
        self.mu, self.factor = mu, nn.Parameter(torch.tensor(factor))

    def forward(self, x):
        return self.factor * (self.mu**2 / 2 - self.mu * x[:, 0])


def against(mu, *overrides, D=None):
    run = make_run("dataset=gaussian", "model=mlp", "prior.dim=1", "penalty=none", *overrides)
    run.G, run.D = Shift(mu), D or Optimal(mu)
    return run


def mean_over_draws(run, name, draws=30):
    values = []
    for step in range(draws):
        run.step = step
        values.append(float(read_out(run, {})[name]))
    return sum(values) / draws


@pytest.mark.parametrize(("mu", "js", "accuracy"), [(0.5, 0.0303, 0.5987), (1, 0.1114, 0.6915), (2, 0.3368, 0.8413)])
@pytest.mark.parametrize("loss", ["minimax", "nonsaturating"])
def test_the_optimal_D_reads_the_exact_divergence_and_accuracy(mu, js, accuracy, loss):
    """30 draws of 1,024: the standard errors are below 0.002; the bounds are five of them."""
    run = against(mu, f"loss={loss}")
    assert mean_over_draws(run, "theory/js") == approx(js, abs=0.01)
    assert mean_over_draws(run, "theory/accuracy") == approx(accuracy, abs=0.01)
    # x - G(z) is N(-mu, 2), and the logit falls along x
    assert mean_over_draws(run, "theory/ranking") == approx(NormalDist().cdf(mu / math.sqrt(2)), abs=0.01)
    assert mean_over_draws(run, "theory/value") == approx(2 * js - math.log(4), abs=0.02)


@pytest.mark.parametrize(("loss", "pull"), [("minimax", 0.3980), ("nonsaturating", 0.6020)])
def test_the_pull_on_G_is_the_derivative_by_the_shift_of_its_samples(loss, pull):
    """G's samples move together: the norm of the mean gradient per sample is |d/dmu| of its loss, D held fixed."""
    assert mean_over_draws(against(1.0, f"loss={loss}"), "theory/g_shift") == approx(pull, rel=0.03)


def test_where_all_samples_are_pulled_alike_the_two_pulls_are_one():
    figures = read_out(against(1.0, "loss=wasserstein"), {})
    assert float(figures["theory/g_slope"]) == approx(1.0, rel=1e-5), "the slope of -mu x at every place"
    assert float(figures["theory/g_shift"]) == approx(1.0, rel=1e-5)


@pytest.mark.parametrize("factor", [0.5, 1.0, 7.0])
def test_the_critics_gap_over_its_slope_is_W1_of_two_shifted_Gaussians_whatever_the_slope(factor):
    run = against(2.0, "loss=wasserstein", D=Optimal(2.0, factor))
    run.step = 1
    figures = read_out(run, {})
    assert float(figures["theory/lipschitz"]) == approx(2 * factor, rel=1e-4)
    assert float(figures["theory/critic_gap"]) == approx(float(figures["theory/w1"]) * 2 * factor, rel=1e-4)
    assert mean_over_draws(run, "theory/w1") == approx(2.0, abs=0.05), "W1 is mu"


def test_a_critic_with_batch_norm_has_no_slope_at_a_sample_and_bounds_no_W1():
    run = make_run(*DIGITS, "loss=wasserstein", "model.discriminator.norm=batch")
    figures = read_out(run, {})
    assert figures["theory/w1"] == "n/a"
    assert "theory/lipschitz" not in figures


def test_hinge_reads_the_total_variation_and_least_squares_the_triangular_discrimination():
    class Sign(Optimal):
        def forward(self, x):
            return super().forward(x).sign()

    class Probability(Optimal):
        def forward(self, x):
            return super().forward(x).sigmoid()

    # TV of N(0,1) and N(1,1) is 2 Phi(1/2) - 1; the triangular one by quadrature on 200,001 points
    x = torch.linspace(-12, 13, 200_001, dtype=torch.float64)
    p, q = (torch.exp(-(x - m) ** 2 / 2) / math.sqrt(2 * math.pi) for m in (0.0, 1.0))
    triangular = (0.5 * torch.trapezoid((p - q) ** 2 / (p + q), x)).item()
    tv = math.erf(0.5 / math.sqrt(2))
    assert mean_over_draws(against(1.0, "loss=hinge", D=Sign(1.0)), "theory/tv") == approx(tv, abs=0.02)
    found = mean_over_draws(against(1.0, "loss=least_squares", D=Probability(1.0)), "theory/triangular")
    assert found == approx(triangular, abs=0.02)


def test_minimax_is_zero_sum_and_the_nonsaturating_game_is_not():
    assert float(read_out(against(1.0, "loss=minimax"), {})["theory/zero_sum_gap"]) == approx(0, abs=1e-6)
    assert float(read_out(against(1.0, "loss=wasserstein"), {})["theory/zero_sum_gap"]) == approx(0, abs=1e-6)
    even = against(0.0, "loss=nonsaturating")  # D says 1/2: -log 1/2 - log 1/2
    assert float(read_out(even, {})["theory/zero_sum_gap"]) == approx(2 * LOG2)


def test_V_has_its_equilibrium_at_minus_log_4_and_a_little_lower_with_smoothed_labels():
    assert read_out(against(1.0), {})["theory/value_at_equilibrium"] == approx(-math.log(4))
    smoothed = against(1.0, "loss.real_label=0.9")
    wanted = math.log(0.45) + math.log(0.55)
    assert read_out(smoothed, {})["theory/value_at_equilibrium"] == approx(wanted)


@pytest.mark.parametrize(
    ("overrides", "why"),
    [
        (["loss.real_label=0.9"], "with smoothed labels (real_label=0.9, fake_label=0)"),
        (["aids.label_flips=0.1"], "10% of the labels the wrong way round"),
    ],
)
def test_a_read_out_that_does_not_hold_says_so_and_why(overrides, why):
    run = against(1.0, *overrides)
    assert read_out(run, {})["theory/js"] == "n/a"
    assert why in why_not(run)


def test_the_band_holds_the_coin_95_times_in_a_hundred():
    """A D that knows nothing answers by chance: of 400 read-outs 380 are expected inside, with a deviation of 4.4."""

    class Coin(nn.Module):
        def forward(self, x):
            return torch.randn(len(x), generator=coin) + 0 * x.sum()

    coin = torch.Generator().manual_seed(0)
    run, inside = against(0.0, D=Coin()), dict.fromkeys(("accuracy", "ranking"), 0)
    for step in range(400):
        run.step = step
        figures = read_out(run, {})
        for name in inside:
            low, right, high = (float(figures[f"theory/{name}{end}"]) for end in ("_low", "", "_high"))
            inside[name] += low <= right <= high
    assert 380 - 22 < inside["accuracy"] <= 400 - 2
    assert 380 - 22 < inside["ranking"] <= 400 - 2


def test_the_ranking_is_of_pairs_whatever_the_threshold():
    real, fake = torch.tensor([3.0, 5.0]), torch.tensor([2.0, 3.0, 4.0])
    assert float(ranking(real, fake)["theory/ranking"]) == approx((1 + 0.5 + 0 + 3) / 6)
    assert float(ranking(real - 100, fake - 100)["theory/ranking"]) == approx(4.5 / 6)
    assert float(ranking(torch.zeros(4), torch.zeros(4))["theory/ranking"]) == 0.5


def test_the_balance_is_the_share_of_G():
    figures = read_out(against(1.0), {"grad_norm/d": torch.tensor(3.0), "grad_norm/g": torch.tensor(1.0)})
    assert float(figures["theory/balance"]) == approx(0.25)


@pytest.mark.parametrize("loss", choices("loss"))
@pytest.mark.parametrize("extra", [(), ("model.pack=2",), ("aids.instance_noise=0.1",)])
def test_every_loss_has_its_read_outs_on_images_and_they_are_finite(loss, extra):
    run = make_run(*DIGITS, f"loss={loss}", *extra)
    figures = read_out(run, {"grad_norm/d": torch.tensor(1.0), "grad_norm/g": torch.tensor(1.0)})
    assert {"theory/balance", "theory/g_slope", "theory/g_shift", "theory/zero_sum_gap"} <= figures.keys()
    assert all(math.isfinite(float(value)) for value in figures.values())
    if run.loss.divergence:
        assert f"theory/{run.loss.divergence}" in figures


def test_looking_moves_nothing():
    noisy = ("model.generator.norm=batch", "model.discriminator.dropout=0.5", "penalty=none", "aids.instance_noise=0.2")
    run = make_run(*DIGITS, *noisy)
    states = [{name: t.clone() for name, t in net.state_dict().items()} for net in (run.G, run.D)]
    before = torch.get_rng_state(), run.noise.get_state(), run.reals.cursor
    read_out(run, {})
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(run.noise.get_state(), before[1])
    assert run.reals.cursor == before[2]
    assert all(p.grad is None for net in (run.G, run.D) for p in net.parameters())
    for net, state in zip((run.G, run.D), states, strict=True):
        assert net.training
        assert all(torch.equal(t, state[name]) for name, t in net.state_dict().items())


def test_a_judge_has_no_dropout_and_normalises_with_the_batch():
    net = nn.Sequential(nn.Dropout(0.5), nn.BatchNorm1d(1))
    x = 5 + torch.randn(64, 1)
    with judging(net):
        assert net(x).mean().item() == approx(0, abs=1e-5)
        assert torch.equal(net(x), net(x))
    assert net[0].training
    assert net[1].num_batches_tracked == 0


def test_D_is_judged_on_data_that_it_never_learned_from():
    run = make_run(*DIGITS)
    held = run.reals.held_out("any")
    seen = run.reals.examples.x.float().div(127.5).sub(1).flatten(1)
    assert len(held.x) == 179
    assert len(seen) + len(held.x) == 1797
    doubles = (torch.cdist(held.x.flatten(1), seen).min(1).values < 1e-4).sum()
    assert doubles <= 1, "of 1,797 digits as good as none are equal"


def test_where_G_is_the_data_the_game_ends_at_minus_log_4_and_at_a_coin(tmp_path):
    """`g_is_data`: D learns against a perfect G. Held-out accuracies of 20 read-outs of 2,048 answers each have a
    standard error of 0.0025 for a coin; V of a D that knows nothing is -log 4, and a little less for what it believes
    to know.
    """
    rows = []
    run = make_run("dataset=gaussian", "model=mlp", "model.width=16", "prior.dim=1", "penalty=none", "train.steps=400",
                   "train.g_is_data=true", "train.batch_size=512", "train.log_every=20",
                   "train.sample_every=400")  # fmt: skip
    with run.open(tmp_path):
        scalars = run.log.scalars
        run.log.scalars = lambda step, figures: rows.append(scalars(step, figures)) or rows[-1]
        train(run)
    run.log.close()
    assert len(rows) == 20
    last = rows[5:]
    assert sum(row["theory/accuracy"] for row in last) / len(last) == approx(0.5, abs=0.01)
    assert sum(row["theory/value"] for row in last) / len(last) == approx(-math.log(4), abs=0.003)
    assert all(row["theory/js"] < 0.005 for row in last)
    assert last[-1]["theory/d_gap"] < 0.03, "D* is 1/2 everywhere"
    assert not any(key.startswith(("loss/g", "grad_norm/g")) for key in rows[-1]), "there is no G to move"


def test_G_stays_where_it_is_while_the_data_play_for_it(tmp_path):
    run = make_run(*DIGITS, "train.g_is_data=true")
    before = [p.clone() for p in run.G.parameters()]
    run = train_in(tmp_path, *DIGITS, "train.g_is_data=true")
    assert all(map(torch.equal, run.G.parameters(), before))


def test_a_loss_of_ones_own_needs_no_read_out():
    class Own(Loss):
        def discriminator(self, real, fake):
            return {"all": (fake - real).mean()}

        def generator(self, fake, real=None):
            return -fake.mean()

    run = make_run(*DIGITS)
    run.loss = Own()
    figures = read_out(run, {})
    assert "theory/g_slope" in figures
    assert not {"theory/js", "theory/value"} & figures.keys()


class Summed(nn.Module):
    """D of a pack of two numbers: minus their mean."""

    def forward(self, x):
        return -x.mean(1)


def test_packs_are_pulled_as_their_samples_are():
    """E x moves as mu does, whether D sees one sample or the mean of two."""
    figures = read_out(against(1.0, "loss=wasserstein", "model.pack=2", D=Summed()), {})
    assert float(figures["theory/g_shift"]) == approx(1.0, rel=1e-5)
    assert float(figures["theory/g_slope"]) == approx(1.0, rel=1e-5)


def test_a_critic_told_flipped_labels_has_no_W1():
    figures = read_out(against(1.0, "loss=wasserstein", "aids.label_flips=0.1"), {})
    assert figures["theory/critic_gap"] == "n/a"
    assert figures["theory/w1"] == "n/a"


@pytest.mark.parametrize("overrides", [("model.pack=2",), ("model.discriminator.norm=batch", "penalty=none")])
def test_with_too_few_examples_held_out_there_are_no_read_outs(tmp_path, overrides):
    """Of 12 examples a tenth is one: no batch for a norm, and no pack."""
    run = make_run(*DIGITS, *overrides)
    run.reals = Stream(Few(), 8, seed=0, held_out="auto")
    assert read_out(run, {}) == {}


class Few(Digits):
    """The first 12 digits."""

    def load(self):
        return Examples(*(part[:12] for part in super().load()))


def test_where_the_data_play_for_G_a_simultaneous_run_moves_D_alone(tmp_path):
    run = train_in(tmp_path, *DIGITS, "train.g_is_data=true", "train.updates=simultaneous")
    assert run.reals.cursor == 4

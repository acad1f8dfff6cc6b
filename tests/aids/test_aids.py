"""The mathematics of the training aids, and that each one reaches the game that it is to change."""

import math

import pytest
import torch
from conftest import TINY, make_run
from pytest import approx

from gan_cli.aids import Aids, pack
from gan_cli.errors import ConfigError
from gan_cli.losses import NonSaturating
from gan_cli.steps import discriminator_gradient, discriminator_step, generator_gradient, generator_step

DIGITS = ("model=mlp", "model.width=8", "prior.dim=2", "dataset=digits", "train.steps=4", "train.batch_size=16")


def test_instance_noise_falls_on_a_straight_line_to_nothing():
    aids = Aids(instance_noise=0.4, instance_noise_steps=100)
    assert [aids.noise_std(step) for step in (0, 25, 100, 500)] == approx([0.4, 0.3, 0.0, 0.0])
    assert Aids(instance_noise=0.4).noise_std(10**6) == 0.4
    x = torch.zeros(4, 3)
    assert aids.see(x, 100) is x, "and then costs nothing"


def test_instance_noise_has_the_std_that_was_asked_for_on_both_kinds_of_samples():
    torch.manual_seed(0)
    seen = Aids(instance_noise=0.3).see(torch.zeros(200_000, 1), 0)
    assert seen.std().item() == approx(0.3, rel=0.01)
    run = make_run(*DIGITS, "aids.instance_noise=0.3")
    inputs = []
    run.D.register_forward_pre_hook(lambda _, args: inputs.append(args[0]))
    x = next(run.reals)
    discriminator_gradient(run, x)
    seen = inputs[0][: len(x)]  # fakes come after the real ones
    assert not torch.equal(seen, x)
    assert (seen - x).std().item() == approx(0.3, rel=0.05)


def test_flipped_labels_come_as_often_as_asked_for_and_in_pairs():
    torch.manual_seed(0)
    real, fake = torch.ones(100_000), -torch.ones(100_000)
    told_real, told_fake = Aids(label_flips=0.2).tell(real, fake)
    assert (told_real == -1).float().mean().item() == approx(0.2, abs=0.01)
    assert torch.equal(told_real, -told_fake)


def test_with_flipped_labels_the_best_D_is_less_sure_by_the_formula():
    """Told wrong with probability e, D does best at ((1-e) p + e q)/(p + q): with p = 3q and e = 0.1, at 0.7."""
    p, q, e = 0.75, 0.25, 0.1
    loss = NonSaturating()

    def expected(logit: float) -> float:
        at = torch.tensor([logit])
        parts = loss.discriminator(at, at)
        return (((1 - e) * p + e * q) * parts["real"] + ((1 - e) * q + e * p) * parts["fake"]).item()

    best = min((expected(math.log(d / (1 - d))), d) for d in (0.6, 0.65, 0.69, 0.7, 0.71, 0.75, 0.8))[1]
    assert best == 0.7


@pytest.mark.parametrize("shape", [(1, 4, 4), (3, 2, 2), (2,)])
def test_a_pack_holds_its_samples_side_by_side(shape):
    x = torch.randn(6, *shape)
    packed = pack(x, 3)
    assert packed.shape == (2, 3 * shape[0], *shape[1:])
    assert torch.equal(packed[1], torch.cat([x[3], x[4], x[5]]))
    assert pack(x, 1) is x


def test_packing_shows_D_several_samples_at_once_and_G_learns_from_each():
    run = make_run(*DIGITS, "model.pack=2", "penalty=r1")
    inputs = []
    run.D.register_forward_pre_hook(lambda _, args: inputs.append(args[0].shape))
    x = next(run.reals)
    discriminator_step(run, x)
    generator_step(run, x)
    assert set(map(tuple, inputs)) == {(8, 2, 16, 16)}


def test_the_slope_under_a_penalty_is_that_of_the_pack():
    """D(x1, x2) = a x1 + b x2 has the squared slope a^2 + b^2, R1 is gamma/2 of it."""
    run = make_run("dataset=gaussian", "model=mlp", "prior.dim=2", "model.pack=2", "penalty=r1", "penalty.gamma=4",
                   "penalty.every=1")  # fmt: skip
    weights = torch.tensor([0.5, -2.0])
    x = torch.randn(8, 1)
    assert run.penalty(lambda s: s @ weights, run.see(x), run.see(x)).item() == approx(2 * (0.25 + 4.0))


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (["model.pack=4", "train.held_out=7"], "7 held out are fewer than two packs; hold out 8 examples or more"),
        (["model.pack=3"], "16 samples are no whole packs; take a multiple of model.pack=3"),
        (["model.pack=0"], "must be at least 1 sample, got 0"),
        (["model.pack=two"], "expected a whole number; got 'two'"),
        (["aids.augment=[cutout]"], "is for images; the data set gives [1]"),
        (["aids.augment=[blur]"], "expected a list, each one of translation, cutout, colour; got ['blur']"),
        (["aids.label_flips=0.5"], "label_flips: must be in [0, 0.5)"),
        (["aids.top_k=0"], "top_k: must be a share in (0, 1], got 0"),
        (["aids.instance_noise=-1"], "instance_noise: must not be negative"),
        (["aids.noise=1"], "no such argument"),
        (["model.conditional=true"], "Gaussian has no labels"),
    ],
)
def test_what_cannot_be_is_refused(overrides, message):
    with pytest.raises(ConfigError) as error:
        make_run(*TINY, *overrides)
    assert message in str(error.value)


def test_a_D_without_weights_to_divide_has_no_spectral_norm():
    with pytest.raises(ConfigError, match=r"model\.spectral_norm: D has no layer with a matrix of weights"):
        make_run("experiment=dirac/minimax", "model.spectral_norm=true")


def test_the_best_fakes_are_those_that_D_finds_most_real_and_their_share_falls():
    aids = Aids(top_k=0.5, top_k_steps=100)
    logits = torch.tensor([0.1, 3.0, -1.0, 2.0])
    assert aids.best(logits, 0) is None, "all, at first"
    assert sorted(aids.best(logits, 50).tolist()) == [0, 1, 3]
    assert sorted(aids.best(logits, 100).tolist()) == sorted(aids.best(logits, 900).tolist()) == [1, 3]


def test_G_learns_from_the_best_fakes_alone():
    run = make_run(*TINY, "aids.top_k=0.25", "aids.top_k_steps=1", "train.fakes=reused")
    run.step = 5
    x = next(run.reals)
    discriminator_gradient(run, x)
    run.fakes = run.generate(16).detach().requires_grad_()
    fakes = run.fakes
    with torch.no_grad():
        best = run.D(fakes).topk(4).indices
    generator_gradient(run, x)
    moved = fakes.grad.flatten(1).abs().sum(1).nonzero().flatten()
    assert sorted(moved.tolist()) == sorted(best.tolist())


def test_augmentation_is_the_same_game_for_both_and_gradients_reach_G():
    run = make_run(*DIGITS, "aids.augment=[translation,cutout,colour]")
    x = next(run.reals)
    discriminator_step(run, x)
    generator_gradient(run, x)
    assert all(p.grad is not None and p.grad.isfinite().all() for p in run.G.parameters())
    assert sum(p.grad.abs().sum() for p in run.G.parameters()) > 0


@pytest.mark.parametrize(("step", "updates"), [(0, 7), (1, 7), (2, 3), (10, 3)])
def test_in_the_warm_up_D_moves_more_often(step, updates):
    run = make_run(*TINY, "train.d_steps=3", "train.d_warmup=7", "train.d_warmup_steps=2")
    assert run.cfg.d_updates(step) == updates


def test_two_time_scales_are_two_learning_rates():
    """Heusel et al. 2017: each player at its own rate, here D four times as fast."""
    run = make_run(*TINY, "optimizer=sgd", "optimizer.lr=0.1", "optimizer.discriminator.lr=0.4")
    for player, optimizer, rate in ((run.D, run.opt_D, 0.4), (run.G, run.opt_G, 0.1)):
        assert optimizer.param_groups[0]["lr"] == rate
        before = [p.clone() for p in player.parameters()]
        if player is run.D:
            discriminator_step(run, next(run.reals))
        else:
            generator_step(run, next(run.reals))
        for p, old in zip(player.parameters(), before, strict=True):
            assert (old - p).detach().numpy() == approx((rate * p.grad).numpy(), abs=1e-6)


def test_spectral_normalisation_bounds_every_layer_and_moves_in_Ds_own_update_only():
    run = make_run(*DIGITS, "model.spectral_norm=true", "penalty=none")
    discriminator_step(run, next(run.reals))
    for _ in range(200):  # one power iteration a pass while training
        run.D(next(run.reals))
    run.D.eval()
    layers = [m for m in run.D.modules() if isinstance(m, torch.nn.Linear)]
    assert len(layers) == 4
    for layer in layers:
        assert torch.linalg.matrix_norm(layer.weight, 2).item() == approx(1, rel=1e-3)
    run.D.train()
    before = {name: t.clone() for name, t in run.D.state_dict().items()}
    generator_step(run, next(run.reals))
    assert all(torch.equal(t, before[name]) for name, t in run.D.state_dict().items())

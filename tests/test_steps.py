"""The updates of both players: who moves, who does not, and by what gradient."""

import copy

import pytest
import torch
from conftest import TINY, make_run
from pytest import approx
from torch import nn

from gan_cli import steps
from gan_cli.errors import Diverged
from gan_cli.loop import turn
from gan_cli.penalties import R1R2
from gan_cli.steps import (
    asks_once,
    discriminator_gradient,
    discriminator_step,
    frozen,
    generator_gradient,
    generator_step,
)

DCGAN = ("model.base_channels=4", "dataset.size=8", "prior.dim=4", "train.batch_size=8", "penalty=none")


def bits(net: nn.Module) -> dict[str, torch.Tensor]:
    return copy.deepcopy(net.state_dict())


def same(net: nn.Module, before: dict[str, torch.Tensor]) -> bool:
    return all(torch.equal(value, before[name]) for name, value in net.state_dict().items())


@pytest.fixture(params=["dcgan", "mlp", "relativistic", "wasserstein", "wgan_gp"])
def run(request):
    if request.param == "mlp":
        return make_run(*TINY, "penalty=none", "model.generator.norm=batch", "model.discriminator.norm=batch")
    return make_run(*DCGAN, *([] if request.param == "dcgan" else [f"loss={request.param}"]))


def test_a_D_step_moves_D_and_not_a_bit_of_G(run):
    G, D = bits(run.G), bits(run.D)
    discriminator_step(run, next(run.reals))
    assert same(run.G, G), "weights and batch-norm buffers"
    assert all(p.grad is None for p in run.G.parameters())
    assert not same(run.D, D)


def test_a_G_step_moves_G_and_not_a_bit_of_D(run):
    G, D = bits(run.G), bits(run.D)
    generator_step(run, next(run.reals))
    assert same(run.D, D), "weights and batch-norm buffers"
    assert all(p.grad is None for p in run.D.parameters())
    assert not same(run.G, G)


def test_batch_norm_of_a_player_counts_its_own_updates_only():
    run = make_run(*DCGAN, "dataset.size=16")
    x = next(run.reals)
    for _ in range(3):
        discriminator_step(run, x)
    generator_step(run, x)
    counts = [
        next(m.num_batches_tracked.item() for m in net.modules() if isinstance(m, nn.BatchNorm2d))
        for net in (run.G, run.D)
    ]
    assert counts == [1, 6], "D's batches of real and of fake samples, three times; G's own batch"


def test_a_frozen_layer_stays_frozen():
    run = make_run(*DCGAN)
    layer = next(run.D.parameters())
    layer.requires_grad_(False)
    before = layer.clone()
    for _ in range(2):
        x = next(run.reals)
        discriminator_step(run, x)
        generator_step(run, x)
    assert torch.equal(layer, before)
    assert not layer.requires_grad
    assert layer.grad is None
    assert sum(p.requires_grad for p in run.D.parameters()) == sum(1 for _ in run.D.parameters()) - 1


def test_frozen_normalises_with_the_batch_as_training_does():
    norm = nn.BatchNorm1d(3)
    x = torch.randn(16, 3) * 5 + 2
    with frozen(norm):
        out = norm(x)
    assert out.mean().item() == approx(0, abs=1e-6)
    assert torch.equal(norm.running_mean, torch.zeros(3))
    assert norm.track_running_stats
    assert all(p.requires_grad for p in norm.parameters())


def test_frozen_lets_go_when_something_fails():
    norm = nn.BatchNorm1d(3)
    with pytest.raises(RuntimeError, match="inside"), frozen(norm):
        raise RuntimeError("inside")
    assert norm.track_running_stats
    assert norm.weight.requires_grad


@pytest.mark.parametrize("updates", ["alternating", "simultaneous"])
def test_simultaneous_updates_take_both_gradients_at_the_same_point(updates):
    run = make_run(*TINY, f"train.updates={updates}", "optimizer=sgd")
    other = make_run(*TINY, f"train.updates={updates}", "optimizer=sgd")
    turn(run)
    x = next(other.reals)
    discriminator_gradient(other, x)
    if updates == "alternating":
        other.opt_D.step()
    generator_gradient(other, x)
    expected = [p.grad for p in other.G.parameters()]
    found = [p.grad for p in run.G.parameters()]
    assert all(torch.equal(a, b) for a, b in zip(found, expected, strict=True))
    if updates == "simultaneous":
        other.opt_D.step()
    other.opt_G.step()
    for net, twin in ((run.G, other.G), (run.D, other.D)):
        assert same(net, bits(twin))


def test_reused_fakes_are_the_ones_that_D_saw():
    run = make_run(*TINY, "train.fakes=reused")
    x = next(run.reals)
    discriminator_step(run, x)
    fakes, state = run.fakes, run.noise.get_state()
    generator_step(run, x)
    assert fakes is not None
    assert run.fakes is None
    assert torch.equal(run.noise.get_state(), state), "no fresh noise was drawn"


def test_the_gradients_of_both_generator_losses_are_those_of_the_formulas():
    """The whole chain, D and G included, against autograd on the formula written out in double precision."""
    for name, formula in {
        "minimax": lambda f: torch.log1p(-torch.sigmoid(f)).mean(),
        "nonsaturating": lambda f: -torch.log(torch.sigmoid(f)).mean(),
    }.items():
        run = make_run(*TINY, f"loss={name}")
        G, D = copy.deepcopy(run.G).double(), copy.deepcopy(run.D).double()
        noise = run.noise.get_state()
        generator_gradient(run, next(run.reals))
        run.noise.set_state(noise)
        formula(D(G(run.z(16).double()))).backward()
        for p, q in zip(run.G.parameters(), G.parameters(), strict=True):
            assert p.grad.numpy() == approx(q.grad.numpy(), rel=1e-3, abs=1e-7)


def test_a_lazy_penalty_is_taken_at_every_nth_update_of_D():
    taken = []
    run = make_run(*TINY, "penalty=r1", "penalty.every=4", "train.d_steps=2")
    penalty = type(run.penalty).__call__

    class Spy(type(run.penalty)):
        def __call__(self, D, real, fake):
            taken.append(run.reals.cursor)
            return penalty(self, D, real, fake)

    run.penalty.__class__ = Spy
    for _ in range(9):
        discriminator_step(run, next(run.reals))
    assert taken == [1, 5, 9]


def test_clipped_gradients_have_the_norm_asked_for():
    run = make_run(*TINY, "train.clip_grad_norm=1e-3")
    run.watching = True
    metrics = discriminator_step(run, next(run.reals))
    clipped = torch.stack([p.grad.norm() for p in run.D.parameters()]).norm()
    assert clipped.item() == approx(1e-3, rel=1e-3)
    assert metrics["grad_norm/d"].item() > 1e-3, "the norm before clipping is logged"


def test_momentum_moves_evenly_from_the_optimizers_to_the_last():
    run = make_run(*TINY, "optimizer=sgd", "optimizer.momentum=0.5", "train.steps=4", "train.momentum_final=0.7")
    seen = []
    for run.step in range(4):
        turn(run)
        seen.append([optimizer.param_groups[0]["momentum"] for optimizer in (run.opt_G, run.opt_D)])
    assert [pair[0] for pair in seen] == approx([0.5, 0.55, 0.6, 0.65])
    assert all(g == d for g, d in seen)


def test_the_learning_rate_follows_its_schedule():
    run = make_run(*TINY, "train.lr_schedule=linear", "train.steps=10", "optimizer.lr=0.1")
    run.step = 5
    discriminator_step(run, next(run.reals))
    generator_step(run, next(run.reals))
    assert run.opt_D.param_groups[0]["lr"] == approx(0.05)
    assert run.opt_G.param_groups[0]["lr"] == approx(0.05)


def test_what_is_logged_is_what_was_computed():
    run = make_run(*TINY, "penalty=r1", "loss=hinge")
    run.watching = True
    x = next(run.reals)
    metrics = discriminator_step(run, x) | generator_step(run, x)
    assert metrics["loss/d"].item() == approx(metrics["loss/d_real"].item() + metrics["loss/d_fake"].item())
    assert metrics["loss/d_penalty"].item() > 0
    assert {"loss/g", "logit/real", "logit/fake", "accuracy/real", "accuracy/fake"} <= metrics.keys()
    assert {"grad_norm/d", "grad_norm/g", "lr/d", "lr/g"} <= metrics.keys()
    assert not any(key.startswith("prob/") for key in metrics), "the hinge loss has no probabilities"


def test_steps_that_nobody_watches_compute_no_metrics():
    run = make_run(*TINY)
    x = next(run.reals)
    assert discriminator_step(run, x) | generator_step(run, x) == {}


def test_the_penalty_is_in_the_gradient_and_not_in_the_logged_loss():
    plain, penalised = make_run(*TINY, "penalty=none"), make_run(*TINY, "penalty=r1", "penalty.gamma=50")
    for run in (plain, penalised):
        run.watching = True
    x, _ = next(plain.reals), next(penalised.reals)
    metrics = [discriminator_gradient(run, x) for run in (plain, penalised)]
    assert metrics[0]["loss/d"].item() == approx(metrics[1]["loss/d"].item())
    penalty = penalised.penalty(penalised.D, x, x)
    extra = torch.autograd.grad(penalty, [p for p in penalised.D.parameters() if p.dim() > 1])
    weights = [[p.grad for p in run.D.parameters() if p.dim() > 1] for run in (plain, penalised)]
    for a, b, more in zip(*weights, extra, strict=True):
        assert b.numpy() == approx((a + more).numpy(), rel=1e-4, abs=1e-7)


def test_wgan_clips_D_after_its_update():
    run = make_run(*TINY, "loss=wasserstein")
    discriminator_step(run, next(run.reals))
    assert max(p.abs().max().item() for p in run.D.parameters()) <= 0.01


def test_a_paired_loss_compares_with_D_of_the_real_samples():
    run = make_run(*TINY, "loss=relativistic")
    seen = {}
    run.loss.generator = lambda fake, real=None: seen.update(real=real) or fake.mean()
    x = next(run.reals)
    generator_step(run, x)
    with torch.no_grad():
        assert torch.equal(seen["real"], run.D(x))


def test_reused_fakes_are_the_last_ones_of_a_warm_up_too():
    run = make_run(*TINY, "train.fakes=reused", "train.d_steps=2", "train.d_warmup=3", "train.d_warmup_steps=1")
    kept = []
    for _ in range(2):
        for _ in range(run.cfg.d_updates(run.step)):
            discriminator_step(run, next(run.reals))
            kept.append(run.fakes is not None)
        generator_step(run, next(run.twin))
        run.step += 1
    assert kept == [False, False, True, False, True]


@pytest.mark.parametrize(("player", "named"), [("D", "loss/d_"), ("G", "loss/g is nan")])
def test_what_is_not_finite_ends_the_run_before_the_update_and_is_named(player, named):
    run = make_run(*TINY)
    run.step, run.committed = 6, 5
    x = next(run.reals)
    net = getattr(run, player)
    broken = next(run.D.parameters())
    with torch.no_grad():
        broken[0] = float("nan")
    before = [p.clone() for p in net.parameters()]
    step = discriminator_step if player == "D" else generator_step
    with pytest.raises(Diverged) as error:
        step(run, x)
    assert f"not finite in step 7, before the update of {player}" in str(error.value)
    assert named in str(error.value)
    assert "the last good checkpoint is of step 5" in str(error.value)
    assert all(torch.equal(a.nan_to_num(), b.nan_to_num()) for a, b in zip(before, net.parameters(), strict=True))


def test_a_gradient_that_is_not_finite_is_found_where_the_loss_is():
    """sqrt at 0: the loss is 0, its slope infinite."""
    run = make_run(*TINY)
    run.loss.generator = lambda fake, real=None: (fake * 0).sum().sqrt()
    with pytest.raises(Diverged, match="grad_norm/g is nan"):
        generator_step(run, next(run.reals))


def test_reusing_fakes_moves_batch_norm_once_a_step_like_fresh_ones():
    counts = []
    for fakes in ("fresh", "reused"):
        run = make_run(*DCGAN, f"train.fakes={fakes}", "train.d_steps=5", "train.d_head_start=3")
        for _ in range(3):
            discriminator_step(run, next(run.reals))
        for _ in range(2):
            turn(run)
        counts.append(next(m.num_batches_tracked.item() for m in run.G.modules() if isinstance(m, nn.BatchNorm2d)))
    assert counts == [2, 2]


@pytest.mark.parametrize("overrides", [("penalty=none",), ("loss=wgan_gp",), ("penalty=r1", "loss=relativistic")])
def test_one_batch_for_both_gives_D_the_gradient_of_two(overrides, monkeypatch):
    found = []
    for once in (True, False):
        run = make_run(*TINY, *overrides)
        assert asks_once(run)
        with monkeypatch.context() as patch:
            if not once:
                patch.setattr(steps, "asks_once", lambda run: False)
            discriminator_gradient(run, next(run.reals))
        found.append(torch.cat([p.grad.flatten() for p in run.D.parameters()]))
    assert found[0].numpy() == approx(found[1].numpy(), rel=1e-4, abs=1e-6)


def test_a_D_that_minds_other_samples_is_asked_of_each_batch_alone(monkeypatch):
    images = ("dataset=digits", "penalty=none", "train.batch_size=16", "train.steps=1", "model.base_channels=8")
    assert not asks_once(make_run(*images)), "batch norm"
    assert asks_once(make_run(*images, "model.discriminator.norm=layer"))
    assert not asks_once(make_run(*images, "model.discriminator.norm=none", "model.discriminator.minibatch_std=true"))
    assert not asks_once(make_run(*images, "model.discriminator.norm=none", "model.pack=2"))
    run = make_run(*TINY)
    monkeypatch.setattr(type(run.D), "__module__", "somebody")
    assert not asks_once(run), "nobody knows what it does"


def test_one_pass_of_D_serves_its_loss_and_both_slopes():
    class Apart(R1R2):
        """A subclass may ask D whatever it likes."""

    gradients, calls = [], []
    for kind in (R1R2, Apart):
        run = make_run(*TINY, "dataset=ring", "loss=relativistic", "penalty=r1r2", "penalty.gamma=2")
        run.penalty = kind(2.0)
        asked = []
        run.D.register_forward_pre_hook(lambda _, inputs, asked=asked: asked.append(len(inputs[0])))
        steps.discriminator_gradient(run, next(run.reals))
        gradients.append([p.grad for p in run.D.parameters()])
        calls.append(asked)
    assert calls == [[32], [32, 16, 16]]
    assert all(torch.allclose(a, b, atol=1e-6) for a, b in zip(*gradients, strict=True))


@pytest.mark.parametrize("penalty", ["r1", "r1r2"])
def test_a_penalty_is_told_how_far_the_run_is(penalty):
    run = make_run(*TINY, f"penalty={penalty}", "penalty.every=1", "penalty.gamma_final=0.5", "train.steps=8")
    run.step = 6
    discriminator_gradient(run, next(run.reals))
    assert run.penalty.progress == 6 / 8

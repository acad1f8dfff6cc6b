"""The learned D against the optimal one: how far they are apart, and when there is nothing to compare with."""

import numpy as np
import pytest
import torch
from conftest import TINY, make_run, train_in
from matplotlib.artist import Artist
from pytest import approx
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from torch import nn

from gan_cli.data import Stream
from gan_cli.optimum import against_optimum, has_optimum
from gan_cli.pictures import samples

PLANE = ("model=mlp", "model.width=8", "prior.dim=2", "train.steps=4", "train.batch_size=16", "penalty=none")


class Logit(nn.Module):
    """x -> a + b x."""

    def __init__(self, a: float, b: float) -> None:
        super().__init__()
        self.line = nn.Linear(1, 1)
        nn.init.constant_(self.line.bias, a)
        nn.init.constant_(self.line.weight, b)

    def forward(self, x):
        return self.line(x)[:, 0]


def shifted(*overrides):
    """p = N(0, 1) against an affine G that makes N(1, 1)."""
    affine = ("model=mlp", "model.generator.depth=0", "prior.dim=1")
    run = make_run("dataset=gaussian", *affine, "penalty=none", *overrides)
    for p in run.G.parameters():
        nn.init.ones_(p)
    return run


def test_an_optimal_D_has_no_gap_and_one_that_knows_nothing_has_the_known_one():
    run = shifted()
    run.D = Logit(0.5, -1.0)  # log p - log q
    assert float(against_optimum(run)[0]["theory/d_gap"]) == approx(0, abs=1e-5)
    run.D = Logit(0.0, 0.0)
    # the mean of |1/2 - D*| over (p + q)/2 is TV/2 = (2 Phi(1/2) - 1)/2: half of the integral of |p - q| / 2
    assert float(against_optimum(run)[0]["theory/d_gap"]) == approx(0.3829 / 2, abs=0.01)


def test_a_relativistic_D_is_compared_but_for_a_constant():
    run = shifted("loss=relativistic")
    run.D = Logit(0.5 + 40.0, -1.0)  # log p - log q + 40
    assert float(against_optimum(run)[0]["theory/d_gap"]) == approx(0, abs=1e-4)
    run.D = Logit(0.5, -4.0)
    assert float(against_optimum(run)[0]["theory/d_gap"]) > 0.1


def test_with_smoothed_labels_the_optimum_is_another():
    run = shifted("loss.real_label=0.8")
    run.D = Logit(0.5, -1.0)
    assert float(against_optimum(run)[0]["theory/d_gap"]) > 0.05


def test_where_q_is_estimated_the_picture_says_so_and_the_gap_is_close(monkeypatch):
    titles = []
    monkeypatch.setattr("gan_cli.plots.against_optimum", lambda *args: titles.append(args[-1]) or np.zeros((2, 2, 3)))
    exact = shifted()
    estimated = shifted()
    estimated.G = nn.Sequential(exact.G, nn.PReLU(init=1.0))  # bent by name only: the same samples
    found = []
    for run in (exact, estimated):
        run.D = Logit(0.0, 0.0)
        found.append(float(against_optimum(run)[0]["theory/d_gap"]))
    assert "exact: G is affine" in titles[0]
    assert "estimated from 1,000 samples" in titles[1]
    assert found[1] == approx(found[0], abs=0.05)


@pytest.mark.parametrize("dataset", ["gaussian", "ring", "grid"])
@pytest.mark.parametrize("loss", ["minimax", "least_squares", "hinge"])
def test_every_density_has_its_picture(dataset, loss):
    figures, picture = against_optimum(make_run(*PLANE, f"dataset={dataset}", f"loss={loss}"))
    assert 0 <= float(figures["theory/d_gap"]) <= 2
    assert picture.shape == ((560, 640, 3) if dataset == "gaussian" else (560, 960, 3))
    assert picture.std() > 10


@pytest.mark.parametrize(
    "overrides",
    [
        ("dataset=digits",),
        ("dataset=point", "model=mlp"),
        ("loss=wasserstein",),
        ("aids.label_flips=0.1",),
        ("aids.instance_noise=0.1",),
        ("model.pack=2",),
        ("model.discriminator.minibatch_std=true",),
    ],
)
def test_where_D_star_is_not_known_nothing_is_claimed(overrides):
    run = make_run(*PLANE, *(() if overrides[0].startswith("dataset") else ("dataset=ring",)), *overrides)
    assert against_optimum(run) is None
    assert not has_optimum(run) or run.aids.instance_noise


def test_looking_moves_nothing():
    run = make_run(*PLANE, "dataset=ring", "model.discriminator.dropout=0.5")
    before = torch.get_rng_state(), run.noise.get_state()
    against_optimum(run)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(run.noise.get_state(), before[1])


def test_tensorboard_has_a_slider_of_them(tmp_path):
    train_in(tmp_path, *TINY, "train.sample_every=2")
    events = EventAccumulator(str(tmp_path), size_guidance={"images": 0, "scalars": 0})
    events.Reload()
    assert [event.step for event in events.Images("optimum")] == [2, 4, 6]
    assert [event.step for event in events.Scalars("theory/d_gap")] == [2, 4, 6]
    assert (tmp_path / "samples" / "optimum.png").is_file()


@pytest.mark.parametrize("dataset", ["gaussian", "ring", "grid", "spiral"])
def test_the_next_look_makes_no_new_figure_axes_or_artist(dataset, monkeypatch):
    """A run looks every few hundred steps, and a figure from nothing costs it as much as ten of these."""
    run = make_run(*PLANE, f"dataset={dataset}")
    run.step = 1
    samples(run)
    against_optimum(run)
    made = []
    original = Artist.__init__
    monkeypatch.setattr(Artist, "__init__", lambda self: (made.append(type(self).__name__), original(self))[1])
    run.step = 2
    samples(run)
    against_optimum(run)
    assert made == []


class Cube:
    """x uniform in the unit cube."""

    shape = (3,)

    def sample(self, n, generator):
        return torch.rand(n, 3, generator=generator)

    def log_prob(self, x):
        return torch.zeros(len(x))


def test_a_density_that_no_picture_holds_is_not_compared():
    run = make_run(*PLANE, "dataset=ring")
    run.reals = Stream(Cube(), 16, seed=0)
    run.G, run.D = nn.Linear(2, 3), nn.Sequential(nn.Linear(3, 1), nn.Flatten(0))
    assert not has_optimum(run)
    assert against_optimum(run) is None


def test_the_gap_is_a_number_wherever_the_networks_are():
    """The log stacks tensors of one device, and D* is computed on the CPU."""
    assert isinstance(against_optimum(shifted())[0]["theory/d_gap"], float)

"""What a run shows of itself: a grid, a scatter plot, densities; looking changes nothing."""

import numpy as np
import pytest
import torch
from conftest import TINY, make_run

from gan_cli import plots
from gan_cli.grid import tile
from gan_cli.loop import turn
from gan_cli.pictures import draw, draw_real, evaluating, generated, judged, samples

SMALL = ("model=mlp", "model.width=8", "prior.dim=2", "train.steps=6", "train.batch_size=16")


@pytest.mark.parametrize("dataset", ["digits", "ring", "gaussian"])
@pytest.mark.parametrize("ema", ["10000", "null"])
def test_every_kind_of_data_has_its_picture(dataset, ema):
    run = make_run(*SMALL, f"dataset={dataset}", f"train.ema_half_life_images={ema}")
    picture = samples(run)
    assert picture.ndim == 3
    assert picture.shape[2] == 3
    assert picture.dtype == np.uint8
    assert picture.std() > 10, "not blank"


def test_points_of_many_dimensions_have_none(tmp_path):
    np.save(tmp_path / "points.npy", np.random.default_rng(0).normal(size=(50, 5)).astype(np.float32))
    assert samples(make_run(*SMALL, "dataset=array", f"dataset.path={tmp_path}/points.npy")) is None


def test_the_same_noise_is_drawn_at_every_step():
    run = make_run(*SMALL, "dataset=digits")
    assert np.array_equal(samples(run), samples(run))
    for _ in range(3):
        turn(run)
        run.step += 1
        run.ema.update(run.step * 16, 16)
    assert not np.array_equal(samples(run), samples(make_run(*SMALL, "dataset=digits")))


def test_looking_draws_no_number_that_training_would_have_drawn():
    run = make_run(*SMALL, "dataset=ring", "model.discriminator.dropout=0.5")
    before = torch.get_rng_state(), run.noise.get_state(), run.reals.cursor
    samples(run)
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(run.noise.get_state(), before[1])
    assert run.reals.cursor == before[2]
    assert run.D.training
    assert run.G.training


def test_evaluation_mode_ends_where_it_began():
    net = torch.nn.Sequential(torch.nn.Dropout(), torch.nn.BatchNorm1d(2))
    net[1].eval()  # as a user may have set it
    with pytest.raises(RuntimeError, match="inside"), evaluating(net) as seen:
        assert not any(module.training for module in seen.modules())
        raise RuntimeError("inside")
    assert [module.training for module in net] == [True, False]


def test_the_neutral_colour_is_where_D_decides(monkeypatch):
    """Least squares decides at 0.5; a critic's score has no such place, and the middle of both clouds stands in."""
    seen = []

    def spy(real, fake, logits, **_):
        seen.append(logits(torch.cat([real, fake])))
        return np.zeros((4, 4, 3), np.uint8)

    monkeypatch.setattr(plots, "scatter", spy)
    for loss in ("wgan_gp", "least_squares"):
        run = make_run(*TINY, "dataset=ring", f"loss={loss}")
        torch.nn.init.constant_(run.D.net[-2].bias, 40.5)
        samples(run)
    real, fake = seen[0].chunk(2)
    assert abs(real.median() + fake.median()) < 1e-4
    assert 38 < seen[1].median() < 42


def test_a_probability_is_drawn_as_it_is_also_with_smoothed_labels(monkeypatch):
    seen = {}
    blank = np.zeros((4, 4, 3), np.uint8)
    monkeypatch.setattr(plots, "scatter", lambda real, fake, logits, **_: seen.update(x=real, y=logits(real)) or blank)
    run = make_run(*TINY, "dataset=ring", "loss.real_label=0.9")
    samples(run)
    with torch.no_grad():
        assert torch.allclose(seen["y"], run.D(seen["x"]), atol=1e-6)


class Shown:
    """A logbook that keeps pictures."""

    def __init__(self):
        self.pictures = {}

    def picture(self, step, name, picture):
        self.pictures[name] = picture


CONDITIONAL = ("model.conditional=true", "dataset=digits", "dataset.classes=[3,7,8]", "train.samples=14")


def test_a_conditional_G_has_a_row_for_each_class_that_it_learns_and_a_column_for_each_z():
    run = make_run(*SMALL, *CONDITIONAL, "train.ema_half_life_images=null")
    seen = []
    run.G.register_forward_pre_hook(lambda _, inputs: seen.append(inputs))
    picture = samples(run, torch.empty(0))
    ((z, y),) = seen
    assert y.tolist() == [3] * 4 + [7] * 4 + [8] * 4
    assert torch.equal(z[:4], z[4:8]) and torch.equal(z[:4], z[8:]) and len(z[:4].unique(dim=0)) == 4
    with torch.no_grad(), evaluating(run.G) as G:
        assert np.array_equal(picture, tile(G(z, y), columns=4))


def test_real_data_have_the_same_rows():
    run = make_run(*SMALL, *CONDITIONAL)
    run.log = Shown()
    draw_real(run)
    x, y = run.reals.examples
    cells = run.log.pictures["real"][2:, 2:, 0]
    scale = (cells.shape[1] - 8) // (4 * 16)
    side = 16 * scale
    for number in range(12):
        top, left = (number // 4) * (side + 2), (number % 4) * (side + 2)
        cell = torch.from_numpy(cells[top : top + side : scale, left : left + side : scale].copy())
        of_class = x[y == (3, 7, 8)[number // 4], 0]
        assert (of_class == cell).flatten(1).all(1).any(), f"image {number} is of another class"


@pytest.mark.parametrize(
    "extra",
    [("model.pack=2",), ("model.pack=4", "loss=wasserstein"), ("model.discriminator.minibatch_std=true",)],
)
def test_a_D_that_sees_more_than_one_sample_has_no_opinion_of_a_place(monkeypatch, extra):
    opinions = []
    blank = np.zeros((4, 4, 3), np.uint8)
    monkeypatch.setattr(plots, "scatter", lambda real, fake, logits, **_: opinions.append(logits) or blank)
    samples(make_run(*SMALL, "dataset=ring", *extra))
    assert opinions == [None]


@pytest.mark.parametrize(
    ("dataset", "also"),
    [("gaussian", set()), ("spiral", set()), ("ring", {"modes", "quality"}), ("digits", {"classes"})],
)
def test_samples_are_judged_by_what_is_known_of_the_data(dataset, also):
    run = make_run(*SMALL, f"dataset={dataset}")
    expected = {f"samples/{name}" for name in {"distance", "nearest", "energy"} | also}
    assert judged(run, generated(run)).keys() == expected


@pytest.mark.parametrize("dataset", ["ring", "digits"])
def test_the_data_themselves_are_judged_to_be_the_data(dataset):
    run = make_run(*SMALL, f"dataset={dataset}", "train.g_is_data=true")
    figures = judged(run, generated(run))
    assert figures["samples/distance"] == pytest.approx(1, abs=0.05)
    assert figures["samples/energy"] == pytest.approx(0, abs=0.01)
    if dataset == "ring":
        assert figures["samples/modes"] == 8
    else:
        assert figures["samples/classes"] == pytest.approx(10, abs=0.3)


def test_what_is_drawn_is_what_is_judged(tmp_path):
    run = make_run(*SMALL, "dataset=digits", "train.samples=16")
    with run.open(tmp_path):
        figures = draw(run)
    run.log.close()
    fake = generated(run)
    assert len(fake) == 256, "more than are drawn"
    assert judged(run, fake) == figures
    assert np.array_equal(samples(run, fake), tile(fake[:16]))


def test_judging_draws_no_number_that_training_would_have_drawn():
    run = make_run(*SMALL, "dataset=digits")
    before = torch.get_rng_state(), run.noise.get_state(), run.reals.cursor
    judged(run, generated(run))
    assert torch.equal(torch.get_rng_state(), before[0])
    assert torch.equal(run.noise.get_state(), before[1])
    assert run.reals.cursor == before[2]


def test_points_that_are_all_one_are_not_judged():
    run = make_run("experiment=dirac/r1")
    assert judged(run, generated(run)) == {}

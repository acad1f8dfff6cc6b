"""model.standardise: the same training for data of any scale and at any place, in the run and in its files."""

import json

import numpy as np
import pytest
import torch
from conftest import make_run, train_in
from pytest import approx

from gan_cli import checkpoint, export
from gan_cli.errors import ConfigError, DataError
from gan_cli.loop import turn

UNITS = (
    "model=mlp", "model.width=16", "model.standardise=true", "model.discriminator.fourier=8", "prior.dim=2",
    "penalty.gamma=0.1", "train.steps=20", "train.batch_size=32", "health.grace=0",
)  # fmt: skip
SAMPLES = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))


def ring(radius: float, *more: str) -> tuple[str, ...]:
    return (*UNITS, "dataset=ring", f"dataset.radius={radius}", f"dataset.std={0.05 * radius}", *more)


def play(run):
    """All steps of a run, without its files."""
    while run.step < run.steps:
        turn(run)
        run.step += 1


@pytest.mark.parametrize(
    ("loss", "penalty"), [("relativistic", "r1r2"), ("nonsaturating", "r1"), ("wasserstein", "gp")]
)
@pytest.mark.parametrize(("radius", "shift"), [(0.3, (0.0, 0.0)), (10.0, (0.0, 0.0)), (1.0, (5.0, -3.0))])
def test_data_of_another_scale_or_place_train_alike(loss, penalty, radius, shift):
    drawn = []
    for at, place in ((1.0, (0.0, 0.0)), (radius, shift)):
        overrides = ring(at, f"loss={loss}", f"penalty={penalty}", f"dataset.shift={list(place)}")
        run = make_run(*(o for o in overrides if penalty != "gp" or "gamma" not in o))
        play(run)
        with torch.no_grad():
            drawn.append((run.G(SAMPLES) - torch.tensor(place)) / at)
    first, other = drawn
    untrained = make_run(*ring(1.0)).G(SAMPLES).detach()
    assert (first - untrained).abs().mean() > 0.02, "it moved"
    assert torch.allclose(first, other, atol=1e-3), "up to rounding"


def test_without_it_a_penalty_means_another_thing_at_another_scale():
    drawn = []
    for radius in (1.0, 10.0):
        run = make_run(*ring(radius, "loss=relativistic"), "model.standardise=false")
        play(run)
        drawn.append(run.G(SAMPLES).detach() / radius)
    assert not torch.allclose(*drawn, atol=0.1)


def test_players_work_in_units_of_the_data():
    plain = make_run(*ring(1.0), "model.standardise=false")
    run = make_run(*ring(4.0, "dataset.shift=[5,-3]"))
    mean, std = torch.tensor([5.0, -3.0]), run.moments[1]
    assert std == approx(4 * (1 / 2 + 0.05**2) ** 0.5)
    with torch.no_grad():
        u = plain.G(SAMPLES)
        assert torch.allclose(run.G(SAMPLES), mean + std * u, atol=1e-5), "one seed, the same layers"
        assert torch.allclose(run.D(mean + std * u), plain.D(u), atol=1e-5)


def test_a_pack_is_standardised_sample_by_sample():
    run = make_run(*ring(4.0, "dataset.shift=[5,-3]", "model.pack=2"))
    x = torch.tensor([[5.0, -3.0, 5.0, -3.0]])
    assert torch.equal(run.D.mean, x[0])


def test_a_stored_generator_makes_the_samples_of_its_run(tmp_path):
    run = train_in(tmp_path, *ring(10.0, "dataset.shift=[5,-3]", "train.steps=3"))
    about = export.describe(
        {"model": {"generator": {"_target_": "gan_cli.models.mlp.Generator", "width": 16}},
         "prior": {"_target_": "gan_cli.priors.Normal", "dim": 2}},
        run.reals.shape, 2, moments=run.moments,
    )  # fmt: skip
    export.begin(tmp_path, about)
    export.write(tmp_path, run.G, run.ema.G, run.step)
    kept = json.loads((tmp_path / "generator" / "generator.json").read_text())["generator"]["arguments"]["moments"]
    assert kept == [list(run.moments[0]), run.moments[1]]
    with torch.no_grad():
        assert torch.equal(export.load(tmp_path, averaged=False).G(SAMPLES), run.G.eval()(SAMPLES))


def test_a_resume_goes_on_as_if_there_had_been_no_stop(tmp_path):
    overrides = ring(3.0, "penalty=r1r2", "penalty.gamma_final=0.01", "loss=relativistic", "train.checkpoint_every=4")
    whole = train_in(tmp_path / "whole", *overrides, "train.steps=8", "train.keep=null")
    first = next(path for path in checkpoint.available(tmp_path / "whole/checkpoints") if checkpoint.step_of(path) == 4)
    state = checkpoint.load(first) | {"offsets": {"metrics": 0, "timing": 0}}
    again = train_in(tmp_path / "again", *overrides, "train.steps=8", state=state)
    assert again.digest() == whole.digest()


def test_points_of_a_file_are_standardised_by_what_is_trained_on(tmp_path):
    np.save(tmp_path / "p.npy", np.random.default_rng(0).normal(50, 3, (200, 4)).astype(np.float32))
    run = make_run(*UNITS, "dataset=array", f"dataset.path={tmp_path / 'p.npy'}", "train.steps=2")
    assert run.moments[0] == approx([50] * 4, abs=1)
    assert run.moments[1] == approx(3, abs=0.5)
    assert run.penalty.std == run.moments[1]


def test_a_resume_does_not_change_the_units(tmp_path):
    def of(mean, *more):
        np.save(tmp_path / "p.npy", np.random.default_rng(0).normal(mean, 3, (200, 4)).astype(np.float32))
        return (*UNITS, "dataset=array", f"dataset.path={tmp_path / 'p.npy'}", "train.steps=2", *more)

    train_in(tmp_path / "run", *of(50))
    state = checkpoint.load(checkpoint.available(tmp_path / "run" / "checkpoints")[0])
    with pytest.raises(DataError, match="in units of the data that they were trained on"):
        make_run(*of(60, "other_data=true")).restore(state)


@pytest.mark.parametrize(
    ("model", "message"),
    [
        ("mlp", "is for points of at most 256 numbers; the data set gives [1, 16, 16]; leave it out"),
        ("dcgan", "gan_cli.models.dcgan.Generator takes no moments of the data; leave it out, or use model=mlp"),
    ],
)
def test_images_and_networks_without_it_are_refused(model, message):
    with pytest.raises(ConfigError) as error:
        make_run("dataset=digits", f"model={model}", "++model.standardise=true")
    assert f"model.standardise: {message}" in str(error.value)


def test_mistakes_are_told_before_the_data_are_read(tmp_path):
    np.save(tmp_path / "p.npy", np.zeros((3, 4), np.float32))
    too_few = ("dataset=array", f"dataset.path={tmp_path / 'p.npy'}")
    with pytest.raises(ConfigError, match=r"prior\.dim: must be at least 1"):
        make_run(*UNITS, *too_few, "prior.dim=-1")
    with pytest.raises(DataError, match="fewer than one batch"):
        make_run(*UNITS, *too_few)


def test_a_penalty_of_ones_own_need_not_take_a_unit(tmp_path, monkeypatch):
    (tmp_path / "mine.py").write_text(
        "from gan_cli.penalties import Penalty\n\n"
        "class Mine(Penalty):\n    def __init__(self, **settings):\n        super().__init__(**settings)\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    run = make_run("dataset=ring", "model=mlp", "penalty=none", "penalty._target_=mine.Mine", "+penalty.every=3")
    assert run.penalty.every == 3

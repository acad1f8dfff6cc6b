"""Recipes that were broken on purpose raise their alarm and no wrong one; those of conf/experiment raise none.

Through the command, with fixed seeds. Minutes of training.
"""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT, compose_plain

from gan_cli import plots
from gan_cli.cli import train as command
from gan_cli.paths import CONF_DIR

pytestmark = pytest.mark.slow

SHARED = ROOT.parent / "shared" / "datasets"
OFTEN = ("train.log_every=20", "train.sample_every=50", "train.checkpoint_every=500")
RING = ("model=mlp", "model.width=64", "dataset=ring", "prior.dim=2", "train.batch_size=64", *OFTEN)
DIGITS = ("model=mlp", "model.width=64", "dataset=digits", "train.batch_size=32", *OFTEN)

DEAF = """
import torch
from gan_cli.models.mlp import Generator

class Deaf(Generator):
    def forward(self, z):
        return super().forward(torch.ones_like(z))
"""
LONG = "train.steps=2000"
IGNORES_Z = "model.generator._target_=deaf.Deaf"


@pytest.fixture
def gan_train(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty directory; returns its exit code, the alarms in `status.json`, and the screen."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "path", [*sys.path])
    for name in ("scatter", "densities", "against_optimum"):  # half of the time would go into drawing
        monkeypatch.setattr(plots, name, lambda *_, **__: np.zeros((4, 4, 3), np.uint8))
    Path("deaf.py").write_text(DEAF)
    sys.modules.pop("deaf", None)

    def call(*overrides: str) -> tuple[int, dict[str, int], str]:
        monkeypatch.setattr(sys, "argv", ["gan-train", "hydra.run.dir=run", *overrides])
        try:
            command.main()
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
        found = json.loads(Path("run/status.json").read_text())["alarms"]
        return code, {alarm["name"]: alarm["step"] for alarm in found}, capsys.readouterr().out

    return call


BROKEN = {
    "a saturating loss against a D that is sure": (
        "vanishing_gradient",
        (*DIGITS, "loss=minimax", "penalty=none", "train.d_head_start=1000", "optimizer.lr=2e-4", "train.steps=650"),
    ),
    "D learns a hundred times faster than G": (
        "d_too_strong",
        (*DIGITS, "penalty=none", "optimizer.generator.lr=5e-6", "train.steps=650"),
    ),
    "D learns a hundred times faster than G, points": (
        "d_too_strong",
        (*RING, "penalty=none", "optimizer.generator.lr=5e-6", "train.steps=650"),
    ),
    "D learns nothing": ("d_too_weak", (*RING, "penalty=none", "optimizer.discriminator.lr=1e-9", "train.steps=650")),
    "D has one hidden unit": (
        "d_too_weak",
        (*RING, "penalty=none", "model.discriminator.width=1", "model.discriminator.depth=1", "train.steps=850"),
    ),
    "a critic that learns nothing": (
        "d_too_weak",
        (*RING, "loss=wgan_gp", "train.d_steps=1", "optimizer.discriminator.lr=1e-9", "train.steps=650"),
    ),
    "momentum with nothing that damps it": (
        "mode_collapse",
        (*RING, "penalty=none", "optimizer.betas=[0.9,0.999]", "optimizer.lr=1e-3", "train.steps=850"),
    ),
    "G ignores z": ("mode_collapse", (*DIGITS, IGNORES_Z, "train.steps=650")),
    "steps of a million": (
        "not_finite",
        (*RING, "penalty=none", "optimizer=sgd", "optimizer.lr=1e6", "train.steps=50"),
    ),
    "the hinge loss with nothing that damps it": (
        "oscillating",
        (*RING, "penalty=none", "loss=hinge", "train.steps=650"),
    ),
    "a learning rate that grows until it is far too high": (
        "metric_regressing",
        (*RING, "loss=relativistic", "penalty.gamma=0.01", "optimizer.lr=3e-2", "train.lr_warmup_steps=3000", LONG),
    ),
}


@pytest.mark.parametrize(("alarm", "overrides"), BROKEN.values(), ids=BROKEN)
def test_a_broken_recipe_raises_its_alarm_and_no_wrong_one(gan_train, alarm, overrides):
    code, alarms, out = gan_train(*overrides)
    assert [*alarms] == [alarm]
    assert code == (3 if alarm == "not_finite" else 0)
    assert alarm == "not_finite" or out.count(f"alarm {alarm} at step") == 1


@pytest.mark.parametrize("data", [RING, DIGITS], ids=["ring", "digits"])
def test_a_generator_that_ignores_z_is_caught_within_three_evaluations(gan_train, data):
    code, alarms, _ = gan_train(*data, IGNORES_Z, "train.steps=400", "train.stop_on=[mode_collapse]")
    assert (code, alarms) == (3, {"mode_collapse": 200}), "judged at 100, 150 and 200, after the first 100 steps"


@pytest.mark.parametrize("setting", ["train.g_is_data=true", "model.generator.depth=1"])
def test_fifty_percent_at_equilibrium_raises_nothing(gan_train, setting):
    toy = ("dataset=gaussian", "model=mlp", "model.width=32", "prior.dim=1", "train.batch_size=256", *OFTEN)
    code, alarms, _ = gan_train(*toy, "penalty.gamma=0.1", setting, "train.steps=1200")
    last = [json.loads(line) for line in Path("run/metrics.jsonl").read_text().splitlines()][-1]
    assert abs(last["theory/accuracy"] - 0.5) < 0.06
    assert abs(last["samples/energy"]) < 0.05
    assert (code, alarms) == (0, {})


# Of the Dirac-GANs in conf/experiment/dirac, those that theory says circle for ever do, and are told so.
CIRCLING = {f"dirac/{name}" for name in ("minimax", "wasserstein", "hinge", "wgan_gp", "wgan_clip")}
RECIPES = CONF_DIR / "experiment"
EXPERIMENTS = sorted(str(path.relative_to(RECIPES).with_suffix("")) for path in RECIPES.rglob("*.yaml"))
SHORT = {  # the first part of it, images in narrower networks: 700 steps at least, or nobody would judge them
    "default": ("train.steps=1500",),
    "ring": ("train.steps=1000",),
    "grid": ("train.steps=1000",),
    "goodfellow_mlp_mnist": ("train.steps=1000", "model.width=200", "model.discriminator.width=40"),
    "wgan_gp_fashion": ("train.steps=700", "model.base_channels=8", "train.batch_size=32"),
    "r3gan_digits": ("train.steps=700", "model.base_channels=32", "train.batch_size=16"),
    "r3gan_mnist": ("train.steps=700", "model.base_channels=32", "train.batch_size=16"),
}


@pytest.mark.parametrize("name", EXPERIMENTS)
def test_a_recipe_raises_no_alarm_but_the_one_that_it_is_about(gan_train, name):
    composed = compose_plain(f"experiment={name}")[0]
    short: tuple[str, ...] = ()
    if not name.startswith("dirac/"):
        narrow = ("model.base_channels=8",) if "base_channels" in composed["model"] else ()
        short = (*SHORT.get(name, ("train.steps=700", *narrow)), "train.log_every=25", "train.sample_every=100")
    if composed["dataset"]["_target_"].endswith(("MNIST", "CIFAR10")):
        if not SHARED.is_dir():
            pytest.skip("the data set is not here, and tests do not download")
        short += (f"dataset.root={SHARED}", "dataset.download=false")
    code, alarms, _ = gan_train(f"experiment={name}", *short)
    assert code == 0
    assert {*alarms} == ({"oscillating"} if name in CIRCLING else set())

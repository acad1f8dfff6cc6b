"""Every mistake in a config at once, each with what to do."""

import sys
from typing import Literal

import pytest
import torch
from conftest import TINY, compose_plain, make_run

from gan_cli.builder import build
from gan_cli.check import Problem, check, matches, report
from gan_cli.errors import ConfigError


def problems(*overrides: str) -> list[str]:
    return [str(problem) for problem in check(*compose_plain(*overrides))]


def refusal(*overrides: str) -> str:
    with pytest.raises(ConfigError) as error:
        make_run(*overrides)
    return str(error.value)


def test_the_default_config_has_no_mistake():
    assert problems() == []


def test_all_mistakes_are_told_at_once():
    message = refusal(
        "train.step=10", "los=x", "optimizer.lrr=0.1", "loss.real_label=1.5", "train.batch_size=64.5", "prior.dim=0",
        "device=tpu", "dataset.size=31",
    )  # fmt: skip
    assert message.startswith("8 problems in this config:")
    for line in (
        "train.step: gan_cli.settings.TrainConfig has no such argument; did you mean 'steps'?",
        "los: no such key; did you mean 'loss'?",
        "optimizer.lrr: nothing in this choice uses it; did you mean 'lr'?",
        "loss.real_label: must be a probability in [0, 1], got 1.5",
        "train.batch_size: expected a whole number; got 64.5",
        "prior.dim: must be at least 1, got 0",
        "device: expected one of auto, cpu, cuda, cuda:<number>, mps; got 'tpu'",
    ):
        assert f"\n  {line}" in message


@pytest.mark.parametrize(
    ("overrides", "line"),
    [
        (["train.device=cpu"], "did you mean device=... at the top?"),
        (["loss.gp=1"], "loss.gp: gan_cli.losses.NonSaturating has no such argument; there are: real_label"),
        (["loss=hinge", "loss.gp=10"], "loss.gp: gan_cli.losses.Hinge has no such argument; it takes none"),
        (["+losss=foo"], "losss: no such key; did you mean 'loss'?"),
        (["+optimizer.lrr=0.1"], "optimizer.lrr: nothing in this choice uses it"),
        (["optimizer.generator.lrr=0.1"], "optimizer.generator.lrr: torch.optim.Adam has no such argument"),
        (["model.generator.shape=[1,2]"], "model.generator.shape: comes from the data set and cannot be set here"),
        (["model.generator.noise_dim=3"], "comes from prior.dim and cannot be set here"),
        (["dataset=folder"], "dataset.path: needs a value; give one with dataset.path=..."),
        (["~optimizer"], "optimizer: is missing; choose one with optimizer=..."),
        (["loss._target_=nowhere.Loss"], "loss._target_: 'nowhere.Loss' was not found: there is no 'nowhere'"),
        (["loss._target_=gan_cli.losses.Nope"], "there is no 'gan_cli.losses.Nope'"),
        (["loss._target_=gan_cli.losses.LOG"], "there is no 'gan_cli.losses.LOG'"),
        (["train.updates=both"], "train.updates: expected one of alternating, simultaneous; got 'both'"),
        (["train.keep=few"], "train.keep: expected a whole number or null; got 'few'"),
        (["seed=abc"], "seed: expected a whole number; got 'abc'"),
        (["seed=1.5"], "seed: expected a whole number; got 1.5"),
        (["seed=-1"], "seed must be in [0, 2**63), got -1"),
        (["dry_run=maybe"], "dry_run: expected true or false; got 'maybe'"),
        (["optimizer.lr=fast"], "optimizer.lr: expected a number"),
        (["optimizer.lr=-1"], "optimizer: Invalid learning rate: -1"),
        (["optimizer.lr=nan"], "optimizer.lr: expected a number; got nan"),
        (["optimizer.betas=[0.5,2]"], "optimizer: Invalid beta parameter at index 1: 2"),
        (["optimizer.betas=[0.5]"], "optimizer.betas: expected a list of 2"),
        (["train.epochs=3", "dataset=ring", "model=mlp"], "train.epochs: this data set is endless"),
        (["train.epochs=3", "train.steps=3"], "train: say how long with one of steps, epochs and images"),
        (["dataset=ring"], "model: DCGAN makes images, and the data set gives points of 2 numbers; use model=mlp"),
        (["dataset.size=31"], "Try dataset.size=32, or model=mlp"),
        (["penalty=gp", "model.discriminator.norm=batch"], "batch norm mixes the samples of a batch"),
        (["train.batch_size=1"], "train.batch_size: batch norm needs more than 1 sample"),
        (["device=cuda:99"], "device: 'cuda:99' asked for"),
    ],
)
def test_a_mistake_is_told_with_what_to_do(overrides, line):
    assert line in refusal(*overrides)


def test_players_may_both_have_their_own_values_but_a_shared_one_that_nobody_reads_is_told():
    own = ["model=mlp", "model.generator.width=8", "model.discriminator.width=9", "train.steps=2"]
    assert make_run(*own).D.net[1].out_features == 9
    assert "model.width: nothing in this choice uses it" in refusal(*own, "model.width=10")
    assert "optimizer.weight_decay: nothing in this choice uses it" in refusal("optimizer.weight_decay=0.1")


def test_an_interpolation_that_leads_nowhere_names_its_key():
    with pytest.raises(ConfigError, match=r"^seed: Interpolation key 'nosuch' not found$"):
        compose_plain("seed=${nosuch}")


def test_what_is_wrong_with_both_players_is_said_once():
    found = [Problem("model.generator", "no"), Problem("model.discriminator", "no"), Problem("seed", "bad")]
    assert str(report(found)) == "2 problems in this config:\n  model: no\n  seed: bad"


def test_one_length_on_the_command_line_replaces_the_others():
    assert make_run(*TINY[:-2], "train.batch_size=16", "train.images=320").steps == 20


class Squashes(torch.nn.Module):
    """A generator that forgets the shape of its samples."""

    def __init__(self, shape, noise_dim, sides: Literal[1, 2] = 1):
        super().__init__()
        self.out = torch.nn.Linear(noise_dim, 7)

    def forward(self, z):
        return self.out(z)


def test_a_network_of_the_wrong_shape_is_named_before_training(monkeypatch):
    monkeypatch.setitem(sys.modules, "squashing", sys.modules[__name__])
    config, written = compose_plain(*TINY)
    config["model"]["generator"] = {"_target_": "squashing.Squashes"}
    with pytest.raises(ConfigError, match=r"model\.generator: maps \[2, 2\] to \[2, 7\], expected \[2, 1\]"):
        build(config, written)
    config["model"]["generator"]["sides"] = 3
    with pytest.raises(ConfigError, match=r"model\.generator\.sides: expected one of 1, 2; got 3"):
        build(config, written)


@pytest.mark.parametrize(
    ("value", "hint", "fits"),
    [
        (3, int, True),
        (True, int, False),
        (3.0, int, False),
        (3, float, True),
        (float("inf"), float, False),
        ("3", float, False),
        (None, int | None, True),
        ([1, 2.5], tuple[float, float], True),
        ([1], tuple[float, float], False),
        ([1, 2, 3], list[int], True),
        ([1, "a"], list[int], False),
        ("abc", list[int], False),
        ("a", Literal["a", "b"], True),
        (1, Literal[True], False),
        (0.5, float | torch.Tensor, True),
        ("x", float | torch.Tensor, False),
    ],
)
def test_values_are_held_against_type_hints(value, hint, fits):
    assert matches(value, hint) is fits


class HalfALoss:
    def discriminator(self, real, fake):
        return {"real": real.mean()}


class SilentPrior:
    dim = 2

    def sample(self, n, generator):
        return torch.zeros(n, 3)


class Normed(torch.nn.Module):
    def __init__(self, shape):
        super().__init__()
        self.net = torch.nn.Sequential(torch.nn.BatchNorm1d(1), torch.nn.Linear(1, 1), torch.nn.Flatten(0))

    def forward(self, x):
        return self.net(x)


@pytest.mark.parametrize(
    ("path", "target", "line"),
    [
        (["loss"], "HalfALoss", "loss: is no loss: 'HalfALoss' object has no attribute 'generator'"),
        (["prior"], "SilentPrior", "prior: is no prior: sample(n, generator) must give [n, dim]"),
        (["model", "discriminator"], "Normed", "model.discriminator: has batch norm, and this penalty needs"),
    ],
)
def test_a_class_of_my_own_that_breaks_its_contract_is_told_before_training(monkeypatch, path, target, line):
    monkeypatch.setitem(sys.modules, "mine", sys.modules[__name__])
    config, written = compose_plain(*TINY)
    node = config
    for key in path[:-1]:
        node = node[key]
    node[path[-1]] = {"_target_": f"mine.{target}"}
    with pytest.raises(ConfigError) as error:
        build(config, written)
    assert line in str(error.value)


def test_what_says_nothing_of_its_arguments_is_no_class_to_name():
    assert "'builtins.dict' does not say what it takes" in refusal("loss._target_=builtins.dict")


def test_a_key_that_a_recipe_set_is_told_as_the_recipe_s():
    message = refusal("experiment=ring", "penalty=none")
    told = "penalty.gamma: gan_cli.penalties.NoPenalty has no such argument; it takes none"
    assert f"{told} (a recipe or a file of the choice set it)" in message

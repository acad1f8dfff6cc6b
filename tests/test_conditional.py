"""Conditional runs from the labels of the data to the files: each fake is of the class of the real sample beside it."""

import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import make_run, once, train_in
from torch import nn

from gan_cli import checkpoint, export
from gan_cli.builder import ConfigError
from gan_cli.cli import sample
from gan_cli.cli import train as command
from gan_cli.errors import DataError
from gan_cli.loop import turn

DIGITS = ("dataset=digits", "dataset.classes=[3,7,8]", "model.conditional=true", "prior.dim=4")
QUICK = (*DIGITS, "train.batch_size=8", "train.steps=6", "train.checkpoint_every=3", "train.samples=6")
SMALL = {
    "mlp": ("model=mlp", "model.width=8"),
    "dcgan": ("model=dcgan", "model.base_channels=4", "dataset.size=8"),
    "resnet": ("model=resnet", "model.base_channels=4"),
    "r3gan": ("model=r3gan", "model.base_channels=16"),
}


@pytest.mark.parametrize("extra", [(), ("model.spectral_norm=true", "model.discriminator.minibatch_std=true")])
@pytest.mark.parametrize("loss", ["nonsaturating", "relativistic"])
@pytest.mark.parametrize("family", SMALL)
def test_every_family_trains_with_labels(family, loss, extra):
    run = make_run(*SMALL[family], *QUICK, f"loss={loss}", *extra)
    run.watching = True
    tables = [m for net in (run.G, run.D) for m in net.modules() if isinstance(m, nn.Embedding)]
    before = [table.weight.detach().clone() for table in tables]
    figures = turn(run)
    assert all(torch.isfinite(torch.as_tensor(v)) for v in figures.values() if not isinstance(v, str))
    assert len(tables) >= 2
    assert all((a != table.weight).any() for a, table in zip(before, tables, strict=True)), "every class moved"


def test_both_players_hear_the_labels_of_the_real_batch():
    run = make_run(*SMALL["mlp"], *QUICK)
    heard = {"G": [], "D": []}
    for name, net in (("G", run.G), ("D", run.D)):
        net.register_forward_pre_hook(lambda _, inputs, name=name: heard[name].append(inputs[1]))
    x = next(run.reals)
    examples, labels = run.reals.examples
    run.reals.cursor = 0
    turn(run)
    assert set(labels.tolist()) == {3, 7, 8}
    pixels = ((x + 1) * 127.5).round().byte()
    of_batch = [labels[(examples == image).flatten(1).all(1)][0].item() for image in pixels]
    assert len(heard["G"]) == 2 and len(heard["D"]) >= 3
    assert all(y.tolist() == of_batch for y in heard["G"] + heard["D"])


def test_a_conditional_run_that_was_stopped_and_resumed_is_the_one_that_was_not(tmp_path):
    overrides = (*SMALL["dcgan"], *QUICK)
    train_in(tmp_path / "whole", *overrides)
    train_in(tmp_path / "parts", *overrides, "train.steps=3")
    state = checkpoint.load(checkpoint.available(tmp_path / "parts" / "checkpoints")[0])
    train_in(tmp_path / "parts", *overrides, state=state)
    whole, parts = (
        checkpoint.load(checkpoint.available(tmp_path / name / "checkpoints")[0]) for name in ("whole", "parts")
    )
    assert whole["step"] == parts["step"] == 6
    for net in ("G", "D", "ema"):
        assert all(torch.equal(whole[net][key], parts[net][key]) for key in whole[net])
        assert any("embedding" in key for key in whole[net])


def test_from_the_command_to_samples_of_one_class(tmp_path, monkeypatch, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, "argv", ["gan-train", *SMALL["dcgan"], *QUICK, "hydra.run.dir=run"])
    monkeypatch.setattr(sys, "path", [*sys.path])
    command.main()
    about = json.loads(Path("run/generator/generator.json").read_text())
    assert about["labels"] == {"3": 3, "7": 7, "8": 8}
    assert about["generator"]["arguments"]["classes"] == 9, "labels keep their numbers"
    sample.main(["run", "--class", "7", "-n", "5", "--npy"])
    sampler = export.load(Path("run"))
    expected = ((sampler(sampler.noise(0, 0, 5), 7) + 1) * 127.5 + 0.5).floor().clamp(0, 255)
    assert np.array_equal(np.load("samples-0/samples.npy"), expected.byte().numpy())
    assert "drew 5 samples of class 7, of step 6" in capsys.readouterr().out
    with pytest.raises(SystemExit) as end:
        sample.main(["run", "--class", "4"])
    assert end.value.code == 2
    assert "there is no class '4'; there are: 3, 7, 8" in capsys.readouterr().err


def test_a_run_without_labels_says_nothing_of_classes(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(
        sys, "argv", ["gan-train", *once(*SMALL["dcgan"], *QUICK, "model.conditional=false", "hydra.run.dir=run")]
    )
    monkeypatch.setattr(sys, "path", [*sys.path])
    command.main()
    about = json.loads(Path("run/generator/generator.json").read_text())
    assert "labels" not in about and "classes" not in about["generator"]["arguments"]


def points(path: Path, labels: list[int]) -> tuple[str, ...]:
    """A data set of points with these labels."""
    x = np.random.default_rng(0).normal(size=(len(labels), 2)).astype(np.float32)
    np.savez(path, x=x, y=np.array(labels))
    return "dataset=array", f"dataset.path={path}", "dataset.key=x", "dataset.label_key=y"


def test_labelled_points_are_drawn_without_an_opinion_of_D(tmp_path):
    data = points(tmp_path / "points.npz", [0, 1] * 20)
    quick = ("model.conditional=true", "train.batch_size=8", "train.steps=2")
    run = train_in(tmp_path / "run", *data, *SMALL["mlp"], *quick)
    assert run.classes == 2
    assert (tmp_path / "run" / "samples").is_dir()


@pytest.mark.parametrize(
    ("overrides", "message"),
    [
        (("dataset=ring", "model=mlp", "model.conditional=true"), "Ring has no labels"),
        ((*DIGITS, "model.pack=2"), "a pack has no label of its own"),
        ((*DIGITS, "train.g_is_data=true"), "g_is_data draws without labels; leave it out, or"),
        ((*DIGITS, "model.generator.classes=3"), "comes from the data set and cannot be set here"),
        ((*DIGITS, "model=resnet", "model.generator.norm=none"), "use norm=batch or model=dcgan"),
    ],
)
def test_what_makes_no_sense_is_refused_with_what_to_do(overrides, message):
    with pytest.raises(ConfigError, match=message):
        make_run(*overrides)


@pytest.mark.parametrize("model", ["infogan", "sndcgan", "dcgan5x5", "goodfellow"])
def test_networks_that_know_no_labels_say_so(model):
    with pytest.raises(ConfigError, match="knows no labels; use model=dcgan, mlp, resnet or r3gan"):
        make_run("dataset=digits", f"model={model}", "model.conditional=true")


def test_labels_below_0_are_refused(tmp_path):
    data = points(tmp_path / "points.npz", [-1, 1] * 20)
    with pytest.raises(DataError, match="labels must be 0 to 1048575; found -1"):
        make_run(*data, *SMALL["mlp"], "model.conditional=true", "train.batch_size=8")

"""A run that was stopped and resumed is the run that was never stopped, to the bit."""

import hashlib
import json
from pathlib import Path

import pytest
import torch
from conftest import TINY, make_run, train_in
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_cli import checkpoint
from gan_cli.errors import RunError
from gan_cli.loop import train
from gan_cli.stored import tame

EVERYTHING = (
    "model=dcgan", "dataset=digits", "dataset.size=8", "dataset.flip=true", "model.base_channels=4", "prior.dim=4",
    "model.discriminator.norm=layer", "penalty=r1", "penalty.every=3", "train.d_steps=2", "train.batch_size=64",
    "train.steps=30", "train.log_every=4", "train.sample_every=8", "train.checkpoint_every=6", "train.samples=4",
)  # fmt: skip
DROPOUT = (
    *TINY, "penalty=none", "model.discriminator.dropout=0.5", "model.generator.norm=batch",
    "model.discriminator.norm=batch",
    "train.steps=30", "train.log_every=4", "train.sample_every=15", "train.checkpoint_every=6",
    "train.fakes=reused", "train.lr_schedule=cosine", "optimizer=rmsprop",
)  # fmt: skip

SHORT = (
    "train.steps=12", "train.log_every=2", "train.sample_every=6", "train.checkpoint_every=4", "train.samples=4",
    "health.grace=0",
)  # fmt: skip
IMAGES = (
    "model=mlp", "model.width=4", "dataset=digits", "dataset.size=8", "prior.dim=2", "train.batch_size=16", *SHORT,
)  # fmt: skip
MOVING = ("train.momentum_final=0.7", "train.lr_schedule=exponential", "train.lr_final=0.1")
FEATURES = {
    "pack": (*IMAGES, "model.pack=2"),
    "conditional": (*IMAGES, "model.conditional=true", "loss=wgan_gp"),
    "instance noise": (*TINY, *SHORT, "aids.instance_noise=0.5", "aids.instance_noise_steps=9"),
    "label flips": (*IMAGES, "aids.label_flips=0.2"),
    "augment": (*IMAGES, "aids.augment=[translation,cutout,colour]", "train.d_steps=2"),
    "top-k": (*IMAGES, "aids.top_k=0.5", "aids.top_k_steps=8", "loss=relativistic"),
    "spectral norm": (*IMAGES, "model.spectral_norm=true", "penalty.every=3"),
    "G is data": (*IMAGES, "train.g_is_data=true"),
    "warm-up": (*IMAGES, "train.d_warmup=3", "train.d_warmup_steps=6", "train.fakes=reused", "penalty.every=5"),
    "standardise": (*TINY, *SHORT, "dataset=ring", "model.standardise=true", "model.discriminator.fourier=4"),
    "gamma falls": (*TINY, *SHORT, "penalty=r1r2", "penalty.gamma_final=0.1"),
    "points": (*TINY, *SHORT, "dataset=ring", "dataset.points=50", "train.updates=simultaneous", "train.fakes=reused"),
    "momentum": (*TINY, *SHORT, "optimizer=sgd", "optimizer.lr=1e-3", *MOVING),
    "dirac": ("experiment=dirac/instance_noise", "train.batch_size=8", *SHORT),
}  # fmt: skip


def digest(content) -> str:
    """A digest of content: equal tensors in equal places, whatever their files look like."""
    sha = hashlib.sha256()

    def eat(value):
        if isinstance(value, torch.Tensor):
            sha.update(str((value.dtype, tuple(value.shape))).encode() + value.contiguous().numpy().tobytes())
        elif isinstance(value, dict):
            for key in sorted(value, key=str):
                sha.update(str(key).encode())
                eat(value[key])
        elif isinstance(value, list | tuple):
            for item in value:
                eat(item)
        else:
            sha.update(repr(value).encode())

    eat(content)
    return sha.hexdigest()


def newest(directory: Path):
    return checkpoint.load(checkpoint.available(directory / "checkpoints")[0])


def points(directory: Path):
    events = EventAccumulator(str(directory), size_guidance={"scalars": 0, "images": 0})
    events.Reload()
    scalars = {
        tag: [(e.step, e.value) for e in events.Scalars(tag)]
        for tag in events.Tags()["scalars"]
        if not tag.startswith("time/")
    }
    images = {
        tag: [(e.step, hashlib.sha256(e.encoded_image_string).hexdigest()) for e in events.Images(tag)]
        for tag in events.Tags()["images"]
    }
    return scalars, images


class Interrupted(Exception):
    """Stands for a kill: nothing is saved when it comes."""


def train_and_die(directory: Path, step: int, *overrides: str, state=None) -> None:
    """Train, and die right after a step and whatever belongs to it."""
    directory.mkdir(parents=True, exist_ok=True)
    run = make_run(*overrides)

    def tick(reached: int) -> None:
        if reached == step:
            raise Interrupted

    with pytest.raises(Interrupted), run.open(directory, state) as console:
        console.tick = tick
        train(run)
    run.log.close()  # what a killed process had written by then: more than it had committed


@pytest.mark.parametrize("overrides", [EVERYTHING, DROPOUT], ids=["everything", "dropout"])
@pytest.mark.parametrize("step", [5, 17, 18])
def test_a_killed_and_resumed_run_is_the_uninterrupted_one(tmp_path, overrides, step):
    tear(tmp_path, step, *overrides)
    assert_one_run(tmp_path)


@pytest.mark.parametrize("name", FEATURES)
def test_so_is_one_with_each_aid_and_each_way_to_build_D(tmp_path, name):
    tear(tmp_path, 6, *FEATURES[name])
    assert_one_run(tmp_path)


def tear(tmp_path: Path, step: int, *overrides: str) -> None:
    """Train a run in one go, and train it again with a kill at a step."""
    run = train_in(tmp_path / "whole", *overrides)
    train_and_die(tmp_path / "torn", step, *overrides)
    state = newest(tmp_path / "torn")
    assert state["step"] == step // run.cfg.checkpoint_every * run.cfg.checkpoint_every
    train_in(tmp_path / "torn", *overrides, state=state)


def assert_one_run(tmp_path: Path) -> None:
    whole, torn = newest(tmp_path / "whole"), newest(tmp_path / "torn")
    assert whole.keys() == torn.keys()
    for part in whole.keys() - {"offsets"}:
        assert digest(whole[part]) == digest(torn[part]), part
    assert whole["offsets"]["metrics"] == torn["offsets"]["metrics"]
    same_file = lambda name: (tmp_path / "whole" / name).read_bytes() == (tmp_path / "torn" / name).read_bytes()  # noqa: E731
    assert same_file("metrics.jsonl")
    for picture in (tmp_path / "whole" / "samples").iterdir():
        assert same_file(f"samples/{picture.name}")
    assert points(tmp_path / "whole") == points(tmp_path / "torn")
    alarms = [json.loads((tmp_path / name / "status.json").read_text())["alarms"] for name in ("whole", "torn")]
    assert alarms[0] == alarms[1]
    left = [path.name for path in (tmp_path / "torn").rglob(".tmp*")]
    assert left == []


def test_two_deaths_in_a_row_leave_no_gap_and_no_double(tmp_path):
    train_in(tmp_path / "whole", *DROPOUT)
    train_and_die(tmp_path / "torn", 10, *DROPOUT)
    train_and_die(tmp_path / "torn", 15, *DROPOUT, state=newest(tmp_path / "torn"))
    train_in(tmp_path / "torn", *DROPOUT, state=newest(tmp_path / "torn"))
    steps = [json.loads(line)["step"] for line in (tmp_path / "torn" / "metrics.jsonl").read_text().splitlines()]
    assert steps == [4, 8, 12, 15, 16, 20, 24, 28, 30]
    assert points(tmp_path / "whole") == points(tmp_path / "torn")
    assert digest(newest(tmp_path / "whole")["G"]) == digest(newest(tmp_path / "torn")["G"])


def test_a_longer_run_goes_on_where_the_shorter_one_ended(tmp_path):
    longer = tuple("train.steps=42" if o == "train.steps=30" else o for o in EVERYTHING)
    train_in(tmp_path / "whole", *longer)
    train_in(tmp_path / "grown", *EVERYTHING)
    train_in(tmp_path / "grown", *longer, state=newest(tmp_path / "grown"))
    for part in ("G", "D", "ema", "opt_G", "opt_D", "random", "noise", "cursor"):
        assert digest(newest(tmp_path / "whole")[part]) == digest(newest(tmp_path / "grown")[part]), part


def test_looking_at_a_run_does_not_change_it(tmp_path):
    often = (*DROPOUT, "train.sample_every=1", "train.log_every=1", "train.checkpoint_every=1")
    train_in(tmp_path / "seldom", *DROPOUT)
    train_in(tmp_path / "often", *often)
    for part in ("G", "D", "ema", "opt_G", "random", "noise"):
        assert digest(newest(tmp_path / "seldom")[part]) == digest(newest(tmp_path / "often")[part]), part


@pytest.mark.parametrize("name", FEATURES)
def test_nor_does_looking_with_each_aid_and_each_way_to_build_D(tmp_path, name):
    for often, every in (("often", 1), ("seldom", 1000)):
        looks = [f"train.{what}_every={every}" for what in ("log", "sample", "checkpoint")]
        train_in(tmp_path / often, *FEATURES[name], "train.steps=4", *looks)
    seldom, often = newest(tmp_path / "seldom"), newest(tmp_path / "often")
    for part in seldom.keys() - {"offsets"}:
        assert digest(seldom[part]) == digest(often[part]), part


def test_another_seed_is_another_run(tmp_path):
    train_in(tmp_path / "a", *TINY)
    train_in(tmp_path / "b", *TINY, "seed=1")
    assert digest(newest(tmp_path / "a")["G"]) != digest(newest(tmp_path / "b")["G"])


def test_a_checkpoint_of_other_networks_is_refused(tmp_path):
    train_in(tmp_path / "a", *TINY)
    with pytest.raises(RunError, match=r"does not fit this config:\s+G\.[\w.]+ is \[8\], and \[9\] in the network"):
        train_in(tmp_path / "a", *TINY, "model.width=9", state=newest(tmp_path / "a"))


@pytest.mark.parametrize("part", ["ema", "offsets", "noise", "opt_G"])
def test_a_checkpoint_that_lacks_a_part_is_refused_by_the_name_of_the_part(tmp_path, part):
    train_in(tmp_path / "a", *TINY)
    state = {key: value for key, value in newest(tmp_path / "a").items() if key != part}
    with pytest.raises(RunError, match=f"the checkpoint lacks {part}"):
        train_in(tmp_path / "a", *TINY, state=state)


PLACES = {"dataset": {"path": "photos", "download": True, "cache": "/somewhere/else"}}


class TestPlacesToWrite:
    def test_the_config_of_a_run_does_not_say_where_to_write_and_stays_as_it_is(self):
        built = tame(PLACES, (), trust=False)
        assert built["dataset"] == {"path": "photos", "download": False, "cache": "auto"}
        assert PLACES["dataset"]["cache"] == "/somewhere/else", "what is stored again is what was stored"

    def test_its_user_does(self):
        assert tame(PLACES, ["dataset.cache", "dataset.download"], trust=False) == PLACES
        assert tame(PLACES, (), trust=True) == PLACES

    def test_what_is_switched_off_stays_off(self):
        off = {"dataset": {"path": "photos", "download": False, "cache": None}}
        assert tame(off, (), trust=False) == off

"""What is not finite is found where it began, at once or later, and later changes no bit."""

import json

import pytest
import torch
from conftest import TINY, make_run, train_in

from gan_cli import checkpoint, guard, loop
from gan_cli.cli.failure import recorded
from gan_cli.errors import Diverged
from gan_cli.guard import Guard, Update
from gan_cli.loop import train

SELDOM = (*TINY, "train.steps=12", "train.d_steps=2", "train.log_every=5", "train.sample_every=12", "penalty.every=3")


@pytest.fixture(autouse=True)
def no_pictures(monkeypatch):
    """They take longer than all else here."""
    monkeypatch.setattr(loop, "look", lambda run: {})


def begin(directory, *overrides: str, defers: bool, broken: tuple[int, ...] = ()):
    """Train a run that looks later, or at once; G's loss is NaN after so many steps, the first time each."""
    run = make_run(*SELDOM, *overrides)
    run.guard.defers = defers
    sound, left = run.loss.generator, list(broken)

    def generator(*logits):
        loss = sound(*logits)
        if run.step in left:
            left.remove(run.step)
            return loss * float("nan")
        return loss

    run.loss.generator = generator
    directory.mkdir()
    try:
        with run.open(directory):
            train(run)
    finally:
        run.log.close()
    return run


def steps(directory) -> list[int]:
    return [checkpoint.step_of(path) for path in checkpoint.available(directory / "checkpoints")]


def log(directory) -> bytes:
    return (directory / "metrics.jsonl").read_bytes()


def rollbacks(directory) -> list[dict]:
    return json.loads((directory / "status.json").read_text())["rollbacks"]


def test_a_run_on_the_cpu_looks_before_each_update():
    assert not make_run(*TINY).guard.defers


def test_to_look_later_changes_no_bit(tmp_path):
    at_once, later = (begin(tmp_path / name, defers=name == "later") for name in ("at once", "later"))
    assert at_once.digest() == later.digest()
    assert log(tmp_path / "at once") == log(tmp_path / "later")


@pytest.mark.parametrize(
    ("cadence", "seen", "kept"),
    [("train.checkpoint_every=12", 10, [0]), ("train.checkpoint_every=4", 8, [4, 0]), ("train.sample_every=9", 9, [0])],
)
def test_who_looks_later_finds_the_step_where_it_began_and_saves_nothing_after_it(tmp_path, cadence, seen, kept):
    with pytest.raises(Diverged) as error:
        begin(tmp_path / "run", cadence, defers=True, broken=(6,))
    told = str(error.value).splitlines()[0]
    assert told.startswith("not finite in step 7, before the update of G: loss/g is nan, grad_norm/g is nan (")
    assert f"(seen after step {seen}; later updates are not kept)" in told
    assert told.endswith(f"; the last good checkpoint is of step {kept[0]}")
    assert error.value.step == 7
    assert steps(tmp_path / "run") == kept
    assert [json.loads(row)["step"] for row in log(tmp_path / "run").splitlines()] == [5]


def test_a_rollback_is_the_same_for_those_who_look_later(tmp_path):
    roll = ("train.checkpoint_every=4", "train.on_not_finite=rollback")
    names = ("at once", "later")
    runs = [begin(tmp_path / name, *roll, defers=name == "later", broken=(6, 9)) for name in names]
    assert runs[0].digest() == runs[1].digest()
    assert log(tmp_path / "at once") == log(tmp_path / "later")
    found = [[(event["step"], event["to"]) for event in rollbacks(tmp_path / name)] for name in names]
    assert found == [[(7, 4), (10, 8)]] * 2


def harm_average(run, step: int) -> None:
    """Make the average of G infinite after a step, once: nothing but a checkpoint looks at it."""
    sound, done = run.ema.update, []

    def update(images: int, batch_size: int) -> None:
        sound(images, batch_size)
        if run.step == step and not done:
            done.append(step)
            next(run.ema.G.parameters()).fill_(torch.inf)

    run.ema.update = update


@pytest.mark.parametrize("way", ["stop", "rollback"])
def test_what_a_checkpoint_finds_is_recorded_at_the_step_that_was_to_be_saved(tmp_path, way):
    run = make_run(*SELDOM, "train.checkpoint_every=4", f"train.on_not_finite={way}")
    harm_average(run, 8)
    (tmp_path / "run").mkdir()
    if way == "rollback":
        with run.open(tmp_path / "run"):
            train(run)
        run.log.close()
        assert [(event["step"], event["to"]) for event in rollbacks(tmp_path / "run")] == [(8, 4)]
        return
    told = pytest.raises(Diverged, match="not finite after step 8: ema")
    with run.open(tmp_path / "run"), told, recorded(run, {}, "run"):
        train(run)
    (alarm,) = json.loads((tmp_path / "run/status.json").read_text())["alarms"]
    assert (alarm["name"], alarm["step"]) == ("not_finite", 8)


def test_the_first_update_that_is_not_finite_is_named():
    later = Guard(defers=True)
    for step, player, value in [(1, "d", 0.0), (2, "d", torch.inf), (2, "g", torch.nan)]:
        later.measure(Update(step, 10 * step, player), {"fine": torch.ones(()), "loss": torch.tensor(value)}, "none")
    with pytest.raises(Diverged, match="in step 2, before the update of D: loss is inf") as error:
        later.look(5, "none")
    assert (error.value.step, error.value.batch) == (2, 20)
    later.look(6, "none")  # it was told once


def test_who_looks_later_keeps_no_more_than_a_bounded_number(monkeypatch):
    monkeypatch.setattr(guard, "MOST", 3)
    later = Guard(defers=True)
    bad = {"loss": torch.tensor(torch.nan)}
    later.measure(Update(1, 1, "d"), bad, "none")
    later.measure(Update(1, 1, "g"), bad, "none")
    with pytest.raises(Diverged, match="in step 1, before the update of D"):
        later.measure(Update(2, 2, "d"), bad, "none")


def test_who_looks_later_looks_also_where_the_run_is_stopped(tmp_path):
    run = train_in(tmp_path, *SELDOM)
    run.guard.defers = True
    run.guard.measure(Update(12, 1, "g"), {"loss": torch.tensor(torch.nan)}, "none")
    with pytest.raises(Diverged, match="in step 12"):
        run.save()

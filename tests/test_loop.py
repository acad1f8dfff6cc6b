"""The loop: k updates of D to one of G, cadences, and a discriminator that is already sure."""

import json

import pytest
import torch
from conftest import TINY, make_run, train_in

from gan_cli import checkpoint, loop


def steps_in(directory, name):
    return [json.loads(line)["step"] for line in (directory / f"{name}.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("d_steps", "g_steps"), [(1, 1), (5, 1), (2, 3)])
def test_a_step_is_k_updates_of_D_on_new_data_and_then_the_updates_of_G(monkeypatch, d_steps, g_steps):
    played = []
    monkeypatch.setattr(loop, "discriminator_step", lambda run, x: played.append("D") or {})
    monkeypatch.setattr(loop, "generator_step", lambda run, x: played.append("G") or {})
    run = make_run(*TINY, f"train.d_steps={d_steps}", f"train.g_steps={g_steps}")
    loop.turn(run)
    assert played == ["D"] * d_steps + ["G"] * g_steps
    assert run.reals.cursor == d_steps


def test_what_is_due_happens_at_its_cadence_and_at_the_end(tmp_path):
    train_in(
        tmp_path, *TINY, "train.steps=10", "train.log_every=4", "train.sample_every=3", "train.checkpoint_every=6",
        "train.keep=null",
    )  # fmt: skip
    assert steps_in(tmp_path, "metrics") == [3, 4, 6, 8, 9, 10], "figures of the step, and of its samples"
    assert sorted(path.stem for path in (tmp_path / "samples").glob("step-*")) == [
        f"step-{step:09d}" for step in (3, 6, 9, 10)
    ]
    assert [checkpoint.step_of(path) for path in checkpoint.available(tmp_path / "checkpoints")] == [10, 6, 0]


def test_epochs_are_passes_of_D_over_the_data(tmp_path):
    run = make_run("model=mlp", "model.width=8", "train.epochs=2", "train.batch_size=100", "train.d_steps=3")
    assert run.steps == 11, "2 x 1618 images at 300 a step; the other 179 of 1797 are held out"


def test_asked_to_stop_the_step_ends_and_is_committed(tmp_path):
    run = make_run(*TINY, "train.steps=100")
    with run.open(tmp_path) as console:
        console.tick = lambda step: setattr(run, "stopping", step == 7)
        loop.train(run)
    run.log.close()
    assert run.step == 7
    assert checkpoint.step_of(checkpoint.available(tmp_path / "checkpoints")[0]) == 7


def test_with_a_head_start_D_is_sure_before_G_moves_and_resume_does_not_repeat_it(tmp_path):
    sure = (*TINY, "penalty=none", "dataset.mean=10", "train.d_head_start=200", "optimizer.lr=1e-2")
    run = train_in(tmp_path / "whole", *sure)
    first = checkpoint.load(checkpoint.available(tmp_path / "whole/checkpoints")[-1])
    assert (first["step"], first["cursor"]) == (0, 200)
    assert run.reals.cursor == 206
    again = train_in(tmp_path / "torn", *sure, state={**first, "offsets": {"metrics": 0, "timing": 0}})
    assert again.reals.cursor == 206
    assert all(map(torch.equal, run.G.parameters(), again.G.parameters()))
    row = json.loads((tmp_path / "whole/metrics.jsonl").read_text().splitlines()[-1])
    assert row["prob/d_g_z"] < 0.01
    assert row["prob/d_x"] > 0.99


def test_the_average_follows_G_by_its_half_life_in_images(tmp_path):
    train_in(tmp_path, *TINY, "train.ema_half_life_images=64", "train.ema_ramp=0", "train.g_steps=2", "train.steps=1")
    after, before = map(checkpoint.load, checkpoint.available(tmp_path / "checkpoints"))
    share = 1 - 0.5 ** (2 * 16 / 64)  # two updates of G on 16 images each
    for name, old in before["G"].items():
        assert not torch.equal(after["G"][name], old)
        assert torch.allclose(after["ema"][name], torch.lerp(old, after["G"][name], share), atol=1e-6)

"""What a run commits: the best beside the newest, nothing that is not finite, only on the data it was trained on."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest
import torch
from conftest import TINY, make_run, train_in

from gan_cli import checkpoint
from gan_cli.errors import DataError, Diverged, RunError
from gan_cli.loop import train

OFTEN = ("train.steps=12", "train.log_every=1", "train.sample_every=12", "train.checkpoint_every=2", "penalty.every=3")
ROLL = (*TINY, *OFTEN, "train.checkpoint_every=4", "train.on_not_finite=rollback", "train.d_steps=2")


@contextmanager
def opened(run, directory: Path, state=None) -> Iterator[None]:
    directory.mkdir(exist_ok=True)
    with run.open(directory, state):
        yield
    run.log.close()


def steps(directory: Path) -> list[int]:
    return [checkpoint.step_of(path) for path in checkpoint.available(directory / "checkpoints")]


def rows(directory: Path) -> list[dict]:
    return [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]


@pytest.mark.parametrize(("direction", "pick"), [("smallest", min), ("largest", max)])
def test_the_checkpoint_with_the_best_figure_is_kept(tmp_path, direction, pick):
    train_in(tmp_path, *TINY, *OFTEN, "train.keep=1", "train.keep_best=theory/js", f"train.best_is={direction}")
    committed = {row["step"]: row["theory/js"] for row in rows(tmp_path) if row["step"] % 2 == 0}
    best = pick(committed, key=committed.__getitem__)
    assert sorted(steps(tmp_path)) == sorted({12, best})
    state = checkpoint.load(checkpoint.available(tmp_path / "checkpoints")[0])
    assert state["best"] == ("theory/js", direction, committed[best], best)


def test_a_figure_logged_seldom_judges_the_next_checkpoint_only(tmp_path):
    train_in(tmp_path, *TINY, *OFTEN, "train.log_every=5", "train.keep=1", "train.keep_best=theory/js")
    found = {row["step"]: row["theory/js"] for row in rows(tmp_path) if "theory/js" in row}
    best = min(found, key=found.__getitem__)
    assert sorted(steps(tmp_path)) == sorted({12, best + best % 2})


def test_the_best_is_remembered_over_a_resume(tmp_path):
    best = ("train.keep=1", "train.keep_best=theory/js", "train.best_is=largest")
    train_in(tmp_path / "whole", *TINY, *OFTEN, *best, "train.steps=16")
    train_in(tmp_path / "parts", *TINY, *OFTEN, *best, "train.steps=6")
    state = checkpoint.load_newest(tmp_path / "parts/checkpoints", print)
    train_in(tmp_path / "parts", *TINY, *OFTEN, *best, "train.steps=16", state=state)
    names = [sorted(p.name[:14] for p in (tmp_path / d / "checkpoints").iterdir()) for d in ("whole", "parts")]
    assert names[0] == names[1]


def test_another_figure_to_judge_by_begins_anew(tmp_path):
    kept = (*TINY, *OFTEN, "train.keep=1", "train.keep_best=theory/js")
    train_in(tmp_path, *kept, "train.steps=6")
    state = checkpoint.load_newest(tmp_path / "checkpoints", print)
    run = train_in(tmp_path, *kept, "train.keep_best=theory/accuracy", "train.best_is=largest", state=state)
    assert run.best.kept[:2] == ("theory/accuracy", "largest") and run.best.kept[3] > 6
    assert sorted(steps(tmp_path)) == sorted({12, run.best.kept[3]})


def test_a_damaged_checkpoint_does_not_push_out_a_good_one(tmp_path):
    train_in(tmp_path, *TINY, *OFTEN, "train.steps=7", "train.checkpoint_every=5")
    newest, good, *_ = checkpoint.available(tmp_path / "checkpoints")
    newest.write_bytes(newest.read_bytes() + b"x")
    state = checkpoint.load_newest(tmp_path / "checkpoints", lambda _: None)
    train_in(tmp_path, *TINY, *OFTEN, "train.steps=10", "train.checkpoint_every=5", state=state)
    assert steps(tmp_path) == [10, 5]
    assert good.exists() and not newest.exists()


def test_clocks_that_are_gone_do_not_keep_a_run_from_going_on_and_figures_that_are_gone_do(tmp_path):
    train_in(tmp_path, *TINY, *OFTEN, "train.steps=6")
    state = checkpoint.load_newest(tmp_path / "checkpoints", print)
    (tmp_path / "timing.jsonl").unlink()
    train_in(tmp_path, *TINY, *OFTEN, state=state)
    assert [row["step"] for row in rows(tmp_path)] == list(range(1, 13))
    state = checkpoint.load_newest(tmp_path / "checkpoints", print)
    before = (tmp_path / "timing.jsonl").read_bytes()
    (tmp_path / "metrics.jsonl").write_bytes(b"")
    with pytest.raises(RunError, match="put it back"):
        train_in(tmp_path, *TINY, *OFTEN, "train.steps=14", state=state)
    assert (tmp_path / "timing.jsonl").read_bytes() == before, "nothing is cut before all is looked at"


def test_a_damaged_row_of_the_log_is_said_and_the_run_goes_on(tmp_path, capsys):
    train_in(tmp_path, *TINY, *OFTEN, "train.steps=6")
    state = checkpoint.load_newest(tmp_path / "checkpoints", print)
    log = tmp_path / "metrics.jsonl"
    log.write_bytes(log.read_bytes().replace(b"{", b"[", 1))
    assert train_in(tmp_path, *TINY, *OFTEN, state=state).step == 12
    assert "alarms judge by what is logged from here on" in " ".join(capsys.readouterr().out.split())


def test_what_is_infinite_from_the_start_may_stay_so(tmp_path):
    run = make_run(*TINY, *OFTEN)
    run.G.register_buffer("mask", torch.tensor([0.0, -torch.inf]))
    with opened(run, tmp_path):
        train(run)
        run.G.mask[0] = torch.nan
        run.G.register_buffer("other", torch.tensor([torch.nan]))
        with pytest.raises(Diverged, match=r"not finite after step 12: G\.other;"):
            run.save()


def test_a_head_start_of_d_begins_and_ends_with_a_checkpoint(tmp_path):
    run = make_run(*TINY, *OFTEN, "train.d_head_start=7")
    saved = []
    keep = run.save
    run.save = lambda: (saved.append((run.step, run.reals.cursor)), keep())[1]
    with opened(run, tmp_path):
        train(run)
    assert saved[:3] == [(0, 0), (0, 7), (2, 9)]
    assert steps(tmp_path) == [12, 10]


@pytest.mark.parametrize("part", ["G", "D", "ema", "opt_G", "opt_D"])
def test_what_is_not_finite_is_never_committed(tmp_path, part):
    run = make_run(*TINY, *OFTEN)
    with opened(run, tmp_path):
        train(run)
        run.step += 1
        net = {"G": run.G, "D": run.D, "ema": run.ema.G, "opt_G": run.opt_G, "opt_D": run.opt_D}[part]
        inside = net.state_dict()
        tensors = inside if part in ("G", "D", "ema") else next(iter(inside["state"].values()))
        next(t for t in tensors.values() if isinstance(t, torch.Tensor) and t.ndim).view(-1)[0] = torch.inf
        before = steps(tmp_path)
        with pytest.raises(Diverged, match=rf"not finite after step 13: {part}\.[\w.]+; the last good"):
            run.save()
    assert steps(tmp_path) == before


def break_at(run, step: int, times: int = 1) -> None:
    """G's loss is NaN in a step, as long as the run has rolled back less often."""
    sound = run.loss.generator

    def broken(*logits):
        loss = sound(*logits)
        return loss * float("nan") if run.step == step and run.rollbacks < times else loss

    run.loss.generator = broken


def die_at(step: int):
    """In the place of the console's tick: an end that nobody expected, right after a step."""

    def tick(reached: int) -> None:
        if reached == step:
            raise KeyboardInterrupt

    return tick


def test_a_rollback_goes_on_from_the_last_checkpoint_with_other_noise_and_data(tmp_path):
    run = make_run(*ROLL)
    break_at(run, 6)
    with opened(run, tmp_path / "rolled"):
        train(run)
    plain = train_in(tmp_path / "plain", *ROLL)
    assert run.step == 12 and run.rollbacks == 1
    assert [row["step"] for row in rows(tmp_path / "rolled")] == list(range(1, 13)), "no step is missing or doubled"
    a, b = rows(tmp_path / "rolled"), rows(tmp_path / "plain")
    assert a[:4] == b[:4] and all(x["loss/d"] != y["loss/d"] for x, y in zip(a[4:], b[4:], strict=True))
    (event,) = json.loads((tmp_path / "rolled/status.json").read_text())["rollbacks"]
    assert (event["number"], event["step"], event["to"]) == (1, 7, 4)
    assert event["why"].startswith("not finite in step 7, before the update of G: loss/g is nan")
    assert run.reals.skipped == 2 * 3, "the batches of steps 5 to 7 are not seen again"
    assert run.reals.cursor == plain.reals.cursor == 24, "and the count of D's updates is what it would be"


@pytest.mark.parametrize("step", [0, 2])
def test_a_rollback_goes_back_to_the_beginning_where_nothing_else_is_saved(tmp_path, step):
    run = make_run(*ROLL, "optimizer=sgd", "train.momentum_final=0.5", "optimizer.momentum=0.9")
    break_at(run, step)
    with opened(run, tmp_path):
        train(run)
    assert (run.step, run.rollbacks) == (12, 1)
    assert [row["step"] for row in rows(tmp_path)] == list(range(1, 13))
    (event,) = json.loads((tmp_path / "status.json").read_text())["rollbacks"]
    assert (event["step"], event["to"]) == (step + 1, 0)


def test_a_rollback_that_is_killed_and_resumed_is_the_same_rollback(tmp_path):
    ends = []
    for name, kill in (("whole", None), ("torn", 8)):
        run, state = make_run(*ROLL), None
        break_at(run, 6, times=2)
        if kill:
            with opened(run, tmp_path / name), pytest.raises(KeyboardInterrupt):
                run.console.tick = die_at(kill)
                train(run)
            state = checkpoint.load_newest(tmp_path / name / "checkpoints", print)
            assert state["rollbacks"] == 2
            run = make_run(*ROLL)
            break_at(run, 6, times=2)
        with opened(run, tmp_path / name, state):
            train(run)
        ends.append(run.digest())
    assert ends[0] == ends[1]
    assert (tmp_path / "whole/metrics.jsonl").read_bytes() == (tmp_path / "torn/metrics.jsonl").read_bytes()
    found = [json.loads((tmp_path / name / "status.json").read_text())["rollbacks"] for name in ("whole", "torn")]
    assert len(found[0]) == 2 and found[0] == found[1]


def test_each_rollback_goes_on_with_data_that_were_never_seen(tmp_path):
    run = make_run(*ROLL)
    break_at(run, 6, times=3)
    seen: list[int] = []
    draw = run.reals.data.sample

    def sample(n, generator):
        seen.extend([run.reals.cursor + run.reals.skipped] if n == run.cfg.batch_size else [])
        return draw(n, generator)

    run.reals.data.sample = sample
    with opened(run, tmp_path):
        train(run)
    assert run.rollbacks == 3
    assert run.reals.skipped == 3 * 6, "three batches of two updates, three times"
    assert seen[: 12 * 2 + 18] == list(range(12 * 2 + 18)), "no batch twice"


def test_rollbacks_are_bounded(tmp_path):
    run = make_run(*ROLL, "train.rollbacks=2")
    break_at(run, 6, times=99)
    with opened(run, tmp_path), pytest.raises(Diverged, match="the last good checkpoint is of step 4"):
        train(run)
    assert run.rollbacks == 2
    assert len(json.loads((tmp_path / "status.json").read_text())["rollbacks"]) == 2


def test_a_run_stops_where_it_was_not_told_to_roll_back(tmp_path):
    run = make_run(*ROLL, "train.on_not_finite=stop")
    break_at(run, 6)
    with opened(run, tmp_path), pytest.raises(Diverged):
        train(run)
    assert (run.rollbacks, steps(tmp_path)) == (0, [4, 0])


def test_a_run_does_not_go_on_with_other_data(tmp_path):
    images = np.random.default_rng(0).integers(0, 256, (40, 8, 8), dtype=np.uint8)
    np.save(tmp_path / "x.npy", images)
    tiny = ("dataset=array", f"dataset.path={tmp_path}/x.npy", "model=mlp", "model.width=4", "prior.dim=2")
    tiny += ("train.batch_size=8", "train.steps=4", "train.samples=4")
    train_in(tmp_path / "run", *tiny)
    images[3, 4, 5] ^= 1
    np.save(tmp_path / "x.npy", images)
    state = checkpoint.load_newest(tmp_path / "run/checkpoints", print)
    with pytest.raises(DataError, match=r"not the one that the run was trained on\n  then 40 examples"):
        train_in(tmp_path / "run", *tiny, "train.steps=6", state=state)
    run = train_in(tmp_path / "run", *tiny, "train.steps=6", "other_data=true", state=state)
    assert run.step == 6


def test_the_digest_is_of_all_that_two_equal_runs_share(tmp_path):
    run, twin = train_in(tmp_path / "a", *TINY), train_in(tmp_path / "b", *TINY)
    other = train_in(tmp_path / "c", *TINY, "seed=1")
    assert run.digest() == twin.digest() != other.digest()
    run.noise.manual_seed(0)
    assert run.digest() != twin.digest()


def test_the_size_of_a_checkpoint_is_known_before_the_first_step(tmp_path):
    run = make_run("model.base_channels=8", "dataset.size=16", "train.steps=2", "train.samples=4")
    size = run.checkpoint_size()
    with opened(run, tmp_path):
        train(run)
    found = checkpoint.available(tmp_path / "checkpoints")[0].stat().st_size
    assert found <= size <= found + 2 * checkpoint.SPARE


def test_a_checkpoint_of_an_old_format_is_called_so(tmp_path):
    run = train_in(tmp_path, *TINY)
    with pytest.raises(RunError, match="format 1; this version reads format 2"):
        make_run(*TINY).open(tmp_path, run.state() | {"format": 1})

"""Evaluating during training changes nothing of a run, survives a kill, and chooses what is kept and when it ends."""

import json
from pathlib import Path

import pytest
import torch
from conftest import TINY, make_run, train_in
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from gan_cli import checkpoint, metrics
from gan_cli.cli.figures import refuse_unknown_figure
from gan_cli.errors import ConfigError
from gan_cli.evaluation import judge_of
from gan_cli.loop import train
from gan_cli.settings import TrainConfig
from gan_cli.state import digest

OFTEN = ("train.steps=12", "train.log_every=3", "train.sample_every=6", "train.checkpoint_every=4", "train.samples=4")
RING = (*TINY, "dataset=ring", *OFTEN, "model.discriminator.dropout=0.5")
SMALL = ("model=mlp", "model.width=8", "prior.dim=2", "train.batch_size=16", *OFTEN)
IMAGES = ("dataset=digits", "dataset.size=8", *SMALL)
EVAL = ("train.eval_every=2", "train.eval_samples=40")
RUNS = {
    "points": RING,
    "classes": (*IMAGES, "model.conditional=true"),
    "without an average": (*IMAGES, "train.ema_half_life_images=null"),
    "a normalised G": (*RING, "model.generator.norm=batch", "model.discriminator.norm=batch", "penalty=none"),
    "the data": (*RING, "train.g_is_data=true"),
}


def rows(directory: Path, name: str = "metrics") -> list[dict]:
    return [json.loads(line) for line in (directory / f"{name}.jsonl").read_text().splitlines()]


def plain_rows(directory: Path) -> list[dict]:
    """Without what an evaluation found."""
    kept = [{key: value for key, value in row.items() if not key.startswith("eval/")} for row in rows(directory)]
    return [row for row in kept if row.keys() != {"step"}]


def states(directory: Path) -> dict[int, str]:
    """A digest of each checkpoint, but for how long the logs are and what was the best."""
    found = map(checkpoint.load, checkpoint.available(directory / "checkpoints"))
    return {s["step"]: digest({k: v for k, v in s.items() if k not in ("offsets", "best", "waited")}) for s in found}


SLOW = ("classes", "a normalised G")


@pytest.mark.parametrize(
    "overrides", [pytest.param(run, id=name, marks=[pytest.mark.slow] * (name in SLOW)) for name, run in RUNS.items()]
)
def test_a_run_that_is_evaluated_is_the_run_that_is_not(tmp_path, overrides):
    before = torch.get_num_threads()
    ends = [
        train_in(tmp_path / name, *overrides, *more, "train.keep=null").digest()
        for name, more in (("without", ()), ("with", EVAL))
    ]
    assert ends[0] == ends[1] and torch.get_num_threads() == before
    assert states(tmp_path / "without") == states(tmp_path / "with")
    assert rows(tmp_path / "without") == plain_rows(tmp_path / "with")
    assert [row["step"] for row in rows(tmp_path / "with", "evaluations")] == [2, 4, 6, 8, 10, 12]
    assert not (tmp_path / "without/evaluations.jsonl").exists()


def test_what_a_metric_draws_by_itself_is_not_seen_by_the_run(tmp_path, monkeypatch):
    plain = train_in(tmp_path / "without", *RING).digest()
    energy = metrics.energy
    monkeypatch.setattr(metrics, "energy", lambda x, y: energy(x, y) + 0 * float(torch.rand(1)))
    assert train_in(tmp_path / "with", *RING, *EVAL).digest() == plain


def test_it_is_the_average_that_is_evaluated_and_what_is_found_is_in_all_logs(tmp_path):
    train_in(tmp_path, *IMAGES, *EVAL, "train.eval_metrics=[cfd,classes]")
    last = rows(tmp_path, "evaluations")[-1]
    assert (last["weights"], last["step"]) == ("ema", 12)
    (cfd, classes) = last["figures"]
    assert (cfd["metric"], cfd["n_fake"], cfd["n_real"], cfd["space"]) == ("cfd", 40, 40, "classifier-digits-8")
    (row,) = [row for row in rows(tmp_path) if row["step"] == 12]
    assert row["eval/cfd"] == cfd["value"] and row["eval/cfd_floor"] == cfd["floor"]
    assert row["eval/classes"] == classes["value"]
    events = EventAccumulator(str(tmp_path), size_guidance={"scalars": 0})
    events.Reload()
    assert [e.step for e in events.Scalars("eval/cfd")] == [2, 4, 6, 8, 10, 12]
    assert events.Scalars("eval/cfd_floor")[0].value == pytest.approx(cfd["floor"])


class Interrupted(Exception):
    """Stands for a kill: nothing is saved when it comes."""


def train_and_die(directory: Path, step: int, *overrides: str, state=None) -> None:
    directory.mkdir(parents=True, exist_ok=True)
    run = make_run(*overrides)

    def tick(reached: int) -> None:
        if reached == step:
            raise Interrupted

    with pytest.raises(Interrupted), run.open(directory, state) as console:
        console.tick = tick
        train(run)
    run.log.close()


def newest(directory: Path):
    return checkpoint.load_newest(directory / "checkpoints", print)


@pytest.mark.parametrize("step", [pytest.param(1, marks=pytest.mark.slow), 6, pytest.param(11, marks=pytest.mark.slow)])
def test_a_killed_and_resumed_run_has_each_evaluation_once(tmp_path, step):
    kept = (*RING, *EVAL, "train.keep_best=energy")
    whole = train_in(tmp_path / "whole", *kept).digest()
    train_and_die(tmp_path / "torn", step, *kept)
    assert train_in(tmp_path / "torn", *kept, state=newest(tmp_path / "torn")).digest() == whole
    for name in ("metrics.jsonl", "evaluations.jsonl"):
        assert (tmp_path / "torn" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()
    names = [sorted(path.name[:14] for path in (tmp_path / d / "checkpoints").iterdir()) for d in ("whole", "torn")]
    assert names[0] == names[1]


@pytest.mark.parametrize(("name", "pick"), [("energy", min), ("hq", max)])
def test_the_checkpoint_of_exactly_the_best_step_is_kept_in_the_metrics_own_direction(tmp_path, name, pick):
    kept = ("train.eval_every=1", "train.checkpoint_every=100", "train.keep=1", f"train.keep_best={name}")
    run = train_in(tmp_path, *RING, *kept, "train.eval_samples=400", "dataset.std=0.1")
    found = {row["step"]: row[f"eval/{name}"] for row in rows(tmp_path) if f"eval/{name}" in row}
    assert len(found) == 12
    best = pick(found, key=found.__getitem__)
    assert run.best.kept == (f"eval/{name}", {min: "smallest", max: "largest"}[pick], found[best], best)
    assert {*states(tmp_path)} == {best, 12}


def finding(values):
    """An evaluation that finds these, one after the other."""
    found = iter(values)
    return lambda run: {"eval/energy": next(found)}


def test_a_run_ends_after_so_many_evaluations_without_a_better_one(tmp_path, monkeypatch):
    nan = float("nan")
    monkeypatch.setattr("gan_cli.loop.assess", finding([3.0, 2.0, nan, 2.5, 1.0, 1.0, 1.0, 0.5, 0.9, 0.9, 0.9]))
    run = train_in(tmp_path / "a", *RING, "train.eval_every=1", "train.keep_best=energy", "train.patience=3")
    best = run.best.kept[2:]
    assert (run.step, best, run.committed) == (11, (0.5, 8), 11), "two in a row without, twice, and then three"
    monkeypatch.setattr("gan_cli.loop.assess", finding([3.0, 2.0, 2.0, 2.5, 2.1, 0.0]))
    run = train_in(tmp_path / "b", *RING, "train.eval_every=1", "train.keep_best=energy", "train.patience=3")
    assert (run.step, run.best.kept[3], run.committed, run.best.waited) == (5, 2, 5, 3)
    why = "energy was no better in 3 evaluations: the best, 2, was at step 2 (train.patience)"
    assert run.best.out_of_patience == why


def test_patience_is_counted_on_after_a_kill(tmp_path, monkeypatch):
    values = [3.0, 2.0, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5, 2.5]
    patient = (*RING, "train.eval_every=1", "train.keep_best=energy", "train.patience=5", "train.checkpoint_every=3")
    monkeypatch.setattr("gan_cli.loop.assess", lambda run: {"eval/energy": values[run.step - 1]})
    whole = train_in(tmp_path / "whole", *patient)
    assert (whole.step, whole.best.waited) == (7, 5)
    train_and_die(tmp_path / "torn", 5, *patient)
    state = newest(tmp_path / "torn")
    assert (state["step"], state["waited"]) == (3, 1)
    torn = train_in(tmp_path / "torn", *patient, state=state)
    assert (torn.step, torn.digest()) == (7, whole.digest())
    assert newest(tmp_path / "torn")["waited"] == 5
    again = train_in(tmp_path / "torn", *patient, state=newest(tmp_path / "torn"))
    assert again.step == 7, "at its end it is out of patience"
    assert train_in(tmp_path / "torn", *patient, "train.patience=6", state=newest(tmp_path / "torn")).step == 8


def test_a_checkpoint_from_before_there_was_patience_is_read(tmp_path):
    train_in(tmp_path, *RING, *EVAL, "train.keep_best=energy", "train.steps=4")
    state = newest(tmp_path)
    assert "waited" not in state
    run = train_in(tmp_path, *RING, *EVAL, "train.keep_best=energy", "train.patience=99", state=state)
    assert run.step == 12 and run.best.waited < 99


@pytest.mark.parametrize(
    ("settings", "says"),
    [
        ({"keep_best": "cfd"}, "keep_best=cfd is found by evaluating, and eval_every is null; set eval_every=500, say"),
        ({"patience": 3}, "patience=3 counts evaluations without a better keep_best, which is None"),
        ({"patience": 3, "keep_best": "theory/js", "eval_every": 5}, "a better keep_best, which is theory/js"),
        ({"eval_every": 0}, "eval_every must be positive or null, got 0"),
        ({"eval_samples": 1}, "eval_samples must be at least 2 or null, got 1"),
        ({"keep_best": "std_ratio", "eval_every": 5}, "keep_best=std_ratio is best near 1; say best_is="),
    ],
)
def test_settings_that_do_not_go_together_are_refused(settings, says):
    with pytest.raises(ValueError, match=says.split(";")[0].replace("(", r"\(")) as error:
        TrainConfig(steps=1, **settings)
    assert says in str(error.value)


def test_the_direction_is_the_metrics_own_unless_it_is_said():
    def judge(**settings):
        return TrainConfig(steps=1, eval_every=5, **settings).judge

    assert judge(keep_best="cfd") == judge(keep_best="eval/cfd") == ("eval/cfd", "smallest")
    assert judge(keep_best="precision") == ("eval/precision", "largest")
    assert judge(keep_best="precision", best_is="smallest") == ("eval/precision", "smallest")
    assert judge(keep_best="theory/accuracy") == ("theory/accuracy", "smallest"), "as it always was"
    assert judge() is None


@pytest.mark.parametrize(
    ("overrides", "says"),
    [
        (("train.eval_metrics=[cfd]",), "train.eval_metrics: cfd is for images"),
        (("train.eval_metrics=[cdf]",), "train.eval_metrics: there is no metric 'cdf'; did you mean 'cfd'?"),
        (("train.keep_best=eval/cdf",), "train.keep_best: there is no metric 'eval/cdf'; did you mean 'eval/cfd'?"),
        (("train.keep_best=cfd",), "train.keep_best: this run logs no 'cfd'"),
        (("train.keep_best=w1",), "train.keep_best: this run logs no 'w1'"),
    ],
)
def test_what_the_data_cannot_have_is_refused_before_training(overrides, says):
    with pytest.raises(ConfigError) as error:
        refuse_unknown_figure(make_run(*RING, "train.eval_every=2", *overrides))
    assert says in str(error.value)
    refuse_unknown_figure(make_run(*RING, "train.eval_every=2", "train.keep_best=energy"))


def test_what_is_found_of_real_data_is_found_once(tmp_path):
    run = make_run(*RING, *EVAL)
    found = []
    (modes, _), (transport, _) = judge_of(run).groups
    for family in (modes, transport):
        floor = family.floor
        family.floor = lambda n, seed, floor=floor: found.append(n) or floor(n, seed)
    with run.open(tmp_path):
        train(run)
    run.log.close()
    assert found == [40, 40] and len(rows(tmp_path, "evaluations")) == 6

"""Runs that are killed at any moment and resumed end as the run that was never killed: to the bit, without litter."""

import random
import re
from collections.abc import Sequence
from pathlib import Path

import pytest
from faults.points import Point
from faults.same import differences
from faults.torn import KILLED, RECIPES, Run

RUN, CHECKPOINTS = "outputs/run", "outputs/run/checkpoints"
UNNAMED = f"{CHECKPOINTS}/.tmp*"  # a checkpoint before it has its name

# The moments of a commit: in the very first one, at step 0, and in a later one.
COMMIT = {
    "between the log and the checkpoint": ("save", "*", 0),
    "before the checkpoint's first byte": ("open", UNNAMED, 0),
    "after its first bytes": ("write", UNNAMED, 0.1),
    "in its middle": ("write", UNNAMED, 0.5),
    "before its last byte": ("write", UNNAMED, 0.99),
    "before its fsync": ("sync", UNNAMED, 0),
    "before it is named": ("rename", f"{CHECKPOINTS}/step-*", 0),
    "before the fsync of its directory": ("sync", CHECKPOINTS, 0),
    "before older ones are pruned": ("remove", f"{CHECKPOINTS}/step-*", 0),
    "in the prune": ("remove", f"{CHECKPOINTS}/step-*", 1),
    "after the commit": ("save", "*", 1),
    "in status.json": ("write", f"{RUN}/.tmp-status.json*", 0.5),
    "before status.json is named": ("rename", f"{RUN}/status.json", 0),
}
# Others, in one life after the other.
LATE = Point("turn", "25", done=1)  # of 46: the last checkpoint is of step 20, a log and a picture of 24
MOMENTS = {
    **{f"{name}, at first": [Point(what, where, 1, done)] for name, (what, where, done) in COMMIT.items()},
    **{f"{name}, later": [Point(what, where, 5, done)] for name, (what, where, done) in COMMIT.items()},
    "before the prune of the last commit": [Point("sync", CHECKPOINTS, 11)],
    "before step 1": [Point("turn", "1")],
    "after a step, at first": [Point("turn", "2", done=1)],
    "after a step, later": [LATE],
    "after a log, at first": [Point("log", "3", done=1)],
    "after a log, later": [Point("log", "33", done=1)],
    "in a line of the log, at first": [Point("write", f"{RUN}/metrics.jsonl", 1, 0.5)],
    "in a line of the log, later": [Point("write", f"{RUN}/metrics.jsonl", 9, 0.5)],
    "in an event, at first": [Point("write", f"{RUN}/events*", 1, 0.5)],
    "in an event, later": [Point("write", f"{RUN}/events*", 30, 0.5)],
    "in a picture, at first": [Point("write", f"{RUN}/samples/*", 1, 0.5)],
    "in a picture, later": [Point("write", f"{RUN}/samples/*", 4, 0.5)],
    "before a picture is named": [Point("rename", f"{RUN}/samples/*", 3)],
    "with the lock just made": [Point("open", f"{RUN}/.lock", done=1), Point("open", f"{RUN}/.lock", done=1)],
    **{
        f"in {name}, {when}": [*before, Point("write", f"{RUN}/{tmp}*", 1, 0.5)]
        for name, tmp in (("config.yaml", ".tmp-config.yaml"), ("run.json", ".tmp-run.json"))
        for when, before in (("at first", []), ("later", [LATE]))
    },
    "between run.json and config.yaml": [Point("rename", f"{RUN}/run.json", done=1)],
    "in generator.json, at first": [Point("write", f"{RUN}/generator/.tmp-generator.json*", 1, 0.5)],
    "in generator.json, at the end": [Point("write", f"{RUN}/generator/.tmp-generator.json*", 2, 0.5)],
    "in the exported weights": [Point("write", f"{RUN}/generator/*raw*", 1, 0.5)],
    "between two files of the export": [Point("rename", f"{RUN}/generator/raw.safetensors", done=1)],
    "in the exported average": [Point("write", f"{RUN}/generator/*ema*", 1, 0.5)],
    "before the session's end": [Point("open", f"{RUN}/events*.end")],
    "in the session's end": [Point("write", f"{RUN}/events*.end", 2, 0.5)],
    "with nothing left but the lock": [Point("remove", f"{RUN}/.lock")],
    "while outputs/latest turns to the run": [Point("link", "outputs/latest/*", 2, 1)],
    "before the logs are cut": [LATE, Point("cut", f"{RUN}/metrics.jsonl")],
    "between the cuts of two logs": [LATE, Point("cut", f"{RUN}/metrics.jsonl", done=1)],
    "before a later picture is removed": [LATE, Point("remove", f"{RUN}/samples/step*")],
    "before litter is removed": [Point("write", UNNAMED, 5, 0.5), Point("remove", UNNAMED)],
    "after litter was removed": [Point("write", UNNAMED, 5, 0.5), Point("remove", UNNAMED, done=1)],
    "twice in one step": [LATE, Point("turn", "21", done=1), Point("turn", "21", done=1)],
}
# Eleven kills of one run, at the moments that are hard to get right. Names are those with which files end.
ELEVEN = (
    Point("save", "0"),
    Point("link", "outputs/latest/*", 2, done=1),
    Point("write", f"{RUN}/samples/*real.png*", done=0.5),
    Point("write", f"{CHECKPOINTS}/*", 3, 0.5),  # checkpoints of 0 and 5 before it
    Point("turn", "13", done=1),  # the log of 12 is not committed
    Point("cut", f"{RUN}/metrics.jsonl", done=1),
    Point("turn", "17", done=1),  # nor is the picture of 16
    Point("turn", "16"),
    Point("remove", f"{CHECKPOINTS}/step-*", done=1),
    Point("sync", CHECKPOINTS, 6),  # of the last commit, which a resume does not repeat
    Point("write", f"{RUN}/generator/*generator.json*", done=0.5),
)


def test_a_run_killed_eleven_times_ends_as_the_one_that_was_not(warm, whole, tmp_path):
    """In one of its lives the clock is an hour back: TensorBoard reads files in the order of their times."""
    check_kills(warm, whole, tmp_path, "mlp", ELEVEN, early=8)


@pytest.mark.faults
@pytest.mark.parametrize("recipe", RECIPES)
@pytest.mark.parametrize("moment", MOMENTS)
def test_so_it_does_at_every_moment(warm, whole, tmp_path, recipe, moment):
    check_kills(warm, whole, tmp_path, recipe, MOMENTS[moment])


@pytest.mark.faults
def test_so_it_does_before_every_kind_of_operation_on_a_file(warm, whole, tmp_path):
    """The first time and the last time that a run comes to it: whatever the list above has forgotten."""
    first, last = {}, {}
    done = [line[2:] for line in whole("mlp").lives[0].witness if line.startswith(">")]
    for number, operation in enumerate(done, start=1):
        kind = re.sub(r"(?<=tfevents\.).*?(?=\.end|$)|[0-9a-f]{16}|[0-9]+", "N", operation)
        first.setdefault(kind, number)
        last[kind] = number
    found = []
    for number in sorted({*first.values(), *last.values()}):
        run = Run(warm, tmp_path / str(number), RECIPES["mlp"])
        assert run.live(Point("*", "*", number)).code == KILLED
        run.finish()
        found += [f"{done[number - 1]}: {text}" for text in run.problems + differences(whole("mlp"), run)]
    assert found == []
    print(f"{len({*first.values(), *last.values()})} kills at {len(first)} kinds of operations: nothing lost")


def check_kills(warm, whole, tmp_path: Path, recipe: str, points: Sequence[Point], early: int | None = None) -> None:
    """Let a run die at one point after the other, go on with it until it is finished, and compare."""
    run = Run(warm, tmp_path, RECIPES[recipe])
    for number, point in enumerate(points):
        life = run.live(point, back=3600 if number == early else 0)
        assert life.code == KILLED, f"it did not come to {point}: {life.output}"
    run.finish()
    assert run.problems == []
    assert differences(whole(recipe), run) == []


def test_kills_at_random_times_change_nothing(warm, whole, tmp_path):
    kill_at_random(warm, whole("mlp"), tmp_path, RECIPES["mlp"], 3, seed=None)


@pytest.mark.faults
@pytest.mark.parametrize("recipe", RECIPES)
def test_neither_do_fifty_of_each(warm, whole, tmp_path, recipe):
    kill_at_random(warm, whole(recipe), tmp_path, RECIPES[recipe], 50, seed=None)


def kill_at_random(warm, whole: Run, place: Path, recipe: tuple[str, ...], kills: int, seed: int | None) -> None:
    """Kill runs, each up to eight times, until there were so many kills."""
    chance, length, done, runs, found = random.Random(seed), whole.lives[0].seconds, 0, 0, []
    while done < kills:
        run = Run(warm, place / str(runs), recipe)
        while run.kills < min(8, kills - done):
            life = run.live_for(chance.uniform(0, 0.7 * length))
            if life.code == 0:
                length = min(length, life.seconds)  # the first one may have been slow
                break
        else:
            run.finish()
        done, runs = done + run.kills, runs + 1
        found += run.problems + differences(whole, run)
    assert found == []
    print(f"{done} kills at random times in {runs} runs: nothing lost")

"""Two processes at once: in one run directory exactly one of them runs, in two both do, to the same bits."""

import itertools

import pytest
from faults.points import Point
from faults.same import facts
from faults.torn import RECIPES, Run

BUSY = 6
HOW = ("fresh, fresh", "resume, resume", "resume, fresh", "fresh, resume")


def double_start(warm, whole, place, how):
    """Two processes, milliseconds apart; returns what is wrong with what came of them."""
    run = Run(warm, place, RECIPES["mlp"])
    kinds = how.split(", ")
    if "resume" in kinds:
        run.live(Point("turn", "12"))
    commands = {"fresh": lambda: list(RECIPES["mlp"]), "resume": lambda: ["resume=outputs/run"]}
    begun = []
    for kind in kinds:
        run.command = commands[kind]
        begun.append(run.start())
    lives = [run.end(*one, watched=False) for one in begun]
    if "resume" in kinds and "fresh" in kinds:  # a fresh run has no place there, whoever was first
        expected = [[0 if kind == "resume" else BUSY for kind in kinds]]
    else:
        expected = [[0, BUSY], [BUSY, 0]]
    codes = [life.code for life in lives]
    wrong = [] if codes in expected else [f"{how}: {codes}"]
    late = max(life.seconds for life in lives if life.code == BUSY) if BUSY in codes else 0
    if late > min(life.seconds for life in lives if life.code == 0):
        wrong.append(f"{how}: the one that was refused waited for the other")
    a, b = facts(whole("mlp").directory), facts(run.directory)
    wrong += [f"{how}: {key}" for key in a if a[key] != b.get(key)]
    wrong += [f"{how}: left over: {path.name}" for path in run.root.rglob(".*")]
    return wrong


@pytest.mark.parametrize("how", [HOW[0], pytest.param(HOW[1], marks=pytest.mark.slow)])
def test_of_two_processes_in_one_directory_exactly_one_runs(warm, whole, tmp_path, how):
    assert double_start(warm, whole, tmp_path, how) == []


@pytest.mark.slow
def test_of_two_processes_in_one_directory_exactly_one_runs_twenty_times(warm, whole, tmp_path):
    wrong = [double_start(warm, whole, tmp_path / str(i), how) for i, how in zip(range(20), itertools.cycle(HOW))]
    assert [text for texts in wrong for text in texts] == []


@pytest.mark.parametrize("threads", [1, pytest.param(2, marks=pytest.mark.slow)])
def test_two_processes_at_once_have_the_bits_of_one_alone(warm, tmp_path, threads):
    runs = [Run(warm, tmp_path / str(i), (*RECIPES["mlp"], f"train.threads={threads}")) for i in range(3)]
    runs[0].finish()
    begun = [run.start() for run in runs[1:]]
    for run, one in zip(runs[1:], begun, strict=True):
        assert run.end(*one).code == 0
    alone, *together = (facts(run.directory) for run in runs)
    assert together == [alone, alone]

"""A process that is held and let go, and a clock that is set back, change nothing."""

import json
import os
import signal
import time

import pytest
from faults.points import Point
from faults.same import differences
from faults.torn import KILLED, RECIPES, Run

HOUR = 3600.0


@pytest.mark.parametrize("recipe", ["mlp", pytest.param("dcgan", marks=pytest.mark.faults)])
def test_a_held_process_goes_on_and_keeps_its_run_to_itself(warm, whole, tmp_path, recipe):
    """SIGSTOP is what a laptop's lid or a scheduler's suspension does; the lock must not end with it."""
    run = Run(warm, tmp_path, RECIPES[recipe])
    pid, begun = run.start()
    while not (run.directory / "metrics.jsonl").exists() or not (run.directory / "metrics.jsonl").stat().st_size:
        time.sleep(0.01)
    os.kill(pid, signal.SIGSTOP)
    time.sleep(0.1)
    size = (run.directory / "metrics.jsonl").stat().st_size
    other = run.end(*run.start(), watched=False)
    assert other.code == 6, other.output
    assert other.said("is being trained by another process")
    assert (run.directory / "metrics.jsonl").stat().st_size == size, "it is held"
    os.kill(pid, signal.SIGCONT)
    assert run.end(pid, begun).code == 0
    assert run.problems == []
    assert differences(whole(recipe), run) == []


@pytest.mark.faults
@pytest.mark.parametrize("back", [HOUR, -HOUR])
def test_a_clock_that_is_set_while_the_run_is_down_changes_nothing(warm, whole, tmp_path, back):
    """TensorBoard reads the files of a run in the order of their names, and these begin with the time."""
    run = Run(warm, tmp_path, RECIPES["mlp"])
    assert run.live(Point("turn", "18", done=1)).code == KILLED
    assert run.live(Point("turn", "38", done=1), back=back).code == KILLED
    run.finish()
    assert run.problems == []
    assert differences(whole("mlp"), run) == []
    steps = [json.loads(line)["step"] for line in (run.directory / "metrics.jsonl").read_text().splitlines()]
    assert steps == sorted(set(steps))


@pytest.mark.faults
def test_nor_does_one_that_is_set_while_it_trains(warm, whole, tmp_path):
    run = Run(warm, tmp_path, RECIPES["mlp"])
    assert run.live(Point("turn", "38", done=1), back=HOUR, at=20).code == KILLED
    run.finish()
    assert run.problems == []
    assert differences(whole("mlp"), run) == []
    status = json.loads((run.directory / "status.json").read_text())
    assert status["seconds"] >= 0

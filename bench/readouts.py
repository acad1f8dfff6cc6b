"""`python -m bench readouts [gan-train overrides]`: what the guard and the rows of figures cost.

A run takes turns of 50 steps, one with and one without; the median ratio of their times is what a user pays: for a row
of figures at `train.log_every=50`, and for the guard that looks at every loss and gradient before an update. Absolute
times depend on the machine and are not printed.
"""

import statistics
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from bench.case import make
from gan_cli import steps
from gan_cli.loop import turn
from gan_cli.readouts import read_out
from gan_cli.run import Run

STEPS, TURNS = 50, 12


def timed(run: Run, looking: bool) -> float:
    """Seconds of a turn, with a row at its end or without."""
    begin = time.perf_counter()
    for i in range(STEPS):
        run.watching = looking and i == STEPS - 1
        metrics = turn(run)
        run.step += 1
    if looking:
        run.log.scalars(run.step, metrics | read_out(run, metrics))
    return time.perf_counter() - begin


def ratio_of(extra: Callable[[], float], bare: Callable[[], float]) -> float:
    """The median of the ratio, each of the two first as often as second."""
    found = []
    for number in range(TURNS):
        first, second = (extra, bare) if number % 2 else (bare, extra)
        times = {first: first(), second: second()}
        found.append(times[extra] / times[bare])
    return statistics.median(found)


def unguarded(run: Run) -> float:
    """Seconds of a turn in which nobody looks at losses and gradients."""
    with mock.patch.object(steps, "guard", return_value=None):
        return timed(run, False)


def main(arguments: list[str]) -> None:
    """Measure the run of these overrides."""
    run = make(arguments)
    with tempfile.TemporaryDirectory() as folder, run.open(Path(folder)):
        timed(run, False)  # warm up
        figures = ratio_of(lambda: timed(run, True), lambda: timed(run, False))
        guard = ratio_of(lambda: timed(run, False), lambda: unguarded(run))
        run.log.close()
    for what, ratio in {"a row of figures": figures, "the guard": guard}.items():
        print(f"{STEPS} steps with {what} / without: {ratio:.3f} (median of {TURNS} pairs)")

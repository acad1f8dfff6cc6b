"""What the guard, the read-outs and the judgement of samples cost, as a share of the training that they look at.

    python bench/readouts.py [gan-train overrides]

A run takes turns of 50 steps, one with and one without; the median ratio of their times is what a user pays:
for a row of figures at `train.log_every=50`, and for the guard that looks at every loss and gradient before an update.
Absolute times depend on the machine and are not printed.
"""

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from unittest import mock

from hydra import compose, initialize_config_dir

from gan_cli import steps
from gan_cli.build import build, plain
from gan_cli.loop import turn
from gan_cli.paths import CONF_DIR
from gan_cli.readouts import read_out
from gan_cli.run import Run

STEPS, TURNS = 50, 12


def make(overrides: list[str]) -> Run:
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return build(*plain(compose("train", overrides)))


def timed(run: Run, looking: bool) -> float:
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
    with mock.patch.object(steps, "guard", return_value=None):
        return timed(run, False)


def main() -> None:
    run = make(sys.argv[1:])
    with tempfile.TemporaryDirectory() as folder, run.open(Path(folder)):
        timed(run, False)  # warm up
        figures = ratio_of(lambda: timed(run, True), lambda: timed(run, False))
        guard = ratio_of(lambda: timed(run, False), lambda: unguarded(run))
        run.log.close()
    for what, ratio in {"a row of figures": figures, "the guard": guard}.items():
        print(f"{STEPS} steps with {what} / without: {ratio:.3f} (median of {TURNS} pairs)")


if __name__ == "__main__":
    main()

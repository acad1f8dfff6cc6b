"""`python -m bench checkpoints [gan-train overrides]`: what a checkpoint costs, as a share of the training that it
protects, and which part of it costs what.

A run takes turns of `train.checkpoint_every` steps and a commit, with the durable writes of a real one; the median of
commit / (steps + commit) is the share that a user pays. Beside it: the same content by plain `torch.save`, which is
neither atomic nor durable nor verified. Absolute times depend on the machine and are not printed.
"""

import hashlib
import statistics
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path

import torch

from bench.case import make
from gan_cli.loop import turn
from gan_cli.machine import not_finite
from gan_cli.state import to_bytes

TURNS = 7


def seconds(do: Callable[[], object]) -> float:
    """Wall time of one call."""
    begin = time.perf_counter()
    do()
    return time.perf_counter() - begin


def main(arguments: list[str]) -> None:
    """Measure the run of these overrides."""
    run = make(arguments)
    steps = run.cfg.checkpoint_every
    found: dict[str, list[float]] = {}

    def note(what: str, value: float) -> None:
        found.setdefault(what, []).append(value)

    def train() -> None:
        for _ in range(steps):
            turn(run)
            run.step += 1

    with tempfile.TemporaryDirectory(dir=".") as folder, run.open(Path(folder)):
        train()  # warm up
        for _ in range(TURNS):
            training, commit = seconds(train), seconds(run.save)
            state = run.state()
            data = to_bytes(state)
            note("share of the time", commit / (training + commit))
            note("of a commit: look for what is not finite", seconds(partial(not_finite, all=state)) / commit)
            note("of a commit: to bytes", seconds(partial(to_bytes, state)) / commit)
            note("of a commit: SHA-256", seconds(partial(hashlib.sha256, data)) / commit)
            note("torch.save / a commit", seconds(partial(torch.save, state, Path(folder, "plain.pt"))) / commit)
        run.log.close()
    print(f"a checkpoint of {len(data) / 1e6:.1f} MB every {steps} steps; medians of {TURNS}, least and most")
    for what, values in found.items():
        print(f"  {what:<42} {statistics.median(values):6.1%}   {min(values):.1%} to {max(values):.1%}")

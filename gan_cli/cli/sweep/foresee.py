"""`dry_run=true` of a sweep: its jobs, and what each would take in time and on the disk. Nothing is written."""

import functools
import json
import math
import time
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from rich.table import Table
from rich.text import Text

from gan_cli.cli.apart import apart
from gan_cli.cli.command import COLUMNS, printable
from gan_cli.cli.signals import NOTHING_TO_SAVE
from gan_cli.cli.sweep.combinations import Combination
from gan_cli.console import Screen, duration
from gan_cli.errors import Stopped
from gan_cli.settings import OF_THE_COMMAND

if TYPE_CHECKING:
    from gan_cli.run import Run

_STEPS = 3  # that are timed, after one to warm up
_DRAWN, _ROW, _REST = 100_000, 100, 50_000  # bytes: of a scatter plot; of a figure in two logs; of all small files


def foresee(jobs: Sequence[Combination], labels: Sequence[str], most: int) -> dict[int, str]:
    """Print a table of jobs that are to run.

    Jobs that differ in their seed alone take the same: a few steps of one of them are timed, in a process apart.

    Args:
        jobs: all that are to run.
        labels: what tells each from the others, by number.
        most: jobs that run at a time.

    Returns:
        What went wrong with jobs that cannot take a step, by number.

    Raises:
        Stopped: a signal.
    """
    known: dict[str, dict[str, Any]] = {}
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in ("#", "job", "steps", "time", "disk"):
        table.add_column(heading, justify="left" if heading == "job" else "right", no_wrap=True, overflow="ellipsis")
    wrong: dict[int, str] = {}
    seconds = size = longest = 0.0
    for job in jobs:
        kind = _kind(job)
        if kind not in known:
            known[kind] = _apart(job)
        found = known[kind]
        if "error" in found:
            wrong[job.number] = found["error"]
            why = Text(printable(found["error"])[:60], "red")
            table.add_row(str(job.number), Text(labels[job.number]), "", "", why)
            continue
        seconds, size = seconds + found["seconds"], size + found["bytes"]
        longest = max(longest, found["seconds"])
        told = (f"{found['steps']:,}", duration(found["seconds"]), _bytes(found["bytes"]))
        table.add_row(str(job.number), Text(labels[job.number]), *told)
    terminal = Screen(highlight=False)
    if not terminal.is_terminal:
        terminal.width = COLUMNS
    with terminal.capture() as captured:
        terminal.print(table)
    print(*(line.rstrip() for line in captured.get().splitlines()), sep="\n")
    together = f", {most} at a time about {duration(max(longest, seconds / most))}" if most > 1 else ""
    timed = f"{len(jobs)} {'job' if len(jobs) == 1 else 'jobs'}, {len(known)} timed"
    print(f"{timed}: about {duration(seconds)} one after the other{together}; {_bytes(size)} on disk")
    print("nothing was written: this was dry_run=true")
    return wrong


def _kind(job: Combination) -> str:
    content = {key: value for key, value in job.config.items() if key not in (*OF_THE_COMMAND, "seed")}
    return json.dumps([content, job.config.get("resume")], sort_keys=True, default=str)


def _apart(job: Combination) -> dict[str, Any]:
    ending = apart(functools.partial(_measured, job))
    if ending.signals:
        raise Stopped(NOTHING_TO_SAVE, 128 + ending.signals[0])
    if ending.code or ending.message is None:
        return {"error": (ending.message or f"ended with exit code {ending.code}").splitlines()[0]}
    found: dict[str, Any] = json.loads(ending.message)
    return found


def _measured(job: Combination) -> str:
    """Build a job and time a few of its steps; the answer as JSON."""
    import torch

    from gan_cli.builder import build
    from gan_cli.cli.failure import enough_memory
    from gan_cli.loop import turn

    with enough_memory(job.config, lambda: "in its first steps"):
        run = build(job.config, job.written, job.given)
        turn(run)
        turns = max(_STEPS, run.penalty.every)  # a lazy penalty comes with its share
        _wait(run.device, torch)
        began = time.perf_counter()
        for _ in range(turns):
            turn(run)
        _wait(run.device, torch)
    seconds = (time.perf_counter() - began) / turns * run.steps
    return json.dumps({"seconds": seconds, "steps": run.steps, "bytes": on_disk(run)})


def _wait(device: Any, torch: Any) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)


def on_disk(run: "Run") -> int:
    """About how many bytes a run leaves: the checkpoints that it keeps, the generators, pictures and logs."""
    from gan_cli.checkpoint import SPARE
    from gan_cli.guide import expected
    from gan_cli.machine import size_of

    cfg = run.cfg
    taken = run.steps // cfg.checkpoint_every + 1
    kept = min(taken, taken if cfg.keep is None else cfg.keep + (cfg.keep_best is not None))
    generators = size_of(run.G.state_dict()) * (1 if run.ema is None else 2)
    shape = run.reals.shape
    picture = max(40_000, 1.2 * cfg.samples * math.prod(shape)) if len(shape) == 3 else _DRAWN
    pictures = 2 * picture * math.ceil(run.steps / cfg.sample_every)  # as a file, and in TensorBoard's
    rows = _ROW * len(expected(run)) * (run.steps // cfg.log_every + 1)
    return round(kept * (run.checkpoint_size() - SPARE) + generators + pictures + rows + _REST)


def _bytes(count: float) -> str:
    """
    >>> _bytes(3_200_000), _bytes(4.2e9)
    ('3.2 MB', '4.2 GB')
    """
    return f"{count / 1e9:,.1f} GB" if count >= 1e9 else f"{count / 1e6:,.1f} MB"

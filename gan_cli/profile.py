"""`train.profile`: where the time of ten steps goes, as a table on the screen and as a trace in the run directory."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import torch

from gan_cli.expense import table
from gan_cli.parts import naming
from gan_cli.room import refused
from gan_cli.run import Run

WARM_UP, STEPS = 10, 10  # the first steps find memory, choose algorithms and import what nobody has used before
FILE = "profile.json.gz"


@contextmanager
def profiled(run: Run) -> Iterator[Callable[[], None]]:
    """A profile of ten steps, where `train.profile` asks for one.

    Yields:
        What is to be called after each step.
    """
    if not run.cfg.profile or not run.ranks.leads:
        yield lambda: None
        return
    if run.steps - run.step < WARM_UP + STEPS:
        left = f"{run.steps - run.step} steps are left, and a profile takes {WARM_UP} to warm up and {STEPS} to look at"
        run.console.say(f"train.profile: none is made: {left}")
        yield lambda: None
        return
    os.environ.setdefault("KINETO_LOG_LEVEL", "99")  # the profiler's own lines on the screen: none
    from torch.profiler import ProfilerActivity, profile, schedule

    done = False
    activities = [ProfilerActivity.CPU] + [ProfilerActivity.CUDA] * (run.device.type == "cuda")

    def ready(found: profile) -> None:
        nonlocal done
        if found.step_num < WARM_UP + STEPS:  # the run was ended
            return
        done = True
        _save(found, run.directory / FILE)
        threads = "1 thread" if torch.get_num_threads() == 1 else f"{torch.get_num_threads()} threads"
        lines = table(found.events() or [], STEPS, waits=run.device.type != "cpu")
        run.console.say(
            f"profile of steps {run.step - STEPS + 1:,} to {run.step:,}, {threads}, {run.forward.precision}\n{lines}\n"
            f"every call: {FILE} in the run directory, for https://ui.perfetto.dev"
        )

    window = schedule(wait=WARM_UP - 2, warmup=2, active=STEPS, repeat=1)
    with naming(), profile(activities=activities, schedule=window, on_trace_ready=ready) as found:
        yield found.step
    if not done:
        run.console.say("train.profile: the run was stopped before its profile was whole; none is written")


def _save(found: "torch.profiler.profile", path: Path) -> None:
    """Write the trace, all of it or nothing.

    Raises:
        RunError: the file system refuses.
    """
    unfinished = path.with_name(f".tmp-{os.getpid()}-{path.name}")
    try:
        found.export_chrome_trace(str(unfinished))
        os.replace(unfinished, path)
    except OSError as error:
        with suppress(OSError):
            unfinished.unlink(missing_ok=True)
        raise refused(path, error) from error

"""What became of jobs: in the record, and in words."""

import os
import shlex
from collections.abc import Sequence
from pathlib import Path

from gan_cli.cli.apart import Ending
from gan_cli.cli.command import printable
from gan_cli.cli.sweep import earlier
from gan_cli.cli.sweep.record import Job
from gan_cli.listing import read as read_run


def note(job: Job, ending: Ending, directory: Path, alone: bool) -> None:
    """How a job ended. It is finished if its run says so, whatever its process says.

    Args:
        job: takes it.
        ending: of its process.
        directory: of the sweep.
        alone: there is no run to ask.
    """
    run = read_run(earlier.place_of(job, directory) or directory)
    job.step, job.steps, job.metrics = run.step, run.steps, run.metrics
    spent = round(ending.seconds, 1)
    # A run that was killed says how long it took up to the last that it wrote: one that hung, nothing of that.
    job.seconds = spent if run.seconds is None else max(run.seconds, spent) if ending.killed else run.seconds
    job.exit_code = ending.code
    # Of one without a run of its own, a dry one or one that resumes another, its exit code has to do.
    alone = alone or any(text.startswith("resume=") for text in job.overrides)
    if ending.code == 0 if alone else run.status == "finished":
        job.status, job.error = "finished", None
    else:
        job.status = "stopped" if ending.stopped else "failed"
        job.error = (ending.message or f"ended with exit code {ending.code}, not finished").splitlines()[0]


def follow(jobs: Sequence[Job]) -> None:
    """A job that is the same run as an earlier one is what became of that one."""
    for job in jobs:
        if job.same_as is not None:
            first = jobs[job.same_as]
            job.status, job.exit_code, job.error, job.before = first.status, first.exit_code, first.error, first.before
            job.step, job.steps, job.seconds, job.metrics = first.step, first.steps, first.seconds, first.metrics


def in_words(job: Job) -> str:
    """How a job ended, in a line."""
    from gan_cli.console import duration, figures  # which imports rich

    told = [f"step {job.step:,} of {job.steps:,}"] if job.step is not None else []
    told += [duration(job.seconds)] if job.seconds is not None else []
    told += [figures(job.metrics)] if job.status == "finished" and job.metrics else []
    return " · ".join([job.status, *told])


def what_is_left(jobs: Sequence[Job], directory: Path) -> str:
    """What there is to do for a sweep that was begun before."""
    failed = sum(job.status == "failed" and job.before for job in jobs)
    left = sum(not job.before for job in jobs)
    again = f"; {failed} failed, and retry=true runs them again" if failed else ""
    return (
        f"goes on with {printable(str(directory))}: {len(jobs) - left - failed} of {len(jobs)} jobs are finished, "
        f"{left} to run{again}\nto begin anew, name another place: hydra.sweep.dir=..."
    )


def show(jobs: Sequence[Job], labels: Sequence[str], directory: Path, stopped: bool, known: bool) -> None:
    """Print the table of all jobs, and how to go on.

    Args:
        jobs: all of them.
        labels: what tells each from the others.
        directory: of the sweep.
        stopped: it was, before its end.
        known: all jobs were, before the first.
    """
    from gan_cli.cli.sweep.table import show as show_table

    shown = Path(os.path.relpath(directory))
    show_table(jobs, labels, shown)
    again = f"gan-train -m resume={shlex.quote(str(shown))}"
    if not known:
        print("the same line makes a new sweep; go on with a single run with: gan-train resume=...")
    elif stopped:
        print(f"go on with the same line, or with: {again}")
    elif any(job.status == "failed" for job in jobs):
        print(f"run those that failed again with: {again} retry=true")
    elif any(job.status != "finished" for job in jobs):
        print(f"go on with those that were stopped with: {again}")

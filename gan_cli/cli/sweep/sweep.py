"""`gan-train -m`: jobs that cannot harm each other, and a record by which the same line goes on with them.

Hydra composes the jobs and calls the task for each; each runs in a process of its own. `sweep.json` is written before
and after every job, so that the same line, started again, finds what is finished, half done and failed.
"""

import functools
import importlib
import os
import shlex
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Any, ClassVar, Self

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_cli.cli import places
from gan_cli.cli.apart import Ending, apart
from gan_cli.cli.command import printable, screenful
from gan_cli.cli.imports import uncollected
from gan_cli.cli.overrides import as_typed
from gan_cli.cli.signals import handling, leave_at_once
from gan_cli.cli.sweep import combinations, earlier, record
from gan_cli.cli.sweep.line import OWN, Line, of_the_job
from gan_cli.cli.sweep.record import NAME, Job, Record
from gan_cli.errors import BusyError, ConfigError, GanError, RunError, Stopped
from gan_cli.listing import read as read_run
from gan_cli.targets import refuse_foreign

# Imported once, and every job has them: on Linux that is two seconds of each. None of them starts a thread.
_HEAVY = ("gan_cli.cli.job", "torch.utils.tensorboard", "matplotlib.figure")

Work = Callable[[DictConfig], None]


class Refused(BaseException):
    """Carries an error out of a callback: of an `Exception` there Hydra makes a warning."""

    def __init__(self, error: Exception) -> None:
        super().__init__(str(error))
        self.error = error


class Watch(Callback):
    """Hydra calls this before the first job, with the whole line and before anything is written."""

    OVERRIDE: ClassVar[str] = "++hydra.callbacks.gan_sweep._target_=gan_cli.cli.sweep.sweep.Watch"
    sweep: ClassVar["Sweep | None"] = None  # the command's

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Check all jobs and begin."""
        assert self.sweep is not None
        try:
            self.sweep.begin(config)
        except Exception as error:
            raise Refused(error) from error


class Sweep:
    """One sweep from its first job to its table. Use it as a context around Hydra.

    Args:
        line: the command line.
    """

    def __init__(self, line: Line) -> None:
        self.line = line
        self._found: Path | None = None
        self._directory = Path()
        self._record = Record(line.command)
        self._labels: list[str] = []
        self._recorded = self._dry = False  # a dry run is not recorded
        self._known = True  # all jobs, before the first
        self._away = False  # jobs run in processes that another launcher than Hydra's starts
        self._lasting = ExitStack()

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: it holds no lock and writes no record."""
        return vars(self) | {"_lasting": ExitStack(), "_recorded": False}

    @property
    def pid(self) -> int:
        """The process of the command."""
        return self._record.pid

    def directory(self, fresh: str, sweeper: str = "") -> str:
        """Where a sweep is whose line does not say it: where the newest one of this line is, if it is not at its end.

        Args:
            fresh: a new place.
            sweeper: whose jobs these are; one that decides as it goes does not go on with what it did not see.
        """
        if self._found is None and combinations.is_known(sweeper):
            self._found = record.newest_unfinished(Path(fresh).parent, self.line.command)
        self._found = self._found or Path(fresh)
        return str(self._found)

    def begin(self, config: DictConfig) -> None:
        """Take up what an earlier start left, check all jobs that are to run, and write all down.

        Args:
            config: of the sweep, as Hydra hands it to callbacks.

        Raises:
            GanError: the jobs have mistakes, or the directory is in use.
        """
        directory = self._directory = places.resolved(config, "hydra.sweep.dir")
        combined = combinations.every(config)
        typed = [as_typed(of_the_job(job)) for job in combined]
        self._labels = combinations.labels(typed)
        jobs = self._record.jobs = [Job(number, job) for number, job in enumerate(typed)]
        dry = self._dry = OmegaConf.select(config, "dry_run") is True
        self._known = combinations.is_known(str(config.hydra.sweeper._target_))
        self._away = not str(config.hydra.launcher._target_).endswith(".BasicLauncher")
        if self._away and any(text.startswith("resume=") for job in typed for text in job):
            raise ConfigError("hydra/launcher: jobs that resume runs are not for another launcher; leave it out")
        there = not dry and record.is_there(directory)
        if there and not self._known:
            raise BusyError(
                f"{directory} holds a sweep, and this sweeper, which chooses jobs as it goes, does not go on with one; "
                "choose another place with hydra.sweep.dir=..."
            )
        if there:
            self._lasting = earlier.hold(directory)
            earlier.take_up(self._record, record.read(directory), directory, OmegaConf.select(config, "retry") is True)
            print(_what_is_left(jobs, directory), flush=True)
        if any(not job.before for job in jobs):
            with handling(leave_at_once()), uncollected():
                for module in _HEAVY:
                    importlib.import_module(module)
        good = [
            (job.number, self._labels[job.number], combined[job.number])
            for job in jobs
            if not job.before or job.status == "finished"
        ]
        for ready in combinations.refuse_bad(config, good, len(jobs), self._look):
            if self._away:
                jobs[ready.number].directory = ready.place
        if not there and not dry:
            directory.mkdir(parents=True, exist_ok=True)
            self._lasting = earlier.hold(directory)
        if not dry:
            self._record.write(directory)
            self._recorded = True

    def _look(self, ready: combinations.Combination) -> bool:
        """Whether a job is to run. A line that came with a directory may be somebody else's, and a job of it begun
        with what the line no longer says.
        """
        job = self._record.jobs[ready.number]
        if self.line.stored and ready.config.get("trust") is not True and not job.before:
            refuse_foreign(ready.config, str(self._directory / NAME), "add trust=true")
        place = earlier.place_of(job, self._directory)
        if place and ready.config.get("resume") is None:
            earlier.refuse_changed(ready.config, place)
        return not job.before

    def run(self, number: int, overrides: Sequence[str], directory: Path, cfg: DictConfig, work: Work) -> None:
        """Run one job, unless an earlier start of the sweep did.

        Args:
            number: of the job.
            overrides: as typed.
            directory: of its run; it exists.
            cfg: its config.
            work: what there is to do with the config.

        Raises:
            Stopped: a signal, which ends the sweep.
        """
        job = self._job(number, overrides)
        told = f": {job.status} before" if job.before else ""
        print(f"\n#{number}  {printable(self._labels[number])}{told}", flush=True)
        if job.before:
            places.remove_empty(directory)
            return
        minutes = OmegaConf.select(cfg, "timeout_minutes")
        cfg = without_own(cfg)
        if job.status != "waiting" and OmegaConf.select(cfg, "resume") is None:
            cfg = earlier.going_on(cfg, directory)
        job.directory = os.path.relpath(directory, self._directory)
        job.status, job.exit_code, job.error = "running", None, None
        self._write()
        ending = apart(functools.partial(work, cfg), None if minutes is None else 60 * minutes)
        if ending.message:
            print(screenful(ending.message), file=sys.stderr)
        places.remove_empty(directory)
        self._note(job, ending)
        self._write()
        if ending.signals:
            raise Stopped(f"the sweep was stopped in #{number}", 128 + ending.signals[0])
        if self._away and self._dry and ending.code:  # nothing else tells the command
            raise RunError(f"#{number}: {job.error}")

    def _job(self, number: int, overrides: Sequence[str]) -> Job:
        """A job's place in the record; one that another sweeper thought of gets it now."""
        jobs = self._record.jobs
        if number >= len(jobs):
            jobs += [Job(n, [*overrides]) for n in range(len(jobs), number + 1)]
            self._labels = combinations.labels([job.overrides for job in jobs])
        return jobs[number]

    def _note(self, job: Job, ending: Ending) -> None:
        """How a job ended. It is finished if its run says so, whatever its process says."""
        run = read_run(earlier.place_of(job, self._directory) or self._directory)
        job.step, job.steps = run.step, run.steps
        job.seconds = round(ending.seconds, 1) if run.seconds is None else run.seconds
        job.exit_code = ending.code
        # Of one without a run of its own, a dry one or one that resumes another, its exit code has to do.
        alone = self._dry or any(text.startswith("resume=") for text in job.overrides)
        if ending.code == 0 if alone else run.status == "finished":
            job.status = "finished"
        else:
            job.status = "stopped" if ending.stopped else "failed"
            job.error = (ending.message or f"ended with exit code {ending.code}, not finished").splitlines()[0]

    def _write(self) -> None:
        if self._recorded:
            try:
                self._record.write(self._directory)
            except GanError as error:  # every job says for itself what it can do without the disk
                print(screenful(str(error)), file=sys.stderr)

    @property
    def exit_code(self) -> int:
        """0 where all jobs are finished, now or before; 1 otherwise."""
        jobs = self._record.jobs
        return int(any(job.status != "finished" for job in jobs) or (self._recorded and not jobs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lasting:
            if self._away:
                self._gather(stopped=error is not None)
            if not self._recorded:
                return
            self._record.status = "stopped" if error else "failed" if self.exit_code else "finished"
            self._write()
            self._show(stopped=error is not None)

    def _gather(self, stopped: bool) -> None:
        """Take note of jobs that other processes ran."""
        if not self._known and not self._dry:
            self._record.jobs = earlier.unforeseen(self._directory)
            self._labels = combinations.labels([job.overrides for job in self._record.jobs])
        for job in self._record.jobs:
            if self._dry and not stopped:
                job.status = "finished"
            elif self._recorded:
                earlier.look_up(job, self._directory, stopped)

    def _show(self, stopped: bool) -> None:
        from gan_cli.cli.sweep.table import show

        shown, jobs = Path(os.path.relpath(self._directory)), self._record.jobs
        show(jobs, self._labels, shown)
        again = f"gan-train -m resume={shlex.quote(str(shown))}"
        if not self._known:
            print("the same line makes a new sweep; go on with a single run with: gan-train resume=...")
        elif stopped:
            print(f"go on with the same line, or with: {again}")
        elif any(job.status == "failed" for job in jobs):
            print(f"run those that failed again with: {again} retry=true")
        elif self.exit_code:
            print(f"go on with those that were stopped with: {again}")


def without_own(cfg: DictConfig) -> DictConfig:
    """A job's config without what concerns the sweep alone."""
    cfg = cfg.copy()
    with open_dict(cfg):
        for key in OWN:
            cfg.pop(key, None)
    return cfg


def _what_is_left(jobs: Sequence[Job], directory: Path) -> str:
    failed = sum(job.status == "failed" and job.before for job in jobs)
    left = sum(not job.before for job in jobs)
    again = f"; {failed} failed, and retry=true runs them again" if failed else ""
    return (
        f"goes on with {printable(str(directory))}: {len(jobs) - left - failed} of {len(jobs)} jobs are finished, "
        f"{left} to run{again}\nto begin anew, name another place: hydra.sweep.dir=..."
    )

"""`gan-train -m`: jobs that cannot harm each other, and a record by which the same line goes on with them.

Hydra composes the jobs and calls the task for each; each runs in a process of its own. `sweep.json` is written before
and after every job, so that the same line, started again, finds what is finished, half done and failed.
"""

import functools
import importlib
import os
import sys
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, ClassVar, Self

from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_cli.cli import places
from gan_cli.cli.apart import Ending, apart
from gan_cli.cli.command import printable, screenful
from gan_cli.cli.imports import uncollected
from gan_cli.cli.overrides import as_typed
from gan_cli.cli.signals import handling, leave_at_once
from gan_cli.cli.sweep import combinations, earlier, launchers, outcome, output, record
from gan_cli.cli.sweep.attempt import Attempt, Work
from gan_cli.cli.sweep.line import OWN, Line, of_the_job
from gan_cli.cli.sweep.record import NAME, Job, Record
from gan_cli.cli.sweep.settings import Settings
from gan_cli.errors import BusyError, ConfigError, GanError, RunError
from gan_cli.targets import refuse_foreign

if TYPE_CHECKING:
    from gan_cli.cli.search.search import Search

# Imported once, and every job has them: on Linux that is two seconds of each. None of them starts a thread.
_HEAVY = ("gan_cli.cli.job", "torch.utils.tensorboard", "matplotlib.figure")


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
        self._away = False  # jobs run in processes that somebody else's launcher starts
        self._starter: launchers.Starter | None = None
        self._search: Search | None = None  # which thinks of the jobs
        self._old: list[Job] = []  # of it, from an earlier start
        self._lasting = ExitStack()

    def __getstate__(self) -> dict[str, Any]:
        """What another process gets: it holds no lock and writes no record."""
        return vars(self) | {"_lasting": ExitStack(), "_recorded": False, "_starter": None, "_search": None, "_old": []}

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
        if self._found is None and (combinations.is_known(sweeper) or combinations.is_search(sweeper)):
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
        settings = launchers.read(config)
        combined = combinations.every(config)
        typed = [as_typed(of_the_job(job)) for job in combined]
        self._labels = combinations.labels(typed)
        jobs = self._record.jobs = [Job(number, job) for number, job in enumerate(typed)]
        dry = self._dry = OmegaConf.select(config, "dry_run") is True
        self._known = combinations.is_known(str(config.hydra.sweeper._target_))
        self._away = settings is None and not str(config.hydra.launcher._target_).endswith(".BasicLauncher")
        if self._away and any(text.startswith("resume=") for job in typed for text in job):
            raise ConfigError("hydra/launcher: jobs that resume runs are not for another launcher; leave it out")
        if combinations.is_search(str(config.hydra.sweeper._target_)):
            self._search = _prepared(config, self, self._away or settings is not None)
        there = not dry and record.is_there(directory)
        if there and not self._known and not self._search:
            raise BusyError(
                f"{directory} holds a sweep, and this sweeper, which chooses jobs as it goes, does not go on with one; "
                "choose another place with hydra.sweep.dir=..."
            )
        if there:
            self._lasting = earlier.hold(directory)
            old = record.read(directory)
            earlier.take_up(self._record, old, directory, OmegaConf.select(config, "retry") is True)
            if self._search:
                self._old = old.jobs
            else:
                print(outcome.what_is_left(jobs, directory), flush=True)
        if self._search or any(not job.before for job in jobs):
            with handling(leave_at_once()), uncollected():
                for module in _HEAVY:
                    importlib.import_module(module)
        good = [
            (job.number, self._labels[job.number], combined[job.number])
            for job in jobs
            if not job.before or job.status == "finished"
        ]
        equal = combinations.Equal()
        ready = combinations.refuse_bad(config, good, len(jobs), functools.partial(self._look, equal))
        for one in ready:
            if self._away:
                jobs[one.number].directory = one.place
        if told := equal.told(self._labels):
            print(told, flush=True)
        if dry and self._known:
            self._foresee(ready, settings)
            return
        if self._search and not there:
            self._search.look()
        self._starter = launchers.starter(settings, directory, self._done, ready)
        if not there and not dry:
            directory.mkdir(parents=True, exist_ok=True)
            self._lasting = earlier.hold(directory)
        if self._search:
            self._search.begin(None if dry else directory)
            self.add(0, [job.overrides for job in self._old])
        if not dry:
            self._record.write(directory)
            self._recorded = True

    def search(self, launch: Callable[[Sequence[Sequence[str]], int], Any]) -> None:
        """Let the search run its jobs."""

        def launched(jobs: Sequence[Sequence[str]], first: int) -> None:
            launch(jobs, first)
            for number in range(first, first + len(jobs)):
                if self._away and not self._dry:
                    earlier.look_up(self.job(number), self._directory, stopped=False)

        assert self._search is not None
        self._search.try_out(launched) if self._dry else self._search.run(launched)

    def add(self, first: int, jobs: Sequence[Sequence[str]]) -> None:
        """Take in jobs that the search thought of, and what an earlier start knew of them.

        Args:
            first: number of the first.
            jobs: their overrides, as typed.
        """
        assert self._search is not None
        for number, overrides in enumerate(jobs, first):
            job, before = Job(number, [*overrides]), self._old[number] if number < len(self._old) else None
            if before and before.overrides == job.overrides:
                job = earlier.taken_up(before, before, self._directory, retry=False)
            self._record.jobs[number : number + 1] = [job]
            self._labels[number : number + 1] = [self._search.lines.label(overrides)]
        self._write()

    def job(self, number: int) -> Job:
        """What is known of a job."""
        return self._record.jobs[number]

    def _look(self, equal: "combinations.Equal", ready: combinations.Combination) -> bool:
        """Whether a job is to run. A line that came with a directory may be somebody else's, and a job of it begun
        with what the line no longer says.
        """
        job = self._record.jobs[ready.number]
        if self.line.stored and ready.config.get("trust") is not True and not job.before:
            refuse_foreign(ready.config, str(self._directory / NAME), "add trust=true")
        place = earlier.place_of(job, self._directory)
        if place and ready.config.get("resume") is None:
            earlier.refuse_changed(ready.config, place)
        job.same_as = None if job.before else equal.earlier(ready)
        return not job.before and job.same_as is None

    def _foresee(self, ready: Sequence[combinations.Combination], settings: Settings | None) -> None:
        """What the jobs would take, in place of running them."""
        from gan_cli.cli.sweep.foresee import foresee

        for job in self._record.jobs:
            job.status = "finished"
        for number, error in foresee(ready, self._labels, launchers.most(settings, ready)[0]).items():
            self._record.jobs[number].status, self._record.jobs[number].error = "failed", error

    def run(self, number: int, overrides: Sequence[str], directory: Path, cfg: DictConfig, work: Work) -> None:
        """Run one job, unless an earlier start of the sweep did; or begin with it, where some run side by side.

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
        if self._dry and self._known:
            places.remove_empty(directory)
            return
        told = "" if job.same_as is None else f": the same as #{job.same_as}"
        told = f": {job.status} before" if job.before else told
        several = self._starter is not None and self._starter.most > 1
        print(f"{'' if several else chr(10)}#{number}  {printable(self._labels[number])}{told}", flush=True)
        if told:
            places.remove_empty(directory)
            return
        minutes = OmegaConf.select(cfg, "timeout_minutes")
        begun, log = job.status != "waiting", None if self._dry else directory / output.NAME
        job.directory = os.path.relpath(directory, self._directory)
        job.log = None if log is None else os.path.relpath(log, self._directory)
        job.status, job.exit_code, job.error = "running", None, None
        self._write()
        seconds = None if minutes is None else 60 * minutes
        attempt = Attempt(number, work, without_own(cfg), directory.absolute(), seconds, begun, log and log.absolute())
        if self._starter is not None:
            self._starter.start(attempt, job)
            self._write()
            return
        ending = apart(attempt, seconds)  # in a worker of somebody else's launcher
        self._done(number, ending)
        if self._dry and ending.code:  # nothing else tells the command
            raise RunError(f"#{number}: {job.error}")

    def wait(self) -> None:
        """Until all jobs that were begun have ended.

        Raises:
            Stopped: a signal, which ends the sweep.
        """
        if self._starter is not None:
            self._starter.drain()

    def _done(self, number: int, ending: Ending) -> None:
        """A job has ended."""
        job = self._record.jobs[number]
        directory = self._directory / (job.directory or ".")
        if ending.message and ending.code:
            if job.log is not None:
                output.add(self._directory / job.log, ending.message)
            beside = f"#{number}: " if self.side_by_side else ""
            print(screenful(f"{beside}{ending.message}"), file=sys.stderr)
        places.remove_empty(directory)
        outcome.note(job, ending, self._directory, alone=self._dry)
        if self.side_by_side:
            print(f"#{number}  {printable(self._labels[number])}: {outcome.in_words(job)}", flush=True)
        self._write()

    @property
    def side_by_side(self) -> bool:
        """Whether several jobs can run at a time."""
        return self._away or (self._starter is not None and self._starter.most > 1)

    def _job(self, number: int, overrides: Sequence[str]) -> Job:
        """A job's place in the record; one that another sweeper thought of gets it now."""
        jobs = self._record.jobs
        if number >= len(jobs):
            jobs += [Job(n, [*overrides]) for n in range(len(jobs), number + 1)]
            self._labels = combinations.labels([job.overrides for job in jobs])
        return jobs[number]

    def _write(self) -> None:
        if self._recorded:
            outcome.follow(self._record.jobs)
            try:
                self._record.write(self._directory)
            except GanError as error:  # every job says for itself what it can do without the disk
                print(screenful(str(error)), file=sys.stderr)

    @property
    def exit_code(self) -> int:
        """0 where all jobs are finished, now or before; 1 otherwise."""
        jobs = self._record.jobs
        if self._search and not self._dry:
            return self._search.exit_code
        return int(any(job.status != "finished" for job in jobs) or (self._recorded and not jobs))

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lasting:
            if self._starter is not None and error is not None:
                self._starter.stop()
            if self._away:
                self._gather(stopped=error is not None)
            if not self._recorded:
                return
            outcome.follow(self._record.jobs)
            self._record.status = "stopped" if error else "failed" if self.exit_code else "finished"
            self._write()
            if self._search:
                self._search.show(self._directory, stopped=error is not None)
                return
            outcome.show(self._record.jobs, self._labels, self._directory, error is not None, self._known)

    def _gather(self, stopped: bool) -> None:
        """Take note of jobs that other processes ran."""
        if not self._known and not self._search and not self._dry:
            self._record.jobs = earlier.unforeseen(self._directory)
            self._labels = combinations.labels([job.overrides for job in self._record.jobs])
        for job in self._record.jobs:
            if self._dry and not stopped:
                job.status = "finished"
            elif self._recorded and job.same_as is None:
                earlier.look_up(job, self._directory, stopped)


def _prepared(config: DictConfig, sweep: Sweep, side_by_side: bool) -> "Search":
    """A search, and Hydra's way to it."""
    from gan_cli.cli.search.search import Search
    from gan_cli.cli.search.sweeper import register

    register(sweep)
    return Search(config, sweep, sweep.line, side_by_side)


def without_own(cfg: DictConfig) -> DictConfig:
    """A job's config without what concerns the sweep alone."""
    cfg = cfg.copy()
    with open_dict(cfg):
        for key in OWN:
            cfg.pop(key, None)
    return cfg

"""`hydra/sweeper=optuna`: ask for a trial, run its jobs, tell what came of it, until there are enough."""

import itertools
import os
import shlex
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Protocol

from hydra.core.global_hydra import GlobalHydra
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf

from gan_cli.cli.answers import answer
from gan_cli.cli.command import printable
from gan_cli.cli.overrides import as_typed, key_of
from gan_cli.cli.search import foresight, settings, syntax
from gan_cli.cli.search.lines import Lines
from gan_cli.cli.search.result import Result
from gan_cli.cli.search.study import Study, require_optuna
from gan_cli.cli.search.trial import Trial
from gan_cli.cli.search.worth import NoValueError, worth
from gan_cli.cli.sweep import combinations
from gan_cli.cli.sweep.line import MULTIRUN, Line
from gan_cli.cli.sweep.record import NAME, Job
from gan_cli.errors import ConfigError, GanError

Launch = Callable[[Sequence[Sequence[str]], int], Any]  # overrides of jobs, and the number of the first


class Jobs(Protocol):
    """Who takes note of the jobs."""

    def add(self, first: int, jobs: Sequence[Sequence[str]]) -> None:
        """Take in jobs: the number of the first, and the overrides of each, as typed."""

    def job(self, number: int) -> Job:
        """What is known of a job."""


class Search:
    """One search, inside a sweep.

    Args:
        config: of the sweep, as Hydra hands it to callbacks.
        jobs: takes note of them.
        line: the command line of the sweep.
        side_by_side: the launcher runs jobs in other processes, at the same time perhaps.

    Raises:
        GanError: the line or the config has mistakes.
    """

    def __init__(self, config: DictConfig, jobs: Jobs, line: Line, side_by_side: bool) -> None:
        require_optuna()
        node: Any = OmegaConf.to_container(config.hydra.sweeper, resolve=True)
        self.settings = settings.read(node)
        self._config, self._noted, self._line, self._side_by_side = config, jobs, line, side_by_side
        overrides: list[str] = [str(text) for text in config.hydra.overrides.task]
        parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
        self.space = syntax.read(self.settings.params, overrides, parser)
        if self.settings.n_jobs > 1 and not side_by_side:
            raise ConfigError(
                f"hydra.sweeper.n_jobs: {self.settings.n_jobs} trials at a time need a launcher that runs jobs side by "
                "side, such as hydra/launcher=joblib"
            )
        if OmegaConf.select(config, "retry") is True:
            raise ConfigError("retry: to a search, a trial that failed is an answer; hydra.sweep.dir=... begins anew")
        if OmegaConf.select(config, "resume") is not None:
            raise ConfigError("resume: a trial begins with its own settings, and a run that is resumed has others")
        added = foresight.added(config, self.settings, [key_of(text) for text in overrides])
        flags = [flag for flag in line.flags if flag not in MULTIRUN]
        self.lines = Lines(self.space, added, config.seed, self.settings.seeds, flags)
        self._study: Study | None = None

    def look(self) -> None:
        """Refuse a search that nothing can come of.

        Raises:
            GanError: why.
        """
        foresight.refuse_hopeless(self._config, self._corners(), self.settings)

    def _corners(self) -> list[list[str]]:
        return [self.lines.overrides(values) for values in self.space.corners()]

    def begin(self, directory: Path | None) -> None:
        """Open the study.

        Args:
            directory: of the sweep; None where nothing is to be written.

        Raises:
            RunError: what lies there is none of this search.
        """
        self._directory = directory or Path()
        if self._line.stored:  # and may be somebody else's
            foresight.refuse_strangers(self._config, self._corners(), str(self._directory / NAME))
        self._study = Study(directory, self.settings, self.space)
        if self._study.trials:
            left = max(0, self.settings.n_trials - sum(trial.state != "running" for trial in self._study.trials))
            print(f"goes on with {printable(str(directory))}: {left} of {self.settings.n_trials} trials are left")

    @property
    def study(self) -> Study:
        """The trials."""
        assert self._study is not None
        return self._study

    def run(self, launch: Launch) -> None:
        """Make all trials that are left."""
        while trials := self._next():
            for trial in trials:
                self._noted.add(trial.number * self.settings.seeds, [*map(as_typed, self.lines.runs(trial.values))])
            if self._side_by_side:
                self._together(trials, launch)
            else:
                self._one_by_one(trials[0], launch)
            for trial in trials:
                self._judge(trial)
                self.study.tell(trial)
                print(self._said(trial), flush=True)
            self.result().write(self._directory)

    def try_out(self, launch: Launch) -> None:
        """Say what the search would do, and what its first run would cost."""
        many, seeds = self.settings.n_trials, self.settings.seeds
        print(f"{many} trials" + (f" of {seeds} runs each" if seeds > 1 else "") + "; the first of them:")
        trial = self.study.ask()
        assert trial is not None
        (first, *_) = self.lines.runs(trial.values)
        self._noted.add(0, [as_typed(first)])
        launch([first], 0)

    def _next(self) -> list[Trial]:
        """Trials that were begun, and new ones as long as there are places; none at the end."""
        at_a_time, trials = self.settings.n_jobs, self.study.trials
        begun = [trial for trial in trials if trial.state == "running"]
        while len(trials) < self.settings.n_trials and (not begun or len(trials) % at_a_time):
            new = self.study.ask()
            if new is None:
                break
            begun.append(new)
        return begun[:at_a_time]

    def _one_by_one(self, trial: Trial, launch: Launch) -> None:
        """The runs of a trial, up to the first that does not come to its end."""
        first = trial.number * self.settings.seeds
        for number, overrides in enumerate(self.lines.runs(trial.values), first):
            if not self._composes(number, overrides):
                return
            launch([overrides], number)
            if self._noted.job(number).status != "finished":
                return

    def _together(self, trials: Sequence[Trial], launch: Launch) -> None:
        """All runs of all trials at once."""
        seeds = self.settings.seeds
        jobs = [(trial.number * seeds + i, o) for trial in trials for i, o in enumerate(self.lines.runs(trial.values))]
        ready = [(number, overrides) for number, overrides in jobs if self._composes(number, overrides)]
        for _, consecutive in itertools.groupby(enumerate(ready), key=lambda place: place[1][0] - place[0]):
            numbers, lines = zip(*(job for _, job in consecutive), strict=True)
            launch(lines, numbers[0])

    def _composes(self, number: int, overrides: Sequence[str]) -> bool:
        """Whether Hydra can compose a job, and where it will be; if it cannot, its launcher would end the search."""
        job = self._noted.job(number)
        try:
            ready = combinations.compose(self._config, number, "", overrides)
        except Exception as error:  # Hydra's, OmegaConf's and our own
            job.status, job.exit_code = "failed", ConfigError.exit_code
            text = str(error) if isinstance(error, GanError) else answer(error, overrides)
            job.error = text.splitlines()[0]
            return False
        if self._side_by_side:
            job.directory = ready.place
        return True

    def _judge(self, trial: Trial) -> None:
        """What became of a trial, by what became of its runs."""
        first = trial.number * self.settings.seeds
        jobs = [self._noted.job(number) for number in range(first, first + self.settings.seeds)]
        trial.seconds = sum(job.seconds or 0.0 for job in jobs)
        trial.found, trial.state, trial.why = [], "complete", None
        for job in jobs:
            try:
                trial.found.append(worth(job, self._directory, self.settings))
            except NoValueError as error:
                trial.state, trial.why = error.state, str(error)
                break
        for job in jobs:
            if job.status == "waiting":
                job.error = f"left out: its trial is {trial.state}"

    def _said(self, trial: Trial) -> str:
        best = self.study.best
        told = f"{trial.mean:.4g}" if trial.mean is not None else f"{trial.state}: {trial.why}"
        so_far = "" if best is None else f"; best so far: #{best.number} with {best.mean:.4g}"
        return printable(f"trial {trial.number}: {self.settings.tag} {told}{so_far}")

    def result(self) -> Result:
        """What there is to show."""
        return Result(self.settings, self.study, self.lines, self._line.command)

    def show(self, directory: Path, stopped: bool) -> None:
        """The end of it, on the screen and in files."""
        result = self.result()
        result.write(directory)
        result.draw(directory)
        result.show(Path(os.path.relpath(directory)))
        if stopped:
            shown = shlex.quote(os.path.relpath(directory))
            print(f"go on with the same line, or with: gan-train -m resume={shown}")

    @property
    def exit_code(self) -> int:
        """1 where no trial came to its end."""
        return int(self._study is None or self._study.best is None)

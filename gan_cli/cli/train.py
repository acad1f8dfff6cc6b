"""`gan-train`: compose a config with Hydra, build a run, train it. Nothing here imports torch before a run is built."""

import functools
import os
import shlex
import signal
import sys
import threading
import time
from collections.abc import Container, Iterable, Sequence
from pathlib import Path
from typing import Any, cast

import hydra
from hydra.core.hydra_config import HydraConfig
from hydra.errors import HydraException
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_cli import __version__
from gan_cli.check import TRACKERS
from gan_cli.cli import places, sources
from gan_cli.cli.answers import answer
from gan_cli.cli.command import end, screenful
from gan_cli.cli.devices.place import Place, errors_later, under_torchrun
from gan_cli.cli.examine import refuse_mistakes
from gan_cli.cli.flags import COMPLETION, OWN_CONFIG, SHOW, full_name, mistake
from gan_cli.cli.imports import uncollected
from gan_cli.cli.overrides import (
    as_typed,
    config_dirs,
    groups_below,
    job_dir,
    key_of,
    prepare,
    split_arguments,
    swept_keys,
    unfold,
)
from gan_cli.cli.signals import handling, leave_at_once, stopped_by_signal
from gan_cli.cli.streams import outlive_reader
from gan_cli.cli.sweep import launchers
from gan_cli.cli.sweep.choice import written_out
from gan_cli.cli.sweep.line import of_the_job, take_up
from gan_cli.cli.sweep.sweep import Refused, Sweep, Watch, without_own
from gan_cli.errors import ConfigError, GanError, RunError, Stopped
from gan_cli.files import silence
from gan_cli.paths import CONF_DIR
from gan_cli.room import no_place

# Beside a main config of one's own: ours says so itself. Hydra would write a log file and a directory of its own.
_QUIET = ("hydra/job_logging=none", "hydra/hydra_logging=none", "++hydra.output_subdir=null")
_MULTIRUN = frozenset({"--multirun", "-m"})


class Task:
    """What Hydra calls for every run; other launchers than its own do so in other processes, to which they pickle it.

    Args:
        sweep: the command's.
        swept: keys that have several values on the command line.
    """

    def __init__(self, sweep: Sweep, swept: Container[str]) -> None:
        self.sweep, self.swept = sweep, swept
        self.outcome: list[int] = []
        self.ours: list[Exception] = []  # out of a run, which answers all that a user can cause
        for name, answers in (("run", _run_dir), ("job", self._job_dir), ("sweep", sweep.directory)):
            OmegaConf.register_new_resolver(f"gan.{name}_dir", answers, replace=True)

    def __reduce__(self) -> tuple[Any, ...]:
        return _elsewhere, (self.sweep, self.swept, os.getcwd())

    def __call__(self, cfg: DictConfig) -> None:
        """Run what a config says."""
        try:
            self.outcome.append(_job(cfg, self.sweep))
        except Exception as error:
            self.ours.append(error)
            raise

    def _job_dir(self, number: object, overrides: Iterable[str]) -> str:
        return job_dir(number, of_the_job(overrides), self.swept)


def _elsewhere(sweep: Sweep, swept: Container[str], directory: str) -> Task:
    """The task in another process, which finds there what `main` sees to here."""
    sys.path.append(directory)
    if os.getppid() == sweep.pid:
        _end_with(sweep.pid)
    return Task(sweep, swept)


@functools.cache
def _end_with(parent: int) -> None:
    """A worker ends, and saves, when the command is killed that started it: this one, or torchrun."""

    def watch() -> None:
        while True:
            time.sleep(1)
            if os.getppid() != parent:
                os.kill(os.getpid(), signal.SIGTERM)  # to the job while there is one, and then to the worker

    threading.Thread(target=watch, daemon=True).start()


def main() -> None:
    """The console script."""
    flags, overrides = split_arguments(sys.argv[1:])
    if "--version" in flags:
        print(f"gan-cli {__version__}")
        return
    if wrong := mistake(flags, overrides):
        end(wrong, ConfigError.exit_code)
    try:
        place = under_torchrun() or Place()
        if place.start:
            _end_with(os.getppid())
        if not place.leads:
            errors_later()
        flags, overrides = _with_sweep(flags, overrides)
        line = take_up(overrides, flags, not _MULTIRUN.isdisjoint(map(full_name, flags)))
        if place.start and not _MULTIRUN.isdisjoint(map(full_name, line.flags)):
            raise ConfigError("-m: torchrun starts one run; without it each job starts its own: train.devices=N")
    except GanError as error:
        end(str(error), error.exit_code)
    flags, overrides = line.flags, line.overrides
    sweep = Watch.sweep = Sweep(line)
    sys.path.append(os.getcwd())  # a console script does not find the modules beside it by itself
    directories = [CONF_DIR, *config_dirs(flags)]
    groups = groups_below(*directories)
    options = {full_name(flag) for flag in flags}
    overrides = [unfold(override, groups) for override in overrides]
    task = Task(sweep, swept_keys(overrides))
    os.environ["HYDRA_FULL_ERROR"] = "1"  # errors come to us, whatever was set: exit codes depend on it
    places.forget()
    sources.install()
    launchers.register(sweep)

    try:
        with stopped_by_signal():
            if not options & COMPLETION:  # install=bash and query=bash are no settings
                refuse_mistakes(overrides, directories, options)
                prepared = prepare(overrides, groups)
                if not place.leads:  # it writes nothing, and is to make no directory
                    prepared = [*(text for text in prepared if key_of(text) != "hydra.run.dir"), "hydra.run.dir=."]
                sys.argv[1:] = [*prepared, *(_QUIET if options & OWN_CONFIG else ()), *flags]
            if not options & SHOW:
                outlive_reader()
                sys.argv[1:1] = [places.Places.OVERRIDE, Watch.OVERRIDE]
            try:
                with sweep:
                    hydra.main(version_base="1.3", config_path=str(CONF_DIR), config_name="train")(task)()
            except Refused as refused:
                if not isinstance(refused.error, HydraException | OmegaConfBaseException | OSError):
                    task.ours.append(refused.error)
                raise refused.error from refused
    except Stopped as stop:
        print(stop, file=sys.stderr)
        sys.exit(stop.exit_code)
    except KeyboardInterrupt:
        print("stopped at once; nothing was saved after the last checkpoint", file=sys.stderr)
        sys.exit(130)
    except SystemExit as stop:  # Hydra's own, after its own message
        sys.exit(ConfigError.exit_code if stop.code == 1 else stop.code)
    except OSError as error:
        if error in task.ours:
            raise
        if isinstance(error, HydraException):  # a config that is not there is both
            end(answer(error, overrides), ConfigError.exit_code)
        if error.filename is None:  # standard output, which would fail again at the interpreter's exit
            silence(sys.stdout)
        if isinstance(error, BrokenPipeError):  # gan-train --help | head -1
            sys.exit(141)
        end(no_place(error) if error.filename else str(error), RunError.exit_code)
    except Exception as error:
        if error in task.ours:
            raise
        end(answer(error, overrides), error.exit_code if isinstance(error, GanError) else ConfigError.exit_code)
    finally:
        places.tidy()
    if code := max([*task.outcome, sweep.exit_code]):
        sys.exit(code)


def _with_sweep(flags: list[str], overrides: list[str]) -> tuple[list[str], list[str]]:
    """A command line with what its `sweep=` stands for, which is several runs."""
    names = set(map(full_name, flags))
    if names & SHOW:
        return flags, overrides
    overrides, sweep = written_out(overrides, [CONF_DIR, *config_dirs(flags)])
    if sweep is not None:
        flags = flags if names & _MULTIRUN else [*flags, "-m"]
        print(f"sweep={sweep} is: {screenful(shlex.join(['gan-train', *overrides, *flags]))}", flush=True)
    return flags, overrides


def _job(cfg: DictConfig, sweep: Sweep) -> int:
    """One run of this process, and its exit code; 0 for a job of a sweep, which takes note of it."""
    context = HydraConfig.get()
    directory = Path(context.runtime.output_dir)
    overrides = of_the_job(cast(list[str], OmegaConf.to_container(context.overrides.task, resolve=False)))
    typed = as_typed(overrides)
    sources = (source.path for source in context.runtime.config_sources if source.provider == "command-line")
    about = {
        "command": ["gan-train", *typed, *(word for path in sources for word in ("--config-dir", path))],
        "overrides": typed,
        "choices": {key: name for key, name in context.runtime.choices.items() if key != TRACKERS and "/" not in key},
        "sweep": str(directory.parent) if context.mode and context.mode.name == "MULTIRUN" else None,
    }
    work = functools.partial(_work, directory=directory, given=[key_of(text) for text in overrides], about=about)
    if about["sweep"]:
        sweep.run(context.job.num, typed, directory, cfg, work)
        return 0

    def leave_nothing() -> None:
        places.remove_empty(directory)
        places.tidy()

    try:
        with handling(leave_at_once(leave_nothing)), uncollected():
            import gan_cli.cli.job  # noqa: F401  torch comes in here

        work(without_own(cfg))
    except GanError as error:
        print(screenful(str(error)), file=sys.stderr)
        return error.exit_code
    finally:
        places.remove_empty(directory)
    return 0


def _work(cfg: DictConfig, directory: Path, given: Sequence[str], about: dict[str, Any]) -> None:
    from gan_cli.cli.job import run_job

    run_job(cfg, directory, given, about)


def _run_dir(resume: str | None, fresh: str) -> str:
    """Where Hydra makes a directory: nowhere new where a run is resumed, whose own directory is looked up later."""
    return "." if resume else fresh


if __name__ == "__main__":
    from gan_cli.cli.entry import train

    train()

"""What an earlier start of a sweep left: jobs that are finished, half done, failed."""

import os
import time
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from omegaconf import DictConfig, open_dict

from gan_cli.check import leaves
from gan_cli.cli.apart import GRACE
from gan_cli.cli.command import printable
from gan_cli.cli.lock import locked
from gan_cli.cli.sweep.line import same
from gan_cli.cli.sweep.record import NAME, Job, Record
from gan_cli.errors import BusyError, ConfigError, GanError
from gan_cli.listing import newest_first, read
from gan_cli.reading import is_regular, read_yaml
from gan_cli.record import read_or_empty
from gan_cli.settings import OF_THE_COMMAND


def hold(directory: Path) -> ExitStack:
    """Hold a sweep alone until the stack is closed.

    Of a sweep that was killed a job may be saving yet, and holds it too: that is waited for.

    Raises:
        BusyError: the sweep is running.
    """
    lasting, until, said = ExitStack(), time.monotonic() + GRACE, False
    while True:
        try:
            lasting.enter_context(locked(directory))
            return lasting
        except BusyError as error:
            if _is_alive(read_or_empty(directory / NAME).get("pid")) or time.monotonic() > until:
                raise BusyError(
                    f"{directory}: this sweep is running; hydra.sweep.dir=... makes another one of the same line"
                ) from error
        if not said:
            print(f"{printable(str(directory))}: waiting for a job that is saving", flush=True)
        said = True
        time.sleep(0.1)


def _is_alive(pid: Any) -> bool:
    try:
        os.kill(pid, 0)
    except (OSError, TypeError, OverflowError):
        return False
    return True


def take_up(now: Record, old: Record, directory: Path, retry: bool) -> None:
    """Put what is known of jobs into the record of this start, and mark those that are not to be run again.

    Args:
        now: all jobs, waiting.
        old: as an earlier start left it.
        directory: of the sweep.
        retry: run failed ones again.

    Raises:
        BusyError: this is the directory of another sweep.
    """
    if not same(old.command, now.command):
        raise BusyError(
            f"{directory} holds another sweep; choose another place with hydra.sweep.dir=...\n  {old.line()}"
        )
    for number, (new, job) in enumerate(zip(now.jobs, old.jobs, strict=False)):
        now.jobs[number] = taken_up(new, job, directory, retry)


def taken_up(new: Job, job: Job, directory: Path, retry: bool) -> Job:
    """One job as `take_up` takes it: the old one, marked, if it is the same and was begun."""
    place = place_of(job, directory)
    begun = job.status != "waiting" or (place is not None and place.exists())  # by a process that we do not watch
    if job.overrides != new.overrides or not begun:
        return new
    if _is_finished(job, directory):
        job.status, job.exit_code, job.error, job.before = "finished", 0, None, True
    else:
        job.status = "stopped" if job.status in ("finished", "waiting") else job.status  # its run was taken away
        job.before = job.status == "failed" and not retry
    return job


def _is_finished(job: Job, directory: Path) -> bool:
    """Whether a job's run is there and says so; of one that resumes a run elsewhere the record alone can tell."""
    if any(text.startswith("resume=") for text in job.overrides):
        return job.status == "finished"
    place = place_of(job, directory)
    return place is not None and read_or_empty(place / "status.json").get("status") == "finished"


def place_of(job: Job, directory: Path) -> Path | None:
    """A job's directory, if it lies inside that of the sweep."""
    place = (directory / job.directory).resolve() if job.directory else directory
    return place if directory.resolve() in place.parents else None


def going_on(cfg: DictConfig, directory: Path) -> DictConfig:
    """The config with which a job goes on that was begun: with `resume`, if there is a run to go on with."""
    if not is_regular(directory / "config.yaml"):
        print("it was ended before its first file, and begins anew", flush=True)
        return cfg
    cfg = cfg.copy()
    with open_dict(cfg):
        cfg.resume = str(directory)
        if _is_same(cfg, directory):
            cfg.trust = True  # what it names was typed, or looked at, as part of the line
    return cfg


def _is_same(cfg: DictConfig, directory: Path) -> bool:
    """Whether the config that lies there is the one that the line composes."""
    from gan_cli.builder import plain

    try:
        return not _differences(plain(cfg)[0], directory)
    except GanError:
        return False


def refuse_changed(composed: Mapping[str, Any], directory: Path) -> None:
    """A job goes on with the config that it was begun with, which a file behind the line may no longer say.

    Raises:
        ConfigError: it says something else, other than what may change when a run is resumed.
    """
    from gan_cli.resume import ALLOWED

    try:
        differing = {key: told for key, told in _differences(composed, directory).items() if key not in ALLOWED}
    except GanError:  # there is no config to go on with, or none that can be read: the job will say so
        return
    if differing:
        raise ConfigError(
            f"begun with another config: {'; '.join(differing.values())}\n"
            "delete the job's directory to begin it anew, or make another sweep with hydra.sweep.dir=..."
        )


def _differences(composed: Mapping[str, Any], directory: Path) -> dict[str, str]:
    """In words, by key, what differs between a config and the one that lies in a directory."""
    before = dict(leaves(read_yaml(directory / "config.yaml")))
    now = {key: value for key, value in leaves(composed) if key not in OF_THE_COMMAND}
    return {
        key: f"{key} was {before.get(key, 'not set')!r:.40} and is {now.get(key, 'not set')!r:.40}"
        for key in sorted(before.keys() | now.keys())
        if (key in before, before.get(key)) != (key in now, now.get(key))
    }


def unforeseen(directory: Path) -> list[Job]:
    """The jobs of a sweep of which nothing was known before them, in the order in which they were begun."""
    runs = reversed(newest_first(directory, lambda _: None))
    return [Job(number, run.overrides, os.path.relpath(run.path, directory)) for number, run in enumerate(runs)]


def look_up(job: Job, directory: Path, stopped: bool) -> None:
    """How a job went that ran in a process which is not ours: as its directory says.

    Args:
        job: takes it.
        directory: of the sweep.
        stopped: its end was not waited for.
    """
    place = place_of(job, directory)
    if job.before or place is None or (stopped and not place.exists()):
        return
    run = read(place)
    job.step, job.steps, job.seconds = run.step, run.steps, run.seconds
    job.exit_code, job.error = None, run.reason or run.problem or f"its run is {run.status}"
    if run.status == "finished":
        job.status, job.exit_code, job.error = "finished", 0, None
    else:
        by_signal = run.status == "stopped" and run.reason == "signal"
        job.status = "stopped" if stopped or by_signal else "failed"

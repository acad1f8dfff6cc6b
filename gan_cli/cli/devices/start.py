"""A run of several processes: started by `train.devices` or by `torchrun`, and started anew where one of them dies."""

import functools
import itertools
import json
import os
import sys
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack, suppress
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from gan_cli import checkpoint
from gan_cli.check import Problem, report
from gan_cli.cli.command import screenful
from gan_cli.cli.devices.company import Company
from gan_cli.cli.devices.place import Place, hear_errors
from gan_cli.cli.devices.workers import together
from gan_cli.data_parallel import uneven
from gan_cli.errors import GanError, LostError, Stopped
from gan_cli.files import silence, write_json
from gan_cli.placement import pick_device
from gan_cli.record import read_or_empty

_SEARCHED = 200  # of the newest runs, for the one that a start of torchrun began
_MOST = 64  # processes on a machine of fewer cores: more are a slip of the keyboard


@dataclass(frozen=True)
class Job:
    """A run as the command asks for it.

    Args:
        config: resolved; of a run that is resumed, its own with the changes that are allowed.
        written: the config before resolving.
        directory: of the run.
        given: the keys on the command line.
        about: what `run.json` says of how the run came about.
    """

    config: dict[str, Any]
    written: dict[str, Any]
    directory: Path
    given: tuple[str, ...]
    about: dict[str, Any]

    @property
    def resumes(self) -> bool:
        """Whether it goes on with a run."""
        return self.config.get("resume") is not None

    @property
    def dry(self) -> bool:
        """Whether nothing is to be written."""
        return self.config.get("dry_run") is True

    @property
    def shown(self) -> str:
        """The directory, as short as it can be typed from here."""
        try:
            return str(self.directory.resolve().relative_to(Path.cwd()))
        except ValueError:
            return str(self.directory)

    def train(self, key: str, default: int) -> int:
        """A whole number among the settings of `train`; the default where it is wrong, which others say."""
        node = self.config.get("train")
        value = node.get(key) if isinstance(node, dict) else None
        return value if type(value) is int and value >= 0 else default

    def again(self) -> "Job":
        """The job that goes on with what this one has saved."""
        there = (self.directory / "config.yaml").is_file()
        return replace(self, config=self.config | {"resume": str(self.directory)}) if there else self


Work = Callable[[Job, Company], None]


def by_workers(job: Job, work: Work) -> None:
    """Train in processes of this machine, and again as often as `train.restarts` says where one of them dies.

    Raises:
        ConfigError: so many cannot be; none is started.
        GanError, Stopped: as `together`; `status.json` says it, too.
    """
    devices, restarts = job.train("devices", 1), job.train("restarts", 0)
    _refuse_too_many(devices, job.train("batch_size", 0))
    for begun in itertools.count():
        try:
            together(devices, functools.partial(work, job))
            break
        except GanError as error:
            died = type(error) in (LostError, GanError)
            if died and not job.dry:
                _record(job.directory, error)
            if not died or begun >= restarts or job.dry:
                raise _with_advice(error, job) if died and not job.dry else error from None
            reason = str(error).splitlines()[0]
            step = _newest(job.directory)
            since = "from its beginning" if step is None else f"from the checkpoint of step {step:,}"
            print(screenful(f"{reason}\nrestart {begun + 1} of {restarts}, {since}"), file=sys.stderr)
        job = job.again()


def _refuse_too_many(devices: int, batch_size: int) -> None:
    """Each takes memory before it could find out; what else is wrong with so many is said by them."""
    cores = os.cpu_count() or 1
    if devices > max(_MOST, cores):
        wrong = f"{devices:,} processes are more than this machine with {cores} cores can use; take {_MOST} or fewer"
        raise report([Problem("train.devices", wrong)])
    if problem := uneven(batch_size, devices):
        raise report([problem])


def by_torchrun(place: Place, job: Job, work: Work, held: Callable[[Job], AbstractContextManager[Job]]) -> None:
    """One of the processes that torchrun started. Rank 0 says which run it is; the others need not have its files.

    Args:
        held: makes sure, on rank 0, that the run can begin or go on, and holds its directory.
    """
    if not place.leads:
        silence(sys.stdout)
    hear_errors()
    company = Company.by_torchrun(place)
    try:
        with company.told(), ExitStack() as lasting:
            said = ""
            with company.alike():
                if place.leads:
                    job = lasting.enter_context(held(_named(job, place)))
                    said = json.dumps([job.config, job.written, str(job.directory)])
            config, written, directory = json.loads(company.from_lead(said))
            job = replace(job, config=config, written=written, directory=Path(directory))
            work(job, company)
    except (GanError, Stopped) as error:
        if isinstance(error, LostError) and company.speaks and not place.leads:  # it may have the files, too
            if job.directory.is_dir():
                _record(job.directory, error)
            raise _with_advice(error, job) from None
        if place.leads:
            raise
        os._exit(error.exit_code)  # rank 0 says it; what is left of a broken group could make a regular end wait


def _named(job: Job, place: Place) -> Job:
    """The job as torchrun has it: of so many processes, and of the run that this start of it began before."""
    devices = job.train("devices", 1)
    if "train.devices" in job.given and devices != place.size:
        wrong = f"torchrun started {place.size} processes, this command says {devices}; leave it out"
        raise report([Problem("train.devices", wrong)])
    config = job.config | {"train": job.config["train"] | {"devices": place.size}}
    job = replace(job, config=config, about=job.about | {"start": place.start})
    if not place.restart or job.resumes or job.dry:
        return job
    for path in [job.directory / "run.json", *_runs_beside(job.directory)]:
        if read_or_empty(path).get("start") == place.start and (path.parent / "config.yaml").is_file():
            with suppress(OSError):
                job.directory.rmdir()  # Hydra's new one: nothing is in it
            return replace(job, directory=path.parent).again()
    return job


def _runs_beside(directory: Path) -> list[Path]:
    found = directory.parent.parent.glob("*/*/run.json") if directory.is_absolute() else []
    return sorted(found, reverse=True)[:_SEARCHED]


def device_of(name: str, place: Place) -> str:
    """The device of one process, in the words of `device`; the process is told of its GPU.

    Raises:
        ConfigError: there is no such device, one is named for all, or a machine has fewer GPUs than processes.
    """
    if place.size == 1 or not isinstance(name, str) or name.startswith("cpu"):
        return name
    try:
        kind = pick_device(name).type
    except ValueError as error:
        raise report([Problem("device", str(error))]) from error
    if name == "auto" and kind != "cuda":
        return "cpu"
    if kind != "cuda" or ":" in name:
        wrong = f"{name} is one device, and {place.size} processes were asked for; set device=auto, cuda or cpu"
        raise report([Problem("device", wrong)])
    there = torch.cuda.device_count()
    if there < place.here:
        wrong = f"{place.here} processes on this machine need a GPU each, and there are {there}"
        raise report([Problem("train.devices", f"{wrong}; set train.devices={there}, or device=cpu")])
    torch.cuda.set_device(place.local)
    return f"cuda:{place.local}"


def _record(directory: Path, error: GanError) -> None:
    """Write down how the run ended, where rank 0 could not."""
    status = read_or_empty(directory / "status.json")
    if status.get("status") == "running":
        with suppress(GanError):  # the first error is what counts
            write_json(directory / "status.json", status | {"status": "failed", "reason": str(error).splitlines()[0]})


def _with_advice(error: GanError, job: Job) -> GanError:
    if "gan-train resume=" in str(error):
        return error
    step = _newest(job.directory)
    saved = "no step is saved yet" if step is None else f"the last checkpoint is of step {step:,}"
    return type(error)(f"{error}\n{saved}; go on with:\n  gan-train resume={job.shown}")


def _newest(directory: Path) -> int | None:
    """The step of the newest checkpoint."""
    found = checkpoint.available(directory / "checkpoints")
    return checkpoint.step_of(found[0]) if found else None

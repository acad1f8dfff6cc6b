"""`sweep.json`: the jobs of a sweep, how each went, and what the next start of the same line needs to know."""

import os
import shlex
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal, get_args

from gan_cli.errors import RunError
from gan_cli.files import write_json
from gan_cli.reading import is_regular, read_json

NAME = "sweep.json"
_LIMIT = 1 << 24  # bytes: ten thousand jobs have some 4 MB

Status = Literal["waiting", "running", "finished", "stopped", "failed"]


@dataclass
class Job:
    """One job.

    Args:
        number: from 0, as Hydra counts.
        overrides: as typed, one value for each key.
        directory: of the run, inside that of the sweep; None as long as it has none.
        status: "stopped" is half done, by a signal; "failed" is all else that did not come to its end.
        exit_code: of its process.
        step, steps: done, and asked for.
        seconds: of training, or of the job where it never came to train.
        error: the first line of what it said.
        metrics: the last that it logged.
        log: the file of what it printed, inside the directory of the sweep.
        same_as: an earlier job that is the same run; this one is not run, and is what became of that one.
        queue: its number in the queue of a cluster.
        before: it was run at an earlier start of this sweep, and not at this one; not stored.
    """

    number: int
    overrides: list[str]
    directory: str | None = None
    status: Status = "waiting"
    exit_code: int | None = None
    step: int | None = None
    steps: int | None = None
    seconds: float | None = None
    error: str | None = None
    metrics: dict[str, float | str] = field(default_factory=dict)
    log: str | None = None
    same_as: int | None = None
    queue: str | None = None
    before: bool = False


@dataclass
class Record:
    """A sweep.

    Args:
        command: the line that makes it, without what says how it is gone on with.
        jobs: all of them, in the order of their numbers.
        status: "failed": it came to its end and not all jobs did.
        pid: the process that runs it.
    """

    command: list[str]
    jobs: list[Job] = field(default_factory=list)
    status: Status = "running"
    pid: int = field(default_factory=os.getpid)

    def write(self, directory: Path) -> None:
        """Write the file anew, at once or not at all."""
        jobs = [{key: value for key, value in asdict(job).items() if key != "before"} for job in self.jobs]
        updated = time.strftime("%Y-%m-%dT%H:%M:%S%z")
        content = {"command": self.command, "status": self.status, "pid": self.pid, "updated": updated, "jobs": jobs}
        write_json(directory / NAME, content)

    def line(self) -> str:
        """The command as it is typed."""
        return shlex.join(self.command)


def is_there(directory: Path) -> bool:
    """Whether a directory is that of a sweep."""
    return is_regular(directory / NAME)


def read(directory: Path) -> Record:
    """The record in a directory.

    Raises:
        RunError: it cannot be read, or is not as gan-train writes it.
    """
    path = directory / NAME
    content = read_json(path, _LIMIT)
    jobs: Any = content.get("jobs")
    command: Any = content.get("command")
    status: Any = content.get("status")
    pid: Any = content.get("pid")
    if not _is_words(command) or status not in get_args(Status) or type(pid) is not int or not isinstance(jobs, list):
        raise RunError(f"{path}: is not as gan-train writes it")
    return Record(command, [_job(number, job, path) for number, job in enumerate(jobs)], status, pid)


def _job(number: int, content: Any, path: Path) -> Job:
    kinds: dict[str, tuple[type, ...]] = {
        "number": (int,),
        "directory": (str, type(None)),
        "exit_code": (int, type(None)),
        "step": (int, type(None)),
        "steps": (int, type(None)),
        "seconds": (int, float, type(None)),
        "error": (str, type(None)),
    }
    later: dict[str, tuple[type, ...]] = {  # than the first version of this file
        "metrics": (dict,),
        "log": (str, type(None)),
        "same_as": (int, type(None)),
        "queue": (str, type(None)),
    }
    if (
        not isinstance(content, dict)
        or content.keys() | later != {f.name for f in fields(Job)} - {"before"}
        or any(type(content[key]) not in types for key, types in (kinds | later).items() if key in content)
        or content["number"] != number
        or content["status"] not in get_args(Status)
        or not _is_words(content["overrides"])
        or not all(type(value) in (int, float, str) for value in content.get("metrics", {}).values())
        or not (content.get("same_as") is None or 0 <= content["same_as"] < number)
    ):
        raise RunError(f"{path}: job {number} is not as gan-train writes it")
    return Job(**content)


def _is_words(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(word, str) for word in value)


def newest_unfinished(root: Path, command: Sequence[str]) -> Path | None:
    """The newest sweep of a command below a directory, if not all of its jobs are finished."""
    try:
        places = sorted(filter(is_there, root.iterdir()), reverse=True)  # a name begins with its time
    except OSError:
        return None
    for place in places:
        try:
            record = read(place)
        except RunError:
            continue
        if record.command == list(command):
            return None if record.status == "finished" else place
    return None

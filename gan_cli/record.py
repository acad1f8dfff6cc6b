"""What a run directory says about its run: `run.json` (how it came about) and `status.json` (how it goes)."""

import os
import platform
import socket
import subprocess
import time
from importlib import metadata
from pathlib import Path
from typing import Any, Literal

from gan_cli.errors import RunError
from gan_cli.files import write_json
from gan_cli.reading import read_json

State = Literal["running", "finished", "stopped", "failed"]
RESUMES = 200  # that are kept: run.json stays small
_PACKAGES = ("gan-cli", "torch", "torchvision", "hydra-core", "omegaconf", "numpy", "tensorboard")


def versions() -> dict[str, str]:
    """The versions that a result depends on."""
    found = {"python": platform.python_version(), "platform": platform.platform()}
    for name in _PACKAGES:
        try:
            found[name] = metadata.version(name)
        except metadata.PackageNotFoundError:
            found[name] = "not installed"
    return found


def git_state(directory: Path) -> dict[str, Any] | None:
    """Commit and cleanliness of the repository that holds a directory; None where there is none, or no git."""

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(directory), *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10, check=True)
        return done.stdout.strip()

    try:
        return {"commit": git("rev-parse", "HEAD"), "dirty": bool(git("status", "--porcelain"))}
    except (OSError, subprocess.SubprocessError):
        return None


def write_run(directory: Path, content: dict[str, Any]) -> None:
    """Write `run.json`: the caller's content beside versions, git state and time."""
    write_json(directory / "run.json", content | {"created": _now()} | _circumstances())


def add_resume(directory: Path, command: list[str], step: int) -> None:
    """Add to `run.json` that a command went on with the run from a step."""
    about = read_or_empty(directory / "run.json")
    before = about.get("resumed")
    before = before[1 - RESUMES :] if isinstance(before, list) else []
    this = {"command": command, "step": step, "time": _now(), **_circumstances()}
    write_json(directory / "run.json", about | {"resumed": [*before, this]})


def read_or_empty(path: Path) -> dict[str, Any]:
    """A JSON object; an empty one where the file is lost or damaged, which must not keep a whole run from going on."""
    try:
        return read_json(path)
    except RunError:
        return {}


def _circumstances() -> dict[str, Any]:
    return {"versions": versions(), "git": git_state(Path.cwd())}


def _now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S%z")


class Status:
    """`status.json`, written anew at each change.

    Seconds are of training, summed over the processes that resumed the run.
    """

    def __init__(self, directory: Path, steps: int) -> None:
        self._path, self._steps, self._since = directory / "status.json", steps, time.monotonic()
        before = read_or_empty(self._path).get("seconds")
        self._before = float(before) if isinstance(before, int | float) else 0.0
        self.alarms: list[dict[str, Any]] = []  # that were raised so far
        known = read_or_empty(self._path).get("rollbacks")
        self._rollbacks: list[Any] = known if isinstance(known, list) else []

    @property
    def seconds(self) -> float:
        """Seconds of training so far."""
        return self._before + self.seconds_here

    @property
    def seconds_here(self) -> float:
        """Seconds of training in this process."""
        return time.monotonic() - self._since

    def rolled_back(self, event: dict[str, Any]) -> None:
        """Remember a rollback; a run that was killed and resumed does the same one again."""
        if event not in self._rollbacks:
            self._rollbacks.append(event)

    def write(self, status: State, step: int, reason: str | None = None) -> None:
        """Say how the run goes."""
        write_json(
            self._path,
            {
                "status": status,
                "reason": reason,
                "step": step,
                "steps": self._steps,
                "alarms": self.alarms,
                "rollbacks": self._rollbacks,
                "seconds": round(self.seconds, 1),
                "pid": os.getpid(),
                "host": socket.gethostname(),
                "updated": _now(),
            },
        )

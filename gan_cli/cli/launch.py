"""Sweeps for a command that is not `gan-train`: started as a user would, in a process of their own."""

import hashlib
import os
import shlex
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from types import FrameType

from hydra import compose, initialize_config_dir
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf

from gan_cli.check import leaves
from gan_cli.cli.lock import locked
from gan_cli.cli.overrides import LENGTHS, groups_below, key_of, prepare, quoted
from gan_cli.cli.signals import handling
from gan_cli.cli.sweep import record
from gan_cli.cli.sweep.record import Job
from gan_cli.errors import BusyError, ConfigError, GanError, Stopped
from gan_cli.paths import CONF_DIR
from gan_cli.reading import is_regular, read_yaml

PATIENCE = 60.0  # seconds for a sweep whose command was killed to save and end
_OURS = ("seed", "experiment", "resume", "retry", "dry_run", "timeout_minutes", "hydra")


def place(out: Path, row: str, variant: str, overrides: Sequence[str], seeds: int) -> Path:
    """The directory of a sweep: another one where anything that it is made of is another."""
    digest = hashlib.sha256("\0".join(overrides).encode()).hexdigest()[:6]
    return out / row / "-".join(filter(None, (variant, f"{seeds}-seeds", digest)))


def line(overrides: Sequence[str], directory: Path, retry: bool = False) -> list[str]:
    """The arguments of `gan-train`."""
    where = QuotedString(str(directory), Quote.single).with_quotes()
    plain = str(directory) if str(directory).replace("/", "").replace("-", "").replace("_", "").isalnum() else where
    again = ["retry=true"] if retry else []
    return [*map(quoted, overrides), f"hydra.sweep.dir={plain}", *again, "-m"]


def command(overrides: Sequence[str], directory: Path) -> str:
    """The line as it is typed."""
    return shlex.join(["gan-train", *line(overrides, directory)])


def launch(overrides: Sequence[str], directory: Path, retry: bool = False) -> tuple[int, list[Job]]:
    """Run a sweep, or go on with it where it was stopped.

    Signals are handed on, and its end is waited for: a job saves first.

    Returns:
        Its exit code, and its jobs; none where it was refused.

    Raises:
        Stopped: a signal came.
        BusyError: another command runs it.
    """
    _wait_for(directory)
    arguments = [sys.executable, "-m", "gan_cli.cli.launched", str(os.getpid()), *line(overrides, directory, retry)]
    received: list[int] = []
    children: list[subprocess.Popen[bytes]] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        received.append(number)
        for child in children:
            child.send_signal(number)

    sys.stdout.flush()
    with handling(hand_on):
        # In a session of its own: a terminal sends Ctrl-C to all processes of one, and a second one stops at once.
        children.append(subprocess.Popen(arguments, start_new_session=True))
        if received:  # before it could be told
            children[0].terminate()
        code = children[0].wait()
    if received:
        raise Stopped("stopped; the same line goes on", 128 + received[0])
    return code, jobs(directory) if code in (0, 1) else []


def jobs(directory: Path) -> list[Job]:
    """Those of a sweep; none where there is none."""
    return record.read(directory).jobs if record.is_there(directory) else []


def other_length(job: Job, run: Path) -> str | None:
    """How a finished run's length differs from that of its line, in words; None where it does not.

    A sweep lets runs be of any length, for they may be gone on with by hand; figures of a row may not.
    """
    if not is_regular(run / "config.yaml"):
        return None
    try:
        before = dict(leaves(read_yaml(run / "config.yaml")))
    except GanError:  # who measures the run says so
        return None
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        now = compose("train", overrides=prepare(job.overrides, groups_below(CONF_DIR)))
    lengths = {key: (before.get(key), OmegaConf.select(now, key)) for key in LENGTHS}
    found = [f"{key} was {then!s:.40} and is {is_now}" for key, (then, is_now) in lengths.items() if then != is_now]
    return f"trained for another length: {'; '.join(found)}; move {run.parent} away" if found else None


def _wait_for(directory: Path) -> None:
    until, said = time.monotonic() + PATIENCE, False
    while record.is_there(directory):
        try:
            with locked(directory):
                return
        except BusyError as error:
            if time.monotonic() > until:
                running = f"{directory}: this sweep is running; wait for its end, or give another --out"
                raise BusyError(running) from error
        if not said:
            print(f"{directory}: waiting for a sweep that is running, or saving", flush=True)
        said = True
        time.sleep(0.3)


def refuse_settings(settings: Sequence[str]) -> None:
    """Settings that a user adds to every row are `key=value`, and none that the suite makes itself.

    Raises:
        ConfigError: one cannot be read, or is not for the user to set.
    """
    for text in settings:
        try:
            override = OverridesParser.create().parse_override(quoted(text))
        except HydraException as error:
            wanted = "expected key=value, as gan-train takes it, such as dataset.root=data"
            raise ConfigError(f"{text}: {wanted}") from error
        if override.is_sweep_override():
            raise ConfigError(f"{text}: gives several values, and a row has one; run it once for each")
        if key_of(text).split(".")[0] in _OURS:
            raise ConfigError(f"{text}: {key_of(text)} is the suite's own" + _instead(key_of(text)))


def _instead(key: str) -> str:
    return {"seed": "; --seeds N takes the seeds 0 to N - 1", "dry_run": "; give --dry-run"}.get(key, "")

"""Where a process is among those of its run, as `torchrun` says it in the environment. Imports no torch."""

import atexit
import io
import os
import sys
import time
from dataclasses import dataclass
from typing import Any

from gan_cli.errors import ConfigError

_SAID = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
_LATER = 3.0  # seconds


@dataclass(frozen=True)
class Place:
    """One process of a run.

    Args:
        rank: of this process, from 0, and `size` of them.
        local: the same among the processes `here`, on this machine.
        restart: how often all of them were started anew.
        start: what tells this start of `torchrun` from all others; None where it did not start this process.
    """

    rank: int = 0
    size: int = 1
    local: int = 0
    here: int = 1
    restart: int = 0
    start: str | None = None

    @property
    def leads(self) -> bool:
        """Whether it is the one that writes and speaks."""
        return self.rank == 0


def under_torchrun() -> Place | None:
    """The place that `torchrun` gave to this process; None where it was started by hand.

    Raises:
        ConfigError: the environment speaks of processes, but not as torchrun does.
    """
    found: dict[str, str] = {name: os.environ[name] for name in _SAID if name in os.environ}
    if "TORCHELASTIC_RUN_ID" not in os.environ or len(found) < len(_SAID):
        return None
    names = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "TORCHELASTIC_RESTART_COUNT")
    said: dict[str, Any] = {name: os.environ.get(name, "0") for name in names}
    if not all(text.isdecimal() for text in said.values()) or not int(said["RANK"]) < int(said["WORLD_SIZE"]):
        listed = ", ".join(f"{name}={text[:20]}" for name, text in said.items())
        raise ConfigError(f"{listed}: not as torchrun sets them; start gan-train by torchrun, or unset them")
    rank, size, local, here, restart = map(int, said.values())
    return Place(rank, size, local, here or size, restart, _start())


def _start() -> str:
    """Without --rdzv-id all starts are named alike; then the process of torchrun tells them apart."""
    name = os.environ["TORCHELASTIC_RUN_ID"]
    return f"{os.uname().nodename} {os.getppid()}" if name == "none" and hasattr(os, "uname") else name


def errors_later() -> None:
    """Until they meet, all ranks compose the same config and find the same mistakes in it: rank 0 says them at once,
    and torchrun ends the others; one that is still there a while later says its own.
    """
    kept = sys.stderr = io.StringIO()

    def say() -> None:
        if kept.getvalue():
            time.sleep(_LATER)
            os.write(2, f"rank {os.environ.get('RANK')}: {kept.getvalue()}".encode(errors="replace"))

    atexit.register(say)


def hear_errors() -> None:
    """Standard error is heard again."""
    if isinstance(sys.stderr, io.StringIO):
        kept, sys.stderr = sys.stderr.getvalue(), sys.__stderr__
        print(kept, end="", file=sys.stderr)

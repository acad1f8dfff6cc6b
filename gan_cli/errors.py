"""What a user can cause, and the exit code of each. Shown as a message, without a traceback."""

from typing import ClassVar

from hydra.errors import CompactHydraException


class GanError(CompactHydraException):
    """A mistake that the message explains: what, what was found, what to do."""

    exit_code: ClassVar[int] = 1


class ConfigError(GanError):
    """The configuration cannot be run."""

    exit_code = 2


class Diverged(GanError):
    """Training left the numbers that can be trained.

    Args:
        step: in which it did, from 1.
        batch: the next one of the data then, where a rollback goes on.
    """

    exit_code = 3

    def __init__(self, message: str, step: int | None = None, batch: int | None = None) -> None:
        super().__init__(message)
        self.step, self.batch = step, batch


class DataError(GanError):
    """The data set is missing, unreadable or not what the configuration says."""

    exit_code = 4


class RunError(GanError):
    """A run directory or checkpoint is missing, damaged, foreign or cannot be written."""

    exit_code = 5


class BusyError(GanError):
    """The run directory belongs to another run."""

    exit_code = 6


class LostError(GanError):
    """One of the processes that train a run together is gone, or cannot be reached."""

    exit_code = 7


class Stopped(KeyboardInterrupt):
    """A signal ended the run after its step and a checkpoint.

    A ``KeyboardInterrupt``, so that it ends a whole sweep and not only one of its jobs.
    """

    def __init__(self, message: str, exit_code: int) -> None:
        super().__init__(message)
        self.exit_code = exit_code  # 128 + the signal's number

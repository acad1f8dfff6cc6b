"""How a run ends that does not reach its end: what its status says, and what its user is told."""

import traceback
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager, nullcontext, suppress
from typing import Any

from gan_cli.errors import ConfigError, Diverged, GanError, LostError, RunError
from gan_cli.room import is_out_of_memory
from gan_cli.run import Run


@contextmanager
def enough_memory(config: Mapping[str, Any], where: Callable[[], str]) -> Iterator[None]:
    """What is told when memory ends.

    Args:
        where: that was, in words.

    Raises:
        ConfigError: the keys that ask for it.
    """
    try:
        yield
    except Exception as error:
        if not is_out_of_memory(error):
            raise
        asked = {"train.batch_size": config["train"]["batch_size"]}
        asked |= {f"model.{key}": value for key, value in config["model"].items() if type(value) is int}
        listed = ", ".join(f"{key}={value}" for key, value in asked.items())
        raise ConfigError(
            f"out of memory {where()}\nmake one of these smaller: {listed}; or run it where there is more memory"
        ) from error


@contextmanager
def recorded(
    run: Run, config: Mapping[str, Any], shown: str, told: AbstractContextManager[None] | None = None
) -> Iterator[None]:
    """Around training: a failure gets into `status.json`, and its message says how to go on.

    Args:
        shown: the run directory, as it can be typed.
        told: of several processes, what tells the others of a failure, or says what became of them.
    """
    try:
        with told or nullcontext(), enough_memory(config, lambda: f"in step {run.step + 1:,}"):
            yield
    except BaseException as error:
        if run.ranks.leads:
            _record(run, error)
        if not isinstance(error, ConfigError | RunError | LostError) and type(error) is not GanError:
            raise
        saved = "no step is saved yet" if run.committed is None else f"the last checkpoint is of step {run.committed:,}"
        raise type(error)(f"{error}\n{saved}; go on with:\n  gan-train resume={shown}") from error


def _record(run: Run, error: BaseException) -> None:
    """Write down what can be written: the disk or the memory may be what failed, and the first error is what counts."""
    reason = str(error) if isinstance(error, GanError) else "".join(traceback.format_exception_only(error)).strip()
    interrupted = isinstance(error, KeyboardInterrupt)  # a second Ctrl-C: the first one is no error
    reason = "interrupted twice" if interrupted else reason
    with suppress(GanError, MemoryError):
        if isinstance(error, Diverged):  # which part it was, the last checkpoint and what to try
            step = run.step + 1 if error.step is None else error.step
            run.sound(run.health.not_finite(step, str(error)), aloud=False)
    with suppress(GanError, MemoryError):
        run.status.write("stopped" if interrupted else "failed", run.step, reason)
    with suppress(GanError, MemoryError):
        run.log.close(success=None if interrupted else False)

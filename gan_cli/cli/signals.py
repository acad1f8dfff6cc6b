"""Ctrl-C and SIGTERM: the first one lets the step end and commits, the second stops at once."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Protocol

from gan_cli.errors import Stopped

_WATCHED = (signal.SIGINT, signal.SIGTERM)


class Stoppable(Protocol):
    """What a signal can ask to stop."""

    stopping: bool


@contextmanager
def stopped_by_signal() -> Iterator[None]:
    """Outside of training there is nothing to save: a signal ends the command with its own exit code."""

    def handle(number: int, _: FrameType | None) -> None:
        raise Stopped("stopped outside of training: there was nothing to save", 128 + number)

    with _handling(handle):
        yield


@contextmanager
def stop_after_step(run: Stoppable) -> Iterator[list[int]]:
    """Inside, the first signal sets `run.stopping`; yields the list of signals that came."""
    received: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        received.append(number)
        run.stopping = True
        for watched in _WATCHED:
            signal.signal(watched, signal.SIG_DFL if watched == signal.SIGTERM else signal.default_int_handler)

    with _handling(handle):
        yield received


@contextmanager
def _handling(handler: object) -> Iterator[None]:
    try:
        before = {number: signal.signal(number, handler) for number in _WATCHED}  # type: ignore[arg-type]
    except ValueError:  # not the main thread: somebody else's program, which has its own handlers
        yield
        return
    try:
        yield
    finally:
        for number, old in before.items():
            signal.signal(number, old)

"""Ctrl-C, SIGTERM and SIGHUP: a run ends its step and saves; whatever else is going on ends at once, in one line.

Nothing here imports anything that is slow: a signal can come while torch is imported.
"""

import os
import signal
import sys
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from types import FrameType
from typing import NoReturn, Protocol

# SIGHUP: the terminal or the connection is gone. Windows has none.
WATCHED = tuple(getattr(signal, name) for name in ("SIGINT", "SIGTERM", "SIGHUP") if hasattr(signal, name))
NOTHING_TO_SAVE = "stopped outside of training: there was nothing to save"

Handler = Callable[[int, FrameType | None], None]


class Stoppable(Protocol):
    """What a signal can ask to stop."""

    stopping: bool
    signal: int


def leave(number: int, message: str) -> NoReturn:
    """End the process at once with the signal's own exit code; no code that could stand in the way runs any more."""
    with suppress(Exception):  # the signal may have come while it was printing
        sys.stdout.flush()
    with suppress(OSError):
        os.write(2, f"{message}\n".encode())
    os._exit(128 + number)


def leave_at_once(tidy: Callable[[], None] = lambda: None) -> Handler:
    """A handler for what an exception cannot end in good order: imports turn one into another error, or swallow it.

    Args:
        tidy: run before the end.
    """

    def handle(number: int, _: FrameType | None) -> None:
        with suppress(Exception):
            tidy()
        leave(number, NOTHING_TO_SAVE)

    return handle


@contextmanager
def stopped_by_signal() -> Iterator[None]:
    """Outside of training there is nothing to save: a signal ends the command with its own exit code.

    Raises:
        Stopped: out of whatever was going on; after an import, if it was that.
    """
    waiting: set[int] = set()

    def handle(number: int, frame: FrameType | None) -> None:
        from gan_cli.errors import Stopped

        if number not in waiting and _is_importing(frame):
            waiting.add(number)
            threading.Thread(target=_send_after_import, args=(number, waiting), daemon=True).start()
            return
        for watched in WATCHED:  # the next one finds the command on its way out, or something that swallowed this one
            _set(watched, leave_at_once())
        raise Stopped(NOTHING_TO_SAVE, 128 + number)

    with handling(handle):
        yield


@contextmanager
def stop_after_step(run: Stoppable, watched: Sequence[int] = WATCHED) -> Iterator[list[int]]:
    """Inside, a signal sets `run.stopping` and `run.signal`; yields the list of signals that came.

    A Ctrl-C after that stops at once. Other signals do not: a terminal that closes sends two, and so do some programs
    that start others.
    """
    received: list[int] = []

    def handle(number: int, _: FrameType | None) -> None:
        if received and number == signal.SIGINT:
            received.append(number)
            raise KeyboardInterrupt
        received.append(number)
        run.stopping, run.signal = True, run.signal or number

    with handling(handle, watched):
        yield received


@contextmanager
def interrupted_after_step(run: Stoppable) -> Iterator[list[int]]:
    """The same of Ctrl-C alone, where nobody else listens to it: for a run in somebody else's process."""
    nobody = signal.getsignal(signal.SIGINT) is signal.default_int_handler
    with stop_after_step(run, [signal.SIGINT] if nobody else []) as received:
        yield received


@contextmanager
def handling(handler: Handler, watched: Sequence[int] = WATCHED) -> Iterator[None]:
    """Handlers for the time of the context. What was to be ignored (`nohup`, a job in the background) stays ignored."""
    before = {number: signal.getsignal(number) for number in watched}
    try:
        for number in watched:
            _set(number, handler)
    except ValueError:  # not the main thread: somebody else's program, which has its own handlers
        yield
        return
    try:
        yield
    finally:
        for number, old in before.items():
            if old is not None:  # None: not Python's own, and not ours to put back
                signal.signal(number, old)


def _set(number: int, handler: Handler) -> None:
    if signal.getsignal(number) != signal.SIG_IGN:
        signal.signal(number, handler)


def _is_importing(frame: FrameType | None) -> bool:
    while frame is not None:
        if frame.f_code.co_filename.startswith("<frozen importlib"):
            return True
        frame = frame.f_back
    return False


def _send_after_import(number: int, waiting: set[int]) -> None:
    main = threading.main_thread().ident
    while main is not None and _is_importing(sys._current_frames().get(main)):
        time.sleep(0.02)
    waiting.discard(number)
    os.kill(os.getpid(), number)

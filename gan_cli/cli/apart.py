"""Work in a process of its own: however that one ends, this one goes on."""

import math
import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from types import FrameType

from gan_cli.cli.signals import WATCHED, handling, stopped_by_signal
from gan_cli.cli.streams import outlive_reader, prepare
from gan_cli.errors import GanError, Stopped

GRACE = 60.0  # seconds between asking a process to end and killing it: for a step and a checkpoint
_MOST = 1 << 14  # bytes of a message: what a pipe takes at once

# A fork has at once what was imported here, which takes seconds. Elsewhere libraries of the system do not survive it.
_METHOD = "fork" if sys.platform == "linux" else "spawn"

Work = Callable[[], str | None]


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Args:
        code: as a shell says it: 128 and the number of the signal that killed it.
        message: what it had to say, or what is to be said of it; None where it came to its end without a word.
        seconds: from its start to its end.
        stopped: by a signal that asked it to, which it got itself or through this process.
        signals: that this process got meanwhile, and handed on.
        killed: by a signal that cannot be answered, or was not.
    """

    code: int
    message: str | None
    seconds: float
    stopped: bool
    signals: tuple[int, ...]
    killed: bool = False


class Process:
    """Work that goes on in a process of its own, from here on.

    Args:
        work: may raise a `GanError` or `Stopped`, whose words come back, or return words of its own; another exception
            is shown with its traceback.
        seconds: the time it may take; then it is asked to end, and killed after a grace.
    """

    def __init__(self, work: Work, seconds: float | None = None) -> None:
        fresh = _method() != "fork"
        context = multiprocessing.get_context(_method())
        self._receiver, sender = context.Pipe(duplex=False)
        self._process = context.Process(target=_inside, args=(work, sender, fresh), name="job")  # type: ignore[attr-defined]
        self._began, self._seconds = time.monotonic(), seconds
        self._until = None if seconds is None else self._began + seconds
        self._asked = self._late = False
        self.signals: list[int] = []  # that were handed on
        sys.stdout.flush()  # what is not written yet would be written twice
        sys.stderr.flush()
        with _blocked(), warnings.catch_warnings():  # until the other process has handlers of its own
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: numpy's are ready for it
            self._process.start()
        sender.close()
        self.sentinel: int = self._process.sentinel

    @property
    def patience(self) -> float | None:
        """Seconds until it is late."""
        return None if self._until is None else max(0.0, self._until - time.monotonic())

    def press(self) -> None:
        """Ask it to end where it is late; kill it where it was asked before."""
        if self._until is not None and time.monotonic() >= self._until:
            self._late = self._late or not self._asked
            self._process.kill() if self._asked else self._process.terminate()
            self._until = None if self._asked else time.monotonic() + GRACE
            self._asked = True

    def hand_on(self, number: int, grace: float | None = None) -> None:
        """Ask it to end, as a signal asked this process; a second Ctrl-C kills it.

        Args:
            number: of the signal.
            grace: seconds until it is killed; None: it is waited for.
        """
        self.signals.append(number)
        if grace is not None:
            self._asked, self._until = True, time.monotonic() + grace
        self._process.kill() if self.signals.count(signal.SIGINT) > 1 else self._process.terminate()

    def hurry(self, seconds: float) -> None:
        """It has this long from now on; then it is asked to end, and killed after a grace."""
        self._until = min(self._until or math.inf, time.monotonic() + seconds)

    def kill(self) -> None:
        """End it at once, if it is not at its end; how it ended is not asked any more."""
        with suppress(ValueError):  # it was asked
            self._process.kill()

    def ending(self) -> Ending:
        """How it ended, which is waited for."""
        self._process.join()
        message = _message(self._receiver)
        if self._late and self._seconds is not None:
            message = f"took longer than the {self._seconds / 60:g} minutes that it was given"
        code = self._process.exitcode or 0
        killed = code < 0
        if code < 0:
            at_once = "stopped at once; nothing was saved after the last checkpoint"
            message = message or (at_once if self.signals else f"was killed by {signal.Signals(-code).name}")
            code = 128 - code
        self._process.close()
        self._receiver.close()
        stopped = not self._late and (bool(self.signals) or code in [128 + number for number in WATCHED])
        return Ending(code, message, time.monotonic() - self._began, stopped, tuple(self.signals), killed)


def settled(processes: Sequence[Process]) -> list[Process]:
    """Wait until one at least has ended, and say which have; those that are late meanwhile are pressed."""
    while True:
        limits = [left for left in (process.patience for process in processes) if left is not None]
        ended = wait([process.sentinel for process in processes], min(limits, default=None))
        for process in processes:
            if process.sentinel not in ended:
                process.press()
        if ended:
            return [process for process in processes if process.sentinel in ended]


def apart(work: Work, seconds: float | None = None) -> Ending:
    """Do something in a process of its own and wait for it; arguments as `Process` has them.

    A signal that this process gets asks the other one to end as SIGTERM does; a second Ctrl-C kills it. If this process
    is killed, the other one is asked to end as well.
    """
    here, early = os.getpid(), list[int]()
    process: Process | None = None

    def hand_on(number: int, _: FrameType | None) -> None:
        if process is None:
            early.append(number)
        elif os.getpid() == here:
            process.hand_on(number)

    with handling(hand_on):
        process = Process(work, seconds)
        for number in early:
            process.hand_on(number)
        settled([process])
    return process.ending()


def _method() -> str:
    """How to start a process. What CUDA is in a process does not survive a fork."""
    torch = sys.modules.get("torch")
    return "spawn" if torch is not None and torch.cuda.is_initialized() else _METHOD


def _message(receiver: Connection) -> str | None:
    try:
        return receiver.recv_bytes(_MOST).decode(errors="replace") if receiver.poll() else None
    except (EOFError, OSError):  # killed before it had anything to say
        return None


@contextmanager
def _blocked() -> Iterator[None]:
    """Signals wait until the end of the context."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    before = signal.pthread_sigmask(signal.SIG_BLOCK, WATCHED)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _inside(work: Work, sender: Connection, fresh: bool) -> None:
    """The other process, from its start to its end."""
    if fresh:
        prepare()
        outlive_reader()
    # A terminal sends Ctrl-C to both: what it means for this one the other one says.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code, message = 1, None
    with stopped_by_signal():
        try:
            if hasattr(signal, "pthread_sigmask"):
                signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)  # one may have come already
            threading.Thread(target=_end_with_parent, daemon=True).start()
            message = work()
            code = 0
        except (GanError, Stopped) as error:
            code, message = error.exit_code, str(error)
        except Exception as error:
            traceback.print_exc()
            message = "".join(traceback.format_exception_only(error)).strip()
        if message:
            with suppress(OSError):  # nobody is there any more
                sender.send_bytes(message.encode(errors="replace")[:_MOST])
    sys.exit(code)


def _end_with_parent() -> None:
    """Nobody hands on signals or takes note of the end any more: save, and end."""
    parent = multiprocessing.parent_process()
    assert parent is not None
    while parent.is_alive() and os.getppid() == parent.pid:  # a process started later holds the pipe open, too
        parent.join(1.0)
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

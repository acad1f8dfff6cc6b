"""Work in a process of its own: however that one ends, this one goes on."""

import multiprocessing
import os
import signal
import sys
import threading
import time
import traceback
import warnings
from collections.abc import Callable, Iterator
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


@dataclass(frozen=True)
class Ending:
    """How a process ended.

    Args:
        code: as a shell says it: 128 and the number of the signal that killed it.
        message: what it had to say, or what is to be said of it; None where it came to its end.
        seconds: from its start to its end.
        stopped: by a signal that asked it to, which it got itself or through this process.
        signals: that this process got meanwhile, and handed on.
    """

    code: int
    message: str | None
    seconds: float
    stopped: bool
    signals: tuple[int, ...]


def apart(work: Callable[[], None], seconds: float | None = None) -> Ending:
    """Do something in a process of its own and wait for it.

    A signal that this process gets asks the other one to end as SIGTERM does; a second Ctrl-C kills it. If this process
    is killed, the other one is asked to end as well.

    Args:
        work: may raise a `GanError` or `Stopped`, whose words come back; another exception is shown with its traceback.
        seconds: the time it may take; then it is asked to end, and killed after a grace.
    """
    fresh = _method() != "fork"
    context = multiprocessing.get_context(_method())
    receiver, sender = context.Pipe(duplex=False)
    process = context.Process(target=_inside, args=(work, sender, fresh), name="job")  # type: ignore[attr-defined]
    here, began = os.getpid(), time.monotonic()
    received: list[int] = []

    def hand_on(number: int, _: FrameType | None) -> None:
        if os.getpid() == here:
            received.append(number)
            if process.pid is not None:
                process.kill() if received.count(signal.SIGINT) > 1 else process.terminate()

    sys.stdout.flush()  # what is not written yet would be written twice
    sys.stderr.flush()
    with handling(hand_on):
        with _blocked(), warnings.catch_warnings():  # until the other process has handlers of its own
            warnings.simplefilter("ignore", DeprecationWarning)  # of forks beside threads: numpy's are ready for it
            process.start()
        sender.close()
        late = _wait(process, began, seconds)
    message = _message(receiver)
    if late and seconds is not None:
        message = f"took longer than the {seconds / 60:g} minutes that it was given"
    code = process.exitcode or 0
    if code < 0:
        at_once = "stopped at once; nothing was saved after the last checkpoint"
        message = message or (at_once if received else f"was killed by {signal.Signals(-code).name}")
        code = 128 - code
    process.close()
    receiver.close()
    stopped = not late and (bool(received) or code in [128 + number for number in WATCHED])
    return Ending(code, message, time.monotonic() - began, stopped, tuple(received))


def _method() -> str:
    """How to start a process. What CUDA is in a process does not survive a fork."""
    torch = sys.modules.get("torch")
    return "spawn" if torch is not None and torch.cuda.is_initialized() else _METHOD


def _wait(process: multiprocessing.process.BaseProcess, began: float, seconds: float | None) -> bool:
    """Wait for the end; returns whether it came too late."""
    late, until = False, None if seconds is None else began + seconds
    while not wait([process.sentinel], None if until is None else max(0.0, until - time.monotonic())):
        process.kill() if late else process.terminate()
        late, until = True, None if late else time.monotonic() + GRACE
    process.join()
    return late


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


def _inside(work: Callable[[], None], sender: Connection, fresh: bool) -> None:
    """The other process, from its start to its end."""
    if fresh:
        prepare()
        outlive_reader()
    # A terminal sends Ctrl-C to both: what it means for this one the other one says.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    code, message = 1, None
    with stopped_by_signal():
        if hasattr(signal, "pthread_sigmask"):
            signal.pthread_sigmask(signal.SIG_UNBLOCK, WATCHED)
        threading.Thread(target=_end_with_parent, daemon=True).start()
        try:
            work()
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
    parent.join()
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os.kill(os.getpid(), getattr(signal, "SIGKILL", signal.SIGTERM))

"""A job on a machine of a cluster: what submitit calls there, and the note by which the sweep learns how it ended."""

import os
import signal
import sys
import threading
import time
from contextlib import suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

from gan_cli.cli.apart import Ending, Process, settled
from gan_cli.cli.signals import handling
from gan_cli.cli.streams import outlive_reader, prepare
from gan_cli.cli.sweep.attempt import Attempt
from gan_cli.files import write_json
from gan_cli.record import read_or_empty


class Remote:
    """A job to be called in a process of submitit's, which asks for its `checkpoint` before the job's time is over.

    Args:
        attempt: the job.
        note: the file that says how it ended.
        place: the working directory of the command.
        grace: seconds for saving.
        command: the process of the command, with which the job ends; None: the job does not need it.
    """

    def __init__(self, attempt: Attempt, note: Path, place: str, grace: float, command: int | None = None) -> None:
        self.attempt, self.note, self.place, self.grace, self.command = attempt, note, place, grace, command
        self._process: Process | None = None
        self._ending: Ending | None = None

    def __getstate__(self) -> dict[str, Any]:
        """What is written down for the other machine, and again when the job is put back into the queue."""
        return vars(self) | {"_process": None, "_ending": None}

    def __call__(self) -> int:
        """Run the job, and say in the note how it ended; nothing is said of one that will go on."""
        prepare()
        outlive_reader()
        os.chdir(self.place)
        sys.path.append(self.place)  # as the command has it
        for number in (signal.SIGUSR1, signal.SIGUSR2):  # Slurm may send it to all processes of a job
            os.register_at_fork(after_in_child=lambda number=number: signal.signal(number, signal.SIG_IGN))
        write_json(self.note, {"pid": os.getpid(), "host": os.uname().nodename})
        if self.command is not None:
            threading.Thread(target=self._end_with_command, daemon=True).start()
        again = self.attempt.begun or os.environ.get("SLURM_RESTART_COUNT", "0") != "0"
        if again and read_or_empty(self.attempt.directory / "status.json").get("status") == "finished":
            return self._tell(Ending(0, None, 0.0, False, ()))
        received: list[int] = []

        def hand_on(number: int, _: FrameType | None) -> None:
            received.append(number)
            if self._process is not None:
                self._process.hand_on(number)

        with handling(hand_on):
            self._process = Process(replace(self.attempt, begun=again), self.attempt.seconds)
            if received:
                self._process.hand_on(received[0])
            try:
                settled([self._process])
            except Exception as error:  # submitit's own: it is not put into the queue once more
                ending = self._ended()
                if ending.stopped:
                    ending = replace(ending, message=f"saved, and not queued again: {str(error).splitlines()[0]}")
                return self._tell(ending)
        return self._tell(self._ended())

    def checkpoint(self) -> Any:
        """Its time is over, or others need the machine: save, and say what is to be called when it comes back."""
        from submitit.helpers import DelayedSubmission

        if self._process is not None:
            self._process.hand_on(signal.SIGUSR2, self.grace)
            ending = self._ended()
            if not ending.stopped:
                return None
        write_json(self.note, {"again": True})
        return DelayedSubmission(self.again())

    def again(self) -> "Remote":
        """The same job, to go on from where it is."""
        return Remote(replace(self.attempt, begun=True), self.note, self.place, self.grace, self.command)

    def _ended(self) -> Ending:
        assert self._process is not None
        if self._ending is None:
            settled([self._process])
            self._ending = self._process.ending()
        return self._ending

    def _tell(self, ending: Ending) -> int:
        write_json(self.note, {"ending": asdict(ending)})
        return ending.code

    def _end_with_command(self) -> None:
        controller = os.getppid()
        while os.getppid() == controller and _is_there(self.command):
            time.sleep(1)
        os.kill(os.getpid(), signal.SIGTERM)


def _is_there(pid: int | None) -> bool:
    with suppress(OSError, TypeError):
        os.kill(pid, 0)  # type: ignore[arg-type]
        return True
    return False


def read_note(path: Path) -> Ending | None:
    """How a job ended; None as long as it has not."""
    content: Any = read_or_empty(path).get("ending")
    try:
        return Ending(
            int(content["code"]),
            None if content["message"] is None else str(content["message"]),
            float(content["seconds"]),
            content["stopped"] is True,
            (),
            content.get("killed") is True,
        )
    except (TypeError, KeyError, ValueError):
        return None


def is_to_come_back(path: Path) -> bool:
    """Whether the job that wrote a note saved in order to be started again."""
    return read_or_empty(path).get("again") is True


def process_of(path: Path) -> int | None:
    """The process that wrote a note, if it is running on this machine; None where it said how it ended."""
    content = read_or_empty(path)
    pid = content.get("pid")
    here = content.get("host") == os.uname().nodename and type(pid) is int and pid > 1
    return pid if here and _is_there(pid) else None

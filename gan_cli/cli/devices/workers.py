"""`train.devices`: starts the processes of a run on this machine, and sees them to their end.

They are forks of this process, which has imported PyTorch already: the first all-reduce of two of them came after
0.05 s, and with PyTorch's elastic launch after 0.3 s (its fork) or 2 s (fresh interpreters). Where one was killed, the
latter showed the error of another one that noticed, and named that as the culprit.
"""

import functools
import os
import signal
import sys
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from types import FrameType

from gan_cli import errors
from gan_cli.cli.apart import Ending, Process, settled
from gan_cli.cli.devices.company import Company
from gan_cli.cli.devices.place import Place
from gan_cli.cli.signals import NOTHING_TO_SAVE, WATCHED, handling
from gan_cli.errors import GanError, LostError, Stopped
from gan_cli.files import silence

LEAVE = 30.0  # seconds for the others after one has failed; then they are asked to end, and killed after a grace

Work = Callable[[Company], None]


def together(count: int, work: Work) -> None:
    """Do something in `count` processes, which know each other, and wait for all of them.

    A signal that this process gets is handed on, and a second Ctrl-C kills them. Where this process is killed, they are
    asked to end.

    Raises:
        GanError: one failed; in the words of rank 0, where it could speak.
        LostError: one was killed.
        Stopped: a signal; the run is saved.
    """
    processes: list[Process] = []
    received: list[int] = []
    here = os.getpid()

    def hand_on(number: int, _: FrameType | None) -> None:
        if os.getpid() == here:
            received.append(number)
            for process in processes:
                with suppress(ValueError):  # it is at its end
                    process.hand_on(number)

    # Whatever the system calls a directory for what lasts no longer than this.
    with tempfile.TemporaryDirectory(prefix="gan-cli-") as scratch, handling(hand_on):
        meeting = Path(scratch) / "ranks"
        try:
            for rank in range(count):
                place = Place(rank, count, rank, count)
                processes.append(Process(functools.partial(_as_rank, place, meeting, work)))
                if received:  # before this one could be told
                    processes[-1].hand_on(received[0])
            endings = _see_off(processes, meeting)
        finally:
            for process in processes:
                process.kill()
    _answer(endings, received)


def _see_off(processes: list[Process], meeting: Path) -> dict[int, Ending]:
    """The ending of each rank; those that failed in the order in which they did."""
    going, endings = dict(enumerate(processes)), dict[int, Ending]()
    while going:
        ended = settled([*going.values()])
        for rank in [rank for rank, process in going.items() if process in ended]:
            ending = endings[rank] = going.pop(rank).ending()
            if ending.code and going:
                if ending.killed:
                    company = Company.by_file(Place(rank, len(processes)), meeting)
                    company.note(LostError(_killed(rank, len(processes), ending)))
                for process in going.values():
                    process.hurry(LEAVE)
    return endings


def _answer(endings: dict[int, Ending], received: list[int]) -> None:
    lead = endings[0]
    if received.count(signal.SIGINT) > 1:
        raise KeyboardInterrupt
    if lead.code == 0:
        return
    rank, first = next((rank, ending) for rank, ending in endings.items() if ending.code)
    if _is_stop(lead) and (received or _is_stop(first)):
        raise Stopped(lead.message or NOTHING_TO_SAVE, 128 + received[0] if received else lead.code)
    spoken = first if lead.killed or _is_stop(lead) or not lead.message else lead  # asked to stop for it, or silenced
    if spoken.killed:
        raise LostError(_killed(rank, len(endings), spoken))
    classes = [kind for kind in vars(errors).values() if isinstance(kind, type) and issubclass(kind, GanError)]
    text = spoken.message or f"rank {rank} ended with exit code {first.code}"
    raise {kind.exit_code: kind for kind in classes}.get(spoken.code, GanError)(text)


def _is_stop(ending: Ending) -> bool:
    """Whether the process ended as it was asked to."""
    return not ending.killed and ending.code in [128 + number for number in WATCHED]


def _killed(rank: int, size: int, ending: Ending) -> str:
    more = ", as the system does where memory ends" if ending.code == 128 + signal.SIGKILL else ""
    return f"rank {rank} of {size} {ending.message}{more}"


def _as_rank(place: Place, meeting: Path, work: Work) -> None:
    """One of the processes, from its start to its end."""
    if not place.leads:
        sys.stdout.flush()
        silence(sys.stdout)
    # No word leaves the machine.
    os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo" if sys.platform == "linux" else "lo0")
    company = Company.by_file(place, meeting)
    with company.told():
        work(company)

"""Jobs on this machine, one after the other or some side by side, each in a process of its own."""

import os
import signal
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import FrameType

from gan_cli.cli.apart import Ending, Process, settled
from gan_cli.cli.signals import handling
from gan_cli.cli.sweep.attempt import Attempt
from gan_cli.cli.sweep.record import Job
from gan_cli.errors import Stopped

Done = Callable[[int, Ending], None]


class Pool:
    """Processes of jobs: none of them can harm another, and a signal to this process asks them all to save and end.

    Args:
        done: is told a job's number and how it ended.
        most: at a time.
        environment: of all jobs.
        gpus: names of GPUs, for each job at a time one, as CUDA_VISIBLE_DEVICES takes them; none: jobs see them all.
    """

    def __init__(
        self, done: Done, most: int = 1, environment: Mapping[str, str | None] | None = None, gpus: Sequence[str] = ()
    ) -> None:
        self.most = most
        self._done, self._environment, self._gpus = done, dict(environment or {}), gpus
        self._running: dict[int, tuple[Attempt, Process]] = {}  # by the place that a job takes, from 0
        self._signals: list[int] = []
        self._stopped: list[int] = []  # jobs that a signal found running
        self._here = os.getpid()

    def start(self, attempt: Attempt, job: Job) -> None:
        """Begin with a job as soon as there is a place for it.

        Raises:
            Stopped: a signal came; all jobs have ended.
        """
        with handling(self._hand_on):
            while len(self._running) >= self.most:
                self._settle()
            if not self._signals:
                place = min(set(range(self.most)) - self._running.keys())
                gpu = {"CUDA_VISIBLE_DEVICES": self._gpus[place % len(self._gpus)]} if self._gpus else {}
                ready = replace(attempt, environment={**self._environment, **gpu}, shown=self.most == 1)
                self._running[place] = attempt, Process(ready, attempt.seconds)
        if self.most == 1 or self._signals:
            self.drain()

    def drain(self) -> None:
        """Wait until all jobs have ended.

        Raises:
            Stopped: a signal came.
        """
        with handling(self._hand_on):
            for number in self._signals[-1:]:  # it came before the last process was there to be told
                for _, process in self._running.values():
                    if not process.signals:
                        process.hand_on(number)
            while self._running:
                self._settle()
        if self._signals:
            where = f" in {', '.join(f'#{number}' for number in sorted(self._stopped))}" if self._stopped else ""
            raise Stopped(f"the sweep was stopped{where}", 128 + self._signals[0])

    def stop(self) -> None:
        """The command ends: ask all jobs to save and end, and wait for that."""
        with handling(self._hand_on):
            for _, process in self._running.values():
                if not process.signals:
                    process.hand_on(signal.SIGTERM)
            while self._running:
                self._settle()

    def _settle(self) -> None:
        ended = settled([process for _, process in self._running.values()])
        for place, (attempt, process) in [*self._running.items()]:
            if process in ended:
                del self._running[place]
                self._stopped += [attempt.number] if self._signals else []
                self._done(attempt.number, process.ending())

    def _hand_on(self, number: int, _: FrameType | None) -> None:
        if os.getpid() == self._here:
            self._signals.append(number)
            for _attempt, process in [*self._running.values()]:
                process.hand_on(number)

"""Jobs through submitit: in Slurm's queue, or in processes of this machine that behave as if they were."""

import os
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import asdict, replace
from pathlib import Path
from types import FrameType
from typing import Any

from gan_cli.cli.apart import GRACE, Ending
from gan_cli.cli.signals import handling
from gan_cli.cli.sweep.attempt import Attempt
from gan_cli.cli.sweep.pool import Done
from gan_cli.cli.sweep.record import Job
from gan_cli.cli.sweep.remote import Remote, is_to_come_back, process_of, read_note
from gan_cli.cli.sweep.settings import SubmititLocal, SubmititSlurm
from gan_cli.errors import RunError, Stopped

FOLDER = ".submitit"  # in the directory of the sweep: what was sent, submitit's own logs, and the notes
POLL = {"local": 0.2, "slurm": 5.0}  # seconds
_STARTS = 6  # of one job that was sent, by submitit's local executor, each after the one before saved
_GONE = 3  # looks in a row at which a job is neither in the queue nor has said anything: a shared disk may lag behind


class Cluster:
    """Jobs that other processes run, on other machines perhaps; the sweep waits for their notes.

    Args:
        settings: of the launcher.
        directory: of the sweep.
        done: is told a job's number and how it ended.
        most: jobs at a time.
        environment: of all jobs.
    """

    def __init__(
        self,
        settings: SubmititLocal | SubmititSlurm,
        directory: Path,
        done: Done,
        most: int,
        environment: Mapping[str, str | None],
    ) -> None:
        self.most = most
        self._slurm = isinstance(settings, SubmititSlurm)
        self._settings, self._done, self._environment = settings, done, environment
        self._directory = directory.absolute()
        self._waiting: list[tuple[Job, Remote]] = []
        self._running: dict[int, tuple[Job, Remote, Any]] = {}
        self._missed: dict[int, int] = {}
        self._sent: dict[int, int] = {}  # how often, of jobs that were sent more than once
        self._signals: list[int] = []

    def start(self, attempt: Attempt, job: Job) -> None:
        """Keep a job until all are there; one that is in the queue since an earlier start is waited for."""
        place = self._directory / FOLDER
        place.mkdir(exist_ok=True)
        ready = replace(attempt, shown=False, environment=self._environment)
        grace = max(1.0, self._settings.signal_delay_s - 10)
        remote = Remote(ready, place / f"{job.number}.json", os.getcwd(), grace, None if self._slurm else os.getpid())
        if self._slurm and job.queue is not None and (_queued([job.queue]) or read_note(remote.note)):
            self._running[job.number] = job, remote, None
            return
        self._waiting.append((job, remote))

    def drain(self) -> None:
        """Send all jobs that wait, and wait until they have ended.

        Raises:
            RunError: they cannot be sent.
            Stopped: a signal came.
        """
        with handling(self._hand_on):
            while (self._waiting or self._running) and not (self._signals and (self._slurm or not self._running)):
                if self._waiting and not self._signals:
                    self._send()
                time.sleep(POLL["slurm" if self._slurm else "local"])
                self._look()
        if self._signals and self._slurm and self._running:
            ids = " ".join(str(job.queue) for job, _, _ in self._running.values())
            raise Stopped(
                "the jobs stay in the queue, and the same line looks after them again; to end them, each saved:\n"
                f"  scancel {ids}",
                128 + self._signals[0],
            )
        if self._signals:
            raise Stopped("the sweep was stopped", 128 + self._signals[0])

    def stop(self) -> None:
        """The command ends: jobs of this machine are asked to save and end; those in a queue stay there."""
        self._waiting.clear()
        if not self._slurm:
            self._hand_on(signal.SIGTERM, None)
            with handling(self._hand_on):
                while self._running:
                    time.sleep(POLL["local"])
                    self._look()

    def _send(self) -> None:
        room = len(self._waiting) if self._slurm else self.most - len(self._running)
        sent, self._waiting = self._waiting[:room], self._waiting[room:]
        if not sent:
            return
        for _, remote in sent:
            _wait_for(remote.note)
            remote.note.unlink(missing_ok=True)
        try:
            executor = self._executor()
            with _heedless(), executor.batch():
                handles = [executor.submit(remote) for _, remote in sent]
        except Exception as error:  # submitit's, of what sbatch says
            self._waiting = []
            raise RunError(f"the jobs cannot be sent: {' '.join(str(error).split())[:600]}") from error
        for (job, remote), handle in zip(sent, handles, strict=True):
            job.queue = str(handle.job_id) if self._slurm else None
            self._running[job.number] = job, remote, handle
        if self._slurm:
            arrays = sorted({str(handle.job_id).split("_")[0] for handle in handles})
            print(f"sent to Slurm as {', '.join(arrays)}; squeue --me shows the jobs", flush=True)

    def _executor(self) -> Any:
        import submitit

        told = {key: value for key, value in asdict(self._settings).items() if value is not None}
        folder, times = self._directory / FOLDER, told.pop("max_num_timeout")
        if not self._slurm:
            told.pop("n_jobs", None)
            executor: Any = submitit.LocalExecutor(folder, max_num_timeout=times)
            executor.update_parameters(**told)
            return executor
        executor = submitit.AutoExecutor(folder, cluster="slurm", slurm_max_num_timeout=times)
        shared = ("timeout_min", "name", "nodes", "tasks_per_node", "gpus_per_node", "cpus_per_task", "mem_gb")
        executor.update_parameters(**{key if key in shared else f"slurm_{key}": told[key] for key in told})
        return executor

    def _look(self) -> None:
        """Take note of jobs that have ended."""
        queued = _queued([str(job.queue) for job, _, _ in self._running.values()]) if self._slurm else set()
        for number, (job, remote, handle) in [*self._running.items()]:
            alive = queued is None or job.queue in queued if self._slurm else not handle.done()
            ending = read_note(remote.note)
            if alive:  # also one that saved and waits to come back
                self._missed.pop(number, None)
                continue
            self._missed[number] = self._missed.get(number, 0) + 1
            saving = not self._slurm and process_of(remote.note)  # what submitit started it with is gone
            if ending is None and self._missed[number] < (GRACE / POLL["local"] if saving else _GONE):
                continue
            del self._running[number]
            saved = is_to_come_back(remote.note)
            if saved and not self._slurm and not self._signals and self._stays(number):
                self._waiting.append((job, remote.again()))
                continue
            why = f"; sacct -j {job.queue} may say why" if self._slurm else ""
            lost = "saved, and was not started again" if saved else f"its process ended without a word{why}"
            job.queue = None
            self._done(number, ending or Ending(1, lost, 0.0, saved or bool(self._signals), ()))

    def _stays(self, number: int) -> bool:
        """Whether a job of this machine may be sent again: submitit starts what it was sent some times and no more."""
        self._sent[number] = self._sent.get(number, 0) + 1
        return self._sent[number] * _STARTS <= self._settings.max_num_timeout

    def _hand_on(self, number: int, _: FrameType | None) -> None:
        self._signals.append(number)
        for _job, remote, handle in [*self._running.values()]:
            if not self._slurm and handle is not None:
                at_once = self._signals.count(signal.SIGINT) > 1
                with suppress(OSError):  # before it has a note, submitit's process hands on what it gets
                    pid = process_of(remote.note) or handle._process.pid
                    os.kill(pid, signal.SIGKILL if at_once else signal.SIGTERM)


def _queued(ids: Sequence[str]) -> set[str] | None:
    """Those of some jobs that wait or run; None where Slurm does not say."""
    if not ids:
        return set()
    jobs = ",".join(sorted({name.split("_")[0] for name in ids}))
    command = ["squeue", "--noheader", "--array", "--format=%i", f"--jobs={jobs}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)
    except (OSError, subprocess.SubprocessError):
        return None
    if done.returncode and "nvalid job id" not in done.stderr:  # which it says of jobs that it has forgotten
        return None
    return set(done.stdout.split())


def _wait_for(note: Path) -> None:
    """A job of a sweep that was killed may be saving yet."""
    until = time.monotonic() + GRACE
    while process_of(note) and time.monotonic() < until:
        time.sleep(0.1)


@contextmanager
def _heedless() -> Iterator[None]:
    """Processes that are started here do not get the Ctrl-C of a terminal, at which submitit's kill the job."""
    try:
        before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    except ValueError:  # not the main thread
        yield
        return
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)

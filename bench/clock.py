"""Wall time, and the CPU time of a process and of all that it started."""

import multiprocessing
import os
import resource
import time
from pathlib import Path
from typing import NamedTuple

import torch

_TICK = os.sysconf("SC_CLK_TCK")


class Seconds(NamedTuple):
    wall: float
    cpu: float  # user and system, with that of child processes

    def __sub__(self, other: "Seconds") -> "Seconds":
        return Seconds(self.wall - other.wall, self.cpu - other.cpu)

    def per(self, steps: float) -> "Seconds":
        return Seconds(self.wall / steps, self.cpu / steps)


def now(device: torch.device | None = None) -> Seconds:
    """Both clocks, after the device has done what it was told."""
    if device is not None and device.type == "cuda":
        torch.cuda.synchronize(device)
    return Seconds(time.perf_counter(), time.process_time() + _of_children())


def settled(device: torch.device | None = None, patience: float = 5.0) -> Seconds:
    """Both clocks, the CPU's once the children have come to rest: workers fill their queues again after a slice."""
    wall, end, before, still = now(device).wall, time.perf_counter() + patience, -1.0, 0
    while multiprocessing.active_children() and still < 3 and time.perf_counter() < end:
        time.sleep(0.1)
        found = _of_children()
        still, before = (still + 1 if found == before else 0), found
    return Seconds(wall, time.process_time() + _of_children())


def _of_children() -> float:
    """CPU seconds of children: of those that ended, and of those of `multiprocessing` that live (Linux)."""
    ended = resource.getrusage(resource.RUSAGE_CHILDREN)
    total = ended.ru_utime + ended.ru_stime
    for child in multiprocessing.active_children():
        try:
            fields = Path(f"/proc/{child.pid}/stat").read_text().rpartition(")")[2].split()
        except OSError:  # it has just ended
            continue
        total += (int(fields[11]) + int(fields[12])) / _TICK
    return total

"""Where a run is computed: its device, and the CPU threads of each of its processes."""

import math
import os
import re

import torch

from gan_cli.check import shown
from gan_cli.settings import TrainConfig

_ALL_THREADS = torch.get_num_threads()  # now: an earlier job of a sweep may have lowered it by the time of a build


def pick_device(name: str) -> torch.device:
    """The device a user asked for; `auto` is the best there is.

    Raises:
        ValueError: there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if not re.fullmatch("cpu|mps|cuda(:[0-9]{1,4})?", name):
        raise ValueError(f"expected one of auto, cpu, cuda, cuda:<number>, mps; got {shown(name)}")
    if kind == "cuda" and (not torch.cuda.is_available() or int(index or 0) >= torch.cuda.device_count()):
        raise ValueError(f"{name!r} asked for, and there are {torch.cuda.device_count()} CUDA devices; try device=auto")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ValueError("'mps' asked for, and this machine has none; try device=auto")
    return torch.device(name)


def thread_count(train: TrainConfig, shape: tuple[int, ...], processes: int = 1, here: int = 1) -> int:
    """The CPU threads of a process: as asked for, or one where its share of a batch is small, else its share of all.

    A batch of 64 digits of 16 pixels (2**14 numbers) took 20 ms a step on one thread, 12 to 23 ms on two, and 50 ms on
    two beside one other busy program: the second thread mostly waits. At 32 pixels both earn their keep.

    Args:
        processes: that share a batch.
        here: of them on this machine.
    """
    if train.threads != "auto":
        return train.threads
    if train.batch_size // processes * math.prod(shape) < 2**15:
        return 1
    told = os.environ.get("OMP_NUM_THREADS", "")  # by a sweep whose jobs share the cores; torch looked at it before
    most = min(_ALL_THREADS, int(told)) if told.isdecimal() and int(told) else _ALL_THREADS
    return max(1, most // here)

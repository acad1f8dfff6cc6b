"""Contenders in processes of their own, children of one server, that take turns: A B C, B C A, C A B, ..."""

import multiprocessing
import statistics
import traceback
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from multiprocessing.connection import Connection
from typing import Any

from bench.clock import Seconds

PRELOADED = ["torch", "torch._dynamo", "torchvision.transforms", "gan_cli.builder", "bench.contenders"]


class Failed(RuntimeError):
    """A contender could not go on; the message is its traceback."""


def _serve(pipe: Connection, make: Callable[..., Any], args: Sequence[Any], threads: int) -> None:
    """The child: make a contender, then do what comes down the pipe until it is closed."""
    import torch

    from bench.product import quiet

    quiet()
    torch.set_num_threads(threads)
    contender = None
    try:
        contender = make(*args)
        pipe.send(("done", None))
        while (order := pipe.recv()) is not None:
            method, *given = order
            pipe.send(("done", getattr(contender, method)(*given)))
    except EOFError:
        pass
    except BaseException:
        pipe.send(("failed", traceback.format_exc()))
    finally:
        if contender is not None:
            contender.close()


class Entry:
    """A contender at the other end of a pipe. Its process has threads, allocator and workers to itself."""

    def __init__(self, name: str, make: Callable[..., Any], args: Sequence[Any], threads: int) -> None:
        context = multiprocessing.get_context("forkserver")  # of a server that has imported all: no one pays for that
        context.set_forkserver_preload(PRELOADED)
        self.name = name
        self.pipe, other = context.Pipe()
        self.process = context.Process(target=_serve, args=(other, make, args, threads))
        self.process.start()
        other.close()
        self._answer()

    def ask(self, method: str, *args: Any) -> Any:
        """Call a method of the contender.

        Raises:
            Failed: it raised.
        """
        self.pipe.send((method, *args))
        return self._answer()

    def _answer(self) -> Any:
        try:
            word, value = self.pipe.recv()
        except EOFError as error:
            raise Failed(f"{self.name}: its process ended") from error
        if word == "failed":
            raise Failed(f"{self.name}: {value}")
        return value

    def close(self) -> None:
        """End it."""
        with suppress(OSError):
            self.pipe.send(None)
        self.pipe.close()
        self.process.join(20)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


def slices(entries: Sequence[Entry], seconds: float, most: int) -> dict[str, int]:
    """How many steps each takes in about so many seconds, after a warm-up."""
    found = {}
    for entry in entries:
        entry.ask("run", 1)
        wall = entry.ask("pace", 1).wall
        if wall < seconds / 10:
            wall = entry.ask("pace", max(5, int(seconds / 10 / max(wall, 1e-4)))).wall
        # 40 where that takes no more than four times as long: workers hold four batches ready, a share to be kept small
        wanted = max(seconds, min(40 * wall, 4 * seconds)) / wall
        found[entry.name] = max(1, min(most, round(wanted)))
    return found


def race(entries: Sequence[Entry], rounds: int, steps: Mapping[str, int]) -> dict[str, list[Seconds]]:
    """Seconds a step of each contender in each round; each round begins with another one."""
    found: dict[str, list[Seconds]] = {entry.name: [] for entry in entries}
    for number in range(rounds):
        first = number % len(entries)
        for entry in (*entries[first:], *entries[:first]):
            found[entry.name].append(entry.ask("timed", steps[entry.name]))
    return found


def ratios(slow: Sequence[Seconds], fast: Sequence[Seconds]) -> tuple[list[float], list[float]]:
    """How many times as fast, round by round: by wall and by CPU time."""
    pairs = list(zip(slow, fast, strict=True))
    return [a.wall / b.wall for a, b in pairs], [a.cpu / b.cpu for a, b in pairs]


def spread(values: Sequence[float], digits: int = 2) -> str:
    """Median, least and most.

    >>> spread([1.0, 3.0, 2.0])
    '2.00 (1.00 to 3.00)'
    """
    low, middle, high = min(values), statistics.median(values), max(values)
    return f"{middle:.{digits}f} ({low:.{digits}f} to {high:.{digits}f})"

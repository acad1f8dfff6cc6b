"""`python -m bench devices`: several processes on one batch, beside one process, and what acting together costs them.

Bare turns of gan-cli. All numbers of processes take turns in one run; a ratio is taken within a round, and what is
shown is the median, the least and the most. *Same batch*: the processes share the batch that one of them would take
alone. *Same share*: each takes as many samples as one alone, so that the batch grows. Each process has one thread;
beside them stands one process with as many threads as there are processes.

What acting together costs is measured by leaving it out: the same processes take the same steps without a word, each by
its own gradients, and the time that they then need is compared. By wall time it holds the all-reduce and the wait for
the slowest, by CPU time the all-reduce alone.

On GPUs (`--device cuda`) process r has GPU r, and they talk through NCCL; on a CPU through gloo.
"""

import argparse
import multiprocessing
import os
import statistics
import tempfile
from contextlib import nullcontext, suppress
from dataclasses import replace
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from unittest import mock

import torch

from bench import data
from bench.case import Case
from bench.clock import Seconds
from bench.contender import Contender
from bench.race import Entry, race, slices, spread
from bench.sets import SETS
from bench.words import RAW, numbers, several


class Rank:
    """One process of a run: takes steps when told to.

    Args:
        meet: a file by which the processes find each other.
    """

    def __init__(self, case: Case, rank: int, size: int, meet: str) -> None:
        from bench.product import quiet
        from gan_cli.ranks import Ranks

        quiet()
        torch.set_num_threads(case.threads)
        if size > 1:
            from torch import distributed

            on_gpu = case.device == "cuda"
            if on_gpu:
                torch.cuda.set_device(rank)
            backend = "cpu:gloo,cuda:nccl" if on_gpu else "gloo"
            distributed.init_process_group(backend, init_method=f"file://{meet}", rank=rank, world_size=size)
        self.ranks = Ranks.joined() if size > 1 else Ranks()
        self.run = make_run(case, self.ranks)

    def steps(self, number: int, silent: bool) -> None:
        """Take so many; `silent`: by its own gradients, as if there were no others."""
        from gan_cli.loop import average, turn

        with mock.patch.object(self.ranks, "mean", list) if silent else nullcontext():
            for _ in range(number):
                turn(self.run)
                self.run.step += 1
                average(self.run)


def make_run(case: Case, ranks: Any) -> Any:
    """The run of a case, as one of these processes trains it."""
    from hydra import compose, initialize_config_dir

    from gan_cli.builder import build, plain
    from gan_cli.cli.overrides import groups_below, key_of, prepare
    from gan_cli.paths import CONF_DIR

    overrides = case.overrides()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        config = plain(compose("train", prepare(overrides, groups_below(CONF_DIR))))
    run = build(*config, given={key_of(text) for text in overrides}, ranks=ranks)
    run.align()
    return run


def serve(pipe: Connection, case: Case, rank: int, size: int, meet: str) -> None:
    """A process other than the first: do what comes down the pipe until it is closed."""
    made = Rank(case, rank, size, meet)
    with suppress(EOFError):
        while (order := pipe.recv()) is not None:
            made.steps(*order)
            if made.run.device.type == "cuda":
                torch.cuda.synchronize()
            pipe.send("done")
    os._exit(0)  # the group need not be taken apart in order


class Together(Contender):
    """Processes that train one run; this one is the first of them."""

    def __init__(self, case: Case, size: int) -> None:
        context = multiprocessing.get_context("spawn")
        meet = tempfile.mktemp(prefix="meet-", dir=case.folder)
        self.pipes: list[Connection] = []
        self.children = []
        for rank in range(1, size):
            pipe, other = context.Pipe()
            child = context.Process(target=serve, args=(other, case, rank, size, meet), daemon=True)
            child.start()
            self.pipes.append(pipe)
            self.children.append(child)
        self.first = Rank(case, 0, size, meet)
        self.device = self.first.run.device

    def run(self, steps: int, silent: bool = False) -> None:
        for pipe in self.pipes:
            pipe.send((steps, silent))
        self.first.steps(steps, silent)
        for pipe in self.pipes:
            pipe.recv()

    def megabytes(self) -> float:
        """That each process sends to the others in a step, were each number sent once: gradients of both players."""
        r = self.first.run
        sizes = [sum(p.numel() * p.element_size() for p in net.parameters()) for net in (r.D, r.G)]
        return float(r.cfg.d_steps * sizes[0] + r.cfg.g_steps * sizes[1]) / 1e6

    def close(self) -> None:
        for pipe, child in zip(self.pipes, self.children, strict=True):
            with suppress(OSError):
                pipe.send(None)
            child.join(10)


class Silent(Contender):
    """The same processes without a word between them."""

    def __init__(self, together: Together) -> None:
        self.together, self.device = together, together.device

    def run(self, steps: int) -> None:
        self.together.run(steps, silent=True)


class Both:
    """What an entry is asked: steps together and, in turn, silently."""

    def __init__(self, case: Case, size: int) -> None:
        self.together = Together(case, size)
        self.silent = Silent(self.together)

    def run(self, steps: int) -> None:
        self.together.run(steps)

    def pace(self, steps: int) -> Seconds:
        return self.together.pace(steps)

    def timed(self, steps: int) -> tuple[Seconds, Seconds]:
        """Together, and silently where there is somebody to talk to."""
        found = self.together.timed(steps)
        return found, self.silent.timed(steps) if self.together.pipes else found

    def megabytes(self) -> float:
        return self.together.megabytes()

    def close(self) -> None:
        self.together.close()


HEAD = """\
| what | processes | batch | images/s | CPU s an image | acting together, wall / CPU | MB a step |
|---|---|---|---|---|---|---|"""


def measure(name: str, sizes: list[int], folder: Path, device: str, rounds: int, seconds: float) -> list[str]:
    """The rows of a set."""
    one = SETS[name]
    case = Case(one, data.write(one, folder), folder, device=device)
    planned = {("one", 1): (case, 1)}
    for size in sizes:
        planned["same batch", size] = (case, size)
        planned["same share", size] = (replace(case, extra=(f"train.batch_size={one.batch * size}",)), size)
        if device == "cpu":
            planned["one process, as many threads", size] = (replace(case, threads=size), 1)
    entries: list[Entry] = []
    try:
        for (what, number), (told, size) in planned.items():
            entries.append(Entry(f"{what} {number}", Both, (told, size), told.threads))
        found: Any = race(entries, rounds, slices(entries, seconds, 500))
        sent = {entry.name: entry.ask("megabytes") for entry in entries}
    finally:
        for entry in entries:
            entry.close()
    rows = []
    for what, size in list(planned)[1:]:
        key, batch = f"{what} {size}", one.batch * (size if what == "same share" else 1)
        pairs = list(zip(found["one 1"], found[key], strict=True))
        speed = [batch / one.batch * a.wall / b.wall for (a, _), (b, _) in pairs]
        cost = [one.batch / batch * b.cpu / a.cpu for (a, _), (b, _) in pairs]
        wall = statistics.median(1 - silent.wall / together.wall for together, silent in found[key])
        cpu = statistics.median(1 - silent.cpu / together.cpu for together, silent in found[key])
        alone = what.startswith("one")
        cells = [f"{one.title}: {what}", str(size if not alone else 1), f"{batch:,}", spread(speed), spread(cost)]
        cells += ["", ""] if alone else [f"{wall:.0%} / {cpu:.0%}", f"{sent[key]:.2g}"]
        rows.append(f"| {' | '.join(cells)} |")
    return rows


def main(arguments: list[str]) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser("python -m bench devices", description=__doc__, formatter_class=RAW)
    parser.add_argument("--sets", type=several(tuple(SETS)), default=["mlp28", "ring", "dcgan32-1"])
    parser.add_argument("--processes", type=numbers, default=[2], help="such as 2,4,8")
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2.0, help="of a turn")
    parser.add_argument("--device", default="cpu", choices=("cpu", "cuda"))
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as folder:
        print("images/s and CPU seconds an image: times those of one process\n")
        print(HEAD, flush=True)
        for name in told.sets:
            rows = measure(name, told.processes, Path(folder), told.device, told.rounds, told.seconds)
            print("\n".join(rows), flush=True)

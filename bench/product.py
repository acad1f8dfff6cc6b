"""gan-cli as users run it, and its bare loop."""

import math
import os
import statistics
from dataclasses import dataclass
from typing import Any

from bench.case import Case, make
from bench.clock import Seconds, now
from bench.contender import Contender
from gan_cli.loop import train, turn


class Paused(Exception):
    """Out of the loop after a step."""


@dataclass
class Pausing:
    """The run's screen, which stops the loop after a step: the loop goes on from there when it is called again."""

    console: Any
    after: int = 0

    def tick(self, step: int) -> None:
        self.console.tick(step)
        if step >= self.after:
            raise Paused

    def __getattr__(self, name: str) -> Any:
        return getattr(self.console, name)


class Product(Contender):
    """`gan_cli.loop.train` on a run that `gan_cli.builder` made of composed config, opened on a run directory: guard,
    EMA, TensorBoard, metrics.jsonl, alarms, read-outs, grids and durable checkpoints at the default cadences.

    A slice of a whole cycle of the cadences (500 steps by default) is timed as it is. Where steps take too long for
    that, a slice holds steps at which nothing is due, and what is due is charged to it by its share: steps are timed at
    which a row is due, a row and a grid, and all three, and what they take longer is divided by the cadences.
    """

    def __init__(self, case: Case) -> None:
        self.r = make(case.overrides())
        self.device = self.r.device
        self.r.console = self.screen = Pausing(None)  # type: ignore[assignment]
        case.folder.mkdir(parents=True, exist_ok=True)
        self.screen = Pausing(self.r.open(case.folder))
        self.screen.console.__enter__()
        self.r.console = self.screen  # type: ignore[assignment]
        cfg = self.r.cfg
        self.cycle = math.lcm(cfg.log_every, cfg.sample_every, cfg.checkpoint_every)
        self.due: Seconds | None = None  # a step's share of what is due now and then

    def run(self, steps: int) -> None:
        self.screen.after = self.r.step + steps
        try:
            train(self.r)
        except Paused:
            return
        raise RuntimeError("the run stopped by itself")

    def timed(self, steps: int) -> Seconds:
        if steps * 2 >= self.cycle:
            self._to(0)
            begin = now(self.device)
            self.run(self.cycle)
            return (now(self.device) - begin).per(self.cycle)
        if self.due is None:
            self.due = self.share_of_due(3 if steps > 5 else 1)
        steps = min(steps, self.r.cfg.log_every - 1)
        found = self._plain(steps)
        return Seconds(found.wall + self.due.wall, found.cpu + self.due.cpu)

    def share_of_due(self, times: int) -> Seconds:
        """What rows, grids and checkpoints cost a step."""
        parts = self.parts_due(times).values()
        return Seconds(sum(max(0.0, part.wall) for part in parts), sum(max(0.0, part.cpu) for part in parts))

    def parts_due(self, times: int) -> dict[str, Seconds]:
        """The same, each by itself: the median of so many."""
        cfg, found = self.r.cfg, []
        for _ in range(times):
            plain, row = self._plain(1), self._at(cfg.log_every)
            grid, all_three = self._at(cfg.sample_every), self._at(cfg.checkpoint_every)
            parts = {"rows": (row - plain).per(cfg.log_every), "grids": (grid - row).per(cfg.sample_every)}
            found.append(parts | {"checkpoints": (all_three - grid).per(cfg.checkpoint_every)})
        return {
            what: Seconds(statistics.median(p[what].wall for p in found), statistics.median(p[what].cpu for p in found))
            for what in found[0]
        }

    def average(self, times: int) -> Seconds:
        """One update of EMA."""
        begin = now(self.device)
        for _ in range(times):
            if self.r.ema:
                self.r.ema.update(10**6, self.r.cfg.batch_size)
        return (now(self.device) - begin).per(times)

    def _to(self, step: int) -> None:
        """On to this step of the next cycle: steps never go back, as in a run."""
        self.r.step = (self.r.step // self.cycle + 1) * self.cycle + step

    def _plain(self, steps: int) -> Seconds:
        self._to(0)
        begin = now(self.device)
        self.run(steps)
        return (now(self.device) - begin).per(steps)

    def _at(self, step: int) -> Seconds:
        self._to(step - 1)
        begin = now(self.device)
        self.run(1)
        return now(self.device) - begin

    def close(self) -> None:
        self.r.log.close()
        self.screen.console.__exit__(None, None, None)


class Bare(Contender):
    """The turns of gan-cli's loop and nothing around them: what the rest is an overhead over."""

    def __init__(self, case: Case) -> None:
        self.r = make([*case.overrides(), "train.ema_half_life_images=null"])
        self.device = self.r.device

    def run(self, steps: int) -> None:
        for _ in range(steps):
            turn(self.r)
            self.r.step += 1


def quiet() -> None:
    """No word from here on: a contender's screen is no part of a table."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, 1)
    os.close(nowhere)

"""The best checkpoint so far (`train.keep_best`), and the patience of a run that finds no better (`train.patience`)."""

import math
from collections.abc import Mapping
from typing import Any

from gan_cli.scores import PREFIX
from gan_cli.settings import TrainConfig


class Best:
    """The checkpoint that `train.keep_best` keeps, and what may make the next one better.

    Args:
        cfg: whose `judge` is the figure, and which way of it is better; None: no checkpoint is better than another.
    """

    def __init__(self, cfg: TrainConfig) -> None:
        self.cfg = cfg
        self.kept: tuple[str, str, float, int] | None = None  # train.keep_best, best_is, the best value, the step of it
        self.figure: float | None = None  # its last value since the last checkpoint
        self.waited = 0  # evaluations in a row without a better one

    def note(self, figures: Mapping[str, float | str]) -> None:
        """Take in logged figures: one of them judges the next checkpoint. One of an evaluation says whether there is to
        be one at once, and counts for `train.patience`.
        """
        name = self.cfg.judge[0] if self.cfg.judge else ""
        value = figures.get(name)
        if isinstance(value, float) and math.isfinite(value):
            self.figure = value
        if value is not None and name.startswith(PREFIX):
            self.waited = 0 if self._is_new else self.waited + 1
            self.figure = self.figure if self._is_new else None

    @property
    def _is_new(self) -> bool:
        return self.figure is not None and (self.kept is None or self.cfg.is_better(self.figure, self.kept[2]))

    @property
    def is_found(self) -> bool:
        """Whether this step's evaluation is the best so far: its checkpoint is kept, and no later one."""
        return self._is_new and self.cfg.judge is not None and self.cfg.judge[0].startswith(PREFIX)

    @property
    def out_of_patience(self) -> str | None:
        """Why the run ends before its last step, by `train.patience`; None where it does not."""
        if self.cfg.patience is None or self.waited < self.cfg.patience:
            return None
        best = f"the best, {self.kept[2]:.4g}, was at step {self.kept[3]:,}" if self.kept else "there was none"
        return f"{self.cfg.keep_best} was no better in {self.waited} evaluations: {best} (train.patience)"

    @property
    def step(self) -> int | None:
        """Of the checkpoint that is kept."""
        return self.kept[3] if self.kept else None

    def commit(self, step: int) -> dict[str, Any]:
        """Judge the checkpoint that is about to be written, and give what it says of it."""
        if self._is_new and self.cfg.judge and self.figure is not None:
            self.kept = (*self.cfg.judge, self.figure, step)
        return {"best": self.kept} | ({} if self.cfg.patience is None else {"waited": self.waited})

    def restore(self, state: Mapping[str, Any]) -> None:
        """Take over what a checkpoint says, where it is of the same figure."""
        self.kept, waited = state["best"], state.get("waited", 0)
        self.waited = waited if type(waited) is int else 0
        if self.kept and self.kept[:2] != self.cfg.judge:
            self.kept, self.waited = None, 0

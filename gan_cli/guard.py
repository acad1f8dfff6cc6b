"""Whether losses and gradients are finite: looked at before each update, or of many updates at once."""

import math
from collections.abc import Mapping
from typing import NamedTuple

import torch
from torch import Tensor

from gan_cli.errors import Diverged

MOST = 1000  # updates that nobody looked at


class Update(NamedTuple):
    """Where a run is when a player is about to move."""

    step: int  # the one being made, from 1
    batch: int  # the next one of the data: where a rollback goes on
    player: str


class Guard:
    """Keeps a run from learning from what is not a number.

    To read a number from an accelerator is to wait until it has done all that is queued, and then it idles until there
    is more. There, what was measured stays where it is until somebody looks: at a logging point, and before anything is
    drawn or saved. Updates that were made in the meantime are never saved, so that a run goes wrong, and is rolled
    back, at the same step either way.

    Args:
        defers: whether to look later, at `MOST` updates together at the most.
    """

    def __init__(self, defers: bool) -> None:
        self.defers = defers
        self._unread: list[tuple[Update, list[str], Tensor]] = []

    def measure(self, update: Update, parts: Mapping[str, Tensor], last_good: str) -> None:
        """Take in the scalars that must be finite for an update to make sense; look at once unless it defers.

        Raises:
            Diverged: as `look` does.
        """
        self._unread.append((update, list(parts), torch.stack([*parts.values()])))
        if not self.defers or len(self._unread) >= MOST:
            self.look(update.step, last_good)

    def look(self, step: int, last_good: str) -> None:
        """Look at all that nobody looked at yet: one wait for the device.

        Args:
            step: the one that is done, or being made.
            last_good: where the run can go on from, in words.

        Raises:
            Diverged: something is not finite; the message names the first update where.
        """
        unread, self._unread = self._unread, []
        if not unread:
            return
        values = iter(torch.cat([measured for *_, measured in unread]).tolist())
        for update, names, _ in unread:
            found = [(name, next(values)) for name in names]
            bad = [f"{name} is {value}" for name, value in found if not math.isfinite(value)]
            if bad:
                later = f" (seen after step {step:,}; later updates are not kept)" if step > update.step else ""
                raise Diverged(
                    f"not finite in step {update.step:,}, before the update of {update.player.upper()}: "
                    f"{', '.join(bad)}{later}; {last_good}\n"
                    "try a smaller optimizer.lr, or train.clip_grad_norm=1",
                    step=update.step,
                    batch=update.batch,
                )

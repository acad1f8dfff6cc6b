"""How far something long is, while it goes on."""

import logging
import time
from collections.abc import Generator, Iterable
from contextlib import ExitStack, suppress
from typing import Any

import numpy as np

log = logging.getLogger(__name__)

FIRST, BAR, LINE = 1.0, 0.2, 10.0  # seconds: before anything is shown, between two looks of a bar, between two lines


def watched(blocks: Iterable[np.ndarray], total: int, what: str) -> Generator[np.ndarray]:
    """The blocks [n, ...] themselves, of `total` rows together; a bar while they come, or a line now and then where
    standard error is no terminal. What is quick goes by in silence.
    """
    done, bar, due = 0, None, time.perf_counter() + FIRST
    with ExitStack() as stack:
        for block in blocks:
            yield block
            done += len(block)
            if time.perf_counter() < due:
                continue
            with suppress(OSError):  # the terminal is gone: what is done is done without
                bar = bar or stack.enter_context(_bar(what, total))
                if bar.disable:
                    log.warning("%s: %s of %s", what, f"{done:,}", f"{total:,}")
                bar.update(bar.task_ids[0], completed=done, refresh=True)
            due = time.perf_counter() + (BAR if bar and not bar.disable else LINE)


def _bar(what: str, total: int) -> Any:
    from rich.console import Console  # not for what is quick
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

    terminal = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(24), MofNCompleteColumn(), TimeRemainingColumn())
    # No refresh thread: those that decode have the processors.
    off = not terminal.is_terminal
    bar = Progress(*columns, console=terminal, auto_refresh=False, transient=True, disable=off)
    bar.add_task(what, total=total)
    return bar

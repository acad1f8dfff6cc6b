"""The end of a sweep on one screen: what became of each job."""

from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from rich.table import Table
from rich.text import Text

from gan_cli.cli.command import COLUMNS, printable
from gan_cli.cli.sweep import output
from gan_cli.cli.sweep.earlier import place_of
from gan_cli.cli.sweep.record import NAME, Job
from gan_cli.console import Screen, duration, figures
from gan_cli.listing import read as read_run
from gan_cli.scores import PREFIX

ROWS = 16  # jobs: a screen has 24 lines
LABEL = 32  # columns for what tells a job from the others
_HEADINGS = ("#", "job", "status", "step", "time", "last figures, or why")
_NUMBERS = ("#", "step", "time")
_COLOURS = {"finished": "green", "failed": "red", "stopped": "yellow"}


def show(jobs: Sequence[Job], labels: Sequence[str], directory: Path) -> None:
    """Print a line for each job, and where they are.

    Args:
        jobs: all of them.
        labels: what tells each from the others.
        directory: of the sweep, as the user calls it.
    """
    terminal = Screen(highlight=False)
    if not terminal.is_terminal:
        terminal.width = COLUMNS
    rows = chosen(jobs)
    cells = [_cells(job, labels[job.number], directory) for job in rows]
    widths = [max(map(len, column)) for column in zip(_HEADINGS, *cells, strict=True)]
    widths[1] = min(widths[1], LABEL)
    widths[-1] = max(terminal.width - sum(widths[:-1]) - 2 * len(widths), len(_HEADINGS[-1]))  # whatever is left
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading, width in zip(_HEADINGS, widths, strict=True):
        side: Literal["left", "right"] = "right" if heading in _NUMBERS else "left"
        table.add_column(heading, justify=side, max_width=width, no_wrap=True, overflow="ellipsis")
    for job, (number, label, status, *others) in zip(rows, cells, strict=True):
        table.add_row(number, Text(label), Text(status, _COLOURS.get(job.status, "")), *map(Text, others))
    with terminal.capture() as captured:
        terminal.print(table)
    print("", *(line.rstrip() for line in captured.get().splitlines()), sep="\n")  # rich fills up to the edge
    more = f"and {len(jobs) - len(rows)} more in {NAME}; " if len(rows) < len(jobs) else ""
    done = sum(job.status == "finished" for job in jobs)
    logs = f", each with its {output.NAME}" if any(job.log for job in jobs) else ""
    print(printable(f"{more}{done} of {len(jobs)} finished; jobs in {directory}{logs}"))
    first = next((job for job in rows if job.status != "finished" and job.log), None)
    if first:
        print(printable(f"what #{first.number} said is in {directory}/{first.log}"))


def _cells(job: Job, label: str, directory: Path) -> list[str]:
    return [
        str(job.number),
        printable(label),
        f"{job.status} before" if job.before else job.status,
        "" if job.step is None else f"{job.step:,}/{job.steps:,}",
        "" if job.seconds is None else duration(job.seconds),
        printable(job.error or _last(job, directory)),
    ]


def _last(job: Job, directory: Path) -> str:
    """What was measured last: figures of an evaluation, and the losses of both players."""
    place = place_of(job, directory)
    metrics = job.metrics or (read_run(place).metrics if place else {})
    measured = [
        f"{key.removeprefix(PREFIX)} {value:.4g}"
        for key, value in metrics.items()
        if key.startswith(PREFIX) and not isinstance(value, str)
    ]
    losses = figures({key: metrics[key] for key in ("loss/d", "loss/g", "theory/js") if key in metrics})
    return " · ".join(filter(None, [*measured[:2], losses]))


def chosen(jobs: Sequence[Job]) -> list[Job]:
    """The jobs that a screen has room for: those that did not finish first, in the order of their numbers."""
    if len(jobs) <= ROWS:
        return [*jobs]
    urgency = {"failed": 0, "stopped": 1, "running": 1, "waiting": 2, "finished": 3}
    first = sorted(jobs, key=lambda job: (urgency[job.status], job.number))[:ROWS]
    return sorted(first, key=lambda job: job.number)

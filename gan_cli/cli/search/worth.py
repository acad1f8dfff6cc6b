"""What a run is worth to a search: the metric that it is searched by, as the run's own files have it."""

from pathlib import Path
from typing import Literal

from gan_cli.cli.search.settings import Settings
from gan_cli.cli.sweep import earlier
from gan_cli.cli.sweep.record import Job
from gan_cli.errors import GanError
from gan_cli.listing import read as read_run
from gan_cli.reading import read_rows


class NoValueError(Exception):
    """A run has none: it was ended by an alarm, or failed, and why."""

    def __init__(self, state: Literal["pruned", "failed"], why: str) -> None:
        super().__init__(why)
        self.state = state


def worth(job: Job, directory: Path, settings: Settings) -> float:
    """The metric of one run.

    Args:
        job: whose run it is.
        directory: of the sweep.
        settings: of the search.

    Raises:
        NoValueError: there is none.
    """
    place, tag = earlier.place_of(job, directory), settings.tag
    run = read_run(place) if place and place.is_dir() else None
    if run is not None and run.status == "stopped" and (run.reason or "").startswith("alarm "):
        raise NoValueError("pruned", str(run.reason))
    if job.status != "finished" or place is None:
        raise NoValueError("failed", job.error or f"its run is {job.status}")
    try:
        values = [row[tag] for row in read_rows(place / "metrics.jsonl") if tag in row]
    except GanError as error:
        raise NoValueError("failed", str(error)) from error
    numbers = [float(value) for value in values if not isinstance(value, str)]
    if settings.value == "best" and numbers:
        return max(numbers) if settings.maximizes else min(numbers)
    if not values or isinstance(values[-1], str):
        raise NoValueError("failed", f"its last {tag} is {values[-1]}" if values else f"it logged no {tag}")
    return float(values[-1])

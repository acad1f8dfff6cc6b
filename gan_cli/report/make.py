"""A report from directories: read, grouped by configuration, compared."""

import os
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_cli.errors import RunError
from gan_cli.report import figures, logs
from gan_cli.report import notes as told
from gan_cli.report.compare import comparisons, summaries
from gan_cli.report.gather import gather
from gan_cli.report.groups import Differences, identity, measured
from gan_cli.report.logs import Series
from gan_cli.report.model import Band, Comparison, Group, Metric, Report, RunInfo, Summary

POINTS = 600_000  # of all curves together, so that a page with them stays usable
FEWEST, MOST = 16, 400  # of one curve
KEPT = 1000  # points of a curve from which a band is made: what is held of all runs of a configuration at once
NOTES = 20  # on single runs
_FAILED = ("stopped", "failed", "lost", "unreadable")


@dataclass(frozen=True)
class Wanted:
    """What a user asks of a report.

    Args:
        metrics: tags, short names of an evaluation's (`cfd`) or patterns (`eval/*`); none: what tells most.
        best: the tables hold each run's best value in the place of its last one.
        unfinished: runs that did not come to their end count as well.
        runs: at most so many are read, the newest ones.
        title: None: named after the directories.
    """

    metrics: Sequence[str] = ()
    best: bool = False
    unfinished: bool = False
    runs: int = 2000
    title: str | None = None


def make(roots: Sequence[Path], wanted: Wanted, command: str, warn: Callable[[str], None]) -> Report:
    """The report of all runs at and below some directories.

    Args:
        command: the line that makes it, to be told in it.
        warn: gets a line for whatever cannot be read.

    Raises:
        RunError: there are no runs.
        ConfigError: a metric that no run logged.
    """
    runs, older = gather(roots, warn, wanted.runs)
    if not runs:
        raise RunError(f"no runs in {', '.join(map(str, roots))}; give a run directory, a sweep's or one above them")
    notes = [f"There are {older:,} older runs, which are left out (--max-runs)."] if older else []
    groups = _grouped(runs)
    metrics, bands = _curves(runs, groups, wanted, notes)
    notes[NOTES:] = [f"{len(notes) - NOTES:,} more logs break off."] if len(notes) > NOTES else []
    chosen = [metric for metric in metrics if metric.chosen]
    lines: list[Summary] = []
    compared: list[Comparison] = []
    for metric in chosen:
        of_this = summaries(groups, metric, wanted.unfinished)
        lines += of_this
        compared += comparisons(groups, metric, of_this)
    notes += told.equal_runs(groups)
    notes += told.notes(runs, groups, wanted.unfinished)
    return Report(
        wanted.title or _title(roots),
        command,
        time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        runs,
        groups,
        list(groups[0].differing) if groups else [],
        len(groups) == 1 and all(run.group is not None for run in runs),
        metrics,
        lines,
        compared,
        bands,
        [run for run in runs if run.status in _FAILED],
        _real(runs),
        told.same_z(runs),
        notes,
        told.method(chosen, groups, compared),
    )


def _title(roots: Sequence[Path]) -> str:
    return f"Runs in {', '.join(map(str, roots))}" if len(roots) < 4 else f"Runs in {len(roots):,} directories"


def _grouped(runs: Sequence[RunInfo]) -> list[Group]:
    """The configurations in the order of their first runs; each run is told its place."""
    members: dict[str, list[RunInfo]] = {}
    for run in runs:
        if run.config:
            members.setdefault(identity(run.config), []).append(run)
    typed = {word.lstrip("+~").split("=")[0].split("@")[0] for run in runs for word in run.overrides}
    of_one = [each[0] for each in members.values()]
    apart = Differences([run.config for run in of_one], [run.choices for run in of_one], typed)
    groups = []
    for place, (label, each) in enumerate(zip(apart.labels() if members else [], members.values(), strict=True)):
        for run in each:
            run.group = place
        in_order = sorted(each, key=lambda run: (run.seed is None, run.seed or 0))
        groups.append(Group(label, apart.of(place) if len(members) > 1 else {}, in_order, measured(each[0].config)))
    return groups


def _curves(
    runs: Sequence[RunInfo], groups: Sequence[Group], wanted: Wanted, notes: list[str]
) -> tuple[list[Metric], list[Band]]:
    """Read every log once: the curves and values of the runs are set, and all logs but those of one configuration are
    out of memory again.
    """
    rest = Group("", {}, [run for run in runs if run.group is None])
    tags: dict[str, None] = {}
    bands: list[Band] = []
    points = _points(runs)
    for place, group in enumerate([*groups, rest]):
        read = []
        for run in group.runs:
            log = _log(run, notes)
            tags |= dict.fromkeys(log)
            run.curves = {name: logs.thinned(series, points) for name, series in log.items()}
            run.values = {name: figures.value(name, series, wanted.best) for name, series in log.items()}
            read.append({name: logs.shortened(series, KEPT) for name, series in log.items()})
        if group is not rest:
            bands += _bands(place, read, points)
    return figures.metrics(tags, wanted.metrics, wanted.best), bands


def _points(runs: Sequence[RunInfo]) -> int:
    """Of one curve: a run logs some 60 figures."""
    return max(FEWEST, min(MOST, POINTS // (60 * max(len(runs), 1))))


def _log(run: RunInfo, notes: list[str]) -> dict[str, Series]:
    if run.path is None:
        return {}
    try:
        found, problem = logs.read(run.path / logs.METRICS)
    except RunError as error:
        found, problem = {}, str(error).removeprefix(f"{run.path}{os.sep}")
    if problem and run.status != "unreadable":
        notes.append(f"{run.name}: {problem}; figures from there on are not in the report.")
    return found


def _bands(place: int, read: Sequence[Mapping[str, Series]], points: int) -> list[Band]:
    found = []
    for name in dict.fromkeys(name for log in read for name in log):
        of_tag = [log[name] for log in read if name in log]
        steps, mean, low, high = logs.band(of_tag, points)
        found.append(Band(name, place, steps, mean, low, high, len(of_tag)))
    return found


def _real(runs: Sequence[RunInfo]) -> Path | None:
    """A grid of real data that stands for all: where they train on the same data, and draw as many of them."""
    keys = {measured(run.config) for run in runs if run.config}
    return next((run.real for run in runs if run.real), None) if len(keys) == 1 else None

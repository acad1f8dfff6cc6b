"""A report from directories: read, grouped by configuration, compared."""

import fnmatch
import os
import re
import time
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from gan_cli.charts import CHARTS
from gan_cli.errors import ConfigError, RunError
from gan_cli.report import logs
from gan_cli.report.compare import ALL_PAIRS, comparisons, summaries
from gan_cli.report.gather import gather
from gan_cli.report.groups import Differences, identity, measured
from gan_cli.report.logs import Series
from gan_cli.report.model import Band, Better, Comparison, Group, Metric, Report, RunInfo, Summary
from gan_cli.scores import FLOOR, PREFIX, SCORES, direction, tag

# Which value is better of the quick looks at samples that every run takes.
LOOKS: Mapping[str, Better] = {
    "samples/energy": "smallest",
    "samples/quality": "largest",
    "samples/modes": "largest",
    "samples/classes": "largest",
}
TESTED = 8  # metrics, where nobody says which
POINTS = 600_000  # of all curves together, so that a page with them stays usable
FEWEST, MOST = 16, 400  # of one curve
KEPT = 1000  # points of a curve from which a band is made: what is held of all runs of a configuration at once
_EDGES = ("_low", "_high", FLOOR, "_at_equilibrium")  # of tags that are drawn beside others
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
    found = gather(roots, warn)
    if not found:
        raise RunError(f"no runs in {', '.join(map(str, roots))}; give a run directory, a sweep's or one above them")
    runs, notes = _newest(found, wanted.runs)
    groups = _grouped(runs)
    metrics, bands = _curves(runs, groups, wanted, notes)
    chosen = [metric for metric in metrics if metric.chosen]
    lines: list[Summary] = []
    compared: list[Comparison] = []
    for metric in chosen:
        of_this = summaries(groups, metric, wanted.unfinished)
        lines += of_this
        compared += comparisons(groups, metric, of_this)
    notes += _equal_runs(groups)
    notes += _said(runs, groups, wanted)
    return Report(
        wanted.title or f"Runs in {', '.join(map(str, roots))}",
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
        _same_z(runs),
        notes,
        _method(chosen, groups, compared),
    )


def _newest(runs: Sequence[RunInfo], most: int) -> tuple[list[RunInfo], list[str]]:
    if len(runs) <= most:
        return [*runs], []
    kept = sorted(runs, key=lambda run: run.created or "", reverse=True)[:most]
    names = {run.name for run in kept}
    return [run for run in runs if run.name in names], [
        f"There are {len(runs):,} runs; these are the newest {most:,} (--max-runs)."
    ]


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
            run.values = {name: _value(name, series, wanted.best) for name, series in log.items()}
            read.append({name: logs.shortened(series, KEPT) for name, series in log.items()})
        if group is not rest:
            bands += _bands(place, read, points)
    return _metrics(tags, runs, wanted), bands


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


def _value(name: str, series: Series, best: bool) -> float:
    better = _better(name) if best else None
    return logs.best(series, better) if better else logs.last(series)


def _bands(place: int, read: Sequence[Mapping[str, Series]], points: int) -> list[Band]:
    found = []
    for name in dict.fromkeys(name for log in read for name in log):
        of_tag = [log[name] for log in read if name in log]
        steps, mean, low, high = logs.band(of_tag, points)
        found.append(Band(name, place, steps, mean, low, high, len(of_tag)))
    return found


def _metrics(tags: Iterable[str], runs: Sequence[RunInfo], wanted: Wanted) -> list[Metric]:
    """All that were logged, the chosen ones first.

    Raises:
        ConfigError: one is asked for that no run logged.
    """
    names = [*tags]
    chosen = _asked(names, wanted.metrics) if wanted.metrics else _telling(names)
    found = []
    for name in [*chosen, *(name for name in names if name not in chosen)]:
        better = _better(name)
        taken = "the best value of each run" if wanted.best and better else "the last value of each run"
        found.append(Metric(name, better, _means(name), taken, name in chosen))
    return found


def _better(name: str) -> Better | None:
    return direction(name) or LOOKS.get(name)


def _means(name: str) -> str:
    """What a figure is: in the words of the evaluation's list, or of TensorBoard's charts."""
    score = SCORES.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    if score:
        return f"{score.means}; {score.better} is better"
    charts = (chart for page in CHARTS.values() for chart in page.items())
    titles = (title for title, (_, tags) in charts if any(re.fullmatch(tag.strip("^$"), name) for tag in tags))
    return next(titles, "")


def _asked(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    from gan_cli.check import did_you_mean

    found: dict[str, None] = {}
    for word in wanted:
        matching = fnmatch.filter(names, tag(word))
        if not matching:
            raise ConfigError(f"--metric: no run logged {word!r}{did_you_mean(tag(word), names)}")
        found |= dict.fromkeys(matching)
    return [*found]


def _telling(names: Sequence[str]) -> list[str]:
    """What tells most of samples, where nobody says: what evaluations found, else the quick looks at samples, else the
    read-outs of D, else the losses.
    """
    for prefix in (PREFIX, "samples/", "theory/", "dirac/", "loss/"):
        found = [name for name in names if name.startswith(prefix) and not name.endswith(_EDGES)]
        if found:
            return found[:TESTED]
    return [*names][:TESTED]


def _equal_runs(groups: Sequence[Group]) -> list[str]:
    """Of runs of one configuration and one seed, whether they are equal: gan-train says they are, to the bit, on one
    machine with as many threads.
    """
    found = []
    for group in groups:
        seeds: dict[int, list[RunInfo]] = {}
        for run in group.runs:
            if run.seed is not None and run.status == "finished":
                seeds.setdefault(run.seed, []).append(run)
        for seed, runs in seeds.items():
            for run in runs[1:]:
                same = repr(run.values) == repr(runs[0].values)  # NaN is equal to NaN here
                how = "have the same figures, to the bit" if same else "do not have the same figures"
                why = "" if same else ": another machine, number of threads or version of torch"
                found.append(f"{runs[0].name} and {run.name} are of one configuration and seed {seed}, and {how}{why}.")
    return found[:20] + ([f"And {len(found) - 20:,} more such pairs."] if len(found) > 20 else [])


def _said(runs: Sequence[RunInfo], groups: Sequence[Group], wanted: Wanted) -> list[str]:
    found = []
    unread = sum(run.group is None for run in runs)
    if unread:
        found.append(
            f"{unread} of {len(runs)} have no configuration that can be read (failed before their first step, or "
            "damaged), and are in no configuration's figures."
        )
    ended = sum(run.status != "finished" for run in runs)
    if ended:
        how = "count with what they have (--unfinished)" if wanted.unfinished else "are not in the means"
        found.append(f"{ended} of {len(runs)} runs did not come to their end, and {how}.")
    if len({group.against for group in groups}) > 1:
        found.append(
            "Configurations with other data (dataset) or another number of samples (train.eval_samples) are measured "
            "against different things: they are not compared, and none is the best of all."
        )
    if len(groups) == 1:
        found.append("All runs have one configuration: no difference between them but their seeds.")
    return found


def _real(runs: Sequence[RunInfo]) -> Path | None:
    """A grid of real data that stands for all: where they train on the same data, and draw as many of them."""
    keys = {measured(run.config) for run in runs if run.config}
    return next((run.real for run in runs if run.real), None) if len(keys) == 1 else None


def _same_z(runs: Sequence[RunInfo]) -> str:
    count = Counter(run.z for run in runs if run.z is not None and run.grids)
    shared = [z for z, n in count.items() if n > 1]
    if not count:
        return "There are no sample grids."
    if not shared:
        return "No two runs show the same z: their seeds or priors differ. At different steps each run shows its own z."
    told = "; ".join(shared[:5]) + (f" and {len(shared) - 5} more" if len(shared) > 5 else "")
    return (
        f"Grids of runs with the same seed and prior show the same z, at all steps: {told}. Runs of different seeds "
        "show different z. Of one z, two kinds of device (CPU, GPU) make different draws."
    )


def _method(chosen: Sequence[Metric], groups: Sequence[Group], compared: Sequence[Comparison]) -> list[str]:
    if not chosen:
        return []
    taken = sorted({metric.taken for metric in chosen})
    found = [
        f"Figures are {' or '.join(taken)}, of runs that finished; a seed counts once.",
        "Intervals hold the mean of a configuration over seeds in 95 of 100 cases (Student's t). With two or three "
        "runs they are wide because little is known, not because much is wrong.",
    ]
    if any(metric.taken.startswith("the best") for metric in chosen):
        found.append("The best of many evaluations is better than the run is: luck is part of it.")
    if compared:
        shown = "all pairs" if len(groups) <= ALL_PAIRS else "each configuration with the best one, or with the first"
        found.append(
            f"Differences are tested with Welch's t-test, two-sided at 5 %, {shown}; p is corrected by Holm over all "
            "pairs of a metric, and not over metrics. Where no run of either has any spread, an exact permutation test "
            "stands in. The runs that it would take are for 80 % power at the level that this correction leaves, if "
            "the difference is as large as it looks now."
        )
    return found

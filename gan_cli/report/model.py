"""What a report holds, as plain data: whatever shows it (HTML, Markdown, CSV) computes nothing and reads no log.

All text comes from strangers' files and may hold anything that is printable or not: who shows it escapes it.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

# As gan-runs says it, and "waiting" of a job of a sweep that has no run directory yet.
Status = Literal["finished", "running", "stopped", "failed", "lost", "waiting", "unreadable"]
Better = Literal["smallest", "largest"]
Verdict = Literal["more than noise", "not more than noise", "cannot tell", "no difference"]


@dataclass
class Alarm:
    """What gan-train said of a run while it trained.

    Args:
        name: such as `mode_collapse`.
        step: at which it was raised.
        words: what was seen.
    """

    name: str
    step: int
    words: str = ""


@dataclass
class RunInfo:
    """One run, or a job of a sweep that never came to have a directory.

    Args:
        name: its path, without what all runs of the report have in front of it: no two are the same.
        path: the run directory; None of a job that has none.
        status: how it went.
        reason: why it did not come to its end, where that is known.
        choices: group -> choice, such as {"loss": "hinge"}.
        overrides: as typed.
        config: every setting by its dotted key, such as {"optimizer.lr": 0.001}; empty where it cannot be read.
        seed: None where it is not known.
        step, steps: done, and asked for.
        seconds: of training.
        images_per_second: the median over the run; None where it was not logged.
        created: when it was started, as ISO 8601.
        alarms: in the order of their steps.
        command: the line that makes the run again; None where it is not known.
        resume_command: the line that goes on with it; None where there is nothing to go on with.
        log: of a job of a sweep: what it printed.
        curves: tag -> (step, value) in the order of steps, thinned; NaN where the log says NaN or infinite: a gap.
        values: tag -> the figure that stands for the run in the tables.
        grids: (step, picture file) in the order of steps.
        real: a grid of real data; None where the run has none: pictures of points show the real ones among them.
        z: equal for runs whose grids at one step show the same noise z; None where that is not known.
        group: the place of its configuration in `Report.groups`; None where its config cannot be read.
    """

    name: str
    path: Path | None
    status: Status
    reason: str | None = None
    choices: Mapping[str, str] = field(default_factory=dict)
    overrides: Sequence[str] = ()
    config: Mapping[str, Any] = field(default_factory=dict)
    seed: int | None = None
    step: int | None = None
    steps: int | None = None
    seconds: float | None = None
    images_per_second: float | None = None
    created: str | None = None
    alarms: Sequence[Alarm] = ()
    command: str | None = None
    resume_command: str | None = None
    log: Path | None = None
    curves: Mapping[str, Sequence[tuple[int, float]]] = field(default_factory=dict)
    values: Mapping[str, float] = field(default_factory=dict)
    grids: Sequence[tuple[int, Path]] = ()
    real: Path | None = None
    z: str | None = None
    group: int | None = None


@dataclass
class Group:
    """One configuration, and the runs of its seeds.

    Args:
        label: what tells it from the others, such as `loss=hinge, lr=0.001`; no two are the same.
        differing: the keys in which the configurations differ -> its own values, as text.
        runs: in the order of their seeds.
        against: equal for configurations whose figures are measured alike: on the same data, of as many samples.
    """

    label: str
    differing: Mapping[str, str]
    runs: Sequence[RunInfo]
    against: str = ""


@dataclass
class Band:
    """A metric of one configuration along its runs: over the seeds that logged it there.

    Args:
        metric: its tag.
        group: place in `Report.groups`.
        steps: where it is told, ascending.
        mean, low, high: over seeds, as long as `steps`: the mean, the lowest and the highest run.
        n: how many runs it is of at most.
    """

    metric: str
    group: int
    steps: Sequence[int]
    mean: Sequence[float]
    low: Sequence[float]
    high: Sequence[float]
    n: int


@dataclass
class Metric:
    """A figure that runs logged.

    Args:
        tag: as it is logged, such as `eval/cfd`.
        better: which value is the better one, where its name says so.
        means: what it is, in words; empty where there are none.
        taken: which value of a run is in the tables, in words, such as `the last value`.
        chosen: whether summaries and comparisons are made of it; the others have curves alone.
    """

    tag: str
    better: Better | None = None
    means: str = ""
    taken: str = "the last value"
    chosen: bool = False


@dataclass
class Summary:
    """A metric of one configuration over its seeds.

    Args:
        metric: its tag.
        group: place in `Report.groups`.
        n: runs with a finite figure.
        mean: None where n is 0.
        std: of single runs; None where n < 2.
        low, high: ends of the 95 % interval of the mean (Student's t); None where n < 2.
        values: (name of the run, figure), also those that are not finite.
        note: what is to be known of it, such as `1 of 3 runs is not finite`.
        best: whether it has the best mean of all configurations.
    """

    metric: str
    group: int
    n: int
    mean: float | None
    std: float | None
    low: float | None
    high: float | None
    values: Sequence[tuple[str, float]]
    note: str = ""
    best: bool = False


@dataclass
class Comparison:
    """Whether two configurations differ in a metric by more than their seeds do.

    Args:
        metric: its tag.
        a, b: places in `Report.groups`.
        difference: mean of a less mean of b; None where one has no figure.
        low, high: ends of its 95 % interval (Welch), not corrected; None where it cannot be had.
        t, df, p: of Welch's test; None where it cannot be made.
        p_holm: p after Holm's correction over all comparisons of this metric.
        verdict: in a few fixed words.
        words: the same in a sentence.
        runs_needed: of each configuration, to see a difference of this size in 8 of 10 times; None where unknown.
        test: its name.
    """

    metric: str
    a: int
    b: int
    difference: float | None
    low: float | None
    high: float | None
    t: float | None
    df: float | None
    p: float | None
    p_holm: float | None
    verdict: Verdict
    words: str
    runs_needed: int | None = None
    test: str = "Welch's t-test"


@dataclass
class Report:
    """All of it.

    Args:
        title: of the page.
        command: the line that made the report.
        created: when, as ISO 8601.
        runs: all of them: finished, unfinished and failed.
        groups: the configurations, each with its runs.
        differing: the keys in which configurations differ; empty where there is one configuration alone.
        same: all runs have one configuration: "no difference".
        metrics: all that were logged, the chosen ones first.
        summaries: of the chosen metrics, by metric and then by group.
        comparisons: of the chosen metrics.
        bands: of all metrics.
        failed: the runs that did not come to their end and are not running: stopped, failed, lost, unreadable.
        real: a grid of real data to hold samples against, where all runs have the same data; else see the runs.
        same_z: in words, which grids show the same z.
        notes: what the reader is to know, in sentences: what was left out, thinned or cannot be compared.
        method: what the intervals and tests are, in sentences.
    """

    title: str
    command: str
    created: str
    runs: Sequence[RunInfo]
    groups: Sequence[Group]
    differing: Sequence[str] = ()
    same: bool = False
    metrics: Sequence[Metric] = ()
    summaries: Sequence[Summary] = ()
    comparisons: Sequence[Comparison] = ()
    bands: Sequence[Band] = ()
    failed: Sequence[RunInfo] = ()
    real: Path | None = None
    same_z: str = ""
    notes: Sequence[str] = ()
    method: Sequence[str] = ()

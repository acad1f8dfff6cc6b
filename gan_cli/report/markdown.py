"""The report as Markdown: tables, for a pull request or a note. Text of strangers is escaped or stands as code."""

import html
import math
import re
from collections.abc import Iterable, Sequence

from gan_cli.report.markup import count, number, printable, spread
from gan_cli.report.model import Group, Metric, Report, RunInfo, Summary
from gan_cli.report.verdict import findings
from gan_cli.suite.tables import table

SETTINGS = 12  # columns: more of them no screen shows


def markdown(report: Report) -> str:
    """The whole page."""
    parts = [
        "<!-- gan-report wrote this, and replaces it when it is asked again -->",
        f"# {plain(report.title)}",
        f"{count(len(report.runs), 'run')} of {count(len(report.groups), 'configuration')}; "
        f"{plain(report.created)}, made with",
        fenced([report.command]),
        _bullets(map(plain, findings(report))),
        _section("What differs", _differences(report)),
        *(_metric(report, metric) for metric in report.metrics if metric.chosen),
        _section("Runs", _runs(report)),
        _section("Alarms", _alarms(report.runs)),
        _section("Runs that did not finish", _failed(report.failed)),
        _section("Samples", plain(report.same_z) if any(run.grids for run in report.runs) else ""),
        _section("Commands", _commands(report)),
        _section("How to read this", _bullets(map(plain, [*report.notes, *report.method]))),
    ]
    return "\n\n".join(filter(None, parts)) + "\n"


def plain(text: str) -> str:
    """Text that Markdown shows as it is.

    >>> print(plain("<b> [a](b) | `c` *d* 2\\n"))
    &lt;b&gt; \\[a\\](b) \\| \\`c\\` \\*d\\* 2
    """
    escaped = re.sub(r"([\\`*\[\]|])", r"\\\1", html.escape(printable(text), quote=False))
    return " ".join(escaped.split())


def code(text: str) -> str:
    """A short text as code, in a table too.

    >>> print(code("wgan_gp|`x`"))
    `wgan_gp/'x'`
    """
    return f"`{' '.join(printable(text).split()).replace('`', chr(39)).replace('|', '/')}`" if text.strip() else ""


def fenced(lines: Iterable[str]) -> str:
    """Lines to be copied, behind a fence that is longer than any in them."""
    shown = [printable(line).replace("\n", "\\n") for line in lines]
    longest = max((len(ticks) for line in shown for ticks in re.findall("`+", line)), default=0)
    fence = "`" * max(3, longest + 1)
    return "\n".join([fence, *shown, fence])


def _section(heading: str, text: str) -> str:
    return f"## {heading}\n\n{text}" if text else ""


def _bullets(lines: Iterable[str]) -> str:
    return "\n".join(f"- {line}" for line in lines)


def _differences(report: Report) -> str:
    if not report.differing:
        return ""
    keys = report.differing[:SETTINGS]
    more = f"\n\nand {len(report.differing) - SETTINGS} more settings" if len(report.differing) > SETTINGS else ""
    rows = [
        (code(group.label), *(code(group.differing[key]) for key in keys), str(len(group.runs)))
        for group in report.groups
    ]
    return table(("configuration", *map(code, keys), "runs"), rows) + more


def _metric(report: Report, metric: Metric) -> str:
    lines = [line for line in report.summaries if line.metric == metric.tag]
    if metric.better is not None:
        sign = 1 if metric.better == "smallest" else -1
        lines.sort(key=lambda line: math.inf if line.mean is None else sign * line.mean)
    rows = [
        (
            code(report.groups[line.group].label) + (" **best**" if line.best else ""),
            str(line.n),
            spread(line.mean, None if line.low is None or line.high is None else (line.high - line.low) / 2),
            number(line.std),
            _values(line),
            plain(line.note),
        )
        for line in lines
    ]
    headings = ("configuration", "runs", "mean ± 95 % interval", "std of runs", "each run", "note")
    said = plain(f"{metric.means}. {metric.taken.capitalize()}." if metric.means else f"{metric.taken.capitalize()}.")
    tests = [plain(c.words) for c in report.comparisons if c.metric == metric.tag]
    return _section(plain(metric.tag), "\n\n".join(filter(None, [said, table(headings, rows), _bullets(tests)])))


def _values(line: Summary) -> str:
    shown = [number(value) if math.isfinite(value) else str(value) for _, value in line.values[:10]]
    return ", ".join(shown) + (f" and {len(line.values) - 10} more" if len(line.values) > 10 else "")


def _runs(report: Report) -> str:
    headings = ("run", "configuration", "seed", "status", "steps", "seconds", "images/s", "alarms")
    rows = [
        (
            code(run.name),
            code(_label(report.groups, run)),
            "" if run.seed is None else str(run.seed),
            run.status,
            "" if run.step is None or run.steps is None else f"{run.step:,}/{run.steps:,}",
            number(run.seconds),
            number(run.images_per_second),
            str(len(run.alarms) or ""),
        )
        for run in report.runs
    ]
    return table(headings, rows)


def _label(groups: Sequence[Group], run: RunInfo) -> str:
    return "" if run.group is None else groups[run.group].label


def _alarms(runs: Iterable[RunInfo]) -> str:
    rows = [
        (code(run.name), code(alarm.name), f"{alarm.step:,}", plain(alarm.words))
        for run in runs
        for alarm in run.alarms
    ]
    return table(("run", "alarm", "step", "what was seen"), rows) if rows else ""


def _failed(runs: Sequence[RunInfo]) -> str:
    rows = [
        (
            code(run.name),
            run.status,
            "" if run.step is None else f"{run.step:,}",
            plain(run.reason or "not known"),
            code(str(run.log or "")),
        )
        for run in runs
    ]
    if not rows:
        return ""
    resumes = [run.resume_command for run in runs if run.resume_command]
    text = table(("run", "status", "step", "reason", "output"), rows)
    return text + (f"\n\nGo on with them:\n\n{fenced(resumes)}" if resumes else "")


def _commands(report: Report) -> str:
    lines = [line for run in report.runs if run.command for line in (f"# {run.name}", run.command)]
    return f"Each run again:\n\n{fenced(lines)}" if lines else ""

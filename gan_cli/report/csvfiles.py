"""The report as tables for other programs: a line a run, a line a configuration and metric, a line a test."""

import csv
import io
from collections.abc import Iterable, Sequence

from gan_cli.report.markup import printable
from gan_cli.report.model import Report

RUNS = ("run", "status", "configuration", "seed", "step", "steps", "seconds", "images_per_second", "alarms", "reason")
SUMMARIES = ("metric", "configuration", "runs", "mean", "std", "low", "high", "better", "best", "note")
TESTS = ("metric", "a", "b", "difference", "low", "high", "t", "df", "p", "p_holm", "verdict", "runs_needed", "test")
HEADS = tuple(",".join(heads) for heads in (RUNS, SUMMARIES, TESTS))  # how each of the files begins


def runs(report: Report) -> str:
    """A line for each run: how it went, the settings that differ, every figure that was logged, its command."""
    tags = [metric.tag for metric in report.metrics]
    heads = (*RUNS, *report.differing, *tags, "command", "directory")
    lines = []
    for run in report.runs:
        group = None if run.group is None else report.groups[run.group]
        lines.append(
            [
                *(run.name, run.status, group.label if group else None, run.seed, run.step, run.steps),
                *(run.seconds, run.images_per_second, " ".join(alarm.name for alarm in run.alarms), run.reason),
                *(group.differing.get(key) if group else None for key in report.differing),
                *(run.values.get(tag) for tag in tags),
                *(run.command, run.path),
            ]
        )
    return _written(heads, lines)


def summaries(report: Report) -> str:
    """A line for each chosen metric of each configuration."""
    better = {metric.tag: metric.better for metric in report.metrics}
    lines = [
        [
            *(line.metric, report.groups[line.group].label, line.n, line.mean, line.std, line.low, line.high),
            *(better.get(line.metric), "yes" if line.best else "", line.note),
        ]
        for line in report.summaries
    ]
    return _written(SUMMARIES, lines)


def tests(report: Report) -> str:
    """A line for each comparison."""
    lines = [
        [
            *(c.metric, report.groups[c.a].label, report.groups[c.b].label, c.difference, c.low, c.high, c.t, c.df),
            *(c.p, c.p_holm, c.verdict, c.runs_needed, c.test),
        ]
        for c in report.comparisons
    ]
    return _written(TESTS, lines)


def _written(heads: Sequence[str], lines: Iterable[Sequence[object]]) -> str:
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(map(_cell, heads))
    writer.writerows(map(_cell, line) for line in lines)
    return text.getvalue()


def _cell(value: object) -> str:
    """A number in full; text in one line that no spreadsheet takes for a formula.

    >>> _cell(0.1), _cell(None), _cell("=1+1"), _cell("-0.5"), _cell("gan-train a=1")
    ('0.1', '', "'=1+1", '-0.5', 'gan-train a=1')
    """
    if value is None:
        return ""
    if isinstance(value, int | float):
        return repr(value)
    text = printable(value).replace("\n", " ")
    return f"'{text}" if text.startswith(("=", "+", "-", "@")) and not _is_number(text) else text


def _is_number(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True

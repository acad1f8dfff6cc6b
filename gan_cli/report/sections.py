"""The sections of the page that are words and tables: each gives its HTML, or nothing where it has nothing to say."""

from collections.abc import Callable, Iterable, Sequence
from statistics import median

from gan_cli.report.markup import (
    Cell,
    badge,
    copied,
    count,
    duration,
    figure,
    number,
    swatch,
    table,
    text,
    word,
)
from gan_cli.report.model import Report, RunInfo
from gan_cli.report.verdict import one_seed

CARDS = 12  # failed runs that are told at length
NO_REASON = "It left no reason."


def section(name: str, title: str, content: str) -> str:
    if not content:
        return ""
    heading = f'<h2 id="{name}-title">{title}</h2>'
    return f'<section id="{name}" aria-labelledby="{name}-title">{heading}\n{content}</section>\n'


def paragraphs(lines: Iterable[str], kind: str = "note") -> str:
    return "".join(f'<p class="{kind}">{text(line)}</p>\n' for line in lines if line)


def label(report: Report, group: int | None) -> str:
    """A configuration's colour and name, as HTML."""
    if group is None:
        return '<span class="soft">unknown</span>'
    words = report.groups[group].label or "all runs"
    marked = swatch(group) + text(words)
    return f'<span class="short">{marked}</span>' if len(words) <= 40 else marked


def differences(report: Report) -> str:
    if report.same or not report.differing:
        seed = "and the same seed." if one_seed(report) else "What differs is the seed, which is noise alone."
        words = f"No difference: every run has the same configuration{' ' if one_seed(report) else '. '}{seed}"
        return paragraphs([words if len(report.runs) > 1 else "There is one run alone: nothing to compare it with."])
    heads = ["Configuration", *report.differing, "Runs"]
    rows = [
        [
            Cell(label(report, place)),
            *(_setting(group.differing.get(key, "–")) for key in report.differing),
            figure(len(group.runs)),
        ]
        for place, group in enumerate(report.groups)
    ]
    some = len(report.differing)
    words = f"{count(some, 'setting')} differ{'s' if some == 1 else ''}; all others are the same in every run."
    return paragraphs([words], "soft") + table("settings", "What differs between the configurations", heads, {"": rows})


def _setting(value: str) -> Cell:
    try:
        return Cell(text(value), float(value), numeric=True)
    except ValueError:
        return word(value)


def alarms(report: Report) -> str:
    rows = [
        [
            Cell(badge("alarm", alarm.name)),
            figure(alarm.step),
            word(run.name),
            Cell(label(report, run.group)),
            word(alarm.words),
        ]
        for run in report.runs
        for alarm in run.alarms
    ]
    if not rows:
        return paragraphs(["No alarm was raised in any run."], "soft")
    loud = sum(bool(run.alarms) for run in report.runs)
    words = f"{count(len(rows), 'alarm')} in {loud} of {count(len(report.runs), 'run')}."
    heads = ["Alarm", "Step", "Run", "Configuration", "What was seen"]
    return paragraphs([words], "soft") + table("alarm-table", "Alarms", heads, {"": rows})


def runs(report: Report) -> str:
    """Every run, with its time, its speed, and the command that makes it again."""
    rows = [
        [
            word(run.name),
            Cell(label(report, run.group)),
            figure(run.seed, "–" if run.seed is None else str(run.seed)),
            Cell(badge(run.status)),
            figure(run.step, progress(run)),
            figure(run.seconds, duration(run.seconds)),
            figure(run.images_per_second),
            figure(len(run.alarms)),
            Cell(copied(run.command)),
        ]
        for run in report.runs
    ]
    heads = ["Run", "Configuration", "Seed", "Status", "Steps", "Time", "Images/s", "Alarms", "Command"]
    return _speed(report) + table("run-table", "All runs", heads, {"": rows})


def _speed(report: Report) -> str:
    """How long and how fast, all together and each configuration."""
    spent = sum(run.seconds or 0 for run in report.runs)
    words = paragraphs([f"{duration(spent)} of training in all."], "soft")
    rows = [
        [
            Cell(label(report, place)),
            figure(len(group.runs)),
            figure(sum(run.status == "finished" for run in group.runs)),
            figure(*_typical([run.seconds for run in group.runs], duration)),
            figure(*_typical([run.images_per_second for run in group.runs], number)),
            figure(sum(len(run.alarms) for run in group.runs)),
        ]
        for place, group in enumerate(report.groups)
    ]
    heads = ["Configuration", "Runs", "Finished", "Time, median", "Images/s, median", "Alarms"]
    return words + table("speed-table", "Time of each configuration", heads, {"": rows}) + "<h3>Each run</h3>\n"


def _typical(values: Iterable[float | None], told: Callable[[float], str]) -> tuple[float | None, str]:
    """The median of what is known, and how it is written."""
    known = [value for value in values if value is not None]
    if not known:
        return None, "–"
    middle = median(known)
    return middle, told(middle)


def progress(run: RunInfo) -> str:
    if run.step is None:
        return "–"
    return f"{run.step:,}" + (f" / {run.steps:,}" if run.steps else "")


def failed(report: Report) -> str:
    """Each run that did not come to its end: why, and how to go on with it. A few are cards, many a table."""
    if len(report.failed) <= CARDS:
        return (
            f'<div class="cards">{"".join(_card(report, run) for run in report.failed)}</div>\n'
            if report.failed
            else ""
        )
    rows = [
        [
            word(run.name),
            Cell(badge(run.status)),
            Cell(label(report, run.group)),
            figure(run.step, progress(run)),
            word(run.reason or NO_REASON),
            Cell(copied(run.resume_command or run.command)),
        ]
        for run in report.failed
    ]
    heads = ["Run", "Status", "Configuration", "Steps", "Reason", "How to go on"]
    return table("failed-table", "Runs that did not finish", heads, {"": rows})


def _card(report: Report, run: RunInfo) -> str:
    log = f'<p class="soft">What it printed: <code>{text(run.log)}</code></p>' if run.log else ""
    again = run.resume_command or run.command
    return (
        f'<article class="card"><h3>{badge(run.status)} {text(run.name)}</h3>'
        f'<p class="soft">{label(report, run.group)}, step {progress(run)}</p>'
        f"<pre>{text(run.reason or NO_REASON)}</pre>{log}{copied(again) if again else ''}</article>\n"
    )


def facts(pairs: Sequence[tuple[str, str]]) -> str:
    return (
        '<dl class="facts">'
        + "".join(f"<div><dt>{text(name)}</dt><dd>{text(value)}</dd></div>" for name, value in pairs)
        + "</dl>"
    )

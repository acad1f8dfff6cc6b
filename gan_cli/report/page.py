"""The report as one HTML file: it opens from disk, asks no server for anything, and runs no script but its own."""

import base64
import hashlib
from collections import Counter
from pathlib import Path
from typing import Any

from gan_cli.report import charts, controls, grids, results, sections
from gan_cli.report.markup import copied, embed, printable, text
from gan_cli.report.model import Report, RunInfo
from gan_cli.report.sections import facts, paragraphs, section
from gan_cli.report.verdict import findings

HERE = Path(__file__).parent
AT_ONCE = 3  # answers that are seen beside the first


def html(report: Report, budget: int = grids.BUDGET) -> str:
    """The whole page.

    Args:
        budget: characters that its pictures may take.
    """
    from plotly.offline import get_plotlyjs

    own = (HERE / "page.js").read_text(encoding="utf-8")
    css = (HERE / "page.css").read_text(encoding="utf-8")
    plotly = get_plotlyjs().replace("</script", "<\\/script")
    pictures = grids.pictures(report, budget)
    found = _sections(report, pictures)
    return (
        '<!DOCTYPE html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
        '<meta name="generator" content="gan-report">\n'  # by which an older report is known, and replaced
        f'<meta http-equiv="Content-Security-Policy" content="{policy(controls.THEME, plotly, own)}">\n'
        '<meta name="viewport" content="width=device-width, initial-scale=1">\n'
        f"<title>{text(report.title)}</title>\n<style>{css}</style>\n{controls.NO_SCRIPT}"
        f"<script>{controls.THEME}</script>\n</head>\n<body>\n"
        f"{_header(report)}{_navigation(found)}<main>\n{found}</main>\n{_footer(report)}"
        f"{_data(report, pictures)}<script>{plotly}</script>\n<script>{own}</script>\n</body>\n</html>\n"
    )


def policy(*scripts: str) -> str:
    """Nothing is loaded from anywhere, and of scripts only these run: text that slipped through as one would not."""
    hashes = (base64.b64encode(hashlib.sha256(script.encode()).digest()).decode() for script in scripts)
    allowed = " ".join(f"'sha256-{value}'" for value in hashes)
    return (
        f"default-src 'none'; script-src {allowed}; style-src 'unsafe-inline'; img-src data: blob:; "
        "base-uri 'none'; form-action 'none'"
    )


def _header(report: Report) -> str:
    status = Counter(run.status for run in report.runs)
    first, *others = findings(report)
    more = _list(others[:AT_ONCE])
    if len(others) > AT_ONCE:
        rest = len(others) - AT_ONCE
        more += f"<details><summary>and {rest} more</summary>{_list(others[AT_ONCE:])}</details>"
    pairs = [
        ("runs", f"{len(report.runs):,}"),
        ("configurations", f"{len(report.groups):,}"),
        *((kind, f"{n:,}") for kind, n in status.most_common()),
        ("runs with an alarm", f"{sum(bool(run.alarms) for run in report.runs):,}"),
    ]
    return (
        f'<header><div><p class="eyebrow">gan-report · {text(report.created[:16].replace("T", " "))}</p>'
        f"<h1>{text(report.title)}</h1>"
        f'<p class="lede">{text(first)}</p>{more}{facts(pairs)}</div></header>\n'
    )


def _list(lines: list[str]) -> str:
    return f'<ul class="findings">{"".join(f"<li>{text(line)}</li>" for line in lines)}</ul>' if lines else ""


def _sections(report: Report, pictures: grids.Pictures) -> str:
    return (
        section("differences", "What differs", sections.differences(report))
        + section("results", "Results", _results(report))
        + section("curves", "Curves", controls.CURVES if charts.metrics(report) else "")
        + section("samples", "Samples", _samples(report, pictures))
        + section("alarms", "Alarms", sections.alarms(report))
        + section("failed", "Runs that did not finish", sections.failed(report))
        + section("runs", "Runs, time and commands", sections.runs(report))
        + section("notes", "How to read this", paragraphs([*report.notes, *report.method], "soft"))
    )


def _navigation(found: str) -> str:
    names = ["differences", "results", "curves", "samples", "alarms", "failed", "runs", "notes"]
    links = "".join(f'<a href="#{name}">{name.capitalize()}</a>' for name in names if f'<section id="{name}"' in found)
    return (
        f'<nav aria-label="Sections"><div>{links}'
        '<button type="button" id="theme" aria-label="Switch between light and dark">Dark</button></div></nav>\n'
    )


def _results(report: Report) -> str:
    table = results.summaries(report)
    if not table:
        return ""
    return controls.RESULTS + table + results.comparisons(report) + results.overview(report)


def _samples(report: Report, pictures: grids.Pictures) -> str:
    if not pictures.runs:
        return ""
    return controls.SAMPLES + paragraphs([report.same_z, pictures.note and f"In this file: {pictures.note}."])


def _footer(report: Report) -> str:
    return f"<footer><p>Made by</p>{copied(report.command)}</footer>\n"


def _data(report: Report, pictures: grids.Pictures) -> str:
    """What the page's script draws: each metric and each run's pictures apart, read when they are wanted."""
    curves, metrics = charts.curves(report), charts.metrics(report)
    content = {
        "metrics": metrics,
        "groups": [printable(group.label or "all runs") for group in report.groups],
        "runs": [_known(run) for run in report.runs],
        "summaries": charts.summaries(report),
        "steps": pictures.steps,
        "drawn": {str(place): sorted(steps) for place, steps in pictures.runs.items()},
        "real": pictures.real,
    }
    return (
        embed("report-data", content)
        + "".join(embed(f"curves-{i}", curves[metric["tag"]]) for i, metric in enumerate(metrics))
        + "".join(embed(f"grids-{place}", steps) for place, steps in pictures.runs.items())
    )


def _known(run: RunInfo) -> dict[str, Any]:
    """What the script shows of a run beside its curves and pictures."""
    words = {"name": run.name, "status": run.status, "z": run.z}
    return {key: value and printable(value) for key, value in words.items()} | {"group": run.group, "seed": run.seed}

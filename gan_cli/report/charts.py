"""The numbers behind the charts: each metric's curves as small as they can be drawn from, for plotly in the page."""

import math
from collections.abc import Sequence
from typing import Any

from gan_cli.charts import CHARTS
from gan_cli.report.markup import printable
from gan_cli.report.model import Report
from gan_cli.scores import FLOOR

NUMBERS = 700_000  # in all curves of the page: about 5 MB
MOST, LEAST = 400, 16  # points of a curve: a screen shows no more, and fewer are no curve
DIGITS = 4


def metrics(report: Report) -> list[dict[str, Any]]:
    """What the page lets one choose from. A floor is drawn into the chart of its figure."""
    tags = {metric.tag for metric in report.metrics}
    return [
        {"tag": printable(m.tag), "means": printable(m.means or title(m.tag)), "better": m.better, "chosen": m.chosen}
        for m in report.metrics
        if not (m.tag.endswith(FLOOR) and m.tag.removesuffix(FLOOR) in tags)
    ]


def title(tag: str) -> str:
    """What the custom charts of TensorBoard call a figure that has a chart to itself; empty for others.

    >>> title("eval/raw_fd"), title("loss/d")
    ('Fréchet distance of pixels', '')
    """
    for charts in CHARTS.values():
        for name, (_, patterns) in charts.items():
            if [p.strip("^$") for p in patterns] == [tag]:
                return name
    return ""


def curves(report: Report) -> dict[str, dict[str, Any]]:
    """For each metric its bands [group, steps, mean, low, high, n], the curves of single runs [run, steps, values], and
    what real data score.
    """
    bands = len(report.bands)
    singles = sum(len(run.curves) for run in report.runs)
    points = max(LEAST, min(MOST, NUMBERS // max(1, 4 * bands + 2 * singles)))
    found: dict[str, dict[str, Any]] = {m["tag"]: {"bands": [], "runs": [], "floor": None} for m in metrics(report)}
    floors: dict[str, list[float]] = {}
    one_ruler = len({group.against for group in report.groups}) < 2  # real data of two sets do not score the same
    for band in report.bands:
        tag = printable(band.metric)
        if tag in found:
            keep = thin(band.mean, points)
            rows = ([rounded(row[i]) for i in keep] for row in (band.mean, band.low, band.high))
            found[tag]["bands"].append([band.group, [band.steps[i] for i in keep], *rows, band.n])
        elif tag.removesuffix(FLOOR) in found and one_ruler:
            floors.setdefault(tag.removesuffix(FLOOR), []).extend(band.mean)
    for place, run in enumerate(report.runs):
        for tag, curve in run.curves.items():
            if (tag := printable(tag)) in found:
                keep = thin([value for _, value in curve], points)
                values = [rounded(curve[i][1]) for i in keep]
                found[tag]["runs"].append([place, [curve[i][0] for i in keep], values])
    for tag, known in floors.items():
        finite = [value for value in known if math.isfinite(value)]
        if finite:
            found[tag]["floor"] = rounded(sum(finite) / len(finite))
    return found


def summaries(report: Report) -> dict[str, list[Any]]:
    """For each chosen metric and configuration [group, mean, low, high, [[name of the run, value], ...]]."""
    found: dict[str, list[Any]] = {}
    for s in report.summaries:
        values = [[printable(name), rounded(value)] for name, value in s.values]
        row = [s.group, *(None if v is None else rounded(v) for v in (s.mean, s.low, s.high)), values]
        found.setdefault(printable(s.metric), []).append(row)
    return found


def thin(values: Sequence[float], points: int) -> list[int]:
    """Places of at most so many values: the first, the last, and the lowest and highest of each stretch between.

    >>> thin([0, 1, 9, 1, 1, 1, -9, 1, 0], 6)
    [0, 1, 2, 4, 6, 8]
    """
    if len(values) <= points:
        return list(range(len(values)))
    stretches = (points - 2) // 2
    kept = {0, len(values) - 1}
    for i in range(stretches):
        start, end = (1 + (len(values) - 2) * k // stretches for k in (i, i + 1))
        finite = [k for k in range(start, end) if math.isfinite(values[k])] or [start]
        kept |= {min(finite, key=values.__getitem__), max(finite, key=values.__getitem__)}
    return sorted(kept)


def rounded(value: float) -> float | None:
    """To the digits that the page shows; None, a gap, where it is not finite."""
    return float(f"{value:.{DIGITS}g}") if math.isfinite(value) else None

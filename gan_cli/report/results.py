"""The page's tables of results: means with intervals, whether they differ by more than noise, and all at a glance."""

from gan_cli.report.markup import Cell, badge, figure, number, spread, table, text, word
from gan_cli.report.model import Comparison, Report, Summary
from gan_cli.report.sections import label, paragraphs

PAIRS = 3000  # comparisons in the page: of 500 configurations there are 124,750 a metric


def summaries(report: Report) -> str:
    """Mean and interval of each configuration, a body for each metric."""
    against = {(c.metric, frozenset((c.a, c.b))): c for c in report.comparisons}
    best = {s.metric: s.group for s in report.summaries if s.best}
    bodies: dict[str, list[list[Cell]]] = {}
    for s in report.summaries:
        versus = against.get((s.metric, frozenset((s.group, best.get(s.metric, -1)))))
        bodies.setdefault(s.metric, []).append(
            [
                Cell(label(report, s.group)),
                figure(s.n),
                figure(s.mean, text(spread(s.mean, half(s)))),
                figure(s.low, "–" if s.low is None else f"{number(s.low)} to {number(s.high)}"),
                figure(s.std),
                Cell(_against(s, versus), None if versus is None else versus.p_holm),
                word(s.note),
            ]
        )
    heads = ["Configuration", "Runs", "Mean ± 95 %", "95 % interval", "SD of a run", "Against the best", "Note"]
    return table("summaries", "Mean and 95 % interval of each configuration", heads, bodies)


def half(s: Summary) -> float | None:
    """Half the 95 % interval of a mean."""
    return None if s.low is None or s.high is None else (s.high - s.low) / 2


def _against(s: Summary, versus: Comparison | None) -> str:
    if s.best:
        return badge("best")
    if versus is None:
        return "–"
    return badge(versus.verdict) + ("" if versus.p_holm is None else f" <small>p = {number(versus.p_holm, 2)}</small>")


def comparisons(report: Report) -> str:
    """Every pair that was compared, a body for each metric."""
    bodies: dict[str, list[list[Cell]]] = {}
    for c in report.comparisons[:PAIRS]:
        interval = "" if c.low is None else f" <small>({number(c.low)} to {number(c.high)})</small>"
        bodies.setdefault(c.metric, []).append(
            [
                Cell(label(report, c.a)),
                Cell(label(report, c.b)),
                figure(c.difference, number(c.difference) + interval),
                figure(c.p_holm, number(c.p_holm, 2)),
                Cell(badge(c.verdict)),
                figure(c.runs_needed, "–" if c.runs_needed is None else f"{c.runs_needed:,}"),
                word(c.words),
            ]
        )
    if not bodies:
        return ""
    heads = ["A", "B", "A − B (95 %)", "p, corrected", "Verdict", "Runs needed of each", "In words"]
    left = len(report.comparisons) - PAIRS
    more = [f"{left:,} more comparisons are in the CSV."] if left > 0 else []
    tests = " and ".join(sorted({c.test for c in report.comparisons}))
    return (
        "<h3>Is a difference more than seed noise?</h3>\n"
        + paragraphs([f"By {tests}."], "soft")
        + table("comparisons", "Comparisons of two configurations", heads, bodies)
        + paragraphs(more)
    )


def overview(report: Report) -> str:
    """All figures at a glance: a row for each configuration, a column for each metric."""
    chosen = list(dict.fromkeys(s.metric for s in report.summaries))
    if len(chosen) < 2:
        return ""
    by_place = {(s.group, s.metric): s for s in report.summaries}
    rows = [
        [Cell(label(report, place)), *(_glance(by_place.get((place, metric))) for metric in chosen)]
        for place in range(len(report.groups))
    ]
    heads = ["Configuration", *chosen]
    return "<h3>All figures at a glance</h3>\n" + table("overview", "All figures, mean ± 95 %", heads, {"": rows})


def _glance(s: Summary | None) -> Cell:
    if s is None:
        return figure(None)
    shown = text(spread(s.mean, half(s)))
    return figure(s.mean, f"<b>{shown}</b>" if s.best else shown)

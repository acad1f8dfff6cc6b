"""The answer, in words: which configuration is best in each metric, and whether that is more than seed noise."""

from gan_cli.report.markup import number, spread
from gan_cli.report.model import Comparison, Metric, Report, Summary

FEWER = {"smallest": "smaller is better", "largest": "larger is better"}


def findings(report: Report) -> list[str]:
    """One sentence for each chosen metric, the first metric's first; plain text."""
    if report.same:
        return [_same(report)]
    found = [_finding(report, metric) for metric in report.metrics if metric.chosen]
    return [sentence for sentence in found if sentence] or ["No run has logged a figure that could be compared."]


def _same(report: Report) -> str:
    n = len(report.runs)
    if n < 2:
        return "One run: there is nothing to compare it with."
    said = f"No difference: {'both' if n == 2 else f'all {n:,}'} runs have the same configuration"
    if one_seed(report):
        return f"{said} and the same seed."
    return f"{said}. What tells them apart is the seed: their spread is the noise that any comparison has to beat."


def one_seed(report: Report) -> bool:
    """Whether the runs differ in nothing at all."""
    return len({run.seed for run in report.runs}) == 1 and report.runs[0].seed is not None


def _finding(report: Report, metric: Metric) -> str:
    rows = [s for s in report.summaries if s.metric == metric.tag and s.mean is not None]
    best = next((s for s in rows if s.best), None)
    if not rows:
        return ""
    name = f"{metric.tag} ({FEWER[metric.better]})" if metric.better else metric.tag
    if best is None:
        lowest, highest = (pick(rows, key=lambda s: s.mean or 0) for pick in (min, max))
        if lowest is highest:
            return f"{name}: {_told(report, lowest)}, and no figure of another configuration."
        if lowest.mean == highest.mean and len(rows) > 1:
            return f"{name}: {number(lowest.mean)} in all configurations."
        apart = len({report.groups[s.group].against for s in rows}) > 1
        why = "; on different data, and so not compared" if apart else ""
        return f"{name}: from {_told(report, lowest)} to {_told(report, highest)}{why}."
    others = [c for c in report.comparisons if c.metric == metric.tag and best.group in (c.a, c.b)]
    # those with one run or with a figure that is not finite come behind it, whatever their means
    passed = any(_is_ahead(s, best, metric) for s in rows)
    among = " of those with two runs or more, all of them finite" if passed else ""
    lost = f" ({best.note})" if best.note else ""
    return f"{name}: {_told(report, best)}{lost} is the best{among}{_margin(report, best, others)}"


def _is_ahead(one: Summary, best: Summary, metric: Metric) -> bool:
    if one.mean is None or best.mean is None:
        return False
    return one.mean < best.mean if metric.better == "smallest" else one.mean > best.mean


def _told(report: Report, s: Summary) -> str:
    half = None if s.low is None or s.high is None else (s.high - s.low) / 2
    return f"{report.groups[s.group].label or 'all runs'} with {spread(s.mean, half)}"


def _margin(report: Report, best: Summary, others: list[Comparison]) -> str:
    """How sure that is."""
    if not others:
        return "; nothing to compare it with."
    sure = [c for c in others if c.verdict == "more than noise"]
    if len(others) == 1:
        c = others[0]
        rival = report.groups[c.b if c.a == best.group else c.a].label
        if sure:
            return f", by more than seed noise (over {rival}; p = {number(c.p_holm, 2)})."
        return f", but {_doubt(c)} (against {rival}).{_needed(c)}"
    if len(sure) == len(others):
        return f", by more than seed noise over each of the {len(others)} others."
    if sure:
        return f": by more than seed noise over {len(sure)} of the {len(others)} others."
    if all(c.verdict == "cannot tell" for c in others):
        return "; whether that is more than seed noise cannot be told."
    return f", but by more than seed noise over none of the {len(others)} others."


def _doubt(c: Comparison) -> str:
    if c.verdict == "cannot tell":
        return "whether that is more than seed noise cannot be told"
    return "not by more than seed noise" + ("" if c.p_holm is None else f", p = {number(c.p_holm, 2)}")


def _needed(c: Comparison) -> str:
    return f" It would take about {c.runs_needed:,} runs of each." if c.runs_needed else ""

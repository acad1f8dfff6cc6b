"""A comparison of two configurations, in a sentence or two."""

from collections.abc import Sequence

from gan_cli.report.model import Comparison, Group, Metric, Summary
from gan_cli.report.statistics import MOST

WELCH = "Welch's t-test"


def words(
    found: Comparison, groups: Sequence[Group], metric: Metric, line_a: Summary, line_b: Summary, made: int
) -> str:
    """What is to be said.

    Args:
        line_a, line_b: of both configurations.
        made: tests of this metric, which p was corrected for.
    """
    a, b = groups[found.a].label, groups[found.b].label
    if found.verdict == "no difference":
        values = {value for _, value in line_a.values}
        if len(values) == 1:
            return f"Every run of {a} and of {b} has {values.pop():.6g}: no difference."
        return f"{a} and {b} have the same figures, to the bit: what differs between them changes nothing here."
    if found.difference is None:
        missing = a if line_a.mean is None else b
        return f"Cannot tell: there is no finite figure of {missing}."
    said = _how_much(found.difference, a, b, metric.better)
    if found.verdict == "cannot tell":
        broken = [label for label, line in ((a, line_a), (b, line_b)) if line.n < len(line.values)]
        if broken:
            return f"{said} Cannot tell: not every run of {' and '.join(broken)} has a finite figure."
        alone = [label for label, line in ((a, line_a), (b, line_b)) if line.n < 2]
        return f"{said} Cannot tell: one run of {' and one of '.join(alone)} says nothing of its seed noise."
    corrected = f", corrected for {made:,} comparisons" if made > 1 else ""
    p = f"p = {found.p_holm:.2g}{corrected}; {found.test}"
    if found.verdict == "more than noise":
        return f"{said} That is more than seed noise ({p})."
    runs = f"{line_a.n}" if line_a.n == line_b.n else f"{line_a.n} and {line_b.n}"
    text = f"{said} That is not more than seed noise with {runs} runs each ({p})."
    if line_a.n != line_b.n:
        text = text.replace(" runs each", " runs")
    if found.runs_needed is not None:
        return f"{text} To see a difference of this size in 8 of 10 times takes about {found.runs_needed:,} runs each."
    if found.test == WELCH and found.difference:
        return f"{text} To see a difference of this size takes more than {MOST:,} runs each."
    return text


def _how_much(difference: float, a: str, b: str, better: str | None) -> str:
    if difference == 0:
        return f"{a} and {b} have the same mean."
    told = "above" if difference > 0 else "below"
    side = ""
    if better is not None:
        side = f", {'better' if (difference < 0) == (better == 'smallest') else 'worse'}"
    return f"{a} is {abs(difference):.3g} {told} {b}{side}."

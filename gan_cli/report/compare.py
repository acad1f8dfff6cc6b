"""The tables of a report: each metric of each configuration over its seeds, and what sets configurations apart."""

import math
from collections.abc import Iterator, Sequence

import numpy as np

from gan_cli.report.model import Comparison, Group, Metric, RunInfo, Summary, Verdict
from gan_cli.report.statistics import LEVEL, MOST, Sample, holm, runs_needed, welch

ALL_PAIRS = 6  # configurations; of more than these each is held against the best alone
WELCH, DEALT = "Welch's t-test", "exact permutation test"


def counted(group: Group, tag: str, unfinished: bool) -> list[tuple[RunInfo, float]]:
    """The runs of a configuration that speak for it, one a seed: two of one seed are one draw, told twice."""
    found: dict[object, tuple[RunInfo, float]] = {}
    for run in group.runs:
        if tag in run.values and (run.status == "finished" or (unfinished and run.status != "unreadable")):
            found.setdefault(run.name if run.seed is None else run.seed, (run, run.values[tag]))
    return [*found.values()]


def summaries(groups: Sequence[Group], metric: Metric, unfinished: bool = False) -> list[Summary]:
    """A line for each configuration.

    Args:
        unfinished: count runs that did not come to their end.
    """
    found = []
    for place, group in enumerate(groups):
        runs = counted(group, metric.tag, unfinished)
        finite = [value for _, value in runs if math.isfinite(value)]
        sample = Sample.of(finite)
        low, high = sample.interval() or (None, None)
        found.append(
            Summary(
                metric.tag,
                place,
                sample.n,
                sample.mean if sample.n else None,
                sample.std if sample.n > 1 else None,
                low,
                high,
                [(run.name, value) for run, value in runs],
                _note(group, [run for run, _ in runs], len(runs) - len(finite)),
            )
        )
    ranked = _ranked(found, metric)
    if len(ranked) > 1 and found[ranked[0]].mean != found[ranked[1]].mean:
        found[ranked[0]].best = True
    return found


def _note(group: Group, runs: Sequence[RunInfo], broken: int) -> str:
    """What the figures leave out."""
    seeds = {run.seed for run in runs if run.seed is not None}
    again = [run for run in group.runs if run.seed in seeds and run not in runs and run.status == "finished"]
    ended = [run for run in group.runs if run.status not in ("finished", "running", "waiting") and run not in runs]
    under = [run for run in group.runs if run.status in ("running", "waiting") and run not in runs]
    said = [
        f"{broken} of {_count(len(runs), 'run')} without a finite figure" if broken else "",
        f"{len(ended)} of {len(group.runs)} did not finish" if ended else "",
        f"{len(under)} of {len(group.runs)} still to finish" if under else "",
        f"{_count(len(again), 'run')} of a seed that is there already, not counted" if again else "",
    ]
    return "; ".join(filter(None, said))


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def _ranked(lines: Sequence[Summary], metric: Metric) -> list[int]:
    """Places, the best mean first; one run alone, or one whose seeds are not all finite, comes behind all others."""
    if metric.better is None:
        return []
    sign = 1 if metric.better == "smallest" else -1
    told = [
        (line.n < len(line.values), line.n < 2, sign * line.mean, i)
        for i, line in enumerate(lines)
        if line.mean is not None
    ]
    return [place for *_, place in sorted(told)]


def comparisons(groups: Sequence[Group], metric: Metric, lines: Sequence[Summary]) -> list[Comparison]:
    """Tests between configurations: of all pairs where they are few, else of each with the best.

    Which one is the best is seen in the same figures that are tested, so that the correction is over all pairs however
    many are shown: otherwise luck that made it the best would count as evidence.

    Args:
        lines: as `summaries` gives them.
    """
    samples = [Sample.of([v for _, v in line.values if math.isfinite(v)]) for line in lines]
    pairs = [(a, b) for a in range(len(groups)) for b in range(a + 1, len(groups))]
    if not pairs:
        return []
    tests = welch(samples, pairs)
    whole = np.array([line.n == len(line.values) and line.n > 1 for line in lines])
    usable = np.array([whole[a] and whole[b] for a, b in pairs])
    p = np.where(usable, tests.p, np.nan)
    corrected, made = holm(p), int(np.isfinite(p).sum())
    found = []
    for place, (a, b) in _shown(pairs, _ranked(lines, metric)):
        level = LEVEL / max(made, 1)
        number = {
            name: _plain(getattr(tests, name)[place]) for name in ("difference", "low", "high", "t", "df")
        }  # of a difference without a test there is no interval either
        test = DEALT if usable[place] and number["t"] is None else WELCH
        verdict, needed = _verdict(lines[a], lines[b], _plain(corrected[place]), number["difference"], samples, level)
        found.append(
            Comparison(
                metric.tag,
                a,
                b,
                number["difference"],
                number["low"] if usable[place] and test == WELCH else None,
                number["high"] if usable[place] and test == WELCH else None,
                number["t"] if usable[place] else None,
                number["df"] if usable[place] else None,
                _plain(p[place]),
                _plain(corrected[place]),
                verdict,
                "",
                needed,
                test,
            )
        )
        found[-1].words = words(found[-1], groups, metric, lines, made)
    return found


def _shown(pairs: Sequence[tuple[int, int]], ranked: Sequence[int]) -> Iterator[tuple[int, tuple[int, int]]]:
    """Places of pairs, and these: of few configurations all, else those with the best, or with the first."""
    if len(pairs) <= ALL_PAIRS * (ALL_PAIRS - 1) // 2:
        yield from enumerate(pairs)
        return
    held = ranked[0] if ranked else 0
    yield from ((place, pair) for place, pair in enumerate(pairs) if held in pair)


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _equal(a: Summary, b: Summary) -> bool:
    """Whether both have the same figures to the bit."""
    return sorted(value for _, value in a.values) == sorted(value for _, value in b.values) and len(a.values) > 0


def _verdict(
    a: Summary, b: Summary, p: float | None, difference: float | None, samples: Sequence[Sample], level: float
) -> tuple[Verdict, int | None]:
    if _equal(a, b):
        return "no difference", None
    if p is None:
        return "cannot tell", None
    if p < LEVEL:
        return "more than noise", None
    assert difference is not None
    return "not more than noise", runs_needed(difference, samples[a.group].std, samples[b.group].std, level)


def words(found: Comparison, groups: Sequence[Group], metric: Metric, lines: Sequence[Summary], made: int = 1) -> str:
    """A comparison in a sentence or two."""
    a, b = groups[found.a].label, groups[found.b].label
    line_a, line_b = lines[found.a], lines[found.b]
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

"""The tables of a report: each metric of each configuration over its seeds, and what sets configurations apart."""

import itertools
import math
from collections.abc import Sequence

import numpy as np

from gan_cli.report.markup import count
from gan_cli.report.model import Comparison, Group, Metric, RunInfo, Summary, Verdict
from gan_cli.report.statistics import LEVEL, Sample, holm, runs_needed, welch
from gan_cli.report.words import WELCH, words

ALL_PAIRS = 6  # configurations; of more pairs than these have, only those with the best are shown
DEALT = "exact permutation test"


def counted(group: Group, tag: str, unfinished: bool) -> list[tuple[RunInfo, float]]:
    """The runs of a configuration that speak for it, one a seed: two of one seed are one draw, told twice. Of these the
    one that finished speaks, and else the one that came farthest.
    """
    found: dict[object, tuple[RunInfo, float]] = {}
    for run in sorted(group.runs, key=lambda run: (run.status != "finished", -(run.step or 0))):
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
    if (
        len({group.against for group in groups}) == 1
        and len(ranked) > 1
        and found[ranked[0]].mean != found[ranked[1]].mean
    ):
        found[ranked[0]].best = True
    return found


def _note(group: Group, runs: Sequence[RunInfo], broken: int) -> str:
    """What the figures leave out."""
    seeds = {run.seed for run in runs if run.seed is not None}
    again = [run for run in group.runs if run.seed in seeds and run not in runs and run.status == "finished"]
    ended = [run for run in group.runs if run.status not in ("finished", "running", "waiting") and run not in runs]
    under = [run for run in group.runs if run.status in ("running", "waiting") and run not in runs]
    said = [
        f"{broken} of {count(len(runs), 'run')} without a finite figure" if broken else "",
        f"{len(ended)} of {len(group.runs)} did not finish" if ended else "",
        f"{len(under)} of {len(group.runs)} still to finish" if under else "",
        f"{count(len(again), 'run')} of a seed that is there already, not counted" if again else "",
    ]
    return "; ".join(filter(None, said))


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
    samples = [Sample.of([value for _, value in line.values if math.isfinite(value)]) for line in lines]
    every = itertools.combinations(range(len(groups)), 2)
    pairs = [(a, b) for a, b in every if groups[a].against == groups[b].against]
    tests = welch(samples, pairs)
    whole = [line.n == len(line.values) and line.n > 1 for line in lines]
    p = np.array([tests.p[i] if whole[a] and whole[b] else np.nan for i, (a, b) in enumerate(pairs)])
    corrected, made = holm(p), int(np.isfinite(p).sum())
    found = []
    for i in _shown(pairs, groups, _ranked(lines, metric)):
        one, other = (lines[place] for place in pairs[i])
        tested, difference = bool(np.isfinite(p[i])), _plain(tests.difference[i])
        low, high, t, df, raw, p_holm = (
            _plain(figures[i]) if tested else None
            for figures in (tests.low, tests.high, tests.t, tests.df, p, corrected)
        )
        verdict, test = _verdict(one, other, p_holm), DEALT if tested and t is None else WELCH
        a, b = pairs[i]
        compared = Comparison(metric.tag, a, b, difference, low, high, t, df, raw, p_holm, verdict, "", test=test)
        if verdict == "not more than noise" and difference:
            compared.runs_needed = runs_needed(difference, samples[a].std, samples[b].std, LEVEL / made)
        compared.words = words(compared, groups, metric, one, other, made)
        found.append(compared)
    return found


def _shown(pairs: Sequence[tuple[int, int]], groups: Sequence[Group], ranked: Sequence[int]) -> list[int]:
    """Places of pairs: of few all, else those with the best configuration that can be compared, or with the first."""
    if len(pairs) <= ALL_PAIRS * (ALL_PAIRS - 1) // 2:
        return [*range(len(pairs))]
    held: dict[str, int] = {}
    for place in (*ranked, *range(len(groups))):
        held.setdefault(groups[place].against, place)
    return [i for i, pair in enumerate(pairs) if not {*held.values()}.isdisjoint(pair)]


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None


def _equal(a: Summary, b: Summary) -> bool:
    """Whether both have the same figures to the bit."""
    return sorted(value for _, value in a.values) == sorted(value for _, value in b.values) and len(a.values) > 0


def _verdict(a: Summary, b: Summary, p: float | None) -> Verdict:
    if _equal(a, b):
        return "no difference"
    if p is None:
        return "cannot tell"
    return "more than noise" if p < LEVEL else "not more than noise"

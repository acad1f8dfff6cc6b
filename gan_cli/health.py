"""Alarms over the logged figures: what a run that goes wrong looks like, each said once. Reasons: docs/theory.md.

A pure function of the rows of `metrics.jsonl`, which is cut back on resume: read again, they give the same alarms.
"""

import math
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean
from typing import Any

from gan_cli.alarms import Alarm, alarm
from gan_cli.history import History, swings
from gan_cli.reading import read_rows

DRAWN = 10  # first steps, whose weights are as they were drawn: not clipped yet, say
FADING = 0.7  # of the first half of the swings: the second half is narrower
IGNORES_Z = 0.01  # samples/distance below which z makes no difference
IN_MODES = 0.1  # samples/quality from which it means something how many modes there are
WATCHED = frozenset(
    {
        *("samples/energy", "samples/distance", "samples/nearest"),
        *("samples/modes", "samples/quality", "samples/classes"),
        *("theory/ranking", "theory/ranking_low", "theory/ranking_high", "theory/accuracy"),
        *("theory/g_pull", "theory/g_slope", "logit/real", "logit/fake"),
    }
)


@dataclass(frozen=True)
class Thresholds:
    """When something counts as wrong. `conf/health/default.yaml` has the reason of each.

    Raises:
        ValueError: a value is out of range.
    """

    grace: int = 100
    rows: int = 10
    evaluations: int = 3
    span: int = 500
    patience: int = 3
    unlike: float = 0.05
    better: float = 0.1
    sure: float = 0.99
    pull: float = 0.1
    gone: float = 0.01
    distance: float = 0.5
    nearest: float = 0.1
    modes: float = 0.5
    worse: float = 2.0
    swing_rows: int = 200
    swings: int = 7
    amplitude: float = 0.2

    def __post_init__(self) -> None:
        for name in ("rows", "evaluations", "swing_rows", "swings"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} must be at least 2, got {getattr(self, name)}")
        for name, least in (("grace", 0), ("span", 0), ("patience", 1)):
            if getattr(self, name) < least:
                raise ValueError(f"{name} must be at least {least}, got {getattr(self, name)}")
        for name in ("unlike", "better", "sure", "pull", "gone", "distance", "nearest", "modes", "amplitude"):
            if not 0 <= getattr(self, name) <= 1:
                raise ValueError(f"{name} must be in [0, 1], got {getattr(self, name)}")
        if self.worse <= 1:
            raise ValueError(f"worse must be more than 1, got {self.worse}")


class Health:
    """Watches the figures of one run.

    Args:
        thresholds: when something counts as wrong.
        settings: of the run, by their dotted keys: an alarm proposes overrides that differ from them.
        modes: of the real data, where they are known.
        classes: of the real data, their effective number; None without labels.
    """

    def __init__(
        self,
        thresholds: Thresholds | None = None,
        settings: Mapping[str, Any] | None = None,
        modes: int | None = None,
        classes: float | None = None,
    ) -> None:
        self.thresholds, self.settings = thresholds or Thresholds(), settings or {}
        self.modes, self.classes = modes, classes
        self.raised: dict[str, Alarm] = {}
        self._history = History()
        self._widest = 0.0  # D(x) - D(G(z)) so far, in either direction
        self._judges: dict[str, Callable[[], str | None]] = {
            "mode_collapse": self._mode_collapse,
            "vanishing_gradient": self._vanishing_gradient,
            "d_too_strong": self._d_too_strong,
            "d_too_weak": self._d_too_weak,
            "oscillating": self._oscillating,
            "metric_regressing": self._metric_regressing,
        }

    def anew(self) -> "Health":
        """A watcher of the same run that has seen nothing yet."""
        return Health(self.thresholds, self.settings, self.modes, self.classes)

    def watch(self, step: int, figures: Mapping[str, Any]) -> list[Alarm]:
        """Take in one row of figures.

        Returns:
            The alarms that it raises; each comes once a run.
        """
        new = {key: float(v) for key, v in figures.items() if key in WATCHED and _is_finite(v)}
        if {"theory/ranking", "theory/ranking_low", "theory/ranking_high"} <= new.keys():
            new["tells"] = float(new["theory/ranking"] > new["theory/ranking_high"])
            if {"logit/real", "logit/fake"} <= new.keys():
                new["lead"] = lead(new)
                self._widest = max(self._widest, abs(new["lead"]) if step >= DRAWN else 0.0)
        if step < self.thresholds.grace:
            return []
        self._history.add(step, new)
        found = []
        for name, judge in self._judges.items():
            evidence = None if name in self.raised else judge()
            if evidence:
                found.append(self._raise(name, step, evidence))
        return found

    def replay(self, metrics: Path) -> None:
        """Take in the rows of a run that is resumed.

        Raises:
            RunError: the file is damaged.
        """
        for row in read_rows(metrics):
            self.watch(row.pop("step"), row)

    def not_finite(self, step: int, evidence: str) -> Alarm:
        """The alarm of a run that has ended with a loss or gradient that is not finite."""
        return self._raise("not_finite", step, evidence)

    def _raise(self, name: str, step: int, evidence: str) -> Alarm:
        self.raised[name] = alarm(name, step, evidence, self.settings)
        return self.raised[name]

    # What each alarm means: its evidence, or None.

    def _mode_collapse(self) -> str | None:
        """Samples are much more alike than real data, for a while, and are not becoming less so.

        The samples of a G that has learned nothing yet are alike too: one that never was varied has longer, and where D
        is sure of all samples it is D that keeps G from learning. That z makes no difference at all is seen at once.
        """
        t, past = self.thresholds, self._history
        spread = past.last("samples/distance", t.evaluations)
        deaf = bool(spread) and max(spread) < IGNORES_Z
        if not deaf and self._sure(past.newest("theory/ranking", t.rows)):
            return None
        in_modes = all(q >= IN_MODES for q in past.newest("samples/quality", t.evaluations))  # else modes say nothing
        for key, least, unit in (
            ("samples/distance", t.distance, " of real data's"),
            ("samples/nearest", t.nearest, " of real data's"),
            ("samples/modes", t.modes * (self.modes or 0) * in_modes, f" of {self.modes}"),
            ("samples/classes", t.modes * (self.classes or 0), f" of {self.classes or 0:.1f}"),
        ):
            times = 0 if deaf else 1 if past.ever(key, least) else t.patience
            found = past.last(key, t.evaluations * max(times, 1), t.span * times)
            if found and max(found) < least and found[-1] <= (1 + t.better) * found[0]:
                return f"{past.evidence(key, len(found), unit)}; the alarm is for less than {least:.3g}"
        return None

    def _vanishing_gradient(self) -> str | None:
        """D tells samples apart, and next to nothing of it arrives at G."""
        t, past, better = self.thresholds, self._history, self._better_than_luck()
        if sum(better) <= len(better) / 2 or not self._stuck():
            return None
        pull, slope = (past.median(f"theory/{name}", t.rows, t.span) for name in ("g_pull", "g_slope"))
        if pull is not None and pull < t.pull:
            return f"{past.evidence('theory/g_pull', len(better))}; {self._unlike()}"
        best = past.best("theory/g_slope", t.rows)
        if slope is not None and best is not None and slope < t.gone * best:
            return f"{past.evidence('theory/g_slope', len(better))}, after {best:.3g}; {self._unlike()}"
        return None

    def _d_too_strong(self) -> str | None:
        """D has been sure for long, and the samples stay as unlike the data as they were."""
        t, past = self.thresholds, self._history
        ranking, pull = past.last("theory/ranking", t.rows, t.span), past.median("theory/g_pull", t.rows, t.span)
        if not self._sure(ranking) or not self._stuck():
            return None
        if "vanishing_gradient" in self.raised or (pull is not None and pull < 3 * t.pull):
            return None  # that one has the cause, or is about to show
        return f"{past.evidence('theory/ranking', len(ranking))}; {self._unlike()}"

    def _d_too_weak(self) -> str | None:
        """D cannot tell samples from data that anybody could tell apart."""
        better = self._better_than_luck()
        if not better or not mostly(not tells for tells in better) or not self._stuck():
            return None
        return f"{self._history.evidence('theory/ranking', len(better))}; {self._unlike()}"

    def _oscillating(self) -> str | None:
        """D's lead, the mean score of real samples over that of fakes, swings from one side of 0 to the other."""
        t, past = self.thresholds, self._history
        energy = past.median("samples/energy", t.evaluations)
        if energy is not None and energy < t.unlike:  # the average of G is where it should be
            return None
        peaks = swings(past.newest("lead", t.swing_rows), t.amplitude * self._widest)[-t.swings :]
        before, after = peaks[: t.swings // 2], peaks[t.swings // 2 :]
        if len(peaks) < t.swings or mean(after) < FADING * mean(before):
            return None
        found = ", ".join(f"{peak:.2g}" for peak in peaks)
        return f"D(x) - D(G(z)) swung through 0 and reached {found} on either side; the widest was {self._widest:.2g}"

    def _metric_regressing(self) -> str | None:
        """Samples were much better for a while than they are now and have been for a while."""
        t, past = self.thresholds, self._history
        if "mode_collapse" in self.raised:  # it has an alarm of its own
            return None
        found = past.last("samples/energy", t.evaluations, t.span)
        best = past.best("samples/energy", t.evaluations, before=len(found), lowest=True)
        if found and best is not None and min(found) > max(t.worse * best, best + t.unlike):
            return f"{past.evidence('samples/energy', len(found))}, after {best:.3g}"
        found = past.last("samples/quality", t.evaluations, t.span)
        best = past.best("samples/quality", t.evaluations, before=len(found))
        if found and best is not None and best >= IN_MODES and max(found) < best / t.worse:
            return f"{past.evidence('samples/quality', len(found))}, after {best:.3g}"
        return None

    # What several of them ask.

    def _stuck(self) -> bool:
        """Whether the samples are visibly not the data, and not on their way there."""
        t, found = self.thresholds, self._energies()
        return bool(found) and min(found) >= t.unlike and found[-1] > (1 - t.better) * found[0]

    def _energies(self) -> list[float]:
        return self._history.last("samples/energy", self.thresholds.evaluations, self.thresholds.span)

    def _unlike(self) -> str:
        return self._history.evidence("samples/energy", len(self._energies()))

    def _sure(self, rankings: list[float]) -> bool:
        """Whether D has told nearly all samples from real data: no critic, which is wanted to be sure."""
        is_critic = not self._history.newest("theory/accuracy", 1)
        return not is_critic and len(rankings) > 1 and mostly(r >= self.thresholds.sure for r in rankings)

    def _better_than_luck(self) -> list[bool]:
        """In which of the last rows D could tell; empty where there are too few."""
        return [tells > 0 for tells in self._history.last("tells", self.thresholds.rows, self.thresholds.span)]


def mostly(said: Iterable[bool]) -> bool:
    """Whether four of five say so: one noisy row changes nothing, and by turns yes and no is neither.

    >>> mostly([True, True, False, True, True]), mostly([True, False, True, True])
    (True, False)
    """
    said = list(said)
    return sum(said) >= 0.8 * len(said)


def lead(row: Mapping[str, float]) -> float:
    """D(x) - D(G(z)), the mean over the batch, where D's ranking of held-out pairs says that it is no luck; else 0."""
    margin, ranking = row["logit/real"] - row["logit/fake"], row["theory/ranking"]
    ahead, behind = ranking > row["theory/ranking_high"], ranking < row["theory/ranking_low"]
    return margin if (ahead and margin > 0) or (behind and margin < 0) else 0.0


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

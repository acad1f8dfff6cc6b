"""Alarms over the logged figures: what a run that goes wrong looks like, each said once. Reasons: docs/theory.md.

A pure function of the rows of `metrics.jsonl`, which is cut back on resume: read again, they give the same alarms.
"""

import json
import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from statistics import mean, median
from typing import Any

from gan_cli.alarms import Alarm, alarm
from gan_cli.history import History, swings

FADING = 0.7  # of the first half of the swings: the second half is narrower
IGNORES_Z = 0.01  # samples/distance below which z makes no difference
IN_MODES = 0.1  # samples/quality from which it means something how many modes there are
WATCHED = frozenset(
    {
        *("samples/energy", "samples/distance", "samples/nearest"),
        *("samples/modes", "samples/quality", "samples/classes"),
        *("theory/accuracy", "theory/accuracy_high", "theory/g_pull", "theory/g_slope", "theory/critic_gap"),
        *("logit/real", "logit/fake"),
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
    swing_rows: int = 100
    swings: int = 7
    amplitude: float = 0.2

    def __post_init__(self) -> None:
        for name in ("rows", "evaluations", "swing_rows", "swings"):
            if getattr(self, name) < 2:
                raise ValueError(f"{name} must be at least 2, got {getattr(self, name)}")
        if self.grace < 0 or self.patience < 1:
            raise ValueError(f"grace must be at least 0 and patience 1, got {self.grace} and {self.patience}")
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
        self._widest = 0.0  # |D(x) - D(G(z))| so far
        self._judges: dict[str, Callable[[], str | None]] = {
            "mode_collapse": self._mode_collapse,
            "vanishing_gradient": self._vanishing_gradient,
            "d_too_strong": self._d_too_strong,
            "d_too_weak": self._d_too_weak,
            "oscillating": self._oscillating,
            "metric_regressing": self._metric_regressing,
        }

    def watch(self, step: int, figures: Mapping[str, Any]) -> list[Alarm]:
        """Take in one row of figures.

        Returns:
            The alarms that it raises; each comes once a run.
        """
        new = {key: float(v) for key, v in figures.items() if key in WATCHED and _is_finite(v)}
        if "theory/critic_gap" in new:
            new["margin"] = new["theory/critic_gap"]
        elif {"logit/real", "logit/fake"} <= new.keys():
            new["margin"] = new["logit/real"] - new["logit/fake"]
        self._widest = max(self._widest, abs(new.get("margin", 0.0)))
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
        """Take in the rows of a run that is resumed."""
        with metrics.open(encoding="utf-8") as file:
            for line in file:
                row = json.loads(line)
                self.watch(row.pop("step"), row)

    def not_finite(self, step: int, evidence: str) -> Alarm:
        """The alarm of a run that has ended with a loss or gradient that is not finite."""
        return self._raise("not_finite", step, evidence)

    def _raise(self, name: str, step: int, evidence: str) -> Alarm:
        self.raised[name] = alarm(name, step, evidence, self.settings)
        return self.raised[name]

    # What each alarm means: its evidence, or None.

    def _mode_collapse(self) -> str | None:
        """Samples are much more alike than real data, for a few evaluations, and are not becoming less so.

        The samples of a G that has learned nothing yet are alike too: one that never was varied has longer, and where D
        is sure of all samples it is D that keeps G from learning. That z makes no difference at all is seen at once.
        """
        t, past = self.thresholds, self._history
        spread = past.last("samples/distance", t.evaluations)
        deaf = bool(spread) and max(spread) < IGNORES_Z
        if not deaf and self._sure():
            return None
        in_modes = all(q >= IN_MODES for q in past.last("samples/quality", t.evaluations))  # else modes say nothing
        for key, least, unit in (
            ("samples/distance", t.distance, " of real data's"),
            ("samples/nearest", t.nearest, " of real data's"),
            ("samples/modes", t.modes * (self.modes or 0) * in_modes, f" of {self.modes}"),
            ("samples/classes", t.modes * (self.classes or 0), f" of {self.classes or 0:.1f}"),
        ):
            n = t.evaluations if deaf or past.ever(key, least) else t.evaluations * t.patience
            found = past.last(key, n)
            if found and max(found) < least and found[-1] <= (1 + t.better) * found[0]:
                return f"{past.evidence(key, t.evaluations, unit)}; the alarm is for less than {least:.3g}"
        return None

    def _vanishing_gradient(self) -> str | None:
        """D tells samples apart, and next to nothing of it arrives at G."""
        t, past = self.thresholds, self._history
        if not self._stuck() or sum(self._better_than_coin()) <= t.rows // 2:
            return None
        pull, slope = (past.median(f"theory/{name}", t.rows) for name in ("g_pull", "g_slope"))
        if pull is not None and pull < t.pull:
            return f"{past.evidence('theory/g_pull', t.rows)}; {self._unlike()}"
        best = past.best("theory/g_slope", t.rows)
        if slope is not None and best is not None and slope < t.gone * best:
            return f"{past.evidence('theory/g_slope', t.rows)}, after {best:.3g}; {self._unlike()}"
        return None

    def _d_too_strong(self) -> str | None:
        """D has been sure for long, and the samples stay as unlike the data as they were."""
        t, past = self.thresholds, self._history
        if not past.last("theory/accuracy", t.rows) or not self._sure() or not self._stuck():
            return None
        pull = past.median("theory/g_pull", t.rows)
        if "vanishing_gradient" in self.raised or (pull is not None and pull < 3 * t.pull):
            return None  # that one has the cause, or is about to show
        return f"{past.evidence('theory/accuracy', t.rows)}; {self._unlike()}"

    def _d_too_weak(self) -> str | None:
        """D cannot tell samples from data that anybody could tell apart."""
        n, better = self.thresholds.rows, self._better_than_coin()
        # Nearly all rows: by turns better and worse than a coin is another illness.
        if not better or sum(better) > n // 5 or not self._stuck():
            return None
        key = "theory/accuracy" if self._history.last("theory/accuracy", n) else "margin"
        return f"{self._history.evidence(key, n)}; {self._unlike()}"

    def _oscillating(self) -> str | None:
        """D's margin, the mean score of real samples over that of fakes, swings from one side of 0 to the other."""
        t, past = self.thresholds, self._history
        energy = past.median("samples/energy", t.evaluations)
        if energy is not None and energy < t.unlike:  # the average of G is where it should be
            return None
        margins = past.last("margin", t.swing_rows, at_least=t.swings)
        peaks = swings(margins, t.amplitude * self._widest)[-t.swings :]
        before, after = peaks[: t.swings // 2], peaks[t.swings // 2 :]
        if len(peaks) < t.swings or mean(after) < FADING * mean(before):
            return None
        found = ", ".join(f"{peak:.2g}" for peak in peaks)
        return f"D(x) - D(G(z)) swung through 0 and reached {found} on either side; the widest was {self._widest:.2g}"

    def _metric_regressing(self) -> str | None:
        """Samples were much better for a while than they are now and have been for a while."""
        t, past = self.thresholds, self._history
        n = t.evaluations
        if "mode_collapse" in self.raised:  # it has an alarm of its own
            return None
        energy, best = past.last("samples/energy", n), past.best("samples/energy", n, before=n, lowest=True)
        if energy and best is not None and min(energy) > max(t.worse * best, best + t.unlike):
            return f"{past.evidence('samples/energy', n)}, after {best:.3g}"
        quality, best = past.last("samples/quality", n), past.best("samples/quality", n, before=n)
        if quality and best is not None and best >= IN_MODES and max(quality) < best / t.worse:
            return f"{past.evidence('samples/quality', n)}, after {best:.3g}"
        return None

    # What several of them ask.

    def _stuck(self) -> bool:
        """Whether the samples are visibly not the data, and not on their way there."""
        found = self._history.last("samples/energy", self.thresholds.evaluations)
        if not found or min(found) < self.thresholds.unlike:
            return False
        return found[-1] > (1 - self.thresholds.better) * found[0]

    def _sure(self) -> bool:
        """Whether D has told nearly all samples from real data, in as many of the last rows as there are."""
        found = self._history.last("theory/accuracy", self.thresholds.rows, at_least=2)
        return bool(found) and median(found) >= self.thresholds.sure

    def _better_than_coin(self) -> list[bool]:
        """In which of the last rows D was better than a fair coin: a critic, in which it scored real samples higher.
        Empty where there are too few rows.
        """
        n, past = self.thresholds.rows, self._history
        accuracy, high = past.last("theory/accuracy", n), past.last("theory/accuracy_high", n)
        if accuracy and high:
            return [a > h for a, h in zip(accuracy, high, strict=True)]
        return [margin > 0 for margin in past.last("margin", n)]

    def _unlike(self) -> str:
        return self._history.evidence("samples/energy", self.thresholds.evaluations)


def _is_finite(value: object) -> bool:
    return isinstance(value, int | float) and math.isfinite(value)

"""Every figure of a run: its last value, its lowest and its highest, and when."""

import math
from dataclasses import dataclass
from typing import Any

from gan_cli.errors import RunError
from gan_cli.listing import METRICS, Entry
from gan_cli.scores import PREFIX, SCORES, tag


@dataclass(frozen=True)
class Extremes:
    """One figure, its values each with the step of it; of what was never finite, None."""

    last: tuple[float, int]
    lowest: tuple[float, int] | None
    highest: tuple[float, int] | None
    better: str

    def cells(self) -> list[str]:
        """For the screen."""
        cells = [_number(self.last[0])]
        for found in (self.lowest, self.highest):
            cells += ["", ""] if found is None else [_number(found[0]), f"{found[1]:,}"]
        return [*cells, self.better]

    def plain(self) -> dict[str, Any]:
        """As JSON has it; a number that is not finite is a word there."""
        pairs = {"last": self.last, "lowest": self.lowest, "highest": self.highest}
        return {
            name: None if pair is None else {"value": _plain(pair[0]), "step": pair[1]} for name, pair in pairs.items()
        } | {"better": self.better or None}


def extremes(entry: Entry) -> dict[str, Extremes]:
    """All figures of a run in the order of their first appearance; of a damaged log, those up to the damage."""
    from gan_cli.report.logs import read  # numpy comes with it

    try:
        logged = read((entry.place or entry.path) / METRICS)[0]
    except RunError:
        return {}
    found = {}
    for name, series in logged.items():
        pairs = [*zip(series.values, series.steps, strict=True)]
        finite = [pair for pair in pairs if math.isfinite(pair[0])]
        lowest = min(finite, key=lambda pair: pair[0], default=None)
        highest = max(finite, key=lambda pair: pair[0], default=None)
        found[name] = Extremes(pairs[-1], lowest, highest, _better(name))
    return found


def _better(name: str) -> str:
    score = SCORES.get(name.removeprefix(PREFIX)) if tag(name).startswith(PREFIX) else None
    return score.better if score else ""


def _number(value: float) -> str:
    return f"{value:.5g}"


def _plain(value: float) -> float | str:
    return value if math.isfinite(value) else str(value)

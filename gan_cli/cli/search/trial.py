"""One trial of a search."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal

from gan_cli.cli.search.space import Values

if TYPE_CHECKING:
    from optuna.trial import FrozenTrial

State = Literal["running", "complete", "pruned", "failed"]


@dataclass
class Trial:
    """One trial.

    Args:
        number: from 0.
        values: of each setting.
        state: "pruned": an alarm ended it; "failed": all else that did not come to its end.
        found: the metric of each of its runs that came to their ends.
        why: it is pruned or failed.
        seconds: of training, of all its runs.
    """

    number: int
    values: Values
    state: State = "running"
    found: list[float] = field(default_factory=list)
    why: str | None = None
    seconds: float | None = None

    @property
    def mean(self) -> float | None:
        """The value of the trial; None where it has none."""
        return sum(self.found) / len(self.found) if self.state == "complete" else None

    @property
    def spread(self) -> float | None:
        """The standard deviation over seeds; None of fewer than two."""
        mean, n = self.mean, len(self.found)
        return None if mean is None or n < 2 else math.sqrt(sum((x - mean) ** 2 for x in self.found) / (n - 1))


def from_optuna(trial: "FrozenTrial") -> Trial:
    """A trial as Optuna has it; what it notes for its users may be anything.

    Raises:
        ValueError, TypeError: what is noted here is none of ours.
    """
    states: Mapping[str, State] = {"COMPLETE": "complete", "PRUNED": "pruned", "FAIL": "failed"}
    told: Mapping[str, Any] = trial.user_attrs
    found, why, seconds = told.get("found"), told.get("why"), told.get("seconds")
    numbers = [float(x) for x in found] if isinstance(found, Sequence) and not isinstance(found, str) else []
    state = states.get(trial.state.name, "running")
    if state == "complete" and not numbers:
        numbers = [float(trial.value or 0.0)]
    if not all(map(math.isfinite, numbers)):
        raise ValueError(f"trial {trial.number} has a value that is no number")
    spent = float(seconds) if isinstance(seconds, int | float) else None
    return Trial(trial.number, dict(trial.params), state, numbers, None if why is None else str(why), spent)

"""The figures of a report: which there are, which are compared, and which value of a run stands for it."""

import fnmatch
import re
from collections.abc import Iterable, Mapping, Sequence

from gan_cli.charts import CHARTS
from gan_cli.check import did_you_mean
from gan_cli.errors import ConfigError
from gan_cli.report import logs
from gan_cli.report.logs import Series
from gan_cli.report.model import Better, Metric
from gan_cli.scores import FLOOR, PREFIX, SCORES, direction, tag

# Which value is better of the quick looks at samples that every run takes.
LOOKS: Mapping[str, Better] = {
    "samples/energy": "smallest",
    "samples/quality": "largest",
    "samples/modes": "largest",
    "samples/classes": "largest",
}
TESTED = 8  # metrics, where nobody says which
_EDGES = ("_low", "_high", FLOOR, "_at_equilibrium")  # of tags that are drawn beside others


def metrics(tags: Iterable[str], wanted: Sequence[str], best: bool) -> list[Metric]:
    """All that were logged, the chosen ones first.

    Args:
        wanted: tags, short names or patterns; none: what tells most.
        best: each run's best value stands for it.

    Raises:
        ConfigError: one is asked for that no run logged.
    """
    names = [*tags]
    chosen = _asked(names, wanted) if wanted else _telling(names)
    found = []
    for name in [*chosen, *(name for name in names if name not in chosen)]:
        better = _better(name)
        taken = "the best value of each run" if best and better else "the last value of each run"
        found.append(Metric(name, better, _means(name), taken, name in chosen))
    return found


def _better(name: str) -> Better | None:
    return direction(name) or LOOKS.get(name)


def _means(name: str) -> str:
    """What a figure is: in the words of the evaluation's list, or of TensorBoard's charts."""
    score = SCORES.get(name.removeprefix(PREFIX)) if name.startswith(PREFIX) else None
    if score:
        return f"{score.means}; {score.better} is better"
    charts = (chart for page in CHARTS.values() for chart in page.items())
    titles = (title for title, (_, tags) in charts if any(re.fullmatch(tag.strip("^$"), name) for tag in tags))
    return next(titles, "")


def _asked(names: Sequence[str], wanted: Sequence[str]) -> list[str]:
    found: dict[str, None] = {}
    for word in wanted:
        matching = fnmatch.filter(names, tag(word))
        if not matching:
            raise ConfigError(f"--metric: no run logged {word!r}{did_you_mean(tag(word), names)}")
        found |= dict.fromkeys(matching)
    return [*found]


def _telling(names: Sequence[str]) -> list[str]:
    """What tells most of samples, where nobody says: what evaluations found, else the quick looks at samples, else the
    read-outs of D, else the losses.
    """
    for prefix in (PREFIX, "samples/", "theory/", "dirac/", "loss/"):
        found = [name for name in names if name.startswith(prefix) and not name.endswith(_EDGES)]
        if found:
            return found[:TESTED]
    return [*names][:TESTED]


def value(name: str, series: Series, best: bool) -> float:
    """Of a run in the tables."""
    better = _better(name) if best else None
    return logs.best(series, better) if better else logs.last(series)

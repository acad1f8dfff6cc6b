"""Which figures may stand side by side: those of one space, of as many, against the same real data."""

from collections.abc import Mapping

from gan_cli.errors import ConfigError
from gan_cli.evaluation.figure import Figure, Record

SHOWN = 6  # differences told
SAME = {  # of a figure, in words
    "space": "feature space",
    "digest": "digest of the feature space",
    "preprocessing": "preprocessing",
    "n_real": "number of real ones",
    "n_fake": "number of samples",
    "n_floor": "number of real ones in the samples' place",
    "floor_of": "floor",
    "split": "split",
    "seeds": "evaluation seeds",
}


def refuse_incomparable(records: Mapping[str, Record]) -> None:
    """Refuse to put figures side by side that say different things.

    Args:
        records: of two runs or more, by their names.

    Raises:
        ConfigError: what differs, and what to do.
    """
    (first, one), *others = records.items()
    found = [line for name, other in others for line in _differences(first, one, name, other)]
    if not found:
        return
    more = [f"and {len(found) - SHOWN} more"] if len(found) > SHOWN else []
    advice = "evaluate them one at a time, or with the same -n and --features on the same data"
    raise ConfigError("\n  ".join(["these figures cannot be compared:", *found[:SHOWN], *more]) + f"\n{advice}")


def _differences(a: str, one: Record, b: str, other: Record) -> list[str]:
    found = []
    if one.real != other.real:
        found.append(f"judged against: {a}: {one.real}; {b}: {other.real}")
    figures = ({figure.metric: figure for figure in record.figures} for record in (one, other))
    mine, theirs = figures
    for metric in dict.fromkeys([*mine, *theirs]):
        if metric not in mine or metric not in theirs:
            found.append(f"{metric}: of {a if metric in mine else b} alone")
        else:
            found += [f"{metric}: {told}" for told in _of(a, mine[metric], b, theirs[metric])]
    return found


def _of(a: str, mine: Figure, b: str, theirs: Figure) -> list[str]:
    return [
        f"another {words}: {a}: {getattr(mine, key)!s:.40}; {b}: {getattr(theirs, key)!s:.40}"
        for key, words in SAME.items()
        if getattr(mine, key) != getattr(theirs, key)
    ]

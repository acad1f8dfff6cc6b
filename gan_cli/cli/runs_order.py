"""`--sort KEY`: the best first where a figure says which way is better."""

from collections.abc import Sequence
from typing import Any

from gan_cli.cli.runs_keys import value_of
from gan_cli.cli.runs_where import as_text
from gan_cli.listing import Entry
from gan_cli.scores import PREFIX, SCORES, tag

# The most, the longest and the newest first; and what is on its way or needs somebody before what is done.
_DOWN = ("step", "steps", "time", "created")
_STATUS = ("running", "lost", "failed", "stopped", "finished", "unreadable")


def ordered(entries: Sequence[Entry], key: str, turned: bool) -> list[Entry]:
    """Runs by a fact about them. What has none comes last, whichever way; among equals the newest comes first.

    Args:
        entries: the newest first.
        turned: the other way round.
    """
    ranked = [(entry, *_rank(key, entry)) for entry in entries]
    numbers = [one for one in ranked if one[1] == 0]
    words = [one for one in ranked if one[1] == 1]
    down = (key in _DOWN or _better(key) == "higher") != turned
    numbers.sort(key=lambda one: one[2], reverse=down)
    words.sort(key=lambda one: one[2], reverse=turned)
    return [one[0] for one in (*numbers, *words, *(one for one in ranked if one[1] == 2))]


def way(key: str, turned: bool) -> str:
    """The order in words.

    >>> way("eval/cfd", False), way("precision", True), way("std_ratio", False), way("status", True)
    ('lowest eval/cfd first', 'lowest eval/precision first', 'eval/std_ratio nearest to 1 first', 'by status, reversed')
    """
    better = _better(key)
    if better.startswith("near"):
        return f"{tag(key)} {'farthest from' if turned else 'nearest to'} {better.removeprefix('near ')} first"
    if better:
        return f"{'lowest' if (better == 'lower') != turned else 'highest'} {tag(key)} first"
    return f"by {tag(key)}{', reversed' if turned else ''}"


def _better(key: str) -> str:
    score = SCORES.get(key.removeprefix(PREFIX)) if tag(key).startswith(PREFIX) else None
    return score.better if score else ""


def _rank(key: str, entry: Entry) -> tuple[int, Any]:
    """First numbers, then words ("nan" is one), then nothing."""
    value = value_of(entry, key)
    if key == "status":
        return 0, _STATUS.index(entry.status)
    if key == "created":
        return 0, entry.time
    if type(value) in (int, float):
        better = _better(key)
        return 0, abs(value - float(better.removeprefix("near "))) if better.startswith("near") else value
    text = as_text(value)
    return (1, text) if value is not None and text not in ("", "[]") else (2, "")

"""Figures of runs that were measured before: what takes minutes is not done again where nothing has changed."""

from pathlib import Path

from gan_cli import __version__
from gan_cli.files import write_json
from gan_cli.record import read_or_empty
from gan_cli.suite.outcome import Sample, from_json, to_json
from gan_cli.suite.rows import Protocol

NAME = "figures.json"


def _how(run: Path, protocol: Protocol) -> str:
    """All that the figures of a run depend on: when it was finished, the protocol, the program."""
    return f"{read_or_empty(run / 'status.json').get('updated')}, {__version__}, {protocol}"


def find(run: Path, protocol: Protocol) -> Sample | None:
    """What was found of a run; None where it was not measured like that, or the file is damaged."""
    kept = read_or_empty(run.parent / NAME).get(run.name)
    if not isinstance(kept, dict) or kept.get("how") != _how(run, protocol):
        return None
    try:
        return from_json(kept.get("sample"))
    except (AttributeError, KeyError, TypeError, ValueError):
        return None


def keep(run: Path, protocol: Protocol, sample: Sample) -> None:
    """Remember what was found, beside the run.

    Raises:
        RunError: it cannot be written.
    """
    known = read_or_empty(run.parent / NAME)
    write_json(run.parent / NAME, known | {run.name: {"how": _how(run, protocol), "sample": to_json(sample)}})

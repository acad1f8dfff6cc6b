"""What a tracker is: four methods, called by a `Feed`, which sees to it that none of them can harm a run."""

import importlib.util
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol


@dataclass(frozen=True)
class About:
    """What a tracker is told of a run.

    Args:
        directory: of the run.
        config: resolved, plain data; where it is logged to is no part of it.
        step: the run begins behind it: 0, or where it is resumed.
        group: the name of the sweep, if it is a job of one.
        id: what `begin` returned when the run began; None the first time.
    """

    directory: Path
    config: Mapping[str, Any]
    step: int = 0
    group: str | None = None
    id: str | None = None

    @property
    def name(self) -> str:
        """Of the run: that of its directory."""
        return self.directory.name

    @property
    def settings(self) -> dict[str, Any]:
        """The config as dotted keys: `train.steps`."""
        return dict(_leaves(self.config, ""))


class Tracker(Protocol):
    """Somewhere that figures go. A class of one's own needs no base class: these four methods, and a YAML.

    All but `begin` may fail at any time: the run says so in a line and goes on without the tracker.

    A class may say three things of itself. `rewinds = True`: `begin` clears what there is, and is told all of the run
    again; otherwise no step is told twice. `waits = True`: it is called by the loop, which waits for it; otherwise by
    a thread of its own. `arrived`, set by `begin`, is the last step that did, where that is known.
    """

    def begin(self, about: About) -> str | None:
        """A run begins, or is gone on with. Returns what the tracker calls it, to be handed back at a resume."""

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """Figures of a step; there may be more of the same step. They may be infinite or NaN."""

    def picture(self, step: int, tag: str, png: bytes) -> None:
        """A picture of a step."""

    def end(self, success: bool | None) -> None:
        """The run is finished, or has failed; None: it was stopped, and may be resumed."""


def _leaves(config: Mapping[str, Any], prefix: str) -> Iterator[tuple[str, Any]]:
    for key, value in config.items():
        if isinstance(value, Mapping):
            yield from _leaves(value, f"{prefix}{key}.")
        else:
            yield f"{prefix}{key}", value


METHODS = ("begin", "scalars", "picture", "end")


def require(modules: Mapping[str, str], extra: str) -> None:
    """See that libraries are there, without importing them.

    Args:
        modules: what is imported, and the package that brings it.
        extra: of gan-cli, that brings them all.

    Raises:
        ValueError: one is not.
    """
    missing = [package for module, package in modules.items() if importlib.util.find_spec(module) is None]
    if missing:
        raise ValueError(f"needs {' and '.join(missing)}, which is not installed: pip install 'gan-cli[{extra}]'")

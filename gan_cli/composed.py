"""A config as `gan_cli.compose` gives it: a plain dict, which knows how it came about."""

from collections.abc import Mapping, Sequence
from typing import Any


class Config(dict[str, Any]):
    """A resolved config: dicts, lists, numbers and words, to be looked at and changed (`config["train"]["steps"]`).

    Args:
        content: of the config.
        written: the same before resolving.
        given: the keys that were given, such as `train.steps`.
        about: what `run.json` says of how the run came about.
        room: bytes that a network may have, where the config came with a run; None: any number.
    """

    def __init__(
        self,
        content: Mapping[str, Any],
        written: Mapping[str, Any] | None = None,
        given: Sequence[str] = (),
        about: Mapping[str, Any] | None = None,
        room: int | None = None,
    ) -> None:
        super().__init__(content)
        self.written = None if written is None else dict(written)
        self.given, self.room = tuple(given), room
        self.about = dict(about or {"command": ["python"], "overrides": [], "choices": {}, "sweep": None})

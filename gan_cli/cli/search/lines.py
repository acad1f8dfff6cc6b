"""The command lines of a search: of each run of a trial, and those that a user is to copy."""

import shlex
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from gan_cli.cli.overrides import as_typed, key_of
from gan_cli.cli.search.space import Space, Values


@dataclass(frozen=True)
class Lines:
    """What is on them.

    Args:
        space: what the trials differ in.
        added: overrides that the search gives all of them.
        seed: of the first run of each.
        seeds: how many runs each has.
        flags: of the line, such as --config-dir and its value.
    """

    space: Space
    added: Sequence[str]
    seed: int
    seeds: int
    flags: Sequence[str] = ()

    def overrides(self, values: Values) -> list[str]:
        """What all runs of a trial have, as Hydra gets it."""
        return [*self.space.overrides(values), *self.added]

    def runs(self, values: Values) -> list[list[str]]:
        """The overrides of each run of a trial."""
        kept = [text for text in self.overrides(values) if key_of(text) != "seed"]
        return [[*kept, f"++seed={seed}"] for seed in range(self.seed, self.seed + self.seeds)]

    def label(self, overrides: Iterable[str]) -> str:
        """What tells a run from the others."""
        telling = {*self.space.parts, *(["seed"] if self.seeds > 1 else [])}
        return " ".join(text for text in overrides if key_of(text) in telling)

    def command(self, values: Values) -> str:
        """The command of a trial's first run."""
        return self._typed(self.runs(values)[0])

    def check(self, values: Values) -> str:
        """The same with seeds that it was not chosen by."""
        new = range(self.seed + self.seeds, self.seed + self.seeds + 3)
        kept = [text for text in self.overrides(values) if key_of(text) != "seed"]
        return f"{self._typed([*kept, 'seed=' + ','.join(map(str, new))])} -m"

    def _typed(self, overrides: Iterable[str]) -> str:
        """As a user types it, and without the alarms that end a trial: it is to run to its end."""
        stops = {text for text in self.added if key_of(text) == "train.stop_on"}
        return shlex.join(["gan-train", *as_typed(text for text in overrides if text not in stops), *self.flags])

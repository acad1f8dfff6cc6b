"""A number that an evaluation found, and all that it takes to compare it with another one."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from gan_cli.scores import Better


@dataclass(frozen=True)
class Figure:
    """One number.

    Args:
        metric: its name in `SCORES`.
        value: the mean over the evaluation's seeds.
        std: over them; None of a single one.
        floor: what real data score in the samples' place.
        better: which way.
        space: where distances are measured: of features by name, pixels, or the data's own coordinates.
        digest: of that space; None where its name says all.
        preprocessing: what becomes of the samples before, in words.
        n_real, n_fake: how many of each, for every seed.
        n_floor: real ones in the samples' place.
        split: of the real data, in words.
        floor_of: what stood in the samples' place, in words.
        seeds: of the evaluation.
    """

    metric: str
    value: float
    std: float | None
    floor: float
    better: Better
    space: str
    digest: str | None
    preprocessing: str
    n_real: int
    n_fake: int
    n_floor: int
    split: str
    floor_of: str
    seeds: tuple[int, ...]

    @property
    def conditions(self) -> str:
        """In which space, of how many and of which part, in words: figures with others cannot be compared."""
        space = f"{self.space} ({self.digest[:16]})" if self.digest else self.space
        return f"{space}: {self.n_fake:,} against {self.n_real:,}, floor of {self.n_floor:,}; {self.split}"


@dataclass(frozen=True)
class Record:
    """All about one evaluation: two of the same run are equal, to the byte.

    Args:
        version: of gan-cli.
        step, weights, checkpoint: of the generator: ema or raw; a step, best or newest. None of samples from elsewhere.
        trained_on: what the generator learned from: a fingerprint of the data, or the density.
        real: what it is judged against: the same of those.
        figures: that were found.
        memory: of `memorised`: verdict, and what it rests on.
        notes: what else was done to the samples, such as a resize.
    """

    version: str
    step: int | None
    weights: str | None
    checkpoint: str | None
    trained_on: str | None
    real: str
    figures: tuple[Figure, ...]
    memory: Mapping[str, Any] | None = None
    notes: tuple[str, ...] = field(default=())

    def __getitem__(self, metric: str) -> Figure:
        return next(figure for figure in self.figures if figure.metric == metric)

    def plain(self) -> dict[str, Any]:
        """As JSON has it; a number that is not finite is a word there."""
        found: dict[str, Any] = _plain(asdict(self))
        return found


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(part) for key, part in value.items()}
    if isinstance(value, str | None):
        return value
    if isinstance(value, Sequence):
        return [_plain(part) for part in value]
    return str(value) if isinstance(value, float) and not math.isfinite(value) else value

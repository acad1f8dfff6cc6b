"""How samples are measured: what a user may choose."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from gan_cli.scores import SCORES

Space = Literal["auto", "inception", "classifier", "pca", "raw"]
Split = Literal["auto", "train", "test"]
MOST = 10**6  # samples, and seeds


@dataclass(frozen=True)
class Options:
    """What is measured, of how many, against what.

    Args:
        metrics: names of `SCORES`; none: those that suit the data. One with a `+` in front comes beside those.
        space: of images; auto is a classifier trained on these data where they have labels, else principal
            components.
        inception: the published weights; None: where torch keeps downloads.
        n_fake: samples, for each seed; None: as many as there are real ones.
        n_real: real ones; None: all, 10,000 at most.
        split: of the real images; auto is test, where the data set has one and the generator did not learn from it.
        definition: of modes and samples of high quality.
        seeds: how many of the evaluation: of the noise, and of what is drawn from the real ones.
        device: that generates and computes features.
        quick: only what takes seconds, where `metrics` does not say.
        first_seed: the seeds go from it to first_seed + seeds - 1. Training chooses its best checkpoint by seed 0.

    Raises:
        ValueError: a metric that there is not, or a number out of its range.
    """

    metrics: Sequence[str] = ()
    space: Space = "auto"
    inception: Path | None = None
    n_fake: int | None = None
    n_real: int | None = None
    split: Split = "auto"
    definition: Literal["veegan", "pacgan"] = "veegan"
    seeds: int = 1
    device: str = "cpu"
    quick: bool = False
    first_seed: int = 0

    def __post_init__(self) -> None:
        for name in self.metrics:
            if name.removeprefix("+") not in SCORES:
                raise ValueError(f"there is no metric {name.removeprefix('+')!r:.40}; there are: {', '.join(SCORES)}")
        for name in ("space", "split", "definition"):
            known = get_args({"space": Space, "split": Split}.get(name, Literal["veegan", "pacgan"]))
            if getattr(self, name) not in known:
                raise ValueError(f"{name} must be one of {', '.join(known)}, got {getattr(self, name)!r}")
        for name in ("n_fake", "n_real"):
            value = getattr(self, name)
            if value is not None and not 2 <= value <= MOST:
                raise ValueError(f"{name} must be 2 to {MOST:,}, got {value}")
        if not 1 <= self.seeds <= MOST:
            raise ValueError(f"seeds must be 1 to {MOST:,}, got {self.seeds}")
        if not 0 <= self.first_seed <= MOST:
            raise ValueError(f"first_seed must be 0 to {MOST:,}, got {self.first_seed}")

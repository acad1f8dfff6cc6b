"""A row of the suite: what is run, how it is measured, what the paper says, and what has to come out."""

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Literal, get_args

from gan_cli.suite.bands import Band

Cost = Literal["seconds", "a minute a seed", "minutes", "hours", "GPU"]  # on one CPU core, but for the last
Reading = tuple[float, float | None]  # a figure, and its floor where there is one
Compute = Callable[[int], Mapping[str, Reading]]  # of a seed


@dataclass(frozen=True)
class Published:
    """A row of a paper's table.

    Args:
        source: whose it is.
        figures: by metric, as (figure, its error where it is told); shares in [0, 1].
        variant: of the row; empty: it stands beside each.
    """

    source: str
    figures: Mapping[str, tuple[float, float | None]]
    variant: str = ""


@dataclass(frozen=True)
class Protocol:
    """How the samples of a run are measured: of `evaluation.Options`, which say what each is, those of a row."""

    n_fake: int | None = None
    n_real: int | None = None
    space: Literal["auto", "inception", "classifier", "pca", "raw"] = "auto"
    definition: Literal["veegan", "pacgan"] = "veegan"
    split: Literal["auto", "train", "test"] = "auto"
    seeds: int = 1
    metrics: tuple[str, ...] = ()


@dataclass(frozen=True)
class Variant:
    """One of the things that a row compares.

    Args:
        name: short, of letters, digits, `_`, `-` and `.`; empty where the row has but one.
        overrides: of `gan-train`, beside those of the row.
        compute: instead of training: the figures of a seed.
    """

    name: str = ""
    overrides: tuple[str, ...] = ()
    compute: Compute | None = None


@dataclass(frozen=True)
class Row:
    """A row of the suite.

    Args:
        name: that `gan-reproduce` takes.
        about: what is shown, in one sentence.
        cost: how long it takes.
        bands: that decide whether it is reproduced.
        experiment: of conf/, where something is trained.
        overrides: of `gan-train`, beside the experiment.
        variants: one at least.
        seeds: how many, where the command does not say; None: nothing in it is drawn, and one is enough.
        minutes: of training, a seed and variant, on one core of a CPU (of a GPU where the cost says so); a rough figure
            for the estimate.
        published: what papers have.
        shown: metrics that are shown in the table without a band.
        protocol: of the evaluation.

    Raises:
        ValueError: a name with other characters than it may have, or a band of a variant that is not there.
    """

    name: str
    about: str
    cost: Cost
    bands: tuple[Band, ...] = ()
    experiment: str = ""
    overrides: tuple[str, ...] = ()
    variants: tuple[Variant, ...] = (Variant(),)
    seeds: int | None = None
    minutes: float = 0.0
    published: tuple[Published, ...] = ()
    shown: tuple[str, ...] = ()
    protocol: Protocol = field(default_factory=Protocol)

    def __post_init__(self) -> None:
        names = [variant.name for variant in self.variants]
        for name in (self.name, *filter(None, names)):
            if not re.fullmatch(r"[\w.-]+", name) or name.startswith("."):
                raise ValueError(f"{name!r} must be of letters, digits, _, - and .")
        if not names or len({*names}) < len(names) or ("" in names and len(names) > 1):
            raise ValueError(f"{self.name}: variants need names of their own, got {names}")
        for wanted in (name for band in self.bands for name in (band.variant, band.minus) if name):
            if wanted not in names:
                raise ValueError(f"{self.name}: a band is of the variant {wanted!r}; there are {names}")
        if self.cost not in get_args(Cost):
            raise ValueError(f"{self.name}: cost must be one of {', '.join(get_args(Cost))}; got {self.cost!r}")
        if bool(self.experiment) == any(variant.compute for variant in self.variants):
            raise ValueError(f"{self.name}: needs an experiment or functions for all variants")

    @property
    def trains(self) -> bool:
        """Whether it has runs."""
        return bool(self.experiment)

    @property
    def metrics(self) -> list[str]:
        """Those of the table, in its order."""
        named = [band.metric for band in self.bands] + [name for paper in self.published for name in paper.figures]
        return [*dict.fromkeys([*named, *self.shown])]

    def seeds_of(self, asked: int | None) -> int:
        """How many are run, where so many are asked for."""
        return 1 if self.seeds is None else asked or self.seeds

    def command(self, variant: Variant, seeds: Sequence[int], settings: Sequence[str] = ()) -> list[str]:
        """The overrides of the sweep: of its keys the last word counts, each stands once.

        >>> Row("a", "A.", "hours", experiment="ring", overrides=("loss=hinge",)).command(Variant(), [0, 1])
        ['experiment=ring', 'loss=hinge', 'seed=0,1']
        """
        words = [f"experiment={self.experiment}", *self.overrides, *variant.overrides, *settings]
        last = {word.lstrip("+~").partition("=")[0]: word for word in words}
        return [*last.values(), f"seed={','.join(map(str, seeds))}"]

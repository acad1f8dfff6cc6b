"""Metrics that are measured together: each family knows of how many, in which space, and what real data score."""

import copy
import math
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import torch
from torch import Tensor

from gan_cli import features, metrics
from gan_cli.data import Examples
from gan_cli.data.mixture import Mixture
from gan_cli.data.stacked import Stacked
from gan_cli.evaluation.reals import Reals
from gan_cli.evaluation.spaces import DISTANCES, Seen, unit
from gan_cli.seeds import derive

ASSIGNED = 2000  # points that an exact assignment can be found for
STACKED_NUMBER = 26_000  # samples whose digits are counted: everybody's since Metz et al. 2017
LOOKED_AT = 1000  # samples, and held-out images, whose nearest training image is found
MODES = ("modes", "hq", "reverse_kl", "std_ratio")
TRANSPORT = ("w1", "energy")
CLOUDS = (*DISTANCES, "kid", "precision", "recall", "density", "coverage")
CLASSES = ("classes", "class_kl", "confidence")
STACKED = ("stacked_modes", "stacked_kl")
Found = Mapping[str, float]


@dataclass(frozen=True)
class Sizes:
    """How many took part."""

    real: int
    fake: int
    floor: int


@dataclass
class Family:
    """Some metrics of one set of samples; the floor is the same measure of real data in their place.

    Args:
        reals: what samples are held against.
        wanted: of its metrics, those that are asked for.
        space, digest, preprocessing: as in a `Figure`.
    """

    reals: Reals
    wanted: Collection[str]
    space: str = "coordinates"
    digest: str | None = None
    preprocessing: str = "none"

    @property
    def floor_of(self) -> str:
        """What stands in the samples' place, in words."""
        return self.reals.floor_of

    def measure(self, x: Tensor, real: Examples, seed: int) -> Found:
        """Of samples x, uint8 images or points, against real ones, with an evaluation seed: of what is drawn."""
        raise NotImplementedError

    def floor(self, n: int, seed: int) -> Found:
        """The same of real data in the place of n samples."""
        return self.measure(self.reals.again(seed, n).x, self.reals.counterpart(seed), seed)

    def sizes(self, metric: str, n: int) -> Sizes:
        """How many take part in a metric of n samples."""
        return Sizes(self.reals.n, n, len(self.reals.again(0, n).x))


@dataclass
class Modes(Family):
    """Which modes of a mixture samples find, by the definition of a paper."""

    definition: Literal["veegan", "pacgan"] = "veegan"

    def __post_init__(self) -> None:
        self.preprocessing = f"by the definitions of {self.definition}"

    def measure(self, x: Tensor, real: Examples, seed: int) -> Found:
        data = self.reals.data
        assert isinstance(data, Mixture)
        return metrics.modes(x, data.centres, data.std, data.weights, self.definition)

    def sizes(self, metric: str, n: int) -> Sizes:
        return Sizes(0, n, n)  # the density itself is known


@dataclass
class Transport(Family):
    """How far points are from fresh ones."""

    def measure(self, x: Tensor, real: Examples, seed: int) -> Found:
        found = {}
        if "w1" in self.wanted:
            n, m = self._assigned(len(x), len(real.x))
            found["w1"] = metrics.wasserstein1(x[:n], real.x[:m])
        if "energy" in self.wanted:
            found["energy"] = metrics.energy(x, real.x)
        return found

    def sizes(self, metric: str, n: int) -> Sizes:
        there = super().sizes(metric, n)
        if metric != "w1":
            return there
        fake, real = self._assigned(n, self.reals.n)
        return Sizes(real, fake, self._assigned(there.floor, self.reals.n)[0])

    def _assigned(self, n: int, m: int) -> tuple[int, int]:
        """How many are compared exactly: all on the line, else as many of each."""
        return (n, m) if self.reals.shape == (1,) else (min(n, m, ASSIGNED),) * 2


@dataclass
class Clouds(Family):
    """Two clouds of features: their distance, and where they overlap."""

    seen: Seen = field(kw_only=True)

    def __post_init__(self) -> None:
        space = self.seen.space
        self.space, self.digest, self.preprocessing = space.name, space.digest, space.preprocessing
        self._known: list[tuple[Tensor, Tensor]] = []  # real images, and their features

    def measure(self, x: Tensor, real: Examples, seed: int) -> Found:
        fake, known, found = self.seen(x).x, self._features(real.x), dict[str, float]()
        if self.seen.space.distance in self.wanted:
            found[self.seen.space.distance] = metrics.frechet(known, fake)
        if "kid" in self.wanted:
            found["kid"] = metrics.kid(known, fake, seed)[0]
        if {"precision", "recall"} & {*self.wanted}:
            found |= metrics.precision_recall(known, fake)
        if {"density", "coverage"} & {*self.wanted}:
            found |= metrics.density_coverage(known, fake)
        return found

    def _features(self, images: Tensor) -> Tensor:
        """Of real images, found once."""
        for there, x in self._known:
            if there is images:
                return x
        x = self.seen.space(images).x
        self._known = [*self._known[-3:], (images, x)]
        return x


@dataclass
class Classes(Family):
    """Samples by the class that a classifier gives them."""

    seen: Seen = field(kw_only=True)

    def __post_init__(self) -> None:
        space = self.seen.space
        self.space, self.digest, self.preprocessing = space.name, space.digest, space.preprocessing

    def measure(self, x: Tensor, real: Examples, seed: int) -> Found:
        logits = self.seen(x).logits
        assert logits is not None and real.y is not None
        return metrics.by_class(real.y, logits)


@dataclass
class Stacks(Family):
    """Which of the combinations of three digits occur; real ones are combined anew for the floor."""

    grey: features.Space = field(kw_only=True)

    def __post_init__(self) -> None:
        self.space, self.digest = self.grey.name, self.grey.digest
        self.preprocessing = f"each channel as a grey image; {self.grey.preprocessing}"

    @property
    def floor_of(self) -> str:
        return "digits combined anew"

    def measure(self, x: Tensor, real: Examples, seed: int) -> Found:
        data = self.reals.data
        assert isinstance(data, Stacked)
        found = metrics.stacked(features.channels(self.grey)(x))
        # To uniform over the modes of these data: of four digits there are 64.
        return found | {"stacked_kl": max(0.0, found["stacked_kl"] - math.log(10**3 / data.modes))}

    def floor(self, n: int, seed: int) -> Found:
        fresh: Any = copy.copy(self.reals.data)
        fresh.examples, fresh.pairing = n, derive(seed, "evaluation", "stacked")
        return self.measure(fresh.load().x, self.reals.counterpart(seed), seed)

    def sizes(self, metric: str, n: int) -> Sizes:
        return Sizes(0, n, n)


@dataclass
class Memorised(Family):
    """Whether samples are nearer to what the generator learned from than they should be."""

    space: str = "pixels"
    first_seed: int = 0
    found: metrics.Memory | None = None  # of the first seed
    x: Tensor | None = None  # the samples that this is of

    @property
    def floor_of(self) -> str:
        return "what is expected of real ones that were not learned from"

    def told(self) -> dict[str, Any] | None:
        """What was found, as plain data."""
        if self.found is None:
            return None
        names = ("verdict", "closer", "z", "copies", "heldout_copies")
        return {name: getattr(self.found, name) for name in names} | {"samples": len(self.found.nearest)}

    def measure(self, x: Tensor, real: Examples, seed: int) -> Found:
        held = self.reals.held
        assert held is not None
        found = metrics.memorisation(x[:LOOKED_AT], self.reals.shown, held[:LOOKED_AT])
        if seed == self.first_seed:
            self.found, self.x = found, x[:LOOKED_AT]
        return {"memorised": found.closer}

    def floor(self, n: int, seed: int) -> Found:
        return {"memorised": 0.5}

    def sizes(self, metric: str, n: int) -> Sizes:
        held = self.reals.held
        there = 0 if held is None else min(len(held), LOOKED_AT)
        return Sizes(there, min(n, LOOKED_AT), there)


@dataclass
class Parzen(Family):
    """Goodfellow et al. 2014's estimate: samples, real ones to test, and others to choose the width by."""

    space: str = "pixels"
    preprocessing: str = "to [0, 1]"

    @property
    def floor_of(self) -> str:
        return "images that the generator learned from"

    def measure(self, x: Tensor, real: Examples, seed: int) -> Found:
        test, valid = self._apart(real)
        return {"parzen": metrics.parzen(unit(x).flatten(1), test, valid).mean}

    def floor(self, n: int, seed: int) -> Found:
        return self.measure(self._learned(n), self.reals.counterpart(seed), seed)

    def sizes(self, metric: str, n: int) -> Sizes:
        return Sizes(len(self._apart(self.reals.real(0))[0]), n, len(self._learned(n)))

    def _learned(self, n: int) -> Tensor:
        x = self.reals.trained.x
        return x[torch.linspace(0, len(x) - 1, min(n, len(x))).long()]

    def _apart(self, real: Examples) -> tuple[Tensor, Tensor]:
        """What is tested on and what the width is chosen by; none of it was learned from."""
        test, aside = real.x, self.reals.aside
        assert aside is not None
        if self.reals.other is None:  # there is no other part: the real ones were learned from
            test, aside = aside[::2], aside[1::2]
        return unit(test).flatten(1), unit(aside).flatten(1)

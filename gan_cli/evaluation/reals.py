"""The real data of an evaluation: what samples are judged against, and what stands in their place for the floor."""

import copy
from functools import cached_property, lru_cache
from typing import Any

import torch
from torch import Tensor

from gan_cli.data import Density, Examples, Stream
from gan_cli.data.fingerprint import fingerprint
from gan_cli.data.mixture import Mixture
from gan_cli.evaluation.options import Options
from gan_cli.grid import to_uint8
from gan_cli.seeds import generator

DRAWS = 2500  # of a density: VEEGAN's and PacGAN's number
MOST = 10_000  # real examples
OPPOSITE = {"train": "test", "test": "train"}


class Reals:
    """Real data by evaluation seed.

    Of a density, fresh draws. Of a data set that comes in two parts, the part that the generator did not learn from,
    and the other one for the floor. Of any other, a random half, and the other half for the floor: both have one size,
    and the samples have it, too.

    Args:
        stream: the data as a run is trained on them, or any data set.
        options: how many, and of which part.
        most: real examples, where the options do not say how many.
        all_of_it: of a data set in one part, all is judged against, and not half: of another program's samples
            somebody may want the figure that others would find. The floor is that of the halves.

    Raises:
        ValueError: a part or a number that there is not.
        DataError: the other part cannot be read.
    """

    def __init__(self, stream: Stream, options: Options, most: int = MOST, all_of_it: bool = False) -> None:
        self.data, self.shape, self._stream = stream.data, tuple(stream.shape), stream
        self._all_of_it = all_of_it
        self.density: Density | None = stream.data if isinstance(stream.data, Density) else None
        self.whole: Examples | None = None if self.density else everything(stream)
        here = getattr(stream.data, "split", None)
        wanted = {"auto": OPPOSITE.get(str(here))}.get(options.split, options.split)
        if wanted is not None and here not in OPPOSITE:
            raise ValueError(f"there is no {wanted} part of {type(stream.data).__name__}; leave split at auto")
        self.other: Examples | None = None if wanted is None else _part(stream.data, OPPOSITE[str(here)])
        self.judged, self._apart = (self.whole, self.other) if wanted in (None, here) else (self.other, self.whole)
        self.split = self._split(wanted, wanted == here)
        there = options.n_real or options.n_fake or DRAWS
        if self.judged is not None:
            there = len(self.judged.x) // (1 if self._apart or all_of_it else 2)
        if options.n_real is not None and there < options.n_real:
            raise ValueError(f"{options.n_real:,} real ones are asked for, and there are {there:,} ({self.split})")
        self.n = options.n_real or min(there, most)
        if self.n < 2:
            raise ValueError(f"there are {there} real examples to judge by; two are the least")
        self._seen = lru_cache(8)(self._drawn)

    def real(self, seed: int) -> Examples:
        """What samples are judged against: x as `everything` has it, [n, ...]."""
        return self._seen("all" if self._all_of_it else "real", seed, self.n)

    def counterpart(self, seed: int) -> Examples:
        """What is judged against for the floor."""
        return self._seen("real", seed, self.n)

    def again(self, seed: int, n: int) -> Examples:
        """Other real data, in the place of n samples; fewer where there are not so many."""
        return self._seen("floor", seed, n)

    @property
    def trained(self) -> Examples:
        """What the generator learned from, of a finite source."""
        found = self._stream.examples
        assert found is not None
        return Examples(found.x.cpu(), None if found.y is None else found.y.cpu())

    @property
    def shown(self) -> Tensor:
        """All that the generator was shown: of a stream that mirrors images, each both ways."""
        x = self.trained.x
        return torch.cat([x, x.flip(-1)]) if self._stream.flips else x

    @cached_property
    def aside(self) -> Tensor | None:
        """What was held out of the part that the generator learned from; None where there is none."""
        found = None if self.density is not None else self._stream.held_out()
        return None if found is None else (to_uint8(found.x) if found.x.ndim == 4 else found.x).cpu()

    @property
    def held(self) -> Tensor | None:
        """Real data of the same kind that the generator never learned from."""
        return self.aside if self.other is None else self.other.x

    @property
    def labelled(self) -> bool:
        """Whether there are labels of two classes or more."""
        y = None if self.judged is None else self.judged.y
        return y is not None and len(y.unique()) > 1

    @property
    def floor_of(self) -> str:
        """What stands in the samples' place, in words."""
        if self.judged is None:
            return "fresh draws"
        if self._apart is None:
            return "half of the real ones" + (", against the other half" if self._all_of_it else "")
        return f"real ones of {OPPOSITE[self.split.partition(',')[0]]}"

    @cached_property
    def fingerprint(self) -> str:
        """What samples are judged against: the data set, and a digest of all of it."""
        if self.judged is None:
            return f"draws of {describe(self.data)}"
        part = self.split.partition(",")[0] if self.other is not None else ""
        return f"{_called(self.data, part)}: {fingerprint(self.judged.x, self.judged.y, 0)}"

    @property
    def learned(self) -> str:
        """What the generator learned from, likewise."""
        known = self._stream.fingerprint
        return self.fingerprint if known is None else f"{_called(self.data, getattr(self.data, 'split', ''))}: {known}"

    def _split(self, wanted: str | None, learned: bool) -> str:
        if self.judged is None:
            return "fresh draws"
        if wanted is not None:
            return f"{wanted}, which the generator learned from" if learned else wanted
        if self._all_of_it:
            return "all"
        return f"a random half of all {len(self.judged.x):,}, those trained on among them"

    def _drawn(self, what: str, seed: int, n: int) -> Examples:
        g = generator(seed, "evaluation", what)
        if self.density is not None:
            return Examples(self.density.sample(n, g), None)
        assert self.judged is not None
        if self._apart is None and what != "all":
            order = torch.randperm(len(self.judged.x), generator=generator(seed, "evaluation", "halves"))
            half = len(order) // 2
            return _rows(self.judged, order[:half][:n] if what == "real" else order[half:][:n])
        among = self.judged if self._apart is None or what == "real" else self._apart
        return among if n >= len(among.x) else _rows(among, torch.randperm(len(among.x), generator=g)[:n])


def everything(stream: Stream) -> Examples:
    """All of a finite source, those held out among them, on the CPU: uint8 images or float32 points."""
    examples = stream.whole
    assert examples is not None
    return Examples(examples.x.cpu(), None if examples.y is None else examples.y.cpu())


def describe(data: Any) -> str:
    """A density in words: its class and all that it was made with."""
    if isinstance(data, Mixture):
        numbers = torch.cat([data.centres.flatten(), data.weights, torch.tensor([data.std])])
        digest = fingerprint(numbers[:, None], None, 0).rpartition(", ")[2]
        return f"{type(data).__name__} of {len(data.centres)} Gaussians, {digest}"
    made = ", ".join(f"{key}={value}" for key, value in vars(data).items() if isinstance(value, int | float))
    return f"{type(data).__name__}({made})"


def _called(data: Any, part: str) -> str:
    return f"{getattr(data, 'called', type(data).__name__)} {part}".rstrip()


def _rows(examples: Examples, which: Tensor) -> Examples:
    return Examples(examples.x[which], None if examples.y is None else examples.y[which])


def _part(data: Any, split: str) -> Examples:
    """The other part of a data set."""
    other = copy.copy(data)
    other.split = split
    found: Examples = other.load()
    return found

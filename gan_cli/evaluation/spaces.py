"""The feature spaces of one evaluation, each made once, when it is first needed."""

import hashlib
from collections.abc import Callable
from functools import cached_property
from typing import Any, Literal

import torch
from torch import Tensor

from gan_cli import features
from gan_cli.data.cache import default_place
from gan_cli.data.stacked import Stacked
from gan_cli.evaluation.options import Options
from gan_cli.evaluation.reals import OPPOSITE, Reals

Kind = Literal["inception", "classifier", "pca", "raw"]
DISTANCES: dict[str, Kind] = {"fid": "inception", "cfd": "classifier", "pca_fd": "pca", "raw_fd": "raw"}
DIMS = 64


class Seen:
    """A space that remembers the features of the images it saw last: several metrics ask for them."""

    def __init__(self, space: features.Space) -> None:
        self.space = space
        self._last: tuple[Tensor, features.Features] | None = None

    def __call__(self, images: Tensor) -> features.Features:
        if self._last is None or self._last[0] is not images:
            self._last = images, self.space(images)
        return self._last[1]


class Spaces:
    """Every space that the metrics of an evaluation are measured in.

    Args:
        reals: that a classifier learns from, and principal components are those of.
        options: where the features are computed, and which weights Inception has.
        say: gets lines on what takes long.
    """

    def __init__(self, reals: Reals, options: Options, say: Callable[[str], None]) -> None:
        self._reals, self._options, self._say = reals, options, say
        self._made: dict[Kind, Seen] = {}

    def __getitem__(self, kind: Kind) -> Seen:
        if kind not in self._made:
            self._made[kind] = Seen(getattr(self, f"_{kind}")())
        return self._made[kind]

    @cached_property
    def usual(self) -> Kind:
        """What `auto` is."""
        if self._options.space != "auto":
            return self._options.space
        return "classifier" if self.classifies or isinstance(self._reals.data, Stacked) else "pca"

    @property
    def classifies(self) -> bool:
        """Whether a classifier can be trained on these data."""
        whole = self._reals.whole
        possible = whole is not None and features.why_not(whole.x, whole.y) is None
        return self._reals.labelled and possible and not isinstance(self._reals.data, Stacked)

    @cached_property
    def grey(self) -> features.Classifier:
        """The classifier of a channel of stacked digits."""
        data = self._reals.data
        assert isinstance(data, Stacked)
        digits, found = data.digits, data.digits.load()
        return self._trained([found.x, found.y], digits)

    def _inception(self) -> features.Space:
        return features.inception(self._options.inception, self._options.device, self._say)

    def _classifier(self) -> features.Space:
        reals = self._reals
        if isinstance(reals.data, Stacked):
            return _by_channel(self.grey)
        mine, other = reals.whole, reals.other
        assert mine is not None
        if getattr(reals.data, "split", None) == OPPOSITE["train"] and other is not None:
            mine, other = other, mine  # the same classifier whichever part a generator learned from
        return self._trained([mine.x, mine.y, *((other.x, other.y) if other else ())], reals.data)

    def _trained(self, parts: list[Any], data: Any) -> features.Classifier:
        name, device = getattr(data, "called", type(data).__name__).lower(), self._options.device
        return features.classifier(*parts, name=name, cache=default_place(), say=self._say, device=device)

    def _pca(self) -> features.Space:
        assert self._reals.whole is not None
        return features.pca(self._reals.whole.x, DIMS)

    def _raw(self) -> features.Space:
        return features.raw(tuple(self._reals.shape))


def _by_channel(grey: features.Space) -> features.Space:
    """The features of each channel, one after the other."""

    def of(images: Tensor) -> tuple[Tensor, None]:
        found = grey(images.reshape(-1, 1, *images.shape[2:])).x
        return found.reshape(len(images), -1), None

    name = f"{grey.name}-by-channel"
    digest = hashlib.sha256(f"{name} {grey.digest}".encode()).hexdigest()
    preprocessing = f"each channel as a grey image; {grey.preprocessing}"
    return features.Embedding(name, digest, grey.distance, preprocessing, None, of)


def unit(images: Tensor) -> Tensor:
    """uint8 images to [0, 1]."""
    return images.to(torch.float32) / 255

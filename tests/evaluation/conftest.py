"""What tests of the evaluation share: a classifier that needs no training, and small images in two parts."""

import hashlib
from pathlib import Path

import pytest
import torch

from gan_cli import features
from gan_cli.data import Examples, Stream
from gan_cli.evaluation import Options, Reals


def stand_in(x, y, *_, name, **__):
    """A classifier that knows the nearest example's label: right about all that it learned from."""
    known, classes = x.flatten(1).float(), int(y.max()) + 1

    def of(images):
        labels = y[torch.cdist(images.flatten(1).float(), known).argmin(1)]
        logits = 20.0 * torch.nn.functional.one_hot(labels, classes).float()
        return torch.cat([images.flatten(1)[:, ::4].float() / 255, logits / 20], 1), logits

    digest = hashlib.sha256(x.numpy().tobytes() + y.numpy().tobytes()).hexdigest()
    return features.Embedding(f"classifier-{name}-{x.shape[-1]}", digest, "cfd", "as they are", classes, of)


@pytest.fixture(autouse=True)
def quick_classifier(monkeypatch, tmp_path: Path):
    """No test trains a classifier without saying so, or leaves anything in the user's cache."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(features, "classifier", stand_in)


class TwoParts:
    """Images of 8 x 8 of three classes, 300 to train on and 200 to test on."""

    shape, flip, sizes = (1, 8, 8), False, {"train": 300, "test": 200}

    def __init__(self, split: str = "train") -> None:
        self.split = split

    def load(self) -> Examples:
        g = torch.Generator().manual_seed(len(self.split))
        y = torch.arange(self.sizes[self.split]) % 3
        x = torch.rand(len(y), 1, 8, 8, generator=g) * 100
        x[torch.arange(len(y)), 0, y] += 150
        return Examples(x.byte(), y)


def reals(data, held_out: int = 0, **options) -> Reals:
    return Reals(Stream(data, 16, 0, held_out=held_out), Options(**options))

"""The figures of docs/results.md, for runs on the digits, Fashion-MNIST, the ring and the grid:

    python docs/scores.py RUN...

Not a metric of this project: one fixed seed, one small classifier. It ranks settings on this data and nothing else.
"""

import sys
import warnings
from pathlib import Path
from typing import Any

import numpy as np
import torch
import yaml
from sklearn.neighbors import NearestNeighbors
from sklearn.neural_network import MLPClassifier
from torch import nn

from gan_cli import data, export


def samples(run: Path, n: int) -> torch.Tensor:
    """n samples [n, *shape] of a run's averaged generator, seed 0; of a conditional one as many of each class."""
    sampler = export.load(run)
    labels = list(sampler.labels.values()) if sampler.labels else [None]
    ends = [n * k // len(labels) for k in range(len(labels) + 1)]
    return torch.cat([sampler(sampler.noise(0, a, b - a), y) for y, a, b in zip(labels, ends, ends[1:], strict=False)])


def modes(run: Path, density: data.Ring | data.Grid) -> str:
    """VEEGAN's and PacGAN's figures, from 2,500 samples."""
    distances = torch.cdist(samples(run, 2500), density.centres.float())
    close = distances.min(1).values < 3 * density.std
    counts = torch.bincount(distances.argmin(1)[close], minlength=len(density.centres)).double()
    p = counts / counts.sum()
    kl = torch.special.xlogy(p, p * len(p)).sum().item()
    return f"modes {(counts > 0).sum()} of {len(p)}, HQ {100 * close.float().mean():.1f} %, reverse KL {kl:.3f}"


class Judge:
    """Distances in the hidden units of a classifier. A subclass sets `x`, real images, and `half`, others."""

    x: np.ndarray
    half: np.ndarray
    held_out: float  # share of other images that it is right about
    what: str  # of `half`
    samples: int  # to judge

    def hidden(self, x: np.ndarray) -> np.ndarray:
        """Hidden units of images."""
        raise NotImplementedError

    def classes(self, x: np.ndarray) -> np.ndarray:
        """Labels that the classifier gives."""
        raise NotImplementedError

    def score(self, fake: np.ndarray) -> str:
        """Fréchet distance, precision and recall (k = 3, Kynkäänniemi et al. 2019), and the classes seen."""
        real, drawn = self.hidden(self.x), self.hidden(fake)
        a, b = np.cov(real.T), np.cov(drawn.T)
        root = np.sqrt(np.linalg.eigvals(a @ b).real.clip(0)).sum()
        distance = np.square(real.mean(0) - drawn.mean(0)).sum() + np.trace(a) + np.trace(b) - 2 * root
        apart = np.sqrt((np.square(real).sum(1)[:, None] + np.square(drawn).sum(1) - 2 * real @ drawn.T).clip(0))
        radius = [NearestNeighbors(n_neighbors=4).fit(x).kneighbors(x)[0][:, -1] for x in (real, drawn)]
        precision = (apart < radius[0][:, None]).any(0).mean()
        recall = (apart < radius[1]).any(1).mean()
        classes = np.bincount(self.classes(fake), minlength=10)
        return f"distance {distance:.2f}, precision {precision:.2f}, recall {recall:.2f}, classes {classes.tolist()}"


class Digits(Judge):
    """A classifier of one hidden layer, trained on 1,400 of the 1,797 digits."""

    what, samples = "half of the real digits", 1800

    def __init__(self) -> None:
        x, y = data.Digits().load()
        self.x, y = x.float().flatten(1).numpy() / 127.5 - 1, y.numpy()
        torch.manual_seed(0)
        order = torch.randperm(len(self.x)).numpy()
        self.classifier = MLPClassifier((256,), max_iter=60, random_state=0, alpha=0.1, tol=1e-3)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # 60 epochs are enough, whatever it thinks of convergence
            self.classifier.fit(self.x[order[:1400]], y[order[:1400]])
        self.held_out = self.classifier.score(self.x[order[1400:]], y[order[1400:]])
        self.half = self.x[order[:900]]

    def hidden(self, x: np.ndarray) -> np.ndarray:
        return np.maximum(x @ self.classifier.coefs_[0] + self.classifier.intercepts_[0], 0)

    def classes(self, x: np.ndarray) -> np.ndarray:
        return self.classifier.predict(x)


class FashionMNIST(Judge):
    """A small convolutional network, trained on the 60,000 images of the training part; real data are of the test part,
    which no generator learned from.
    """

    what, samples = "as many real images of the training part", 5000

    def __init__(self, **config: Any) -> None:
        x, y = data.FashionMNIST(**config | {"split": "train"}).load()
        test, labels = data.FashionMNIST(**config | {"split": "test"}).load()
        self.side = x.shape[-1]
        x, test = (t.float() / 127.5 - 1 for t in (x, test))
        torch.manual_seed(0)
        small = (self.side // 4) ** 2 * 64
        layers = [nn.Conv2d(1, 32, 3, 1, 1), nn.ReLU(), nn.MaxPool2d(2), nn.Conv2d(32, 64, 3, 1, 1), nn.ReLU()]
        layers += [nn.MaxPool2d(2), nn.Flatten(), nn.Linear(small, 128), nn.ReLU()]
        self.features, self.last = nn.Sequential(*layers), nn.Linear(128, 10)
        net = nn.Sequential(self.features, nn.Dropout(0.3), self.last)
        optimizer = torch.optim.Adam(net.parameters(), 1e-3, fused=True)
        for _ in range(4):
            for batch in torch.randperm(len(x)).split(128):
                optimizer.zero_grad()
                nn.functional.cross_entropy(net(x[batch]), y[batch]).backward()
                optimizer.step()
        self.x, self.half = test[: self.samples].flatten(1).numpy(), x[: self.samples].flatten(1).numpy()
        found = np.concatenate([self.classes(part.flatten(1).numpy()) for part in test.split(1000)])
        self.held_out = float((found == labels.numpy()).mean())

    @torch.no_grad()
    def hidden(self, x: np.ndarray) -> np.ndarray:
        images = torch.from_numpy(x).view(-1, 1, self.side, self.side)
        return torch.cat([self.features(part) for part in images.split(500)]).double().numpy()

    @torch.no_grad()
    def classes(self, x: np.ndarray) -> np.ndarray:
        return self.last(torch.from_numpy(self.hidden(x)).float()).argmax(1).numpy()


if __name__ == "__main__":
    judges: dict[str, Judge] = {}  # by class and config
    for name in sys.argv[1:]:
        config = yaml.safe_load((Path(name) / "config.yaml").read_text())["dataset"]
        kind = config.pop("_target_").rpartition(".")[2]
        if kind in ("Ring", "Grid"):
            print(f"{name}: {modes(Path(name), getattr(data, kind)(**config))}")
            continue
        which = f"{kind} {config}"
        if which not in judges:
            judge = judges[which] = FashionMNIST(**config) if kind == "FashionMNIST" else Digits()
            print(f"{judge.what}: {judge.score(judge.half)}; held out {judge.held_out:.4f}")
        drawn = samples(Path(name), judges[which].samples).flatten(1).numpy()
        print(f"{name}: {judges[which].score(drawn)}", flush=True)

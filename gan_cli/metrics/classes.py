"""Samples by class, as a classifier sees them: which occur, how evenly, how surely."""

import torch
from torch import Tensor

from gan_cli.metrics.divergence import divergence

DIGITS, CHANNELS = 10, 3  # of stacked MNIST: 1000 modes


def histogram(labels: Tensor, classes: int) -> Tensor:
    """How many of each class, int64 [classes], of labels int [N].

    Raises:
        ValueError: no labels, or one outside 0 to classes - 1.
    """
    labels = labels.detach().cpu().long().flatten()
    if len(labels) == 0 or labels.min() < 0 or labels.max() >= classes:
        found = f"{int(labels.min())} to {int(labels.max())}" if len(labels) else "none"
        raise ValueError(f"labels must be 0 to {classes - 1}, at least one of them, got {found}")
    return labels.bincount(minlength=classes)


def by_class(real_labels: Tensor, fake_logits: Tensor) -> dict[str, float]:
    """Samples by the class that a classifier gives them, against the labels of real data.

    - `classes`: how many of K occur.
    - `class_kl`: KL(histogram of samples || histogram of real data), nats; about (K - 1) / 2 (1/N + 1/M) for a perfect
      sampler. A class without samples adds nothing; inf where samples fall in a class of which there are no real data.
    - `confidence`: the mean of the largest probability. Low where samples are between classes; high says little, since
      classifiers are sure of much that is none of their classes.

    Args:
        real_labels: int [N].
        fake_logits: [M, K].

    Raises:
        ValueError: no labels or logits, or ones that cannot be.
    """
    if fake_logits.ndim != 2 or len(fake_logits) == 0 or not fake_logits.isfinite().all():
        raise ValueError(f"fake_logits must be finite and [M, K] with M at least 1, got {[*fake_logits.shape]}")
    logits = fake_logits.detach().cpu().double()
    k = logits.shape[1]
    counts, real = histogram(logits.argmax(1), k), histogram(real_labels, k)
    return {
        "classes": float((counts > 0).sum()),
        "class_kl": divergence(counts, real / real.sum()),
        "confidence": float(logits.softmax(1).amax(1).mean()),
    }


def stacked(digits: Tensor) -> dict[str, float]:
    """Stacked MNIST (Metz et al. 2017, arXiv:1611.02163): three digits an image, 1000 modes, of 26,000 samples.

    - `stacked_modes`: triples that occur.
    - `stacked_kl`: KL(histogram of triples || uniform), nats, as in PacGAN's code and VEEGAN's table. A sampler of even
      digits has 0.0193, (1000 - 1) / (2 x 26,000) and a little; one of MNIST's own digits, which are not quite even
      (ones are 11.2 %, fives 9.0 %), has 0.0237: that is the floor.

    Args:
        digits: of the red, green and blue channel, int [N, 3].

    Raises:
        ValueError: no digits, or ones that cannot be.
    """
    if digits.ndim != 2 or digits.shape[1] != CHANNELS:
        raise ValueError(f"digits must be [N, {CHANNELS}], got {[*digits.shape]}")
    digits = digits.detach().cpu().long()
    histogram(digits, DIGITS)  # refuses what is no digit
    modes = DIGITS**CHANNELS
    counts = histogram(digits @ torch.tensor([DIGITS**2, DIGITS, 1]), modes)
    return {
        "stacked_modes": float((counts > 0).sum()),
        "stacked_kl": divergence(counts, torch.full((modes,), 1 / modes, dtype=torch.float64)),
    }

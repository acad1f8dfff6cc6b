"""What an evaluation may find, by name: which way is better, and what it is in words. The names are those of the logs
(`eval/cfd`), of `gan-eval --metrics` and of `train.keep_best`.
"""

from collections.abc import Mapping
from typing import Literal, NamedTuple

Better = Literal["lower", "higher", "near 1", "near 0.5"]
PREFIX = "eval/"
FLOOR = "_floor"  # how the name ends under which a floor is logged beside its figure


class Score(NamedTuple):
    """One number that an evaluation may give."""

    better: Better
    means: str


SCORES: Mapping[str, Score] = {
    "modes": Score("higher", "modes of the density nearest to at least one sample of high quality"),
    "hq": Score("higher", "share of samples of high quality: nearer than 3 standard deviations to a mode"),
    "reverse_kl": Score("lower", "KL(samples of high quality over the modes || their weights), nats"),
    "std_ratio": Score("near 1", "spread of samples within a mode, as a share of the true one"),
    "w1": Score("lower", "Wasserstein-1 distance to fresh data, in the data's units"),
    "energy": Score("lower", "energy distance to fresh data"),
    "fid": Score("lower", "Fréchet distance in Inception 2015-12-05"),
    "cfd": Score("lower", "classifier Fréchet distance: in a classifier trained on these data; not FID"),
    "pca_fd": Score("lower", "Fréchet distance of principal components; not FID"),
    "raw_fd": Score("lower", "Fréchet distance of pixels; not FID"),
    "kid": Score("lower", "kernel distance (squared MMD of a cubic kernel)"),
    "precision": Score("higher", "share of samples within the real ones' manifold"),
    "recall": Score("higher", "share of real ones within the samples' manifold"),
    "density": Score("higher", "how densely real ones surround a sample; 1 for the real ones"),
    "coverage": Score("higher", "share of real ones with a sample in their neighbourhood"),
    "classes": Score("higher", "classes that occur among samples, by the classifier"),
    "class_kl": Score("lower", "KL(classes of samples || classes of real ones), nats"),
    "confidence": Score("higher", "the classifier's mean largest probability"),
    "stacked_modes": Score("higher", "of the 1000 combinations of three digits, those that occur"),
    "stacked_kl": Score("lower", "KL(combinations of three digits || uniform), nats"),
    "memorised": Score("near 0.5", "P(a sample is nearer to a training image than a held-out image is); above: copies"),
    "parzen": Score("higher", "Parzen-window log-likelihood, nats (historic: Goodfellow et al. 2014)"),
}


def tag(name: str) -> str:
    """The name under which a figure is logged: the short name of an evaluation's stands for its own.

    >>> tag("cfd"), tag("eval/cfd"), tag("theory/js")
    ('eval/cfd', 'eval/cfd', 'theory/js')
    """
    return PREFIX + name if name in SCORES else name


def direction(name: str) -> Literal["smallest", "largest"] | None:
    """Which value of a figure is the best, where its name says so.

    >>> direction("eval/cfd"), direction("precision"), direction("std_ratio"), direction("theory/js")
    ('smallest', 'largest', None, None)
    """
    known = SCORES.get(name.removeprefix(PREFIX)) if tag(name).startswith(PREFIX) else None
    return {"lower": "smallest", "higher": "largest"}.get(known.better) if known else None  # type: ignore[return-value]

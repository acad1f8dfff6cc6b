"""Named feature spaces: what a distance between two sets of images is measured in."""

from gan_cli.features.channels import channels
from gan_cli.features.classifier import Classifier, classifier, why_not
from gan_cli.features.inception import inception
from gan_cli.features.linear import pca, raw
from gan_cli.features.space import Embedding, Features, Space

__all__ = [
    "Classifier",
    "Embedding",
    "Features",
    "Space",
    "channels",
    "classifier",
    "inception",
    "pca",
    "raw",
    "why_not",
]

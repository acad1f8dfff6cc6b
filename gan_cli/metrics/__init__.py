"""What samples are worth: pure functions of tensors, each with its source and with what a perfect sampler scores."""

from gan_cli.metrics.classes import by_class, stacked
from gan_cli.metrics.frechet import frechet
from gan_cli.metrics.kernel import kid
from gan_cli.metrics.memory import Memory, memorisation, nearest
from gan_cli.metrics.modes import modes
from gan_cli.metrics.neighbours import density_coverage, precision_recall
from gan_cli.metrics.parzen import Parzen, parzen
from gan_cli.metrics.transport import energy, wasserstein1

__all__ = [
    "Memory",
    "Parzen",
    "by_class",
    "density_coverage",
    "energy",
    "frechet",
    "kid",
    "memorisation",
    "modes",
    "nearest",
    "parzen",
    "precision_recall",
    "stacked",
    "wasserstein1",
]

"""What samplers score that need no training: the data themselves, and one that returns the means of its modes."""

from collections.abc import Callable, Mapping

import torch
from torch import Tensor

from gan_cli.data import Grid, Ring
from gan_cli.data.mixture import Mixture
from gan_cli.measure import measure, train
from gan_cli.metrics import modes, stacked
from gan_cli.seeds import generator
from gan_cli.suite.rows import Reading
from gan_cli.theory import optimum

POINTS = 2500  # as in VEEGAN's and PacGAN's papers
STACKED = 26_000
MNIST = (5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949)  # labels 0 to 9 of the 60,000 training images


def perfect(data: Mixture, seed: int) -> dict[str, Reading]:
    """The figures of the data themselves."""
    return _modes(data, data.sample(POINTS, generator(seed, "suite", "perfect")))


def means_alone(data: Mixture, seed: int) -> dict[str, Reading]:
    """The figures of a generator that knows the means, draws each equally often, and nothing around them."""
    return _modes(data, data.centres[torch.arange(POINTS) % len(data.centres)])


def _modes(data: Mixture, samples: Tensor) -> dict[str, Reading]:
    return {name: (value, None) for name, value in modes(samples, data.centres, data.std, data.weights).items()}


def stacked_mnist(seed: int) -> dict[str, Reading]:
    """Three digits drawn with the frequencies of MNIST's labels: what stacked MNIST itself scores.

    The expected KL to uniform is three times the labels' own, 0.0043, and what counting adds, 999 / 2N and a little.
    """
    chance = generator(seed, "suite", "stacked")
    digits = torch.multinomial(torch.tensor(MNIST).double(), 3 * STACKED, replacement=True, generator=chance)
    return {name: (value, None) for name, value in stacked(digits.reshape(STACKED, 3)).items()}


def exact(mu: float, seed: int) -> dict[str, Reading]:
    """What the optimal D sees of N(0, 1) and N(mu, 1), by quadrature."""
    return {name: (value, None) for name, value in vars(optimum(mu)).items() if name != "mu"}


def trained(mu: float, seed: int) -> dict[str, Reading]:
    """What a trained D says of them on samples; the floor is what the optimal one says."""
    found, best = measure(train(mu, seed), mu, seed, n=100_000)[0], optimum(mu)
    return {name: (value, getattr(best, name)) for name, value in vars(found).items() if name != "mu"}


ORACLES: Mapping[str, Callable[..., Mapping[str, Reading]]] = {
    "ring_data": lambda seed: perfect(Ring(), seed),
    "grid_data": lambda seed: perfect(Grid(), seed),
    "ring_means_alone": lambda seed: means_alone(Ring(), seed),
    "grid_means_alone": lambda seed: means_alone(Grid(), seed),
    "stacked_mnist": stacked_mnist,
    "gaussian": exact,
    "gaussian_trained": trained,
}

"""The Parzen-window log-likelihood of Goodfellow et al. 2014. Historic: kept to compare with their table alone.

Theis, van den Oord and Bethge 2016 (arXiv:1511.01844, section 5.2): in as many dimensions as an image has, the estimate
is far from the true likelihood even with millions of samples, ranks models wrongly, and is best for a generator that
returns a few cluster centres; real training images score less than those.
"""

import math
from typing import NamedTuple

import torch
from torch import Tensor

from gan_cli.metrics.pair import pair, points

# numpy.logspace(-1, 0, 10), the default grid of the authors' code
SIGMAS: tuple[float, ...] = tuple(10 ** (i / 9 - 1) for i in range(10))
ROWS = 1_000  # points at a time: 1,000 x 10,000 distances are 80 MB


class Parzen(NamedTuple):
    """Nats a test point: mean, its standard error, and the width that the validation points chose."""

    mean: float
    se: float
    sigma: float


def parzen(samples: Tensor, test: Tensor, valid: Tensor, sigmas: tuple[float, ...] = SIGMAS) -> Parzen:
    """log p of test points under the mean of Gaussians of width sigma around samples, as in the authors' code.

    Their protocol for MNIST: 10,000 samples in [0, 1]; sigma the best of ten for the first 1,000 of the last 10,000
    training images; 10,000 test images; 225 +- 2 nats for their network. Real images in place of samples, 10,000 at
    random of the first 50,000, have 242.7 +- 2.1 with a sigma of 0.167. The standard error is over test points alone.

    Args:
        samples: [N, ...].
        test: [M, ...].
        valid: [V, ...], which choose sigma and must be neither trained nor tested on.
        sigmas: to choose from, in the units of the points.

    Raises:
        ValueError: points that cannot be compared.
    """
    samples, test = pair(samples, test, ("samples", "test"))
    valid = pair(samples, points(valid, "valid"), ("samples", "valid"))[1]
    means = log_densities(valid, samples, sigmas).mean(1)
    sigma = sigmas[int(means.argmax())]
    logs = log_densities(test, samples, (sigma,))[0]
    return Parzen(float(logs.mean()), float(logs.std(correction=0)) / math.sqrt(len(logs)), sigma)


def log_densities(x: Tensor, samples: Tensor, sigmas: tuple[float, ...]) -> Tensor:
    """log of the mean over samples of N(x; sample, sigma^2 I), for each sigma: float64 [S, N] of x [N, D]."""
    centre = samples.mean(0)  # what all share would cost digits of |x|^2 + |s|^2 - 2 x.s
    x, samples = x - centre, samples - centre
    sizes = samples.square().sum(1)
    parts = []
    for part in x.split(ROWS):
        squares = torch.addmm(sizes + part.square().sum(1)[:, None], part, samples.T, alpha=-2).clamp_(min=0)
        parts.append(torch.stack([(squares / (-2 * s * s)).logsumexp(1) for s in sigmas]))
    log_norm = torch.tensor(sigmas, dtype=x.dtype).mul(math.sqrt(2 * math.pi)).log()[:, None] * x.shape[1]
    return torch.cat(parts, 1) - math.log(len(samples)) - log_norm

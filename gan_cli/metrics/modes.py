"""A mixture of round Gaussians, known in closed form: which modes samples find, how well and how evenly."""

from typing import Literal, get_args

import torch
from torch import Tensor
from torch.special import gammainc

from gan_cli.geometry import squared_distances
from gan_cli.metrics.divergence import divergence

Definition = Literal["veegan", "pacgan"]
NEAR = 3.0  # standard deviations from a mode's centre to which a sample is one of high quality


def modes(
    samples: Tensor, centres: Tensor, std: float, weights: Tensor | None = None, definition: Definition = "veegan"
) -> dict[str, float]:
    """What VEEGAN and PacGAN report of 2,500 samples, and what keeps a generator of exact means from looking perfect.

    - `hq`: the share of samples within three standard deviations of a mode ("high quality"). In the plane a perfect
      sampler has 1 - exp(-9/2) = 0.9889, with a standard deviation of 0.0021 over sets of 2,500.
    - `modes`: modes that are nearest to at least one of those.
    - `reverse_kl`: KL(histogram of those over modes || the true one), nats. About (K - 1) / (2 N hq) for a perfect
      sampler: 0.0014 for the ring of 8, 0.0048 for the grid of 25; log K where all samples are in one of K equal modes.
      inf without a sample of high quality: no histogram, and the worst in any order.
    - `std_ratio`: their standard deviation about their own mean in a mode, averaged over modes and divided by that of
      the true mode cut off at three standard deviations. 1 for a perfect sampler, 0 for one that returns exact means,
      at most 1.54 in the plane (evenly over the disc). nan where no mode has two such samples.

    Definitions, which differ by name because their papers do; on equally likely modes all figures agree.

    - `veegan`: Srivastava et al. 2017 (arXiv:1705.07761), section 4.1. It has no divergence; ours is to the weights.
    - `pacgan`: Lin et al. 2018 (arXiv:1712.04086), as in its published code: nearer than three standard deviations,
      and the divergence is to the uniform histogram, log K - entropy, however the modes are weighted.

    A mode of weight 0 is none: samples there are not of high quality. Of modes that overlap, a sample counts for the
    nearest one, and a perfect sampler then scores less than what is said here. A sample that is nan counts as a miss.

    Args:
        samples: [N, D].
        centres: of the modes, [K, D].
        std: of each mode.
        weights: how often each mode is drawn, [K], divided by their sum; equal without it.
        definition: whose.

    Raises:
        ValueError: an argument out of its range.
    """
    samples, centres = samples.detach().cpu().double().flatten(1), centres.detach().cpu().double()
    if definition not in get_args(Definition):
        raise ValueError(f"definition must be one of {', '.join(get_args(Definition))}, got {definition!r}")
    if len(samples) == 0 or samples.shape[1:] != centres.shape[1:] or not std > 0:
        raise ValueError(
            f"samples [N, D], centres [K, D] and std > 0 are needed, got {[*samples.shape]}, {[*centres.shape]}, {std}"
        )
    share = torch.ones(len(centres)) if weights is None else weights.detach().cpu()
    if len(share) != len(centres) or not (share >= 0).all() or not 0 < share.sum() < torch.inf:
        raise ValueError(f"weights must be {len(centres)}, none below 0 and not all 0, got {share.tolist()}")
    centres, share = centres[share > 0], share[share > 0].double()

    distance, which = squared_distances(samples, centres).min(1)
    bound = (NEAR * std) ** 2
    high = distance < bound if definition == "pacgan" else distance <= bound
    counts = which[high].bincount(minlength=len(centres))
    target = torch.full_like(share, 1 / len(share)) if definition == "pacgan" else share / share.sum()
    return {
        "modes": float((counts > 0).sum()),
        "hq": float(high.double().mean()),
        "reverse_kl": divergence(counts, target),
        "std_ratio": _spread(samples[high], which[high], counts) / (std * _cut_off(samples.shape[1])),
    }


def _spread(samples: Tensor, which: Tensor, counts: Tensor) -> float:
    """The standard deviation in a mode, a number for all axes, averaged over the modes of two samples or more."""
    means = torch.zeros(len(counts), samples.shape[1], dtype=samples.dtype).index_add_(0, which, samples)
    means /= counts.clamp(min=1)[:, None]
    squares = torch.zeros(len(counts), dtype=samples.dtype)
    squares.index_add_(0, which, (samples - means[which]).square().mean(1))
    several = counts > 1
    return float((squares[several] / (counts[several] - 1)).sqrt().mean())


def _cut_off(dims: int) -> float:
    """The standard deviation, along an axis, of a standard normal cut off at a radius of three.

    E[x^2 | |x| < r] = P(chi2_{D+2} < r^2) / P(chi2_D < r^2), and P(chi2_D < q) = gammainc(D/2, q/2).
    In the plane 0.97440, on the line 0.98658.

    >>> round(_cut_off(2), 5), round(_cut_off(1), 5)
    (0.9744, 0.98658)
    """
    half, bound = torch.tensor(dims / 2, dtype=torch.float64), torch.tensor(NEAR**2 / 2, dtype=torch.float64)
    return float((gammainc(half + 1, bound) / gammainc(half, bound)).sqrt())

"""What the papers prove of two densities p and q and of the best D between them: closed forms and quadrature.

p is the density of the data, q that of G's samples; nothing is trained here. All is said in log densities and logits:
in probabilities, log(1 - D) is -inf as soon as D rounds to 1. Derivations: docs/theory.md.

    >>> x, cell = lattice(-12.0, 14.0)
    >>> log_p, log_q = log_normal(x, 0.0), log_normal(x, 2.0)
    >>> round(js(log_p, log_q, cell), 4)
    0.3368
"""

import math
from dataclasses import dataclass

import torch
from torch import Tensor
from torch.nn.functional import softplus

LOG_2, LOG_4 = math.log(2), math.log(4)
FAR = 12.0  # standard deviations from a mean: beyond lies a share of 4e-33


def optimal_logit(log_p: Tensor, log_q: Tensor) -> Tensor:
    """The logit of D* = p/(p+q), which is log p - log q (Goodfellow et al. 2014, proposition 1).

    Infinite where one density is 0. Where both are, no sample ever asks D, and the answer is 0.
    """
    return torch.where((log_p == -math.inf) & (log_q == -math.inf), 0.0, log_p - log_q)


def lattice(*ends: float, places: int = 4000) -> tuple[Tensor, float]:
    """Midpoints of equal cells, for integrals of densities that have died out at the ends.

    Args:
        ends: low and high of each dimension in turn: two numbers for a line, four for a part of the plane.
        places: in each dimension.

    Returns:
        Places, float64 [places**D, D], and the volume of a cell.
    """
    sides = [(high - low) / places for low, high in zip(ends[::2], ends[1::2], strict=True)]
    middles = torch.arange(places, dtype=torch.float64) + 0.5
    axes = [low + side * middles for low, side in zip(ends[::2], sides, strict=True)]
    return torch.cartesian_prod(*axes).reshape(-1, len(axes)), math.prod(sides)


def log_normal(x: Tensor, mean: float = 0.0, std: float = 1.0) -> Tensor:
    """log of the density of N(mean, std^2): [N, 1] to [N]."""
    return -((x[:, 0] - mean) / std).square() / 2 - math.log(std * math.sqrt(2 * math.pi))


def expectation(log_density: Tensor, f: Tensor, cell: float) -> float:
    """The mean of f under a density, both given on a lattice: [N], [N]. What f is where the density is 0 is all one."""
    density = log_density.exp()
    return float(torch.where(density > 0, density * f, 0.0).sum()) * cell


# The following four take log p and log q on a lattice, each [N], and the volume of its cells, and give nats or shares.


def value(logit: Tensor, log_p: Tensor, log_q: Tensor, cell: float) -> float:
    """V(D, G) = E_p log D + E_q log(1 - D) of any D, given by its logits (Goodfellow et al. 2014, equation 1)."""
    return -expectation(log_p, softplus(-logit), cell) - expectation(log_q, softplus(logit), cell)


def js(log_p: Tensor, log_q: Tensor, cell: float) -> float:
    """The Jensen-Shannon divergence in nats, in [0, log 2]: half of what V(D*, G) is above -log 4."""
    return max(0.0, value(optimal_logit(log_p, log_q), log_p, log_q, cell) + LOG_4) / 2  # rounding may give -1e-16


def total_variation(log_p: Tensor, log_q: Tensor, cell: float) -> float:
    """½∫|p - q|, in [0, 1]."""
    return float((log_p.exp() - log_q.exp()).abs().sum()) * cell / 2


def triangular(log_p: Tensor, log_q: Tensor, cell: float) -> float:
    """The triangular discrimination ½∫(p - q)²/(p + q), in [0, 1]."""
    p, q = log_p.exp(), log_q.exp()
    return float(torch.where(p + q > 0, (p - q).square() / (p + q), 0.0).sum()) * cell / 2


def kl(log_p: Tensor, log_q: Tensor, cell: float) -> float:
    """KL(p || q) = E_p log p/q in nats, in [0, inf]."""
    return expectation(log_p, log_p - log_q, cell)


def pair_js(log_p: Tensor, log_q: Tensor, cell: float) -> float:
    """JS between the pairs (real, fake) and the pairs (fake, real): what the relativistic loss measures, in nats.

    Takes a matrix of N x N: choose a lattice of a thousand places or so. Neither density may be 0 on it.
    """
    logit = optimal_logit(log_p, log_q)
    p, q = log_p.exp() * cell, log_q.exp() * cell
    return LOG_2 - float(p @ softplus(logit[None, :] - logit[:, None]) @ q)


def kl_normals(mean_p: float, std_p: float, mean_q: float, std_q: float) -> float:
    """KL(p || q) of two normal densities on the line."""
    return math.log(std_q / std_p) + (std_p**2 + (mean_p - mean_q) ** 2) / (2 * std_q**2) - 0.5


def w1_normals(mean_p: float, std_p: float, mean_q: float, std_q: float) -> float:
    """W1 of two normal densities on the line: the mean of |m + sZ|, m and s the differences, Z standard normal.

    On the line the best transport keeps the order: it takes mean_p + std_p Z to mean_q + std_q Z.
    """
    m, s = abs(mean_p - mean_q), abs(std_p - std_q)
    if s == 0:
        return m
    return s * math.sqrt(2 / math.pi) * math.exp(-((m / s) ** 2) / 2) + m * math.erf(m / (s * math.sqrt(2)))


@dataclass(frozen=True)
class Row:
    """What D and G see when the data are N(0, 1) and G's samples are N(mu, 1)."""

    mu: float
    value: float  # V(D, G), nats
    d_loss: float  # -V: the loss that D descends
    js: float  # nats
    accuracy: float  # the share of samples, half of them real, that D calls by their name
    d_g_z: float  # the mean of D(G(z))
    slope_minimax: float  # |d/dmu| of E log(1 - D(G(z))), D held fixed
    slope_nonsaturating: float  # |d/dmu| of -E log D(G(z)), D held fixed


def optimum(mu: float) -> Row:
    """The row of the optimal D, whose logit is mu²/2 - mu x.

    >>> optimum(0.0).js, optimum(0.0).accuracy
    (0.0, 0.5)
    """
    x, cell = lattice(-FAR, mu + FAR) if mu >= 0 else lattice(mu - FAR, FAR)
    log_p, log_q = log_normal(x), log_normal(x, mu)
    logit = optimal_logit(log_p, log_q)
    v, d_g_z = value(logit, log_p, log_q, cell), expectation(log_q, logit.sigmoid(), cell)
    # Moving z + mu moves the logit by -mu a unit. log(1 - sigma) has the slope -sigma, -log sigma has -(1 - sigma).
    return Row(
        mu=mu,
        value=v,
        d_loss=-v,
        js=js(log_p, log_q, cell),
        accuracy=(1 + math.erf(abs(mu) / math.sqrt(8))) / 2,  # Phi(mu/2): D* decides half-way between the means
        d_g_z=d_g_z,
        slope_minimax=abs(mu) * d_g_z,
        slope_nonsaturating=abs(mu) * (1 - d_g_z),
    )

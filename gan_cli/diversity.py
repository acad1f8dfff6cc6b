"""How varied samples are, held against real data: a judge of collapse, and none of beauty.

Everything is read from the samples themselves, never from losses: a generator that gives one answer to every z can have
the losses of a good one. Distances are Euclidean, between whole samples: images as pixels.
"""

import torch
from torch import Tensor

from gan_cli.geometry import squared_distances

LONG = 64  # numbers in a sample
ROWS, LONG_ROWS = 64, 1024  # short and long samples at a time: their distances to all others stay in the cache, or fit
NEAR = 3.0  # standard deviations to a mode: a sample nearer than that is one of high quality (VEEGAN, PacGAN)

Spread = tuple[Tensor, Tensor]  # what `among` finds


def distances(samples: Tensor, real: Tensor, known: Spread | None = None) -> dict[str, float]:
    """How far samples are from one another and from real data; nothing where real data are all one point.

    - `distance`: the mean distance of two samples, divided by that of two real ones. 0: all alike; 1: as varied.
    - `nearest`: the mean distance of a sample to the nearest other one, divided likewise. Where many samples are copies
      of a few, it falls, and `distance` need not.
    - `energy`: 1 - (E|s - s'| + E|x - x'|) / (2 E|s - x|) with samples s and real x, the coefficient that Székely and
      Rizzo 2013 (Energy statistics, J. Stat. Plan. Inference 143) scale their energy distance to: in [0, 1], and 0 if
      and only if both have one distribution. The means leave out i = j: the estimate is around 0 there, also below.

    Args:
        samples: [N, ...].
        real: [M, ...]; as many are taken as there are samples, and the other way round, since the nearest of many is
            nearer than the nearest of a few.
        known: `among` these real ones, where it was found before.
    """
    n = min(len(samples), len(real))
    s, x = samples[:n].flatten(1).float(), real[:n].flatten(1).float()
    if n < 2 or (x == x[0]).all():
        return {}
    (spread, nearest), (real_spread, real_nearest) = among(s), among(x) if known is None else known
    if not real_spread > 0:
        return {}
    between = sum(pairwise(part, x).sum() for part in s.split(_rows(s))) / n**2
    found = {"distance": spread / real_spread}
    if real_nearest > 0:  # a data set of many copies has no nearest distance
        found["nearest"] = nearest / real_nearest
    found["energy"] = 1 - (spread + real_spread) / (2 * between)
    return dict(zip(found, torch.stack([*found.values()]).tolist(), strict=True))  # waits for the device once


def among(x: Tensor) -> Spread:
    """The mean distance of two of these, [N, ...], and the mean distance of each to the nearest other one."""
    x = x.flatten(1).float()
    total, nearest = torch.zeros((), device=x.device), []
    for start in range(0, len(x), _rows(x)):
        d = pairwise(x[start : start + _rows(x)], x)
        total = total + d.sum()
        d.diagonal(start).fill_(torch.inf)
        nearest.append(d.amin(1))
    return total / (len(x) * (len(x) - 1)), torch.cat(nearest).mean()


def _rows(x: Tensor) -> int:
    return ROWS if x.shape[1] < LONG else LONG_ROWS


def names(real: Tensor) -> list[str]:
    """What `distances` gives of any samples and these real ones: it depends on which of these are equal.

    Args:
        real: [N, ...].
    """
    counts = real.flatten(1).unique(dim=0, return_counts=True)[1]
    if len(counts) < 2:
        return []
    return ["distance", "nearest", "energy"] if 1 in counts else ["distance", "energy"]


def mixture(samples: Tensor, centres: Tensor, std: float) -> dict[str, float]:
    """Samples of a mixture of round Gaussians, by the definitions of VEEGAN (Srivastava et al. 2017) and PacGAN.

    - `quality`: the share of samples nearer than three standard deviations to a mode. 0.989 for p(x) in the plane.
    - `modes`: modes that are nearest to at least one of those.

    Args:
        samples: [N, D].
        centres: of the modes, [K, D].
        std: of each mode.
    """
    distance, which = pairwise(samples.float(), centres.to(samples)).min(1)
    near = distance < NEAR * std
    return {"modes": float(len(which[near].unique())), "quality": float(near.float().mean())}


def classes(samples: Tensor, real: Tensor, labels: Tensor) -> float:
    """The effective number of classes among samples: exp of the entropy of their labels, each that of the nearest of
    the real examples.

    1 where all get one label, K where each of K classes gets as many. The nearest neighbour in pixels is no good judge
    of what a digit is, and need not be: it tells ten kinds of samples from two.

    Args:
        samples: [N, ...].
        real: [M, ...].
        labels: of the real examples, int64 [M].
    """
    s, x = samples.flatten(1).float(), real.flatten(1).float()
    if x.shape[1] < LONG:
        nearest = pairwise(s, x).argmin(1)
    else:  # |s - x|^2 but for |s|^2; a tie that rounding breaks is no matter here
        centre = x.mean(0)
        s, x = s - centre, x - centre
        nearest = torch.addmm(x.square().sum(1), s, x.T, alpha=-2).argmin(1)
    return effective_number(labels.to(nearest.device)[nearest])


def effective_number(labels: Tensor) -> float:
    """exp of the entropy of labels, int64 [N]: how many classes of equal size would be as varied.

    >>> round(effective_number(torch.tensor([0, 0, 7, 7])), 6), effective_number(torch.tensor([3, 3, 3]))
    (2.0, 1.0)
    """
    share = labels.cpu().unique(return_counts=True)[1].double() / len(labels)
    return float(torch.special.entr(share).sum().exp())


def pairwise(a: Tensor, b: Tensor) -> Tensor:
    """Euclidean distances [N, M] of float32 [N, D] and [M, D].

    Two equal points are 0 apart. Of many numbers they are found by |a|^2 + |b|^2 - 2 a.b in float64, where float32's
    differences have digits enough: six times as fast as one by one, which a grid of 28 pixels would feel.
    """
    if a.shape[1] < LONG or a.device.type == "mps":  # which has no float64
        return squared_distances(a, b).sqrt_()
    centre = a.double().mean(0)  # what all share would cost digits
    a, b = a.double() - centre, b.double() - centre
    sizes = a.square().sum(1)[:, None] + b.square().sum(1)
    squares = sizes - 2 * a @ b.T
    squares[squares < 1e-13 * sizes] = 0  # less than float32 tells apart: rounding
    return squares.sqrt().float()

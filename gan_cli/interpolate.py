"""Ways from one z to another.

A normal prior in D dimensions has nearly all its mass in a thin shell of radius sqrt(D): for D = 100, |z| is 10 with a
standard deviation of 0.7. The middle of a straight line between two draws has |z| near sqrt(D / 2) = 7.1, and the
prior draws seven z in a million that short: G was hardly trained there, and what it shows is not what it learned. A
great circle stays in the shell (White 2016, arXiv:1609.04468). For a uniform prior the straight line is the one that
stays inside, because a cube is convex.
"""

import math

import torch
from torch import Tensor

NO_ANGLE = 1e-6  # sine of the angle below which the plane of a great circle is lost in float32 rounding


def linear(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """(1 - t) a + t b for every t.

    Args:
        a, b: the ends, [N, D].
        t: places on the way, [T]; 0 is a and 1 is b, exactly.

    Returns:
        [N, T, D].

    >>> linear(torch.tensor([[0.0, 2.0]]), torch.tensor([[4.0, 0.0]]), torch.tensor([0.0, 0.25, 1.0])).tolist()
    [[[0.0, 2.0], [1.0, 1.5], [4.0, 0.0]]]
    """
    ends = [z.double().unsqueeze(1) for z in (a, b)]
    at = t.double()[:, None]
    return ((1 - at) * ends[0] + at * ends[1]).to(a.dtype)


def spherical(a: Tensor, b: Tensor, t: Tensor) -> Tensor:
    """The great circle from a to b: the direction turns at a constant rate, the norm goes straight from |a| to |b|.

    With ends of one norm this is White's slerp, (sin((1 - t) w) a + sin(t w) b) / sin w, w the angle between them.

    - Ends of (nearly) one direction, an end at zero, and D = 1, where there is nothing to turn in: the straight line.
    - Ends of (nearly) opposite directions, between which every great circle is as short: the one through the
      coordinate axis to which a is nearest to perpendicular, the first of several.

    Arguments and result as for `linear`.

    >>> ends = torch.tensor([[1.0, 0.0]]), torch.tensor([[0.0, 1.0]])
    >>> spherical(*ends, torch.tensor([0.0, 0.5, 1.0]))
    tensor([[[1.0000, 0.0000],
             [0.7071, 0.7071],
             [0.0000, 1.0000]]])
    """
    straight = linear(a, b, t)
    if a.shape[1] == 1:
        return straight
    norm_a, norm_b = (z.double().norm(dim=1, keepdim=True) for z in (a, b))
    from_, to = a.double() / norm_a, b.double() / norm_b  # an end at zero becomes NaN, and is not used
    cosine = (from_ * to).sum(1, keepdim=True)
    sideways = to - cosine * from_  # the part of b across a: its length is the sine
    sine = sideways.norm(dim=1, keepdim=True)
    aligned = (norm_a == 0) | (norm_b == 0) | ((sine < NO_ANGLE) & (cosine > 0))

    opposite = sine < NO_ANGLE
    sideways = torch.where(opposite, _across(from_), sideways / sine)
    angle = torch.where(opposite, math.pi, torch.atan2(sine, cosine))

    at = t.double()[:, None]
    turned = (at * angle[:, None]).cos() * from_[:, None] + (at * angle[:, None]).sin() * sideways[:, None]
    arc = (((1 - at) * norm_a[:, None] + at * norm_b[:, None]) * turned).to(a.dtype)
    is_end = (at == 0) | (at == 1)  # exact in `straight`, rounded in `arc`
    return torch.where(aligned[:, None] | is_end, straight, arc)


def _across(unit: Tensor) -> Tensor:
    """A unit vector perpendicular to each of [N, D]: the least of its own axes, made perpendicular."""
    axis = torch.nn.functional.one_hot(unit.abs().nan_to_num().argmin(1), unit.shape[1]).double()
    return torch.nn.functional.normalize(axis - (axis * unit).sum(1, keepdim=True) * unit)

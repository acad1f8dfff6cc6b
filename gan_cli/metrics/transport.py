"""Distances between sets of points that need no modes and no features: Wasserstein-1 and energy."""

import torch
from torch import Tensor

from gan_cli.geometry import squared_distances
from gan_cli.metrics.pair import pair

MOST = 2_000  # points to assign in the plane: the time grows with their cube; 2 s, and 0.3 s for 1,000
ROWS = 1_000  # points at a time: their distances to all others fit in memory


def wasserstein1(x: Tensor, y: Tensor) -> float:
    """The least mean distance that turns one set into the other, exact, in the units of the points.

    On the line by sorting: the area between the two distribution functions, whatever the sizes. Elsewhere by the best
    assignment (SciPy's), of sets of one size.

    Not 0 for two sets of one distribution: say what two fresh sets of these sizes have.

    Args:
        x, y: [N] or [N, D] each.

    Raises:
        ValueError: points that cannot be compared, or too many: more than 2,000 a set off the line.
    """
    x, y = pair(x, y, ("x", "y"))
    if x.shape[1] == 1:
        x, y = x.flatten().sort().values, y.flatten().sort().values
        both = torch.cat([x, y]).sort().values
        below, other = (torch.searchsorted(a, both[:-1], right=True).double() / len(a) for a in (x, y))
        return float((below - other).abs() @ both.diff())
    if len(x) != len(y) or len(x) > MOST:
        raise ValueError(
            f"an exact assignment needs two sets of one size, of {MOST} points or fewer, got {len(x)} and {len(y)}; "
            "take as many of each, from the front"
        )
    from scipy.optimize import linear_sum_assignment

    cost = squared_distances(x, y).sqrt_().numpy()
    rows, columns = linear_sum_assignment(cost)
    return float(cost[rows, columns].mean())


def energy(x: Tensor, y: Tensor) -> float:
    """Székely and Rizzo's energy distance 2 E|x - y| - E|x - x'| - E|y - y'|, in the units of the points.

    0 if and only if both have one distribution (J. Stat. Plan. Inference 143, 2013). Means over pairs leave out a point
    and itself, so that the estimate is unbiased: around 0 for two sets of one distribution, also below. It is not the
    root that `scipy.stats.energy_distance` takes, and of which no unbiased estimate exists.

    Args:
        x, y: [N] or [N, D] each, two points or more.

    Raises:
        ValueError: points that cannot be compared.
    """
    x, y = pair(x, y, ("x", "y"), least=2)
    n, m = len(x), len(y)
    return 2 * _sum(x, y) / (n * m) - _sum(x, x) / (n * (n - 1)) - _sum(y, y) / (m * (m - 1))


def _sum(x: Tensor, y: Tensor) -> float:
    return float(sum(squared_distances(part, y).sqrt_().sum() for part in x.split(ROWS)))

"""The mean and the standard deviation of points: what `model.standardise` measures them by."""

import math
from typing import Any

from gan_cli.data.examples import Density
from gan_cli.data.gaussian import Gaussian
from gan_cli.data.mixture import Mixture
from gan_cli.data.stream import Stream
from gan_cli.seeds import generator

# The mean of each number of a point, and one standard deviation, the root of the mean variance over all of them: one
# for all directions, so that data that are turned turn what is learned, and change nothing else.
Moments = tuple[list[float], float]

DRAWS = 1 << 16  # of a density whose moments nobody wrote down


def in_closed_form(data: Any) -> Moments | None:
    """The moments of a mixture or a Gaussian; None of other data."""
    return data.moments if isinstance(data, Mixture | Gaussian) else None


def estimated(stream: Stream) -> Moments:
    """The moments of all that is trained on, or of draws that are the same for every seed; a standard deviation of 1
    where all points are one.
    """
    if isinstance(stream.data, Density):
        x = stream.data.sample(DRAWS, generator(0, "moments"))
    else:
        assert stream.examples is not None, "a source is finite"
        x = stream.examples.x
    x = x.cpu().double().flatten(1)  # not every device has 64 bits
    return x.mean(0).tolist(), math.sqrt(float(x.var(0, correction=0).mean())) or 1.0

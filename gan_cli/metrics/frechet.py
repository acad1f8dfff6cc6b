"""The Fréchet distance between two clouds of features, each taken for a Gaussian."""

import numpy as np
from torch import Tensor

from gan_cli.metrics.pair import pair


def frechet(real: Tensor, fake: Tensor) -> float:
    """|m - m'|^2 + tr(S + S' - 2 (S S')^(1/2)) of means m and covariances S (Heusel et al. 2017, arXiv:1706.08500).

    Through torch-fidelity, in float64. It is FID over the features of Inception 2015-12-05 and over no others. The
    estimate is too large by about a constant over N, which two sets of real data have as well: compare only figures of
    equal sizes, with that floor beside them. Fewer samples than features leave a covariance without full rank; the
    distance between such estimates exists all the same and is found, but the floor is high then.

    Args:
        real, fake: features, [N, D] and [M, D], two or more of each.

    Raises:
        ValueError: features that cannot be compared.
    """
    from torch_fidelity.metric_fid import KEY_METRIC_FID, fid_features_to_statistics, fid_statistics_to_metric

    statistics = [fid_features_to_statistics(x) for x in pair(real, fake, least=2)]
    for each in statistics:
        each["sigma"] = np.atleast_2d(each["sigma"])  # of a single feature NumPy makes a number
    return float(fid_statistics_to_metric(*statistics, verbose=False)[KEY_METRIC_FID])

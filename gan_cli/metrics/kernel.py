"""The kernel distance between two clouds of features: no Gaussians, and no bias."""

from torch import Tensor

from gan_cli.metrics.pair import pair

SUBSETS, SIZE = 100, 1_000  # of Bińkowski et al.'s tables, and of torch-fidelity


def kid(real: Tensor, fake: Tensor, seed: int, subsets: int = SUBSETS, size: int = SIZE) -> tuple[float, float]:
    """Squared MMD with the kernel (a.b / D + 1)^3 (Bińkowski et al. 2018, arXiv:1801.01401): mean and std over subsets.

    Through torch-fidelity, in float64. Unbiased: around 0 for two sets of one distribution, also below. The std says
    how much a figure of `size` samples scatters; the mean of `subsets` of them is more certain than that, how much more
    depends on how far they overlap. Subsets are drawn by a generator of their own: no global one moves.

    Args:
        real, fake: features, [N, D] and [M, D], two or more of each.
        seed: of the subsets, 0 or more.
        subsets: drawn from each of both.
        size: of a subset; that of the smaller set where that is less.

    Raises:
        ValueError: features that cannot be compared.
    """
    from torch_fidelity.metric_kid import KEY_METRIC_KID_MEAN, KEY_METRIC_KID_STD, kid_features_to_metric

    real, fake = pair(real, fake, least=2)
    size = min(size, len(real), len(fake))
    found = kid_features_to_metric(
        fake, real, kid_subsets=subsets, kid_subset_size=size, rng_seed=seed % 2**32, verbose=False,
        kid_kernel="poly", kid_kernel_poly_degree=3, kid_kernel_poly_gamma=None, kid_kernel_poly_coef0=1,
    )  # fmt: skip
    return float(found[KEY_METRIC_KID_MEAN]), float(found[KEY_METRIC_KID_STD])

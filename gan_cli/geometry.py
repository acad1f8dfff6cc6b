"""Distances between points, exact: what two equal points are apart is 0."""

import torch
from torch import Tensor

FEW = 4  # dimensions up to which one after the other is the fastest way
ROWS = 64  # at a time: they stay in the processor's cache


def squared_distances(a: Tensor, b: Tensor) -> Tensor:
    """Squared Euclidean distances [N, M] of [N, D] and [M, D].

    Not by way of a product of matrices: far from 0 it subtracts large squares, and no digit of the distance is left.
    """
    if not 0 < a.shape[1] <= FEW or len(a) == 0:
        return torch.cdist(a, b, compute_mode="donot_use_mm_for_euclid_dist").square_()
    columns = b.T.contiguous()
    found = torch.empty(len(a), len(b), dtype=torch.promote_types(a.dtype, b.dtype), device=a.device)
    for part, out in zip(a.split(ROWS), found.split(ROWS), strict=True):
        torch.sub(part[:, :1], columns[0], out=out).square_()
        for dim in range(1, a.shape[1]):
            out.add_((part[:, dim, None] - columns[dim]).square_())
    return found

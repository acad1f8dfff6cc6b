"""The Kullback-Leibler divergence of a histogram."""

import torch
from torch import Tensor


def divergence(counts: Tensor, target: Tensor) -> float:
    """KL(counts / their sum || target), nats: [K] counts, [K] probabilities. 0 log 0 is 0; inf without any counts.

    >>> round(divergence(torch.tensor([4, 0]), torch.tensor([0.5, 0.5])), 4)
    0.6931
    """
    if not counts.sum() > 0:
        return torch.inf
    seen = counts > 0
    share = counts[seen].double() / counts.sum()
    return max(0.0, float((share * (share / target[seen].double()).log()).sum()))  # rounding may leave -1e-17

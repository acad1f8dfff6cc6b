"""Does a generator return its training examples? Samples against held-out data, both by their nearest training example.

A generator that learned the distribution is as far from the training set as other real data are. One that learned the
examples is closer, and has the best Fréchet distance of all: a number that must not be praised without this one.
"""

import math
from dataclasses import dataclass
from typing import Literal

import torch
from torch import Tensor

Verdict = Literal["clean", "closer", "copies"]
ODDS = 1e-6  # of each verdict but "clean", for samples that are as good as held-out data
RATIO = 1 / 3  # a near copy: its nearest training example is nearer than this part of the way to the next
ROWS = 500  # samples at a time: their float32 distances to 60,000 examples are 120 MB


@dataclass(frozen=True)
class Memory:
    """How near samples are to training examples, and what held-out data say of that.

    Args:
        closer: P(a sample is closer to the training set than a held-out example is), over all pairs, ties half. 0.5 for
            fresh samples, 1 where every sample is closer than all held-out data; |z| says how sure.
        z: the same as a Mann-Whitney z: C_T of Meehan, Chaudhuri and Dasgupta 2020 (arXiv:2004.05675) with one cell.
            Standard normal for fresh samples; far below 0: copied; far above: underfitted.
        copies: the share of samples that are exact or near copies: their nearest training example is at most a third as
            far as the second one (Yoon et al. 2023, "Diffusion probabilistic models generalize when they fail to
            memorize"; Gu et al. 2023, arXiv:2310.02664).
        heldout_copies: the same share of held-out data, which is what to expect: data sets hold near copies.
        verdict: `copies` where there are more than held-out data explain (one-sided Fisher); else `closer` where z is
            as far below 0: variations of training examples, or mere blur, which is close to all of them (look at the
            pictures, and measure in features); else `clean`, which is no praise: noise copies nothing. Samples as good
            as held-out data get each of the first two once in a million times.
        distances: of each sample to its nearest training example, Euclidean, float64 [N].
        nearest: the index of that, int64 [N].
    """

    closer: float
    z: float
    copies: float
    heldout_copies: float
    verdict: Verdict
    distances: Tensor
    nearest: Tensor


def memorisation(samples: Tensor, train: Tensor, heldout: Tensor) -> Memory:
    """Judge samples by their distance to what the generator was trained on; see `Memory`.

    Args:
        samples: [N, ...], pixels or features; of one scale with the others.
        train: what the generator was trained on, all of it, [T, ...], two or more.
        heldout: data of the same source that it never saw, [M, ...]; a test set of another source tells nothing.

    Raises:
        ValueError: examples that cannot be compared.
    """
    from scipy.stats import fisher_exact

    d, index = nearest(samples, train, 2)
    d_heldout = nearest(heldout, train, 2)[0]
    copied, copied_heldout = (int((each[:, 0] <= RATIO * each[:, 1]).sum()) for each in (d, d_heldout))
    n, m = len(d), len(d_heldout)
    closer, z = _mann_whitney(d[:, 0], d_heldout[:, 0])
    p_closer = 0.5 * math.erfc(-z / math.sqrt(2))
    p_copies = float(fisher_exact([[copied, n - copied], [copied_heldout, m - copied_heldout]], "greater")[1])
    return Memory(
        closer=closer,
        z=z,
        copies=copied / n,
        heldout_copies=copied_heldout / m,
        verdict="copies" if p_copies < ODDS else "closer" if p_closer < ODDS else "clean",
        distances=d[:, 0],
        nearest=index[:, 0],
    )


def nearest(samples: Tensor, train: Tensor, k: int = 1) -> tuple[Tensor, Tensor]:
    """The k nearest training examples of each sample, nearest first: distances float64 [N, k] and indices int64 [N, k].

    They are looked for in float32, by way of matrix products; of what is found the distances are exact, so that a copy
    is 0 away.

    Args:
        samples: [N, ...].
        train: [T, ...], k or more.

    Raises:
        ValueError: examples that cannot be compared.
    """
    if samples.shape[1:] != train.shape[1:] or len(samples) == 0 or len(train) < k:
        raise ValueError(
            f"samples [N, ...] and {k} or more training examples of one shape are needed, "
            f"got {[*samples.shape]} and {[*train.shape]}"
        )
    samples, train = samples.detach().cpu().flatten(1), train.detach().cpu().flatten(1)
    found = train.float()
    centre = found.mean(0)
    if not centre.isfinite().all():
        raise ValueError("training examples are not all finite (nan or inf), and no distance to them exists")
    found = found - centre  # what all share would cost digits
    sizes = found.square().sum(1)
    distances, indices = [], []
    for part in samples.split(ROWS):
        rank = torch.addmm(sizes, part.float() - centre, found.T, alpha=-2)  # squared distances but for |sample|^2
        index = rank.topk(k, largest=False).indices
        exact = (part[:, None].double() - train[index].double()).square().sum(2).sqrt()
        exact, order = exact.sort(1)
        distances.append(exact)
        indices.append(index.gather(1, order))
    found_at = torch.cat(distances)
    if not found_at.isfinite().all():
        raise ValueError("samples are not all finite (nan or inf), and no distance to them exists")
    return found_at, torch.cat(indices)


def _mann_whitney(d: Tensor, other: Tensor) -> tuple[float, float]:
    """P(d < other) over all pairs, ties half, and the z of U: standard normal where both are of one distribution."""
    n, m = len(d), len(other)
    d, other = d.contiguous(), other.sort().values
    below = torch.searchsorted(other, d).double()
    u = float((below + torch.searchsorted(other, d, right=True)).sum() / 2)  # pairs in which d is the larger
    ties = torch.cat([d, other]).unique(return_counts=True)[1].double()
    total = n + m
    variance = n * m / 12 * (total + 1 - float((ties**3 - ties).sum()) / (total * (total - 1)))
    return 1 - u / (n * m), (u - n * m / 2) / math.sqrt(variance) if variance > 0 else 0.0

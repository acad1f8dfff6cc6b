"""The density of G's samples: in closed form where G is affine and z normal, else estimated from samples."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn

LogProb = Callable[[Tensor], Tensor]  # [N, D] to [N], in nats
ROWS = 1024  # points at a time: [rows, samples] distances must fit in memory
BANDWIDTHS = 12  # tried, from a thousandth of the samples' spread to all of it


def of_affine(G: nn.Module, noise_dim: int, std: float = 1.0) -> LogProb | None:
    """log q of x = W z + b with z ~ N(0, std^2 I): N(b, std^2 W W^T), exact.

    Args:
        G: z [N, noise_dim] to points [N, D].
        noise_dim: of z.
        std: of z.

    Returns:
        None where G is not made of affine layers alone, or bends z between them, or W W^T has no inverse: the samples
        then lie on a subspace.
    """
    linear = (nn.Linear, nn.Identity, nn.Flatten, nn.Unflatten)
    if not all(isinstance(module, linear) for module in G.modules() if not any(module.children())):
        return None
    if any(p.dim() == 0 for p in G.parameters()):  # a layer of the user's own
        return None
    device = next(G.parameters()).device
    with torch.no_grad():
        b = G(torch.zeros(1, noise_dim, device=device)).flatten(1).double().cpu()[0]
        W = G(std * torch.eye(noise_dim, device=device)).flatten(1).double().cpu() - b  # row i: W e_i
        trial = torch.randn(64, noise_dim, generator=torch.Generator().manual_seed(0))
        found = G(std * trial.to(device)).flatten(1).double().cpu()
    if not torch.allclose(found, trial.double() @ W + b, rtol=1e-3, atol=1e-4 * float(found.abs().max())):
        return None  # a forward of the user's own may do more than its layers say
    covariance = W.T @ W
    factor, info = torch.linalg.cholesky_ex(covariance)
    if info or factor.diagonal().min() < 1e-6 * factor.diagonal().max():
        return None
    half_log_det = factor.diagonal().log().sum() + len(b) / 2 * math.log(2 * math.pi)

    def log_q(x: Tensor) -> Tensor:
        centred = (x.double().cpu() - b).T  # [D, N]
        white = torch.linalg.solve_triangular(factor, centred, upper=False)
        log_density: Tensor = -white.square().sum(0) / 2 - half_log_det
        return log_density.to(x)

    return log_q


def of_samples(samples: Tensor) -> LogProb:
    """log q from a kernel estimate: a normal kernel whose width the samples themselves choose.

    The width is that of the greatest leave-one-out likelihood (Duin 1976): it sees narrow modes that a rule from the
    overall spread would smear.

    Args:
        samples: [N, D], N >= 2.
    """
    n, dim = samples.shape
    spread = float(samples.std(0).norm()) or 1.0

    def squared_distances(x: Tensor) -> Tensor:
        # Not by products of matrices: far from 0 they subtract large squares, and no digit of the distance is left.
        return torch.cdist(x, samples, compute_mode="donot_use_mm_for_euclid_dist").square()

    squares = squared_distances(samples)
    squares.fill_diagonal_(math.inf)  # each sample is judged by the others

    def log_kernel(square: Tensor, width: float) -> Tensor:
        return -square / (2 * width**2) - dim * math.log(width * math.sqrt(2 * math.pi))

    widths = [spread * 10 ** (-3 * i / (BANDWIDTHS - 1)) for i in range(BANDWIDTHS)]
    likelihood = [log_kernel(squares, width).logsumexp(1).sub(math.log(n - 1)).mean().item() for width in widths]
    width = widths[max(range(BANDWIDTHS), key=likelihood.__getitem__)]

    def log_q(x: Tensor) -> Tensor:
        rows = [squared_distances(part) for part in x.split(ROWS)]
        return torch.cat([log_kernel(square, width).logsumexp(1) - math.log(n) for square in rows])

    return log_q


def log_ratio(log_p: LogProb, log_q: LogProb) -> LogProb:
    """log p - log q: the logit of the optimal discriminator p / (p + q)."""
    return lambda x: log_p(x) - log_q(x)

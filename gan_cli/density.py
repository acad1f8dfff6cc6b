"""The density of G's samples: in closed form where G is affine and z normal, else estimated from samples."""

import math
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import interpolate

from gan_cli.geometry import squared_distances

LogProb = Callable[[Tensor], Tensor]  # [N, D] to [N], in nats
ROWS = 64  # points at a time: [rows, samples] distances must fit in memory
JUDGES = 128  # samples that choose the width, each by what all others say of it
LEAST = -160.0  # of a log that is exact: terms are cut at twice that, so that a product of two is a number
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


class Kernels:
    """log q from a kernel estimate: a normal kernel whose width the samples themselves choose.

    The width is that of the greatest leave-one-out likelihood (Duin 1976): it sees narrow modes that a rule from the
    overall spread would smear.

    Args:
        samples: [N, D], N >= 2.
    """

    def __init__(self, samples: Tensor) -> None:
        self.samples = samples
        n = len(samples)
        spread = float(samples.std(0).norm()) or 1.0
        judges = torch.arange(min(n, JUDGES))
        squares = squared_distances(samples[judges], samples)
        squares[judges, judges] = math.inf  # each sample is judged by the others
        widths = [spread * 10 ** (-3 * i / (BANDWIDTHS - 1)) for i in range(BANDWIDTHS)]
        likelihood = [self._log_sum(squares, width).mean().item() for width in widths]
        self.width = widths[max(range(BANDWIDTHS), key=likelihood.__getitem__)]

    def __call__(self, x: Tensor) -> Tensor:
        """log q at [M, D]: [M]."""
        rows = [self._log_sum(squared_distances(part, self.samples), self.width) for part in x.split(ROWS)]
        return torch.cat(rows) - math.log(len(self.samples))

    def lattice(self, across: Tensor, up: Tensor) -> Tensor:
        """log q at [A] times [U] places of the plane: [U, A].

        A normal kernel is a product of one across and one up, and a sum of products is a product of matrices. Where
        64 bits do not hold that, far from all samples, the nearest one alone is left of the sum; a sixth of the
        places along each side find it.
        """
        # From the first place on: far from 0, squares of places would leave no digit of a distance.
        origin = torch.stack((across[0], up[0])).double()
        a, u, samples = across.double() - origin[0], up.double() - origin[1], self.samples.double() - origin
        pairs = zip((a, u), samples.T, strict=True)
        in_x, in_y = (
            (t[:, None] - x).square_().mul_(-1 / (2 * self.width**2)).clamp_(min=2 * LEAST).exp_() for t, x in pairs
        )
        log_sum = (in_y @ in_x.T).log()
        far = log_sum < LEAST
        if far.any():
            rough = [torch.linspace(0, float(t[-1]), max(2, len(t) // 6), dtype=torch.float64) for t in (a, u)]
            places = torch.stack(torch.meshgrid(*rough, indexing="xy"), dim=-1).reshape(-1, 2)
            nearest = torch.cat([squared_distances(part, samples).amin(1) for part in places.split(ROWS)])
            # |x - s|^2 - |x|^2 is linear in x: between two places that are nearest to one sample this is exact.
            rest = nearest.sub(places.square().sum(1)).reshape(1, 1, len(rough[1]), len(rough[0]))
            wide = interpolate(rest, size=log_sum.shape, mode="bilinear", align_corners=True)[0, 0]
            squares = wide + a.square() + u.square()[:, None]
            log_sum = torch.where(far, (squares / (-2 * self.width**2)).clamp(max=LEAST), log_sum)
        log_q: Tensor = log_sum - math.log(len(samples)) - self._log_scale(self.width)
        return log_q.to(across)

    def _log_sum(self, squares: Tensor, width: float) -> Tensor:
        """log of the sum of kernels [M, N] over the samples."""
        least = squares.amin(1, keepdim=True)
        # Clamped: numbers near the least that 32 bits hold take ten times as long, and add nothing.
        terms = squares.sub(least).mul_(-1 / (2 * width**2)).clamp_(min=-80).exp_()
        found: Tensor = terms.sum(1).log() - least[:, 0] / (2 * width**2) - self._log_scale(width)
        return found

    def _log_scale(self, width: float) -> float:
        return self.samples.shape[1] * math.log(width * math.sqrt(2 * math.pi))


def lattice(log_prob: LogProb, across: Tensor, up: Tensor) -> Tensor:
    """A log density at [A] times [U] places of the plane: [U, A]."""
    if isinstance(log_prob, Kernels):
        return log_prob.lattice(across, up)
    places = torch.stack(torch.meshgrid(across, up, indexing="xy"), dim=-1).reshape(-1, 2)
    return log_prob(places).reshape(len(up), len(across))


def log_ratio(log_p: LogProb, log_q: LogProb) -> LogProb:
    """log p - log q: the logit of the optimal discriminator p / (p + q)."""
    return lambda x: log_p(x) - log_q(x)

"""What is shown of a Dirac-GAN: where both players are, and the way they took (see gan_cli.models.dirac).

Mescheder, Geiger, Nowozin 2018 (arXiv:1801.04406); the mathematics is in docs/theory.md.
"""

from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from gan_cli import plots
from gan_cli.losses import Loss, total
from gan_cli.models.dirac import Discriminator, Generator
from gan_cli.penalties import Penalty
from gan_cli.plots.canvas import Picture, in_words
from gan_cli.reading import read_rows
from gan_cli.run import Metrics, Run

NODES = 9  # of the Gauss-Hermite rule for instance noise: exact for polynomials of degree 17


def figures(run: Run) -> Metrics:
    """`dirac/theta`, `dirac/psi` and their distance from (0, 0); nothing of other networks."""
    if not _is_dirac(run):
        return {}
    theta, psi = _place(run)
    return {"dirac/theta": theta, "dirac/psi": psi, "dirac/distance": torch.hypot(theta, psi)}


def picture(run: Run) -> Picture | None:
    """The path so far, as often as it was logged, over the gradients of this run's game; None of other networks."""
    if not _is_dirac(run):
        return None
    assert isinstance(run.G, Generator) and isinstance(run.D, Discriminator)
    theta, psi = (value.item() for value in _place(run))
    directory = getattr(run, "directory", None)  # none is there before a run is opened
    path = [(run.G.start, run.D.start), *(logged(directory, run.step) if directory else []), (theta, psi)]
    noise = run.aids.noise_std(run.step)

    def field(theta: np.ndarray, psi: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        with torch.enable_grad():
            u, v = gradient_field(run.loss, run.penalty, torch.from_numpy(theta), torch.from_numpy(psi), noise)
        return u.detach().numpy(), v.detach().numpy()

    letters = "(\N{GREEK SMALL LETTER THETA}, \N{GREEK SMALL LETTER PSI})"
    title = f"step {run.step:,}: {letters} = ({in_words(theta)}, {in_words(psi)})"
    return plots.phase([place for place in path if np.isfinite(place).all()], field, title)


def logged(directory: Path, step: int) -> list[tuple[float, float]]:
    """(theta, psi) of each logged step before `step`. The log is cut on resume, so that a path has one past."""
    return [
        (float(row["dirac/theta"]), float(row["dirac/psi"]))
        for row in read_rows(directory / "metrics.jsonl")
        if "dirac/theta" in row and row["step"] < step
    ]


def gradient_field(
    loss: Loss, penalty: Penalty, theta: Tensor, psi: Tensor, noise_std: float = 0.0
) -> tuple[Tensor, Tensor]:
    """The direction in which each player moves: minus the gradients of their losses, at many places at once.

    Place i is a game of its own, with D(x) = psi_i x on sample i of a batch; losses and penalties are means over the
    batch, which the factor N undoes.

    Args:
        loss, penalty: of the run.
        theta, psi: [N] each.
        noise_std: of instance noise, whose expectation is taken by quadrature.

    Returns:
        (-dL_G/dtheta, -dL_D/dpsi), [N] each, with the graph for derivatives of their own.
    """
    theta, psi = (t if t.requires_grad else t.detach().requires_grad_() for t in (theta, psi))

    def D(x: Tensor) -> Tensor:
        return psi * x[:, 0]

    real, fake = torch.zeros_like(theta)[:, None], theta[:, None]
    d = g = torch.zeros((), dtype=theta.dtype)
    for shift_real, shift_fake, weight in _noise(noise_std, paired=loss.paired):
        real_logits, fake_logits = D(real + shift_real), D(fake + shift_fake)
        d = d + weight * total(loss.discriminator(real_logits, fake_logits))
        g = g + weight * loss.generator(fake_logits, real_logits if loss.paired else None)
    if penalty.active:
        d = d + penalty(D, real, fake)
    (to_g,) = torch.autograd.grad(g * len(theta), theta, create_graph=True)
    (to_d,) = torch.autograd.grad(d * len(psi), psi, create_graph=True)
    return -to_g, -to_d


def _noise(std: float, paired: bool) -> list[tuple[float, float, float]]:
    """Noise on the real and on the fake sample, and the weight of this pair in the expectation."""
    if not std:
        return [(0.0, 0.0, 1.0)]
    nodes, weights = np.polynomial.hermite_e.hermegauss(NODES)
    rule = [(std * float(x), float(w / weights.sum())) for x, w in zip(nodes, weights, strict=True)]
    if not paired:  # the halves of the loss do not meet: the same noise for both
        return [(x, x, w) for x, w in rule]
    return [(x, y, w * v) for x, w in rule for y, v in rule]


def _is_dirac(run: Run) -> bool:
    return isinstance(run.G, Generator) and isinstance(run.D, Discriminator)


def _place(run: Run) -> tuple[Tensor, Tensor]:
    assert isinstance(run.G, Generator) and isinstance(run.D, Discriminator)
    return run.G.theta.detach()[0], run.D.psi.detach()[0]

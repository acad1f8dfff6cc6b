"""The Dirac-GANs of the suite, played to their end: eigenvalues at the equilibrium, and where 500 steps lead.

Mescheder, Geiger, Nowozin 2018 (arXiv:1801.04406). The project's own losses, penalties and steps play; the same games
are `experiment=dirac/...` of gan-train.
"""

import math
from collections.abc import Callable

import torch
from torch import Tensor
from torch.optim import SGD

from gan_cli.data import Point, Stream
from gan_cli.dirac import gradient_field
from gan_cli.loop import turn
from gan_cli.losses import Hinge, Loss, Minimax, NonSaturating, Relativistic, Wasserstein
from gan_cli.models.dirac import Discriminator, Generator
from gan_cli.penalties import R1, R1R2, GradientPenalty, NoPenalty, Penalty
from gan_cli.priors import Normal
from gan_cli.run import Run
from gan_cli.settings import TrainConfig
from gan_cli.steps import discriminator_step, generator_step
from gan_cli.suite.rows import Compute, Reading

STEPS, LR = 500, 0.2
ORDERS = ("simultaneous", "alternating", "g_first")  # alternating is Algorithm 1: D moves first


def game(loss: Callable[[], Loss], penalty: Callable[[], Penalty]) -> Compute:
    """The figures of a game, a function of no seed: nothing in it is drawn.

    Returns:
        `eigenvalue_real` (the larger one) and `eigenvalue_imag` (the larger size) of the gradient field at (0, 0),
        where it has a slope, and `distance_<order>` from (0, 0) after 500 steps of 0.2 from (1, 1).
    """

    def figures(seed: int) -> dict[str, Reading]:
        found: dict[str, Reading] = {}
        if not isinstance(penalty(), GradientPenalty):  # its target of 1 has a kink at psi = 0
            values = torch.linalg.eigvals(_jacobian(loss(), penalty()))
            found["eigenvalue_real"] = float(values.real.max()), None
            found["eigenvalue_imag"] = float(values.imag.abs().max()), None
        for order in ORDERS:
            found[f"distance_{order}"] = distance(loss(), penalty(), order), None
        return found

    return figures


def distance(loss: Loss, penalty: Penalty, order: str, steps: int = STEPS) -> float:
    """From (0, 0) after some steps from (1, 1)."""
    run = _run(loss, penalty, order)
    for _ in range(steps):
        if order == "g_first":
            x = next(run.reals)
            generator_step(run, x)
            discriminator_step(run, x)
        else:
            turn(run)
        run.step += 1
    assert isinstance(run.G, Generator) and isinstance(run.D, Discriminator)
    return math.hypot(run.G.theta.item(), run.D.psi.item())


def _run(loss: Loss, penalty: Penalty, order: str) -> Run:
    updates = "simultaneous" if order == "simultaneous" else "alternating"
    cfg = TrainConfig(steps=STEPS, batch_size=1, updates=updates)  # type: ignore[arg-type]
    G, D = Generator((1,)), Discriminator((1,))
    opt_G, opt_D = (SGD(net.parameters(), lr=LR) for net in (G, D))
    reals = Stream(Point(), 1, seed=0)
    return Run(cfg, 0, torch.device("cpu"), STEPS, reals, Normal(1), G, D, loss, penalty, opt_G, opt_D, None)


def _jacobian(loss: Loss, penalty: Penalty) -> Tensor:
    def field(place: Tensor) -> Tensor:
        return torch.cat(gradient_field(loss, penalty, place[:1], place[1:]))

    found: Tensor = torch.autograd.functional.jacobian(field, torch.zeros(2, dtype=torch.float64))
    return found


GAMES = {
    "minimax": game(Minimax, NoPenalty),
    "nonsaturating": game(NonSaturating, NoPenalty),
    "relativistic": game(Relativistic, NoPenalty),
    "wasserstein": game(Wasserstein, NoPenalty),
    "hinge": game(Hinge, NoPenalty),
    "wgan_gp": game(Wasserstein, lambda: GradientPenalty(0.35)),
    "r1_0.3": game(NonSaturating, lambda: R1(0.3)),
    "r1_1": game(NonSaturating, lambda: R1(1.0)),
    "r1_2": game(NonSaturating, lambda: R1(2.0)),
    "r1r2_0.5": game(Relativistic, lambda: R1R2(0.5)),
}

"""The table of docs/theory.md on the Dirac-GAN, theory beside measurement: python docs/dirac.py"""

import math

import torch
from hydra import compose, initialize_config_dir
from torch import Tensor

from gan_cli.builder import build, plain
from gan_cli.cli.overrides import groups_below, prepare
from gan_cli.dirac import figures, gradient_field
from gan_cli.loop import turn
from gan_cli.paths import CONF_DIR
from gan_cli.penalties import GradientPenalty
from gan_cli.run import Run

RECIPES = (
    *("minimax", "nonsaturating", "relativistic", "least_squares", "hinge", "wasserstein"),
    *("wgan_clip", "wgan_gp", "r1", "r1r2", "instance_noise"),
)
STEPS = 20  # next to the equilibrium, for the measured contraction


def make(recipe: str, updates: str, *overrides: str) -> Run:
    """The run that `gan-train experiment=dirac/<recipe> train.updates=<updates>` trains."""
    words = [f"experiment=dirac/{recipe}", f"train.updates={updates}", "device=cpu", *overrides]
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return build(*plain(compose("train", prepare(words, groups_below(CONF_DIR)))))


def go(run: Run, steps: int) -> list[Tensor]:
    """(theta, psi) before the first step and after each."""
    way = [torch.stack([*figures(run).values()][:2]).double()]  # type: ignore[arg-type]
    for _ in range(steps):
        turn(run)
        run.step += 1
        way.append(torch.stack([*figures(run).values()][:2]).double())  # type: ignore[arg-type]
    return way


def jacobian(run: Run) -> Tensor:
    """Of the gradient field at (0, 0), by autograd through the run's own loss and penalty."""

    def field(place: Tensor) -> Tensor:
        return torch.cat(gradient_field(run.loss, run.penalty, place[:1], place[1:], run.aids.noise_std(0)))

    found: Tensor = torch.autograd.functional.jacobian(field, torch.zeros(2, dtype=torch.float64))
    return found


def radius(matrix: Tensor) -> float:
    return float(torch.linalg.eigvals(matrix).abs().max())


def update(field: Tensor, updates: str, h: float) -> Tensor:
    """One step as a matrix: both players at once, or D's half step and then G's."""
    one = torch.eye(2, dtype=torch.float64)
    if updates == "simultaneous":
        return one + h * field
    return (one + h * torch.diag(one[0]) @ field) @ (one + h * torch.diag(one[1]) @ field)


def measured(recipe: str, updates: str, noisy: bool) -> float:
    """The contraction of a step: STEPS real steps from two places next to the equilibrium make a matrix."""
    small = 0.1 if noisy else 1e-3
    batch = ["train.batch_size=1048576"] if noisy else []  # the noise of a batch must not hide the rate
    starts = (("model.theta", "model.psi"), ("model.psi", "model.theta"))
    ends = [go(make(recipe, updates, f"{a}={small}", f"{b}=0.0", *batch), STEPS)[-1] / small for a, b in starts]
    return math.pow(radius(torch.stack(ends, dim=1)), 1 / STEPS)


def named(values: list[complex]) -> str:
    """A pair of eigenvalues: conjugate, or both real."""
    low, high = sorted(values, key=lambda v: (v.real, v.imag))
    if abs(high.imag) < 1e-6:
        return f"{low.real:.4g}, {high.real:.4g}"
    turning = f"\N{PLUS-MINUS SIGN}{high.imag:.4g}i"
    return f"{high.real:.4g} {turning}" if high.real else turning


def main() -> None:
    """Print the table."""
    columns = ("recipe", "eigenvalues", "sim.: radius", "measured", "alt.: radius", "measured", "sim.: end", "alt.")
    print(f"| {' | '.join(columns)} |\n|{'---|' * len(columns)}")
    for recipe in RECIPES:
        row, distances = [], []
        for updates in ("simultaneous", "alternating"):
            run = make(recipe, updates)
            distances.append(f"{math.hypot(*go(run, 500)[-1].tolist()):.3g}")
            if isinstance(run.penalty, GradientPenalty):  # its target of 1 has a kink at psi = 0, and no slope
                eigenvalues, row = "none", ["none"] * 4
                continue
            field = jacobian(run)
            eigenvalues = named(torch.linalg.eigvals(field).tolist())
            row.append(f"{radius(update(field, updates, run.opt_D.param_groups[0]['lr'])):.4f}")
            row.append(f"{measured(recipe, updates, noisy=run.aids.noise_std(0) > 0):.4f}")
        print(f"| `{recipe}` | {eigenvalues} | {' | '.join(row)} | {' | '.join(distances)} |")


if __name__ == "__main__":
    main()

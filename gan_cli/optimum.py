"""The learned D against the optimal D* of theory, where p is known: a picture, and how far apart they are."""

import torch
from torch import Tensor

from gan_cli import density, plots
from gan_cli.data import Density
from gan_cli.density import LogProb
from gan_cli.pictures import POINTS, Picture, evaluating, fresh, unseen
from gan_cli.priors import Normal
from gan_cli.run import Metrics, Run

COMPARED = 512  # points of each kind
SAMPLES = 1000  # that q is estimated from, where it has no closed form


def against_optimum(run: Run) -> tuple[Metrics, Picture] | None:
    """`theory/d_gap`, the mean of |D - D*| over held-out real and fresh generated points, and the picture.

    Returns:
        None where p or D* is not known, or D plays another game: instance noise, flipped labels, packs, groups.
    """
    if not has_optimum(run) or run.aids.noise_std(run.step):
        return None
    assert isinstance(run.reals.data, Density)
    log_p = run.reals.data.log_prob
    ends = run.loss.optimum(torch.tensor([-torch.inf, torch.inf]))
    assert ends is not None
    held = run.reals.held_out("optimum", run.step)
    assert held is not None, "a density has no end"
    with unseen(run), torch.no_grad(), evaluating(run.G), evaluating(run.D):
        real = held.x[:COMPARED]
        fake = fresh(run, len(real), None, "optimum", run.step)
        if not torch.isfinite(fake).all():
            return None
        log_q, how = _log_q(run, log_p)
        log_ratio = density.log_ratio(log_p, log_q)
        both = torch.cat([real, fake]).cpu()

        def output(x: Tensor) -> Tensor:
            found: Tensor = run.D(x.to(run.device))
            return found.float().cpu()

        ratios, outputs = log_ratio(both), output(both)
        # Where only differences of scores mean anything, D is compared after the constant that fits it to D* best.
        constant = (ratios - outputs).median() if run.loss.threshold is None else torch.zeros(())

        def best(ratio: Tensor) -> Tensor:
            found = run.loss.optimum(ratio)
            assert found is not None
            return found

        def ratio_on(across: Tensor, up: Tensor) -> Tensor:
            return density.lattice(log_p, across, up) - density.lattice(log_q, across, up)

        learned = plots.Opinion(lambda x: output(x) + constant, run.loss.opinion)
        optimal = plots.Opinion(log_ratio, best, ratio_on)
        gap = (learned.meaning(outputs + constant) - best(ratios)).abs().mean().item()
        title = f"step {run.step:,}: mean |D \N{MINUS SIGN} D*| = {gap:.3f}, q {how}"
        named = {"$p$, exact": log_p, f"$q$, {how}": log_q}
        low, high = ends.tolist()
        shown = run.reals.peek(POINTS, "grid")  # at every step the same ones: they choose the part of the plane
        picture = plots.against_optimum(shown.cpu(), fake.cpu(), learned, optimal, (low, high), named, title)
    return {"theory/d_gap": gap}, picture


def has_optimum(run: Run) -> bool:
    """Whether D* is known, and can be drawn: p is, in one or two dimensions, the loss says what D* is, and D plays that
    game.
    """
    known = run.loss.optimum(torch.zeros(1)) is not None and not run.aids.label_flips and run.is_single
    if not known or not isinstance(run.reals.data, Density) or run.reals.shape not in ((1,), (2,)):
        return False
    return bool(run.reals.data.log_prob(run.reals.peek(16, "density")).isfinite().all())  # a point mass has no density


def _log_q(run: Run, log_p: LogProb) -> tuple[LogProb, str]:
    """The density of what D plays against, and how it is known."""
    if run.cfg.g_is_data:
        return log_p, "exact: the data"
    exact = density.of_affine(run.G, run.prior.dim) if isinstance(run.prior, Normal) else None
    if exact is not None:
        return exact, "exact: G is affine"
    drawn = fresh(run, SAMPLES, None, "density", run.step).cpu()
    return density.Kernels(drawn), f"estimated from {SAMPLES:,} samples"

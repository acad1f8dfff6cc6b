"""What theory says of a run: the divergence that D estimates, V and its equilibrium, the coin, the pull on G.

All of it is judged on real data that D never learned from and on fresh fakes, in logits. docs/theory.md explains each.
"""

import math
from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm

from gan_cli.forward import call
from gan_cli.losses import Minimax, accuracy, total
from gan_cli.penalties import squared_slopes
from gan_cli.pictures import evaluating, fresh, unseen
from gan_cli.run import Metrics, Run
from gan_cli.steps import still

NOT_APPLICABLE = "n/a"
SEEN = 512  # held-out examples: the band around 50 % is 3.1 % wide on either side


def read_out(run: Run, trained: Metrics, most: int = SEEN) -> Metrics:
    """`theory/*` of the players as they are now.

    Args:
        trained: the figures of the step that led here, for the gradients of both players.
        most: held-out examples that are looked at; without it 512, since 1,024 of a density take longer than a step.

    Returns:
        Scalars; the read-out of a divergence is "n/a" where it does not hold, and `why_not` says why.
    """
    held = run.reals.held_out("read-out", run.step)
    if held is None or len(held.x) < 2 * run.pack:  # no batch to normalise with, and no second sample
        return {}
    x, y = held.x, held.y if run.classes else None
    seen = min(most, len(x))
    whole = seen - seen % run.pack
    x, y = x[:whole], None if y is None else y[:whole]
    with unseen(run), judging(run.G), judging(run.D):
        with torch.no_grad():
            fake = fresh(run, len(x), y, "read-out", run.step)
            real_seen = run.see(x)
            real = call(run.D, real_seen, y)
        at = fake.detach().requires_grad_()
        fake_seen = run.see(at)
        logits = call(run.D, fake_seen, y)
        g = run.loss.generator(logits, real if run.loss.paired else None)
        through, pull = torch.autograd.grad(g, [logits, at])
        figures = _players(run, trained, real, logits.detach(), g.detach(), pull * len(at))
        figures["theory/g_pull"] = through.abs().sum()  # the mean over samples of the loss's own slope, |dL_G/dD(G(z))|
        figures |= _divergence(run, real, logits.detach())
        if run.loss.divergence == "critic_gap":
            figures |= _wasserstein(run, figures["theory/critic_gap"], real_seen, fake_seen.detach(), y)
    return figures


def _players(run: Run, trained: Metrics, real: Tensor, fake: Tensor, g: Tensor, pull: Tensor) -> Metrics:
    """V, the coin, the balance, the pull. `pull`: the gradient of G's loss at each of G's samples, [N, *shape]."""
    loss, figures = run.loss, Metrics()
    if isinstance(loss, Minimax):
        figures["theory/value"] = loss.value(real, fake)
        figures["theory/value_at_equilibrium"] = loss.value_at_equilibrium
    right = accuracy(loss, real, fake)
    if right:
        # 95 % of the fair coins thrown as often as D answered lie inside
        reach = 1.96 * 0.5 / math.sqrt(len(right) * len(real))
        figures["theory/accuracy"] = torch.stack([*right.values()]).mean()
        figures |= {"theory/accuracy_low": 0.5 - reach, "theory/accuracy_high": 0.5 + reach}
    figures |= ranking(real, fake)
    if {"grad_norm/g", "grad_norm/d"} <= trained.keys():
        both = [torch.as_tensor(trained[f"grad_norm/{name}"]) for name in "gd"]
        figures["theory/balance"] = both[0] / (both[0] + both[1]).clamp_min(torch.finfo(torch.float32).tiny)
    figures["theory/g_slope"] = pull.flatten(1).norm(dim=1).mean()
    figures["theory/g_shift"] = pull.mean(0).norm()
    # The part of D's loss that real samples alone decide is a constant to G: with it in G's own account, 0 is zero-sum.
    parts = loss.discriminator(real, fake)
    figures["theory/zero_sum_gap"] = g + total({name: part for name, part in parts.items() if name != "real"})
    return figures


def ranking(real: Tensor, fake: Tensor) -> Metrics:
    """The share of pairs in which D scores the real sample higher, a tie counting one half: what D can tell whatever
    its threshold, and also where it has none. Mann and Whitney 1947: inside the band in 95 % of cases if D cannot tell.

    Args:
        real, fake: logits or scores, [N] and [M].
    """
    n, m = len(real), len(fake)
    reach = 1.96 * math.sqrt((n + m + 1) / (12 * n * m))
    # By sorting, not by n m comparisons: the number of fakes below each real one, and of those not above.
    ordered, wanted = fake.float().sort().values, real.float().contiguous()
    below = torch.searchsorted(ordered, wanted) + torch.searchsorted(ordered, wanted, right=True)
    broken = real.isnan().any() | fake.isnan().any()
    share = torch.where(broken, torch.nan, below.sum() / (2.0 * n * m))
    return {"theory/ranking": share, "theory/ranking_low": 0.5 - reach, "theory/ranking_high": 0.5 + reach}


def _divergence(run: Run, real: Tensor, fake: Tensor) -> Metrics:
    if run.loss.divergence is None:
        return {}
    name = f"theory/{run.loss.divergence}"
    return {name: NOT_APPLICABLE if why_not(run) else run.loss.estimate(real, fake)}


def why_not(run: Run) -> str | None:
    """Why this run has no read-out of its loss's divergence; None where it has one."""
    if run.loss.divergence is None:
        return f"{type(run.loss).__name__} names no divergence"
    if run.aids.label_flips:
        return f"D is told {run.aids.label_flips:.0%} of the labels the wrong way round (aids.label_flips)"
    return run.loss.why_not()


def _wasserstein(run: Run, gap: Tensor | float | str, real: Tensor, fake: Tensor, y: Tensor | None) -> Metrics:
    """The critic's largest slope on the lines between real and generated samples, and the gap over it: W1's bound."""
    if isinstance(gap, str) or any(isinstance(module, _BatchNorm) for module in run.D.modules()):
        return {"theory/w1": NOT_APPLICABLE}  # under batch norm a sample has no slope of its own
    t = torch.rand(len(real), *[1] * (real.dim() - 1), device=real.device)
    between = torch.lerp(real, fake, t)
    slope = squared_slopes(run.judge_plainly(y), between).detach().max().sqrt()
    return {
        "theory/lipschitz": slope,
        "theory/w1": torch.as_tensor(gap) / slope.clamp_min(torch.finfo(torch.float32).tiny),
    }


@contextmanager
def judging(net: nn.Module) -> Iterator[None]:
    """The network as it plays, but for what is random in it: no dropout; batch norm normalises with the batch."""
    norms = [module for module in net.modules() if isinstance(module, _BatchNorm) and module.training]
    with evaluating(net):
        for module in norms:
            module.train()
        with still(net):
            yield

"""The updates of both players: what Algorithm 1 of Goodfellow et al. 2014 does inside its loop.

Metrics are tensors without gradients; those that cost something are computed only while `run.watching`.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import NamedTuple
from weakref import WeakKeyDictionary

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrize
from torch.nn.utils.parametrizations import _SpectralNorm
from torch.optim import Optimizer

from gan_cli.forward import is_known
from gan_cli.guard import Update
from gan_cli.losses import accuracy, total
from gan_cli.parts import part
from gan_cli.penalties import R1R2
from gan_cli.run import Metrics, Run


@part("D's update")
def discriminator_step(run: Run, x: Tensor) -> Metrics:
    """Move D up log D(x) + log(1 - D(G(z))), G fixed. x: real samples [N, *shape]."""
    return discriminator_gradient(run, x) | move_discriminator(run)


@part("G's update")
def generator_step(run: Run, x: Tensor) -> Metrics:
    """Move G down its loss through D, D fixed. x: the last real samples, which only paired losses look at."""
    return generator_gradient(run, x) | move(run, run.G, run.opt_G, "g")


@part("both updates")
def simultaneous_step(run: Run, x: Tensor) -> Metrics:
    """Move both players by gradients taken at the same point, as simultaneous gradient descent does."""
    metrics = discriminator_gradient(run, x) | generator_gradient(run, x)
    return metrics | move_discriminator(run) | move(run, run.G, run.opt_G, "g")


def discriminator_gradient(run: Run, x: Tensor) -> Metrics:
    """Leave the gradient of D's loss in D."""
    y = run.labels
    if run.reuses_fakes:  # G's own pass, made early: its graph and its batch-norm statistics are those of its update
        run.fakes = run.generate(len(x), y)
        fake = run.fakes.detach()
    else:
        with torch.no_grad(), still(run.G):
            fake = run.generate(len(x), y)
    run.opt_D.zero_grad()
    D, x, fake = run.judge(y), run.see(x), run.see(fake)
    with parametrize.cached():  # a spectral norm is found once an update, for all that D is asked
        penalised = run.penalty.active and (run.reals.cursor - 1) % run.penalty.every == 0  # it counts D's updates
        once = asks_once(run)
        shared = run.penalty if penalised and once and run.forward.is_plain and type(run.penalty) is R1R2 else None
        if once:
            both = torch.cat([x, fake]).detach().requires_grad_(shared is not None)  # a G may hand on its own leaf
            logits = D(both)
            real_logits, fake_logits = logits.chunk(2)
        else:
            real_logits, fake_logits = D(x), D(fake)
        parts = run.loss.discriminator(*run.aids.tell(real_logits, fake_logits, run.chance))
        loss = descended = total(parts)
        if penalised:
            run.penalty.progress, run.penalty.chance = run.step / run.steps, run.chance
            penalty = shared.of_judged(logits, both) if shared else run.penalty(run.judge_plainly(y), x, fake)
            run.last_penalty = penalty.detach()
            descended = loss + penalty
        descended.backward()
    named = {f"loss/d_{name}": part.detach() for name, part in parts.items()}
    figures = {"loss/d": loss.detach(), **named, "loss/d_penalty": run.last_penalty}
    if run.watching:
        with torch.no_grad():
            figures |= {"logit/real": real_logits.mean(), "logit/fake": fake_logits.mean()}
            if run.loss.probabilities:
                figures |= {"prob/d_x": real_logits.sigmoid().mean(), "prob/d_g_z": fake_logits.sigmoid().mean()}
            right = accuracy(run.loss, real_logits, fake_logits)
            figures |= {f"accuracy/{name}": share for name, share in right.items()}
    figures = of_all(run, run.D, figures)
    if penalised:
        run.last_penalty = figures["loss/d_penalty"]
    guard(run, run.D, "d", {name: figures[name] for name in (*named, *(["loss/d_penalty"] if penalised else []))})
    return dict(figures) if run.watching else {}


def generator_gradient(run: Run, x: Tensor) -> Metrics:
    """Leave the gradient of G's loss in G. Gradients flow through D, not into it."""
    run.opt_G.zero_grad()
    y = run.labels
    with frozen(run.D):
        fake = run.generate(len(x), y) if run.fakes is None else run.fakes
        run.fakes = None
        D = run.judge(y)
        logits = D(run.see(fake))
        best = run.aids.best(logits.detach(), run.step)
        if best is not None:
            logits = logits[best]
        if run.loss.paired:
            with torch.no_grad():
                real_logits = D(run.see(x))
            loss = run.loss.generator(logits, real_logits if best is None else real_logits[best])
        else:
            loss = run.loss.generator(logits)
        loss.backward()
    figures = of_all(run, run.G, {"loss/g": loss.detach()})
    guard(run, run.G, "g", figures)
    return dict(figures) if run.watching else {}


def of_all(run: Run, player: nn.Module, figures: dict[str, Tensor]) -> dict[str, Tensor]:
    """Make the player's gradient that of the global batch; its batch norm's statistics and these means over samples,
    too. One message, after which no rank knows anything of an update that the others do not.
    """
    if run.ranks.alone:
        return figures
    parts = parts_of(player)
    own: list[Tensor] = [p.grad for p in parts.weights if p.grad is not None]
    apart = [m for m in parts.norms if not isinstance(m, nn.SyncBatchNorm)]
    own += [t for m in apart for t in (m.running_mean, m.running_var) if t is not None]
    means = run.ranks.mean([*own, *figures.values()])
    torch._foreach_copy_(own, means[: len(own)])
    return dict(zip(figures, means[len(own) :], strict=True))


def guard(run: Run, player: nn.Module, name: str, parts: Mapping[str, Tensor]) -> None:
    """Measure the player's gradient, and end the run before an update that nothing can be learned from any more; on an
    accelerator later, but before anything is logged or saved.

    Raises:
        Diverged: a part of the loss or the gradient is not finite.
    """
    norm = torch.nn.utils.get_total_norm([p.grad for p in parts_of(player).weights if p.grad is not None])
    run.norms[name] = norm
    update = Update(run.step + 1, run.reals.position, name)
    run.guard.measure(update, {**parts, f"grad_norm/{name}": norm}, run.last_good)


def move_discriminator(run: Run) -> Metrics:
    """Update D, and do to its weights what the penalty asks for."""
    metrics = move(run, run.D, run.opt_D, "d")
    run.penalty.after_step(run.D)
    return metrics


def move(run: Run, player: nn.Module, optimizer: Optimizer, name: str) -> Metrics:
    """Clip the player's gradient if asked to, and update it at this step's learning rate and momentum."""
    factor = run.cfg.lr_factor(run.step, run.steps)
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
        if run.cfg.momentum_final is not None:
            first = group.setdefault("initial_momentum", group["momentum"])
            group["momentum"] = first + (run.cfg.momentum_final - first) * run.step / run.steps
    if run.cfg.clip_grad_norm:
        torch.nn.utils.clip_grads_with_norm_(parts_of(player).weights, run.cfg.clip_grad_norm, run.norms[name])
    optimizer.step()
    if not run.watching:
        return {}
    return {f"grad_norm/{name}": run.norms[name], f"lr/{name}": optimizer.param_groups[0]["lr"]}


class _Parts(NamedTuple):
    """What an update looks at in a player, found once: a walk through its modules takes as long as a small layer."""

    weights: list[nn.Parameter]
    norms: list[_BatchNorm]
    spectra: list[_SpectralNorm]
    known: bool  # whether all of them are the project's and PyTorch's own


_known: WeakKeyDictionary[nn.Module, _Parts] = WeakKeyDictionary()


def parts_of(player: nn.Module) -> _Parts:
    """The parts of a player, which are the same for as long as a run lasts."""
    if player not in _known:
        modules = list(player.modules())
        norms = [m for m in modules if isinstance(m, _BatchNorm)]
        spectra = [m for m in modules if isinstance(m, _SpectralNorm)]
        _known[player] = _Parts(list(player.parameters()), norms, spectra, all(map(is_known, modules)))
    return _known[player]


def asks_once(run: Run) -> bool:
    """Whether D can judge real and fake samples in one batch, which is faster: where it minds no other sample."""
    parts = parts_of(run.D)
    return run.is_single and parts.known and not parts.norms


@contextmanager
def frozen(player: nn.Module) -> Iterator[None]:
    """The player does not move, not by a bit: no gradient reaches its weights, and its batch norm is still."""
    weights = [p for p in parts_of(player).weights if p.requires_grad]  # what the user froze stays frozen afterwards
    for p in weights:
        p.requires_grad_(False)
    try:
        with still(player):
            yield
    finally:
        for p in weights:
            p.requires_grad_(True)


@contextmanager
def still(player: nn.Module) -> Iterator[None]:
    """Batch norm normalises with the batch, as in training, and leaves its running statistics alone, and so does a
    spectral norm: they move in the player's own update only.
    """
    norms = [m for m in parts_of(player).norms if m.track_running_stats and m.training]
    spectra = [m for m in parts_of(player).spectra if m.training]
    for m in norms:
        m.track_running_stats = False
    for s in spectra:
        s.training = False  # no power iteration
    try:
        yield
    finally:
        for m in norms:
            m.track_running_stats = True
        for s in spectra:
            s.training = True

"""The updates of both players: what Algorithm 1 of Goodfellow et al. 2014 does inside its loop.

Metrics are tensors without gradients; those that cost something are computed only while `run.watching`.
"""

from collections.abc import Iterator
from contextlib import contextmanager

import torch
from torch import Tensor, nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.optim import Optimizer

from gan_cli.losses import accuracy, total
from gan_cli.run import Run

Metrics = dict[str, Tensor | float]


def discriminator_step(run: Run, x: Tensor) -> Metrics:
    """Move D up log D(x) + log(1 - D(G(z))), G fixed. x: real samples [N, *shape]."""
    return discriminator_gradient(run, x) | move_discriminator(run)


def generator_step(run: Run, x: Tensor) -> Metrics:
    """Move G down its loss through D, D fixed. x: the last real samples, which only paired losses look at."""
    return generator_gradient(run, x) | move(run, run.G, run.opt_G, "g")


def simultaneous_step(run: Run, x: Tensor) -> Metrics:
    """Move both players by gradients taken at the same point, as simultaneous gradient descent does."""
    metrics = discriminator_gradient(run, x) | generator_gradient(run, x)
    return metrics | move_discriminator(run) | move(run, run.G, run.opt_G, "g")


def discriminator_gradient(run: Run, x: Tensor) -> Metrics:
    """Leave the gradient of D's loss in D."""
    if run.reuses_fakes:  # G's own pass, made early: its graph and its batch-norm statistics are those of its update
        run.fakes = run.G(run.z(len(x)))
        fake = run.fakes.detach()
    else:
        with torch.no_grad(), still(run.G):
            fake = run.G(run.z(len(x)))
    run.opt_D.zero_grad()
    real_logits, fake_logits = run.D(x), run.D(fake)
    parts = run.loss.discriminator(real_logits, fake_logits)
    loss = descended = total(parts)
    if run.penalty.active and (run.reals.cursor - 1) % run.penalty.every == 0:  # the cursor counts D's updates
        penalty = run.penalty(run.D, x, fake)
        run.last_penalty = penalty.detach()
        descended = loss + penalty
    descended.backward()

    if not run.watching:
        return {}
    metrics: Metrics = {"loss/d": loss.detach()}
    metrics |= {f"loss/d_{name}": part.detach() for name, part in parts.items()} | {"loss/d_penalty": run.last_penalty}
    with torch.no_grad():
        metrics |= {"logit/real": real_logits.mean(), "logit/fake": fake_logits.mean()}
        if run.loss.probabilities:
            metrics |= {"prob/d_x": real_logits.sigmoid().mean(), "prob/d_g_z": fake_logits.sigmoid().mean()}
        right = accuracy(run.loss, real_logits, fake_logits)
        metrics |= {f"accuracy/{name}": share for name, share in right.items()}
    return metrics


def generator_gradient(run: Run, x: Tensor) -> Metrics:
    """Leave the gradient of G's loss in G. Gradients flow through D, not into it."""
    run.opt_G.zero_grad()
    with frozen(run.D):
        fake = run.G(run.z(len(x))) if run.fakes is None else run.fakes
        run.fakes = None
        if run.loss.paired:
            with torch.no_grad():
                real_logits = run.D(x)
            loss = run.loss.generator(run.D(fake), real_logits)
        else:
            loss = run.loss.generator(run.D(fake))
        loss.backward()
    return {"loss/g": loss.detach()} if run.watching else {}


def move_discriminator(run: Run) -> Metrics:
    """Update D, and do to its weights what the penalty asks for."""
    metrics = move(run, run.D, run.opt_D, "d")
    run.penalty.after_step(run.D)
    return metrics


def move(run: Run, player: nn.Module, optimizer: Optimizer, name: str) -> Metrics:
    """Clip the player's gradient if asked to, and update it at this step's learning rate."""
    factor = run.cfg.lr_factor(run.step, run.steps)
    for group in optimizer.param_groups:
        group["lr"] = group.setdefault("initial_lr", group["lr"]) * factor
    metrics: Metrics = {}
    if run.watching or run.cfg.clip_grad_norm:
        gradients = [p.grad for p in player.parameters() if p.grad is not None]
        norm = torch.nn.utils.get_total_norm(gradients)
        if run.cfg.clip_grad_norm:
            torch.nn.utils.clip_grads_with_norm_(player.parameters(), run.cfg.clip_grad_norm, norm)
        metrics = {f"grad_norm/{name}": norm, f"lr/{name}": optimizer.param_groups[0]["lr"]}
    optimizer.step()
    return metrics if run.watching else {}


@contextmanager
def frozen(player: nn.Module) -> Iterator[None]:
    """The player does not move, not by a bit: no gradient reaches its weights, and its batch norm is still."""
    weights = [p for p in player.parameters() if p.requires_grad]  # what the user froze stays frozen afterwards
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
    """Batch norm normalises with the batch, as in training, and leaves its running statistics alone: they move in the
    player's own update only.
    """
    norms = [m for m in player.modules() if isinstance(m, _BatchNorm) and m.track_running_stats and m.training]
    for m in norms:
        m.track_running_stats = False
    try:
        yield
    finally:
        for m in norms:
            m.track_running_stats = True

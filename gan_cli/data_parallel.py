"""What processes that share a batch ask of its size and of the parts: together they descend what one would."""

from collections.abc import Iterator
from typing import Any

import torch
from torch import nn

from gan_cli.aids import Aids
from gan_cli.check import Problem
from gan_cli.losses import Loss
from gan_cli.models.layers import GROUP, MinibatchStd
from gan_cli.settings import TrainConfig


def contract(
    train: TrainConfig | None,
    processes: int,
    pack: int,
    D: nn.Module | None,
    loss: Any,
    aids: Aids | None,
    device: torch.device | None,
) -> Iterator[Problem]:
    """Several processes share a batch evenly, in whole packs, and mean the same by it as one would."""
    if train is None or processes == 1:
        return
    key, by = "train.devices", f"{processes} processes"
    if problem := uneven(train.batch_size, processes, pack):
        yield problem
        return
    share = train.batch_size // processes // pack
    if D is not None and any(isinstance(m, MinibatchStd) for m in D.modules()) and share < GROUP:
        least = GROUP * processes * pack
        yield Problem("train.batch_size", f"minibatch_std compares {GROUP} samples of a process; take {least} or more")
    if aids is not None and aids.top_k < 1:
        yield Problem("aids.top_k", f"chooses among a whole batch, which none of {by} has; use 1, or train.devices=1")
    if device is not None and device.type == "mps":
        yield Problem(key, "PyTorch has no way between processes on Apple's GPUs; use train.devices=1, or device=cpu")
    if isinstance(loss, Loss) and not _is_mean(loss, processes):
        why = f"{type(loss).__name__} is no mean over samples: {by} would descend another one; use train.devices=1"
        yield Problem(key, why)


def uneven(batch_size: int, processes: int, pack: int = 1) -> Problem | None:
    """What is wrong with a batch that so many processes cannot share evenly, in whole packs."""
    if batch_size % (processes * pack) == 0:
        return None
    whole = f"{processes * pack}: even shares" + (f" of whole packs (model.pack={pack})" if pack > 1 else "")
    return Problem("train.batch_size", f"{batch_size} samples for {processes} processes; take a multiple of {whole}")


def _is_mean(loss: Loss, parts: int) -> bool:
    """Whether the loss of a batch is the mean of those of its parts, so that its gradient is, too."""
    g = torch.Generator().manual_seed(0)
    real, fake = (torch.randn(2 * parts, generator=g, dtype=torch.float64) for _ in range(2))

    def figures(real: torch.Tensor, fake: torch.Tensor) -> list[torch.Tensor]:
        return [*loss.discriminator(real, fake).values(), loss.generator(fake, real if loss.paired else None)]

    try:
        shares = [figures(*both) for both in zip(real.chunk(parts), fake.chunk(parts), strict=True)]
        means = torch.stack([torch.stack(share) for share in shares]).mean(0)
        return torch.allclose(torch.stack(figures(real, fake)), means, rtol=1e-4, atol=1e-6)
    except Exception:  # whatever a user's own class raises; told of elsewhere
        return True

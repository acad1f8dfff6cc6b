"""Samples of a generator for an evaluation: of noise that the evaluation's seed decides, and nothing else."""

import torch
from torch import Tensor, nn

from gan_cli.errors import Diverged
from gan_cli.evaluation.judge import Draw
from gan_cli.grid import to_uint8
from gan_cli.priors import Prior
from gan_cli.seeds import generator

TOGETHER = 250  # samples


def drawing(G: nn.Module, prior: Prior, y: Tensor | None, device: torch.device) -> Draw:
    """What draws from a generator.

    Args:
        G: in evaluation mode.
        y: labels of real data, in whose shares the classes of a conditional G are drawn.

    Returns:
        The function; it raises `Diverged` where samples are not finite.
    """

    def draw(seed: int, n: int) -> Tensor:
        z = prior.sample(n, generator(seed, "evaluation", "noise"))  # on the CPU: all devices see the same
        labels: list[Tensor] = []
        if y is not None:
            which = torch.randint(len(y), (n,), generator=generator(seed, "evaluation", "labels"))
            labels = [y.cpu()[which]]
        with torch.no_grad():
            parts = zip(*(t.split(TOGETHER) for t in (z, *labels)), strict=True)
            x = torch.cat([G(*(t.to(device) for t in part)).float().cpu() for part in parts])
        if bad := int((~x.isfinite()).flatten(1).any(1).sum()):
            raise Diverged(f"{bad:,} of {n:,} samples are not finite; this generator has diverged")
        return finished(x)

    return draw


def finished(x: Tensor) -> Tensor:
    """Samples as they are judged: of images the bytes that a file would hold."""
    return to_uint8(x) if x.ndim == 4 else x.float().cpu()

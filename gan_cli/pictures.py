"""What a run shows of its samples: a grid of images, a scatter plot over D, densities, or a Dirac-GAN's path."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast

import numpy as np
import torch
from torch import Tensor, nn

from gan_cli import dirac, plots
from gan_cli.grid import tile
from gan_cli.run import Run, call
from gan_cli.seeds import generator

Picture = np.ndarray[Any, Any]
POINTS = 2000  # drawn in a scatter plot or a histogram


def draw(run: Run) -> None:
    """Log samples of the averaged generator from the run's fixed noise, the same at every step."""
    picture = samples(run)
    if picture is not None:
        run.log.picture(run.step, "samples", picture)


def fresh(run: Run, n: int, y: Tensor | None, *key: str | int) -> Tensor:
    """n fakes for looking at, [n, *shape], of the noise that the key names: the run's own noise stays where it is."""
    if run.cfg.g_is_data:
        return run.twin.peek(n, *key)
    return call(run.G, run.prior.sample(n, generator(run.seed, *key, device=run.device)), y)


def draw_real(run: Run) -> None:
    """Log one grid of real data, to hold the samples against."""
    if len(run.reals.shape) == 3:
        run.log.picture(0, "real", tile(run.reals.peek(run.cfg.samples, "grid").cpu()))


def samples(run: Run) -> Picture | None:
    """The picture of this step; None for points of more than two dimensions."""
    is_image = len(run.reals.shape) == 3
    n = run.cfg.samples if is_image else POINTS
    with unseen(run), torch.no_grad(), evaluating(run.ema.G if run.ema else run.G) as G, evaluating(run.D) as D:
        z = run.prior.sample(n, generator(run.seed, "grid", device=run.device))
        fake = run.twin.peek(n, "grid") if run.cfg.g_is_data else torch.cat([G(part) for part in z.split(256)])
        if is_image:
            return tile(fake.float().cpu())
        return _points(run, fake, D)


def _points(run: Run, fake: Tensor, D: nn.Module) -> Picture | None:
    path = dirac.picture(run)
    if path is not None:
        return path
    real = run.reals.peek(POINTS, "grid")

    def scores(x: Tensor) -> Tensor:
        return cast(Tensor, D(x.to(run.device))).float().cpu()

    # The picture's neutral colour is where D decides. A critic's score has no such place: half-way between the scores
    # of real and of generated points stands in. A probability is shown as it is.
    neutral = 0.0 if run.loss.probabilities else run.loss.threshold
    if neutral is None:
        neutral = float(scores(real).median() + scores(fake).median()) / 2

    def logits(x: Tensor) -> Tensor:
        return scores(x) - neutral

    title, probability = f"step {run.step:,}", run.loss.probabilities
    if run.reals.shape == (2,):
        return plots.scatter(real.cpu(), fake.cpu(), logits, title=title, probability=probability)
    if run.reals.shape == (1,):
        log_prob = getattr(run.reals.data, "log_prob", None)
        return plots.densities(real.cpu(), fake.cpu(), log_prob, logits, title=title, probability=probability)
    return None


@contextmanager
def evaluating(net: nn.Module) -> Iterator[nn.Module]:
    """The network in evaluation mode, put back afterwards."""
    modes = [(module, module.training) for module in net.modules()]
    try:
        yield net.eval()
    finally:
        for module, mode in modes:
            module.training = mode


@contextmanager
def unseen(run: Run) -> Iterator[None]:
    """Looking must not change the run: whatever draws random numbers in here, training goes on as if it had not."""
    with torch.random.fork_rng(devices=[run.device] if run.device.type == "cuda" else []):
        yield

"""What a run shows of its samples: a grid of images, a scatter plot over D, densities, or a Dirac-GAN's path."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, cast
from weakref import WeakKeyDictionary

import numpy as np
import torch
from torch import Tensor, nn

from gan_cli import dirac, diversity, plots
from gan_cli.data import Stream
from gan_cli.data.mixture import Mixture
from gan_cli.forward import call
from gan_cli.grid import tile
from gan_cli.machine import device_random, set_device_random
from gan_cli.run import Metrics, Run
from gan_cli.seeds import generator

Picture = np.ndarray[Any, Any]
POINTS = 2000  # drawn in a scatter plot or a histogram
JUDGED = 256  # images that are judged, drawn or not: ratios of distances within 2 %
LABELLED = 2000  # real examples whose nearest gives a sample its class
_SPREADS: WeakKeyDictionary[Stream, dict[int, diversity.Spread]] = WeakKeyDictionary()  # of as many real examples


def draw(run: Run) -> Metrics:
    """Log samples of the averaged generator from the run's fixed noise, the same at every step, and judge them.

    Returns:
        `samples/*`, held against real data that are the same at every step too.
    """
    fake = generated(run)
    picture = samples(run, fake)
    if picture is not None:
        run.log.picture(run.step, "samples", picture)
    return judged(run, fake)


def fresh(run: Run, n: int, y: Tensor | None, *key: str | int) -> Tensor:
    """n fakes for looking at, [n, *shape], of the noise that the key names: the run's own noise stays where it is."""
    if run.cfg.g_is_data:
        return run.twin.peek(n, *key)
    return call(run.G, run.prior.sample(n, generator(run.seed, *key, device=run.device)), y)


def draw_real(run: Run) -> None:
    """Log one grid of real data, to hold the samples against: of a conditional G with its rows."""
    if len(run.reals.shape) != 3:
        return
    present = kinds(run)
    if present is None:
        run.log.picture(0, "real", tile(run.reals.peek(run.cfg.samples, "grid").cpu()))
        return
    rows, columns = _rows(run, present)
    run.log.picture(0, "real", tile(run.reals.peek_classes(rows, columns, "grid").cpu(), columns))


def generated(run: Run) -> Tensor:
    """The samples of this step, [N, *shape]: for the picture, and at least as many as it takes to judge them. Of a
    conditional G one of each class, and again; its picture has samples of its own.
    """
    n = _judged(run)
    if run.cfg.g_is_data:
        return run.twin.peek(n, "grid")
    with unseen(run), torch.no_grad(), evaluating(run.ema.G if run.ema else run.G) as G:
        z = run.prior.sample(n, generator(run.seed, "grid", device=run.device)).split(256)
        present = kinds(run)
        if present is None:
            return torch.cat([G(part) for part in z])
        y = present[torch.arange(n, device=run.device) % len(present)].split(256)
        return torch.cat([G(part, labels) for part, labels in zip(z, y, strict=True)])


def _judged(run: Run) -> int:
    return max(run.cfg.samples, JUDGED) if len(run.reals.shape) == 3 else POINTS


def kinds(run: Run) -> Tensor | None:
    """The labels that a conditional G learns, int64 [K]; None where it learns none."""
    if run.classes is None:
        return None
    assert run.reals.y is not None
    present: Tensor = run.reals.y.unique()
    return present


def judged(run: Run, fake: Tensor) -> Metrics:
    """How varied samples are, and how far from real data: `samples/*`. docs/theory.md says what for."""
    real = run.reals.peek(len(fake), "grid")
    known = _SPREADS.setdefault(run.reals, {})
    if len(fake) not in known:  # the same at every step
        known[len(fake)] = diversity.among(real)
    figures = diversity.distances(fake, real, known[len(fake)])
    data = run.reals.data
    if isinstance(data, Mixture) and data.modes is not None:
        figures |= diversity.mixture(fake, data.modes, data.std)
    if run.reals.classes:
        x, y = run.reals.peek_labelled(LABELLED, "grid")
        assert y is not None
        figures["classes"] = diversity.classes(fake, x, y)
    return {f"samples/{name}": value for name, value in figures.items()}


def judgements(run: Run) -> list[str]:
    """Names of what `judged` gives, without a look at G."""
    found = diversity.names(run.reals.peek(_judged(run), "grid"))
    data = run.reals.data
    if isinstance(data, Mixture) and data.modes is not None:
        found += ["modes", "quality"]
    if run.reals.classes:
        found.append("classes")
    return [f"samples/{name}" for name in found]


def samples(run: Run, fake: Tensor | None = None) -> Picture | None:
    """The picture of this step, of samples that are there already or made for it; None for points of more than two
    dimensions.
    """
    fake = generated(run) if fake is None else fake
    if len(run.reals.shape) == 3:
        present = None if run.cfg.g_is_data else kinds(run)
        return tile(fake[: run.cfg.samples].float().cpu()) if present is None else _by_class(run, present)
    with unseen(run), torch.no_grad(), evaluating(run.D) as D:
        return _points(run, fake, D)


def _by_class(run: Run, present: Tensor) -> Picture:
    """A row for each class, a column for each z."""
    rows, columns = _rows(run, present)
    with unseen(run), torch.no_grad(), evaluating(run.ema.G if run.ema else run.G) as G:
        z = run.prior.sample(columns, generator(run.seed, "grid", device=run.device)).repeat(len(rows), 1)
        parts = zip(z.split(256), rows.repeat_interleave(columns).split(256), strict=True)
        return tile(torch.cat([G(*part) for part in parts]).float().cpu(), columns)


def _rows(run: Run, present: Tensor) -> tuple[Tensor, int]:
    """The classes in a grid, and the columns: together no more images than in a grid without classes."""
    rows = present[: run.cfg.samples]
    return rows, run.cfg.samples // len(rows)


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
    if neutral is None and run.is_single:
        neutral = float(scores(real).median() + scores(fake).median()) / 2

    def logits(x: Tensor) -> Tensor:
        return scores(x) - (neutral or 0.0)

    opinion = logits if run.is_single else None  # else D has no opinion of a place alone
    title, probability = f"step {run.step:,}", run.loss.probabilities
    if run.reals.shape == (2,):
        return plots.scatter(real.cpu(), fake.cpu(), opinion, title=title, probability=probability)
    if run.reals.shape == (1,):
        log_prob = getattr(run.reals.data, "log_prob", None)
        return plots.densities(real.cpu(), fake.cpu(), log_prob, opinion, title=title, probability=probability)
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
    """Looking must not change the run: whatever draws random numbers in here, training goes on as if it had not.

    One of several processes looks, without the others: what it draws is what a process alone would.
    """
    state = device_random(run.device)
    with torch.random.fork_rng(devices=[]), run.by_itself():
        try:
            yield
        finally:
            set_device_random(run.device, state)

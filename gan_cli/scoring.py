"""What the generator of a run directory is worth: `gan-eval`, and whoever else wants the figures of a run."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Literal

import torch

from gan_cli import __version__, export
from gan_cli.builder import build_data
from gan_cli.errors import ConfigError, RunError
from gan_cli.evaluation import Judge, Options, Reals, Record, drawing, of_data, store
from gan_cli.paths import real_run
from gan_cli.placement import pick_device
from gan_cli.reading import is_directory, is_regular
from gan_cli.stored import stored_config, tame

Say = Callable[[str], None]


@dataclass(frozen=True)
class Scored:
    """What was found of a run, and where it was written; or why it was not, which takes nothing from the figures."""

    record: Record
    written: dict[str, Path] = field(default_factory=dict)
    unwritten: RunError | None = None


def of_run(
    directory: Path,
    options: Options | None = None,
    *,
    averaged: bool | None = None,
    at: int | Literal["best"] | None = None,
    trust: bool = False,
    say: Say = lambda _: None,
    write: bool = True,
) -> Scored:
    """Measure the generator of a run.

    Args:
        directory: of the run, finished or not.
        options: how; None: as suits the data.
        averaged, at, trust: as `export.load`.
        say: gets lines on what takes long, and on damaged checkpoints that were passed over.
        write: the record and the pictures, to `evaluation` in the run directory.

    Raises:
        ConfigError: a metric that these data cannot have, or a config that is not trusted.
        DataError: the data of the run, or Inception's weights, cannot be read here.
        RunError: there is no run, or no generator in it.
        Diverged: samples are not finite.
    """
    if not is_directory(directory):
        raise RunError(f"there is no directory {str(directory)!r}; gan-runs lists the runs")
    run = real_run(directory)
    if not is_regular(run / "config.yaml"):
        raise RunError(
            f"{str(directory)!r} holds no run (no config.yaml); gan-runs lists the runs, and samples of other programs "
            "are measured with --fake and --real"
        )
    with torch.random.fork_rng(devices=[]):  # who calls it may be in the middle of something
        sampler = export.load(run, averaged, trust, say, at)
        stream, train = build_data(tame(stored_config(run, trust, "add --trust"), (), trust))
        if tuple(stream.shape) != sampler.shape:
            found, made = (" x ".join(map(str, shape)) for shape in (stream.shape, sampler.shape))
            raise RunError(f"{directory}: its generator makes {made}, and its data are {found}")
        try:
            options = options or Options()
            device = pick_device(options.device)
            judge = Judge(Reals(stream, options), replace(options, device=str(device)), say)
        except ValueError as error:
            raise ConfigError(str(error)) from error
        y = None if sampler.labels is None else stream.y
        if sampler.labels is not None and (y is None or not {*y.unique().tolist()} <= {*sampler.labels.values()}):
            raise RunError(f"{directory}: its generator knows other classes than its data have")
        draw = of_data(stream) if train.g_is_data else drawing(sampler.G.to(device), sampler.prior, y, device)
        figures = judge(draw)
    weights = "data" if train.g_is_data else "ema" if sampler.averaged else "raw"
    record = Record(
        __version__,
        sampler.step,
        weights,
        "newest" if at is None else str(at),
        trained_on=judge.reals.learned,
        real=judge.reals.fingerprint,
        figures=figures,
        memory=judge.memory,
    )
    try:
        return Scored(record, store(run, record, judge.memorised) if write else {})
    except RunError as error:
        return Scored(record, unwritten=error)

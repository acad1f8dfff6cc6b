"""gan-cli from Python, in a notebook or a script: `from gan_cli import compose, build, train`. See docs/library.md."""

import copy
import math
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from hydra import compose as hydra_compose
from hydra import initialize_config_dir
from hydra.core.global_hydra import GlobalHydra
from omegaconf import open_dict
from torch import Tensor

from gan_cli import builder
from gan_cli.check import TRACKERS, check, report
from gan_cli.cli import job as command
from gan_cli.cli import sources
from gan_cli.cli.answers import answer
from gan_cli.cli.devices.company import Company
from gan_cli.cli.devices.start import Job
from gan_cli.cli.dry_run import dry_run
from gan_cli.cli.examine import refuse_mistakes
from gan_cli.cli.figures import refuse_unknown_figure
from gan_cli.cli.overrides import groups_below, key_of, prepare
from gan_cli.cli.resumption import state_of
from gan_cli.cli.signals import interrupted_after_step
from gan_cli.composed import Config
from gan_cli.console import Screen
from gan_cli.errors import ConfigError, GanError
from gan_cli.figure import Figure, in_notebook
from gan_cli.forward import call
from gan_cli.paths import CONF_DIR
from gan_cli.pictures import evaluating, unseen
from gan_cli.placement import thread_count
from gan_cli.resume import config_to_resume, top_settings
from gan_cli.run import Run
from gan_cli.seeds import generator
from gan_cli.stored import tame, weights_limit


def compose(*overrides: str, config_dir: str | Path | None = None) -> Config:
    """The config that a `gan-train` line composes, checked as that command does.

    Args:
        overrides: as typed behind `gan-train`: `compose("loss=hinge", "train.steps=200")`. With `resume=<run>` it is
            the config of that run, with the changes that a resume allows.
        config_dir: choices of one's own: `config_dir/loss/mine.yaml` is `loss=mine`.

    Raises:
        ConfigError: all mistakes at once.
        RunError: there is no run to resume.
    """
    directories = [CONF_DIR] if config_dir is None else [CONF_DIR, Path(config_dir)]
    groups = groups_below(*directories)
    places = [f"file://{directory.absolute()}" for directory in directories[1:]]
    with _own_hydra():
        try:
            refuse_mistakes(overrides, directories, [])
            lines = [*prepare(overrides, groups), f"hydra.searchpath={places}"]
            with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
                composed = hydra_compose("train", lines, return_hydra_config=True)
        except GanError:
            raise
        except Exception as error:
            raise ConfigError(answer(error, overrides)) from error
    choices = {k: v for k, v in composed.hydra.runtime.choices.items() if k != TRACKERS and "/" not in k}
    with open_dict(composed):
        del composed["hydra"]  # of the command
    config, written = builder.plain(composed)
    given = [key_of(text) for text in overrides]
    flags = [] if config_dir is None else ["--config-dir", str(config_dir)]
    about = {"command": ["gan-train", *overrides, *flags], "overrides": [*overrides], "choices": choices, "sweep": None}
    if config.get("resume") is not None:
        top_settings(config)
        config, directory = config_to_resume(config, given, choices)
        config = tame(config, given, config["trust"])
        return Config(config, None, given, about, weights_limit(directory, config["trust"]))
    if problems := check(config, written, given):
        raise report(problems)
    return Config(config, written, given, about)


def build(config: Mapping[str, Any]) -> Run:
    """Every part of a run, made and on its device: `build(compose("loss=hinge"))`. Nothing is written.

    Raises:
        ConfigError: all mistakes of the config at once.
        DataError: the data set cannot be read.
    """
    own = config if isinstance(config, Config) else Config(config)
    run = builder.build(copy.deepcopy(dict(own)), own.written, own.given, own.room)
    run.config = own
    return run


def train(run: Run, directory: str | Path | None = None, figure: bool | None = None) -> Run:
    """Train a run in a directory of its own, exactly as `gan-train` does; or go on with one that was stopped.

    Ctrl-C (in a notebook: interrupt the kernel) ends the step, saves, and raises KeyboardInterrupt; `train(run)` goes
    on from there, and so does `gan-train resume=...`.

    Args:
        run: from `build`.
        directory: of the run; None: a new one below `outputs`.
        figure: draw losses and samples while it goes on; None: in a notebook.

    Returns:
        The same run, trained: `run.G`, `run.history`, `run.directory`.

    Raises:
        GanError: what a user can cause.
        Stopped: a KeyboardInterrupt; the run is saved.
    """
    if run.cfg.devices > 1:
        raise ConfigError("train.devices: train() uses the process that calls it; for several there is gan-train")
    config = run.config if isinstance(run.config, Config) else Config(run.config)
    began = getattr(run, "directory", None)
    if began is not None and directory is not None and Path(directory).resolve() != began.resolve():
        raise ConfigError(f"this run is in {began}; build() another one for {directory}")
    asked: dict[str, Any] = copy.deepcopy(dict(config))
    given = config.given
    if began is not None and asked.get("resume") is None:  # the same run again: what it has saved is its state
        asked, given = asked | {"resume": str(began)}, ()
    place = _place(directory, config) if asked.get("resume") is None else Path()
    run.stopping, run.signal, run.stopped_by = False, 0, None
    trackers, threads = run.trackers, torch.get_num_threads()
    torch.set_num_threads(thread_count(run.cfg, run.reals.shape))  # whatever was built or trained since
    run.noise = generator(run.seed, "noise", device=run.device)  # and whatever was drawn
    run.reseed("train")
    if in_notebook() if figure is None else figure:
        run.trackers, run.line_every = {**trackers, "figure": Figure(run.steps)}, math.inf
    try:
        with command.held(Job(asked, config.written or asked, place, given, config.about)) as job:
            refuse_unknown_figure(run)
            if job.dry:
                dry_run(run, Screen(highlight=False, soft_wrap=True))
                return run
            state = state_of(run, job, 1) if job.resumes else None
            command.carry_out(run, state, job, Company(), interrupted_after_step)
    finally:
        run.trackers = trackers
        torch.set_num_threads(threads)
    return run


def draw(run: Run, n: int = 64, seed: int = 0, z: Tensor | None = None, y: Tensor | None = None) -> Tensor:
    """Samples of the generator as `gan-sample` would use it: averaged, if there is an average.

    Args:
        n: how many; of the z, if they are given, all.
        seed: of their noise; the noise that the run trains with stays where it is.
        z: the noise itself: [n, dim].
        y: the classes of a conditional generator: [n]; without them, one of each, and again.

    Returns:
        [n, *shape], on the CPU, images in [-1, 1].
    """
    z = run.prior.sample(n, generator(seed, "draw", device=run.device)) if z is None else z.to(run.device)
    if y is None and run.classes is not None:
        y = torch.arange(len(z)) % run.classes
    with unseen(run), torch.no_grad(), evaluating(run.ema.G if run.ema else run.G) as G:
        return call(G, z, None if y is None else y.to(run.device)).cpu()


def _place(directory: str | Path | None, config: Config) -> Path:
    """Where a run begins, made."""
    if directory is None:
        now, choices = time.time(), config.about["choices"]
        day, clock = time.strftime("%Y-%m-%d", time.localtime(now)), time.strftime("%H-%M-%S", time.localtime(now))
        name = "-".join(str(choices[group]) for group in ("model", "loss") if choices.get(group))
        directory = Path("outputs", day, f"{clock}-{int(now % 1 * 1e6):06}_{name}")
    Path(directory).mkdir(parents=True, exist_ok=True)
    return Path(directory)


@contextmanager
def _own_hydra() -> Iterator[None]:
    """Whatever else uses Hydra in this process finds it as it was."""
    known = GlobalHydra.instance().hydra
    GlobalHydra.instance().clear()
    try:
        with sources.installed():
            yield
    finally:
        GlobalHydra.instance().hydra = known

"""From a composed config to a `Run`."""

import math
from collections.abc import Collection
from contextlib import suppress
from dataclasses import fields
from typing import Any, cast

import torch
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn

from gan_cli import contracts, data_parallel
from gan_cli.aids import Aids
from gan_cli.check import TRACKERS, Problem, check, leaves, report
from gan_cli.data import Stream
from gan_cli.data.mixture import Mixture
from gan_cli.diversity import effective_number
from gan_cli.ema import EMA
from gan_cli.errors import ConfigError
from gan_cli.factory import DataAreNext, Factory, FactoryWithoutData
from gan_cli.forward import Forward, lay_out, precision_of
from gan_cli.health import Health, Thresholds
from gan_cli.models.spectral import spectral_norm
from gan_cli.ranks import Ranks
from gan_cli.run import Run
from gan_cli.seeds import derive
from gan_cli.settings import Settings, TrainConfig


def plain(cfg: DictConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """A config as plain containers, once with everything resolved and once as it was written.

    Raises:
        ConfigError: an interpolation that leads nowhere.
    """
    try:
        resolved = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
        for field in fields(Settings):  # ~seed: what is deleted at the top is what it is without a word
            resolved.setdefault(field.name, field.default)
        return resolved, cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=False))
    except OmegaConfBaseException as error:
        key = f"{error.full_key}: " if error.full_key else ""
        raise ConfigError(f"{key}{str(error).splitlines()[0]}") from error


def build(
    config: dict[str, Any],
    written: dict[str, Any] | None = None,
    given: Collection[str] = (),
    room: int | None = None,
    ranks: Ranks | None = None,
) -> Run:
    """Build every part of a run. Nothing is written, and the data are read last.

    Args:
        config: plain containers, resolved.
        written: the same before resolving, where there is such a thing.
        given: the keys on the command line.
        room: bytes that each network may have, where the config may be somebody else's; None: any number.
        ranks: the processes that train the run together, this one among them; None: it is alone.

    Raises:
        ConfigError: all mistakes of the config at once.
        DataError: the data set cannot be read.
    """
    return _build(Factory(config, check(config, written, given), room, ranks or Ranks()), config)


def examine(config: dict[str, Any], written: dict[str, Any] | None = None, given: Collection[str] = ()) -> None:
    """Raise what `build` would, as far as it can be known without the data."""
    with suppress(DataAreNext):
        _build(FactoryWithoutData(config, check(config, written, given), room=None), config)


def build_data(config: dict[str, Any]) -> tuple[Stream, TrainConfig]:
    """The data of a run, on the CPU, and how it is trained on them: without its networks.

    Raises:
        ConfigError: all mistakes of the config.
        DataError: the data set cannot be read.
    """
    factory = Factory(config, check(config), room=None)
    settings, data, train = factory.settings(), factory.part("dataset"), factory.part("train")
    if factory.problems:
        raise report(factory.problems)
    assert isinstance(train, TrainConfig) and settings is not None
    return factory.stream(data, train, settings, torch.device("cpu")), train


def _build(factory: Factory, config: dict[str, Any]) -> Run:
    settings = factory.settings()
    data = factory.part("dataset")
    prior, loss = factory.part("prior"), factory.part("loss")
    train: TrainConfig | None = factory.part("train")
    aids: Aids | None = factory.part("aids")
    thresholds: Thresholds | None = factory.part("health")
    device = factory.device(settings)
    if train is not None and data is not None and device is not None:
        factory.prepare(train, data.shape, device)
    pack, conditional = factory.model("pack", 1), factory.model("conditional", False)
    reals, classes, moments = None, None, None
    if factory.model("standardise", False) and data is not None and settings is not None and train is not None:
        reals, moments = factory.moments(data, train, settings, device or torch.device("cpu"))
    penalty = factory.part("penalty", **({} if moments is None else {"std": moments[1]}))
    if conditional and data is not None and settings is not None and train is not None:
        # The labels say how many classes.
        reals = reals or factory.stream(data, train, settings, device or torch.device("cpu"))
        factory.problems += contracts.labels(reals, pack, train)
        classes = reals.classes if not factory.problems else None
    G = D = None
    put_out: dict[str, int] = {}
    if data is not None:
        # Stand-ins for parts that could not be built: the networks' own mistakes are told all the same.
        seed, dim = (settings.seed if settings else 0), getattr(prior, "dim", 1)
        torch.manual_seed(derive(seed, "G"))
        G = factory.part("model.generator", shape=data.shape, noise_dim=dim, classes=classes, moments=moments)
        torch.manual_seed(derive(seed, "D"))
        penalised = penalty is not None and penalty.per_sample
        seen = (pack * data.shape[0], *data.shape[1:])
        packed = None if moments is None else (pack * moments[0], moments[1])
        about = {"shape": seen, "penalised": penalised, "classes": classes, "moments": packed}
        D = factory.part("model.discriminator", **about)
        if D is not None and factory.model("spectral_norm", False) and not spectral_norm(D):
            factory.problems.append(Problem("model.spectral_norm", "D has no layer with a matrix of weights to divide"))
        if train is not None and device is not None:
            numbers = train.batch_size // factory.processes(train) * math.prod(data.shape)
            lay_out(train.channels_last, *(net for net in (G, D) if net is not None), numbers=numbers, device=device)
        if G is not None:
            factory.problems += contracts.maps("model.generator", G, (2, dim), (2, *data.shape), classes, put_out)
        if D is not None:
            factory.problems += contracts.maps("model.discriminator", D, (2, *seen), (2,), classes, put_out)
    trackers = {name: factory.part(f"{TRACKERS}.{name}") for name in config.get(TRACKERS, {})}
    factory.problems += contracts.trackers(trackers)
    factory.problems += contracts.loss_and_prior(loss, prior)
    processes = 1 if train is None else factory.processes(train)
    synced = device is not None and device.type == "cuda"  # where PyTorch normalises with the samples of all processes
    factory.problems += data_parallel.contract(train, processes, pack, D, loss, aids, device)
    factory.problems += contracts.batch_norm(G, D, penalty, train, pack, 1 if synced else processes)
    if data is not None and device is not None:
        inputs = {"model.generator": (dim,), "model.discriminator": seen}
        memories = processes if synced else max(1, processes // factory.here(processes))
        factory.problems += contracts.batch(train, pack, put_out, inputs, device, memories)
    factory.problems += contracts.alarms(train)
    factory.problems += contracts.evaluation(train)
    factory.problems += contracts.aids_and_packs(aids, pack, train, data.shape if data is not None else None)
    if device is not None and G is not None and D is not None:
        G, D = G.to(device), D.to(device)
        if synced and not factory.ranks.alone:
            G, D = (nn.SyncBatchNorm.convert_sync_batchnorm(net) for net in (G, D))
    opt_G, opt_D = factory.optimizer("generator", G), factory.optimizer("discriminator", D)
    factory.problems += contracts.momentum(train, opt_G, opt_D)
    if factory.problems:
        raise report(factory.problems)
    assert device is not None and opt_G is not None and opt_D is not None
    assert settings is not None and train is not None and G is not None and D is not None and aids is not None
    assert thresholds is not None

    reals = reals or factory.stream(data, train, settings, device)
    try:
        steps = train.total_steps(reals.size)
    except ValueError as error:
        given_as = "train.images" if train.images is not None else "train.epochs"
        raise report([Problem(given_as, str(error))]) from error
    ema = EMA(G, train.ema_half_life_images, train.ema_ramp) if train.ema_half_life_images else None
    torch.manual_seed(derive(settings.seed, "train"))  # dropout and the penalties' random points
    return Run(
        *(train, settings.seed, device, steps, reals, prior, G, D, loss, penalty, opt_G, opt_D, ema, aids, pack),
        classes=classes,
        moments=moments,
        trackers=trackers,
        forward=Forward(precision_of(train.precision, device), device, train.compile in (True, "on")),
        other_data=settings.other_data,
        health=watcher(thresholds, config, reals),
        ranks=factory.ranks,
    )


def watcher(thresholds: Thresholds, config: dict[str, Any], reals: Stream) -> Health:
    """What watches a run's figures, told what is known of its data."""
    centres = reals.data.modes if isinstance(reals.data, Mixture) else None
    modes = None if centres is None else len(centres)
    classes = None if reals.y is None else effective_number(reals.y)
    return Health(thresholds, dict(leaves(config)), modes, classes)

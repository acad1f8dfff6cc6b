"""From a composed config to a `Run`: the only place where the classes that a config names are called."""

import functools
import inspect
import math
import os
import re
from collections.abc import Callable, Collection
from contextlib import suppress
from dataclasses import fields
from typing import Any, cast

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn
from torch.nn.utils import parametrizations

from gan_cli import contracts, products
from gan_cli.aids import Aids
from gan_cli.bounds import MANY, TooMuch, memory, nbytes, on_paper
from gan_cli.check import TRACKERS, Problem, check, leaves, report, shown
from gan_cli.data import Stream
from gan_cli.data.mixture import Mixture
from gan_cli.data.moments import Moments, estimated, in_closed_form
from gan_cli.diversity import effective_number
from gan_cli.ema import EMA
from gan_cli.errors import ConfigError, GanError
from gan_cli.forward import Forward, lay_out, precision_of
from gan_cli.health import Health, Thresholds
from gan_cli.machine import fast_float32
from gan_cli.optimizers import without_compiler
from gan_cli.ranks import Ranks
from gan_cli.room import is_out_of_memory
from gan_cli.run import Run
from gan_cli.seeds import derive
from gan_cli.settings import Settings, TrainConfig
from gan_cli.targets import locate

_TRUSTED = "if the run is yours, add trust=true (gan-probe: --trust)"
_ALL_THREADS = torch.get_num_threads()  # now: an earlier job of a sweep may have lowered it by the time of a build


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
    return _build(_Builder(config, check(config, written, given), room, ranks or Ranks()), config)


def examine(config: dict[str, Any], written: dict[str, Any] | None = None, given: Collection[str] = ()) -> None:
    """Raise what `build` would, as far as it can be known without the data."""
    with suppress(_DataAreNext):
        _build(_WithoutData(config, check(config, written, given), room=None), config)


def build_data(config: dict[str, Any]) -> tuple[Stream, TrainConfig]:
    """The data of a run, on the CPU, and how it is trained on them: without its networks.

    Raises:
        ConfigError: all mistakes of the config.
        DataError: the data set cannot be read.
    """
    builder = _Builder(config, check(config), room=None)
    settings, data, train = builder.settings(), builder.part("dataset"), builder.part("train")
    if builder.problems:
        raise report(builder.problems)
    assert isinstance(train, TrainConfig) and settings is not None
    return builder.stream(data, train, settings, torch.device("cpu")), train


def _build(builder: "_Builder", config: dict[str, Any]) -> Run:
    settings = builder.settings()
    data = builder.part("dataset")
    prior, loss = builder.part("prior"), builder.part("loss")
    train: TrainConfig | None = builder.part("train")
    aids: Aids | None = builder.part("aids")
    thresholds: Thresholds | None = builder.part("health")
    device = builder.device(settings)
    if train is not None and data is not None and device is not None:
        builder.prepare(train, data.shape, device)
    pack, conditional = builder.model("pack", 1), builder.model("conditional", False)
    reals, classes, moments = None, None, None
    if builder.model("standardise", False) and data is not None and settings is not None and train is not None:
        reals, moments = builder.moments(data, train, settings, device or torch.device("cpu"))
    penalty = builder.part("penalty", **({} if moments is None else {"std": moments[1]}))
    if conditional and data is not None and settings is not None and train is not None:
        # The labels say how many classes.
        reals = reals or builder.stream(data, train, settings, device or torch.device("cpu"))
        builder.problems += contracts.labels(reals, pack, train)
        classes = reals.classes if not builder.problems else None
    G = D = None
    put_out: dict[str, int] = {}
    if data is not None:
        # Stand-ins for parts that could not be built: the networks' own mistakes are told all the same.
        seed, dim = (settings.seed if settings else 0), getattr(prior, "dim", 1)
        torch.manual_seed(derive(seed, "G"))
        G = builder.part("model.generator", shape=data.shape, noise_dim=dim, classes=classes, moments=moments)
        torch.manual_seed(derive(seed, "D"))
        penalised = penalty is not None and penalty.per_sample
        seen = (pack * data.shape[0], *data.shape[1:])
        packed = None if moments is None else (pack * moments[0], moments[1])
        about = {"shape": seen, "penalised": penalised, "classes": classes, "moments": packed}
        D = builder.part("model.discriminator", **about)
        if D is not None and builder.model("spectral_norm", False) and not spectral_norm(D):
            builder.problems.append(Problem("model.spectral_norm", "D has no layer with a matrix of weights to divide"))
        if train is not None and device is not None:
            numbers = train.batch_size // builder.processes(train) * math.prod(data.shape)
            lay_out(train.channels_last, *(net for net in (G, D) if net is not None), numbers=numbers, device=device)
        if G is not None:
            builder.problems += contracts.maps("model.generator", G, (2, dim), (2, *data.shape), classes, put_out)
        if D is not None:
            builder.problems += contracts.maps("model.discriminator", D, (2, *seen), (2,), classes, put_out)
    trackers = {name: builder.part(f"{TRACKERS}.{name}") for name in config.get(TRACKERS, {})}
    builder.problems += contracts.trackers(trackers)
    builder.problems += contracts.loss_and_prior(loss, prior)
    processes = 1 if train is None else builder.processes(train)
    synced = device is not None and device.type == "cuda"  # where PyTorch normalises with the samples of all processes
    builder.problems += contracts.devices(train, processes, pack, D, loss, aids, device)
    builder.problems += contracts.batch_norm(G, D, penalty, train, pack, 1 if synced else processes)
    if data is not None and device is not None:
        inputs = {"model.generator": (dim,), "model.discriminator": seen}
        memories = processes if synced else max(1, processes // builder.here(processes))
        builder.problems += contracts.batch(train, pack, put_out, inputs, device, memories)
    builder.problems += contracts.alarms(train)
    builder.problems += contracts.evaluation(train)
    builder.problems += contracts.aids_and_packs(aids, pack, train, data.shape if data is not None else None)
    if device is not None and G is not None and D is not None:
        G, D = G.to(device), D.to(device)
        if synced and not builder.ranks.alone:
            G, D = (nn.SyncBatchNorm.convert_sync_batchnorm(net) for net in (G, D))
    opt_G, opt_D = builder.optimizer("generator", G), builder.optimizer("discriminator", D)
    builder.problems += contracts.momentum(train, opt_G, opt_D)
    if builder.problems:
        raise report(builder.problems)
    assert device is not None and opt_G is not None and opt_D is not None
    assert settings is not None and train is not None and G is not None and D is not None and aids is not None
    assert thresholds is not None

    reals = reals or builder.stream(data, train, settings, device)
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
        ranks=builder.ranks,
    )


def watcher(thresholds: Thresholds, config: dict[str, Any], reals: Stream) -> Health:
    """What watches a run's figures, told what is known of its data."""
    centres = reals.data.modes if isinstance(reals.data, Mixture) else None
    modes = None if centres is None else len(centres)
    classes = None if reals.y is None else effective_number(reals.y)
    return Health(thresholds, dict(leaves(config)), modes, classes)


def spectral_norm(D: nn.Module) -> int:
    """Divide every weight of D by its largest singular value (Miyato et al. 2018, arXiv:1802.05957), in place.

    A convolution's weight [out, in, h, w] counts as the matrix [out, in h w], as in the paper. The value is followed by
    one power iteration an update. A weight that starts at 0, as one in each of R3GAN's blocks does, has no norm to
    divide by: it starts as a draw.

    Returns:
        How many layers it found.
    """
    kinds = nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding
    layers = [module for module in D.modules() if isinstance(module, kinds)]
    for layer in layers:
        if not layer.weight.any():
            nn.init.normal_(layer.weight)
        parametrizations.spectral_norm(layer)
    return len(layers)


def pick_device(name: str) -> torch.device:
    """The device a user asked for; `auto` is the best there is.

    Raises:
        ValueError: there is no such device here.
    """
    if name == "auto":
        if torch.cuda.is_available():
            return torch.device("cuda", torch.cuda.current_device())
        return torch.device("mps" if torch.backends.mps.is_available() else "cpu")
    kind, _, index = name.partition(":")
    if not re.fullmatch("cpu|mps|cuda(:[0-9]{1,4})?", name):
        raise ValueError(f"expected one of auto, cpu, cuda, cuda:<number>, mps; got {shown(name)}")
    if kind == "cuda" and (not torch.cuda.is_available() or int(index or 0) >= torch.cuda.device_count()):
        raise ValueError(f"{name!r} asked for, and there are {torch.cuda.device_count()} CUDA devices; try device=auto")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ValueError("'mps' asked for, and this machine has none; try device=auto")
    return torch.device(name)


def thread_count(train: TrainConfig, shape: tuple[int, ...], processes: int = 1, here: int = 1) -> int:
    """The CPU threads of a process: as asked for, or one where its share of a batch is small, else its share of all.

    A batch of 64 digits of 16 pixels (2**14 numbers) took 20 ms a step on one thread, 12 to 23 ms on two, and 50 ms on
    two beside one other busy program: the second thread mostly waits. At 32 pixels both earn their keep.

    Args:
        processes: that share a batch.
        here: of them on this machine.
    """
    if train.threads != "auto":
        return train.threads
    if train.batch_size // processes * math.prod(shape) < 2**15:
        return 1
    told = os.environ.get("OMP_NUM_THREADS", "")  # by a sweep whose jobs share the cores; torch looked at it before
    most = min(_ALL_THREADS, int(told)) if told.isdecimal() and int(told) else _ALL_THREADS
    return max(1, most // here)


class _Builder:
    """Builds part after part and collects what goes wrong, so that a user hears of all mistakes at once."""

    def __init__(
        self, config: dict[str, Any], problems: list[Problem], room: int | None, ranks: Ranks | None = None
    ) -> None:
        self._config, self.problems, self._room, self.ranks = config, problems, room, ranks or Ranks()
        self.memory = memory(torch.device("cpu"))  # bytes

    def settings(self) -> Settings | None:
        """The keys at the top, checked."""
        names = Settings.__dataclass_fields__
        if any(problem.path in names for problem in self.problems):
            return None
        try:
            return Settings(**{name: self._config[name] for name in names if name in self._config})
        except ValueError as error:
            self.problems.append(Problem("", str(error)))
            return None

    def prepare(self, train: TrainConfig, shape: tuple[int, ...], device: torch.device) -> None:
        """Set what holds for the whole process, before the first product: a spectral norm begins with some.

        It starts threads, and a process that has them must not fork and multiply there: sweeps examine apart.
        """
        processes = self.processes(train)
        torch.set_num_threads(thread_count(train, shape, processes, self.here(processes)))
        if device.type == "cpu":
            products.faster()
        fast_float32(device, train.tf32)

    def processes(self, train: TrainConfig) -> int:
        """How many will train the run: those that are there, or else that are to be started."""
        return train.devices if self.ranks.alone else self.ranks.size

    def here(self, processes: int) -> int:
        """How many of them are on this machine."""
        return processes if self.ranks.alone else self.ranks.here

    def device(self, settings: Settings | None) -> torch.device | None:
        """The device to run on; None, with the mistake noted, where there is no such thing."""
        try:
            return pick_device(settings.device) if settings is not None else None
        except ValueError as error:
            self.problems.append(Problem("device", str(error)))
            return None

    def model(self, key: str, default: Any) -> Any:
        """A setting that a model's node may have whatever its family; the default where it is wrong, or not there."""
        if any(problem.path in ("model", f"model.{key}") for problem in self.problems):
            return default
        value = self._config["model"].get(key, default)
        if key == "pack" and value < 1:
            self.problems.append(Problem("model.pack", f"must be at least 1 sample, got {value}"))
            return default
        return value

    def stream(self, data: Any, train: TrainConfig, settings: Settings, device: torch.device) -> Stream:
        """The data, read."""
        return Stream(data, train.batch_size, settings.seed, device, train.held_out)

    def moments(
        self, data: Any, train: TrainConfig, settings: Settings, device: torch.device
    ) -> tuple[Stream | None, Moments | None]:
        """The moments that the networks standardise by, and the data where they had to be read for that."""
        key, players = "model.standardise", ("model.generator", "model.discriminator")
        if any(_overlap(problem.path, path) for problem in self.problems for path in players):
            return None, None
        for name in (self._config["model"][path.removeprefix("model.")]["_target_"] for path in players):
            if "moments" not in inspect.signature(locate(name)).parameters:
                why = f"{name} takes no moments of the data; leave it out, or use model=mlp"
                self.problems.append(Problem(key, why))
                return None, None
        if len(data.shape) == 3 or math.prod(data.shape) > MANY:
            why = f"is for points of at most {MANY} numbers; the data set gives {list(data.shape)}; leave it out"
            self.problems.append(Problem(key, why))
            return None, None
        if (known := in_closed_form(data)) is not None:
            return None, known
        if self.problems:  # they are told first: data may take their time
            return None, None
        reals = self.stream(data, train, settings, device)
        return reals, estimated(reals)

    def part(self, path: str, **interface: Any) -> Any:
        """What a path of the config names; None, with the mistakes noted, where it cannot be built.

        A class tells one mistake at a time: it is asked again without what was wrong, until it has no more to tell.
        """
        node: Any = self._config
        wrong = [problem.path for problem in self.problems if _overlap(problem.path, path)]
        if any(not key.startswith(f"{path}.") or key.startswith(f"{path}._") for key in wrong):
            return None
        for key in path.split("."):
            node = node[key]
        takes = inspect.signature(locate(node["_target_"])).parameters
        open_ended = any(p.kind is p.VAR_KEYWORD for p in takes.values())
        passed = {name: value for name, value in interface.items() if name in takes or open_ended}
        told = [key.removeprefix(f"{path}.").partition(".")[0] for key in wrong]
        while all(key not in takes or takes[key].default not in (inspect.Parameter.empty, None) for key in told):
            count = len(self.problems)
            made = self._made(path, {key: value for key, value in node.items() if key not in told}, passed)
            if len(self.problems) == count:
                return None if told else made
            key, must, rest = self.problems[-1].message.partition(" must ")
            if not must or key not in node or key in told:
                if told:  # it may follow from what was left out
                    self.problems.pop()
                break
            self.problems[-1] = Problem(f"{path}.{key}", f"must {rest}")
            told.append(key)
        return None

    def _made(self, path: str, node: dict[str, Any], passed: dict[str, Any]) -> Any:
        """One attempt at a part."""

        def make() -> Any:
            return instantiate(node, **passed, _convert_="all")

        kind = contracts.KINDS.get(path)
        target = locate(node["_target_"])
        if kind is not None and isinstance(target, type) and not issubclass(target, kind):
            self._misfit(path, node["_target_"], kind)
            return None
        numbers = {key: value for key, value in node.items() if type(value) is int}
        largest = max(numbers, key=lambda key: numbers[key], default="its settings")
        smaller = f"make {largest} smaller"
        # A user's own class may take as long as it likes; a depth of ours may be a slip of the finger.
        counted = self._room is not None or f"{getattr(target, '__module__', '')}.".startswith("gan_cli.")
        if path.startswith("model.") and self._note(path, lambda: self._plan(path, make, smaller, counted)) is None:
            return None
        made = self._note(path, make)
        if made is not None and kind is not None and not isinstance(made, kind):
            self._misfit(path, node["_target_"], kind)
            return None
        return made

    def _misfit(self, path: str, name: str, kind: type) -> None:
        self.problems.append(Problem(f"{path}._target_", f"{name!r} makes no {kind.__module__}.{kind.__name__}"))

    def _plan(self, path: str, make: Callable[[], nn.Module], smaller: str, counted: bool) -> bool:
        """Try a network on paper: whether there is room for it is known before it takes any.

        Args:
            smaller: what to do about one that is too large.
            counted: whether there is a bound on the operations that making it takes.

        Raises:
            ValueError: there is none.
        """
        try:
            planned = on_paper(make, counted)
        except Exception as error:
            cause = error.__cause__ or error
            if not counted:  # one of the user's own that needs real numbers, or is wrong: its making will tell
                return True
            if "overflow" in str(cause).lower():
                raise ValueError(f"would have more weights than can be counted; {smaller}") from error
            if isinstance(cause, TooMuch):
                raise ValueError(f"{cause}; {smaller}{'' if self._room is None else f', or {_TRUSTED}'}") from error
            raise
        size = nbytes(planned.state_dict())
        if self._room is not None and size > self._room:
            many = f"has {size / 1e6:,.1f} MB of weights, more than its checkpoints"
            raise ValueError(f"{many}; {_TRUSTED}")
        if 2 * size > self.memory:  # each weight has a gradient
            raise ValueError(
                f"would have {size / 1e9:,.1f} GB of weights and as much of gradients, and there are "
                f"{self.memory / 1e9:,.1f} GB of memory; {smaller}"
            )
        return True

    def optimizer(self, player: str, net: nn.Module | None) -> torch.optim.Optimizer | None:
        """The player's optimizer; where there is no player, its settings are checked all the same."""
        node = self._config.get("optimizer", {}).get(player)
        if isinstance(node, dict) and isinstance(node.get("betas"), list):  # torch takes 0.0 and refuses 0
            node["betas"] = [float(b) if isinstance(b, int) else b for b in node["betas"]]
        make = self.part(f"optimizer.{player}")
        if make is None:
            return None
        moved = [p for p in net.parameters() if p.requires_grad] if net is not None else [nn.Parameter(torch.zeros(1))]
        kind: Any = getattr(make, "func", None)
        if isinstance(kind, type) and issubclass(kind, torch.optim.Optimizer):
            light: Any = without_compiler(kind)
            make = functools.partial(light, **make.keywords)
        made = self._note(f"optimizer.{player}", lambda: make(moved))
        self.problems += contracts.optimizer(f"optimizer.{player}", made)
        return cast("torch.optim.Optimizer | None", made)

    def _note(self, path: str, make: Any) -> Any:
        try:
            return make()
        except SystemExit as stop:  # a class of the user's own that ends the process
            self.problems.append(Problem(path, f"calls sys.exit({stop.code!r}); it must raise a ValueError"))
            return None
        except Exception as error:
            cause = error.__cause__ if isinstance(error, InstantiationException) and error.__cause__ else error
            if isinstance(cause, GanError) and not isinstance(cause, ConfigError):
                raise cause from error  # the data: another exit code
            if is_out_of_memory(cause):
                raise cause from error
            says = isinstance(cause, ValueError | TypeError | RuntimeError | GanError) and str(cause)
            self.problems.append(Problem(path, says or f"{type(cause).__name__}: {cause}".removesuffix(": ")))
            return None


class _DataAreNext(Exception):
    """All that is known before the data are read is right."""


class _WithoutData(_Builder):
    """Builds until the data are to be read."""

    def prepare(self, train: TrainConfig, shape: tuple[int, ...], device: torch.device) -> None:
        """Nothing: there will be no run."""

    def stream(self, data: Any, train: TrainConfig, settings: Settings, device: torch.device) -> Stream:
        """Stop."""
        if self.problems:
            raise report(self.problems)
        raise _DataAreNext


def _overlap(a: str, b: str) -> bool:
    """Whether one dotted path is the other or lies below it."""
    return f"{a}.".startswith(f"{b}.") or f"{b}.".startswith(f"{a}.")

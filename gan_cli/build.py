"""From a composed config to a `Run`: the only place where the classes that a config names are called."""

import inspect
import math
from collections.abc import Container
from typing import Any, cast

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException
from torch import nn
from torch.nn.modules.batchnorm import _BatchNorm
from torch.nn.utils import parametrizations

from gan_cli.aids import Aids
from gan_cli.alarms import ALARMS
from gan_cli.check import Problem, check, did_you_mean, leaves, report
from gan_cli.data import Stream
from gan_cli.data.mixture import Mixture
from gan_cli.diversity import effective_number
from gan_cli.ema import EMA
from gan_cli.errors import ConfigError, GanError
from gan_cli.health import Health, Thresholds
from gan_cli.losses import Loss
from gan_cli.penalties import Penalty
from gan_cli.pictures import evaluating
from gan_cli.run import Run
from gan_cli.seeds import derive
from gan_cli.settings import Settings, TrainConfig
from gan_cli.targets import locate

_ALL_THREADS = torch.get_num_threads()  # now: an earlier job of a sweep may have lowered it by the time of a build


def plain(cfg: DictConfig) -> tuple[dict[str, Any], dict[str, Any]]:
    """A config as plain containers, once with everything resolved and once as it was written.

    Raises:
        ConfigError: an interpolation that leads nowhere.
    """
    try:
        resolved = cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=True))
        return resolved, cast(dict[str, Any], OmegaConf.to_container(cfg, resolve=False))
    except OmegaConfBaseException as error:
        key = f"{error.full_key}: " if error.full_key else ""
        raise ConfigError(f"{key}{str(error).splitlines()[0]}") from error


def build(config: dict[str, Any], written: dict[str, Any] | None = None, given: Container[str] = ()) -> Run:
    """Build every part of a run. Nothing is written, and the data are read last.

    Args:
        config: plain containers, resolved.
        written: the same before resolving, where there is such a thing.
        given: the keys on the command line.

    Raises:
        ConfigError: all mistakes of the config at once.
        DataError: the data set cannot be read.
    """
    builder = _Builder(config, check(config, written, given))
    settings = builder.settings()
    data = builder.part("dataset")
    prior, loss, penalty = builder.part("prior"), builder.part("loss"), builder.part("penalty")
    train: TrainConfig | None = builder.part("train")
    aids: Aids | None = builder.part("aids")
    thresholds: Thresholds | None = builder.part("health")
    device = builder.device(settings)
    pack, conditional = builder.model("pack", 1), builder.model("conditional", False)
    reals, classes = None, None
    if conditional and data is not None and settings is not None and train is not None:
        reals = builder.stream(data, train, settings, device or torch.device("cpu"))  # the labels say how many classes
        classes = builder.classes(reals, pack, train)
    G = D = None
    if data is not None:
        # Stand-ins for parts that could not be built: the networks' own mistakes are told all the same.
        seed, dim = (settings.seed if settings else 0), (prior.dim if prior is not None else 1)
        torch.manual_seed(derive(seed, "G"))
        G = builder.part("model.generator", shape=data.shape, noise_dim=dim, classes=classes)
        torch.manual_seed(derive(seed, "D"))
        penalised = penalty is not None and penalty.per_sample
        seen = (pack * data.shape[0], *data.shape[1:])
        D = builder.part("model.discriminator", shape=seen, penalised=penalised, classes=classes)
        if D is not None and builder.model("spectral_norm", False):
            spectral_norm(D)
        builder.check_networks(G, D, data.shape, seen, dim, classes)
    builder.check_contracts(loss, prior)
    builder.check_batch_norm(G, D, penalty, train)
    builder.check_alarms(train)
    builder.check_aids(aids, pack, train, data.shape if data is not None else None)
    if device is not None and G is not None and D is not None:
        G, D = G.to(device), D.to(device)
    opt_G, opt_D = builder.optimizer("generator", G), builder.optimizer("discriminator", D)
    if builder.problems:
        raise report(builder.problems)
    assert device is not None and opt_G is not None and opt_D is not None
    assert settings is not None and train is not None and G is not None and D is not None and aids is not None
    assert thresholds is not None

    torch.set_num_threads(thread_count(train, data.shape))
    reals = reals or builder.stream(data, train, settings, device)
    try:
        steps = train.total_steps(reals.size)
    except ValueError as error:
        raise report([Problem("train.epochs", str(error))]) from error
    ema = EMA(G, train.ema_half_life_images, train.ema_ramp) if train.ema_half_life_images else None
    torch.manual_seed(derive(settings.seed, "train"))  # dropout and the penalties' random points
    return Run(
        *(train, settings.seed, device, steps, reals, prior, G, D, loss, penalty, opt_G, opt_D, ema, aids, pack),
        classes=classes,
        health=watcher(thresholds, config, reals),
    )


def watcher(thresholds: Thresholds, config: dict[str, Any], reals: Stream) -> Health:
    """What watches a run's figures, told what is known of its data."""
    modes = len(reals.data.centres) if isinstance(reals.data, Mixture) else None
    labels = None if reals.examples is None else reals.examples.y
    return Health(thresholds, dict(leaves(config)), modes, None if labels is None else effective_number(labels))


def spectral_norm(D: nn.Module) -> None:
    """Divide every weight of D by its largest singular value (Miyato et al. 2018, arXiv:1802.05957), in place.

    A convolution's weight [out, in, h, w] counts as the matrix [out, in h w], as in the paper. The value is followed by
    one power iteration an update. A weight that starts at 0, as one in each of R3GAN's blocks does, has no norm to
    divide by: it starts as a draw.
    """
    for module in list(D.modules()):
        if isinstance(module, nn.Linear | nn.Conv1d | nn.Conv2d | nn.ConvTranspose2d | nn.Embedding):
            if not module.weight.any():
                nn.init.normal_(module.weight)
            parametrizations.spectral_norm(module)


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
    if kind not in ("cpu", "cuda", "mps") or (index and not index.isdigit()):
        raise ValueError(f"expected one of auto, cpu, cuda, cuda:<number>, mps; got {name!r}")
    if kind == "cuda" and (not torch.cuda.is_available() or int(index or 0) >= torch.cuda.device_count()):
        raise ValueError(f"{name!r} asked for, and there are {torch.cuda.device_count()} CUDA devices; try device=auto")
    if kind == "mps" and not torch.backends.mps.is_available():
        raise ValueError("'mps' asked for, and this machine has none; try device=auto")
    return torch.device(name)


def thread_count(train: TrainConfig, shape: tuple[int, ...]) -> int:
    """The CPU threads of a run: as asked for, or one where a batch is small.

    A batch of 64 digits of 16 pixels (2**14 numbers) took 20 ms a step on one thread, 12 to 23 ms on two, and 50 ms on
    two beside one other busy program: the second thread mostly waits. At 32 pixels both earn their keep.
    """
    if train.threads != "auto":
        return train.threads
    if train.batch_size * math.prod(shape) < 2**15:
        return 1
    return _ALL_THREADS


class _Builder:
    """Builds part after part and collects what goes wrong, so that a user hears of all mistakes at once."""

    def __init__(self, config: dict[str, Any], problems: list[Problem]) -> None:
        self._config, self.problems = config, problems

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

    def classes(self, reals: Stream, pack: int, train: TrainConfig) -> int | None:
        """The classes of the data, for conditional networks; None, with the mistake noted, where there are none."""
        if reals.classes is None:
            why = f"{type(reals.data).__name__} has no labels; use data with labels, or conditional=false"
            self.problems.append(Problem("model.conditional", why))
        y = None if reals.examples is None else reals.examples.y
        if y is not None and y.min() < 0:
            why = f"labels must be 0 or more, and the data have {int(y.min())}; give them numbers from 0 on"
            self.problems.append(Problem("model.conditional", why))
            return None
        if pack > 1:
            why = "a pack has no label of its own; use pack=1, or conditional=false"
            self.problems.append(Problem("model.pack", why))
        if train.g_is_data:
            why = "g_is_data draws without labels; leave it out, or use conditional=false"
            self.problems.append(Problem("train.g_is_data", why))
        return reals.classes

    def part(self, path: str, **interface: Any) -> Any:
        """What a path of the config names; None, with the mistake noted, where it cannot be built."""
        if any(_overlap(problem.path, path) for problem in self.problems):
            return None
        node: Any = self._config
        for key in path.split("."):
            node = node[key]
        takes = inspect.signature(locate(node["_target_"])).parameters
        open_ended = any(p.kind is p.VAR_KEYWORD for p in takes.values())
        passed = {name: value for name, value in interface.items() if name in takes or open_ended}
        return self._note(path, lambda: instantiate(node, **passed, _convert_="all"))

    def optimizer(self, player: str, net: nn.Module | None) -> torch.optim.Optimizer | None:
        """The player's optimizer; where there is no player, its settings are checked all the same."""
        make = self.part(f"optimizer.{player}")
        if make is None:
            return None
        moved = [p for p in net.parameters() if p.requires_grad] if net is not None else [nn.Parameter(torch.zeros(1))]
        return cast("torch.optim.Optimizer | None", self._note(f"optimizer.{player}", lambda: make(moved)))

    def check_networks(
        self,
        G: nn.Module | None,
        D: nn.Module | None,
        shape: tuple[int, ...],
        seen: tuple[int, ...],
        dim: int,
        classes: int | None,
    ) -> None:
        """Both networks must map what they get to what the other one needs; D sees samples of the shape `seen`."""
        if G is not None:
            self._maps("model.generator", G, (2, dim), (2, *shape), classes)
        if D is not None:
            self._maps("model.discriminator", D, (2, *seen), (2,), classes)

    def check_alarms(self, train: TrainConfig | None) -> None:
        """A run stops on alarms that there are."""
        for name in train.stop_on if train is not None else ():
            if name not in ALARMS:
                message = f"there is no alarm {name!r}{did_you_mean(name, ALARMS)}"
                self.problems.append(Problem("train.stop_on", message))

    def check_aids(
        self, aids: Aids | None, pack: int, train: TrainConfig | None, shape: tuple[int, ...] | None
    ) -> None:
        """Augmentation is for images, and a batch has to be made of whole packs."""
        if aids is not None and aids.augment and shape is not None and len(shape) != 3:
            self.problems.append(Problem("aids.augment", f"is for images; the data set gives {list(shape)}"))
        if train is not None and train.batch_size % pack:
            why = f"{train.batch_size} samples are no whole packs; take a multiple of model.pack={pack}"
            self.problems.append(Problem("train.batch_size", why))

    def check_batch_norm(
        self, G: nn.Module | None, D: nn.Module | None, penalty: Penalty | None, train: TrainConfig | None
    ) -> None:
        """Batch norm needs a batch, and takes each sample's own slope away."""
        normed = [any(isinstance(m, _BatchNorm) for m in net.modules()) for net in (G, D) if net is not None]
        if any(normed) and train is not None and train.batch_size == 1:
            remedy = "use a larger batch, or another norm of the model"
            self.problems.append(Problem("train.batch_size", f"batch norm needs more than 1 sample; {remedy}"))
        if D is not None and normed[-1] and penalty is not None and penalty.per_sample:
            why = "has batch norm, and this penalty needs each sample's own slope; take it out, or set penalty=none"
            self.problems.append(Problem("model.discriminator", why))

    def check_contracts(self, loss: Any, prior: Any) -> None:
        """A user's own loss and prior must give what the loop reads."""
        logits = torch.zeros(2)
        try:
            if loss is not None:
                parts = loss.discriminator(logits, logits)
                scalars = [*parts.values(), loss.generator(logits, logits)]
                if not isinstance(loss, Loss) or any(part.shape != () for part in scalars):
                    raise TypeError("D's parts and G's loss must be scalars, in a subclass of gan_cli.losses.Loss")
        except Exception as error:  # whatever a user's own class raises
            self.problems.append(Problem("loss", f"is no loss: {error}"))
        try:
            if prior is not None and prior.sample(2, torch.Generator()).shape != (2, prior.dim):
                raise TypeError("sample(n, generator) must give [n, dim]")
        except Exception as error:
            self.problems.append(Problem("prior", f"is no prior: {error}"))

    def _maps(
        self, path: str, net: nn.Module, given: tuple[int, ...], wanted: tuple[int, ...], classes: int | None
    ) -> None:
        try:
            # Evaluation mode: the trial neither needs a batch nor leaves a trace in running statistics.
            with torch.no_grad(), evaluating(net):
                y = [] if classes is None else [torch.zeros(given[0], dtype=torch.int64)]
                found = tuple(net(torch.zeros(given), *y).shape)
            if found != wanted:
                self.problems.append(Problem(path, f"maps {list(given)} to {list(found)}, expected {list(wanted)}"))
        except Exception as error:  # whatever a user's own network raises
            self.problems.append(Problem(path, f"fails on an input of shape {list(given)}: {error}"))

    def _note(self, path: str, make: Any) -> Any:
        try:
            return make()
        except (InstantiationException, ValueError, TypeError, RuntimeError, GanError) as error:
            cause = error.__cause__ if isinstance(error, InstantiationException) and error.__cause__ else error
            if isinstance(cause, GanError) and not isinstance(cause, ConfigError):
                raise cause from error  # the data: another exit code
            self.problems.append(Problem(path, str(cause)))
            return None


def _overlap(a: str, b: str) -> bool:
    """Whether one dotted path is the other or lies below it."""
    return f"{a}.".startswith(f"{b}.") or f"{b}.".startswith(f"{a}.")

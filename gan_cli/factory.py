"""Makes the parts that a config names, one after another: the only place where their classes are called."""

import functools
import inspect
from typing import Any, cast

import torch
from hydra.errors import InstantiationException
from hydra.utils import instantiate
from torch import nn

from gan_cli import contracts, products
from gan_cli.check import Problem, report
from gan_cli.data import Stream
from gan_cli.data.moments import Moments, estimated, in_closed_form
from gan_cli.errors import ConfigError, GanError
from gan_cli.machine import fast_float32
from gan_cli.optimizers import without_compiler
from gan_cli.paper import plan
from gan_cli.placement import pick_device, thread_count
from gan_cli.ranks import Ranks
from gan_cli.room import is_out_of_memory
from gan_cli.settings import Settings, TrainConfig
from gan_cli.targets import locate


class Factory:
    """Makes part after part and collects what goes wrong, so that a user hears of all mistakes at once."""

    def __init__(
        self, config: dict[str, Any], problems: list[Problem], room: int | None, ranks: Ranks | None = None
    ) -> None:
        self._config, self.problems, self._room, self.ranks = config, problems, room, ranks or Ranks()

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
        players = ("model.generator", "model.discriminator")
        if any(_overlap(problem.path, path) for problem in self.problems for path in players):
            return None, None
        if wrong := [*contracts.standardise(self._config["model"], data.shape)]:
            self.problems += wrong
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
        if path.startswith("model.") and self._note(path, lambda: plan(make, smaller, counted, self._room)) is None:
            return None
        made = self._note(path, make)
        if made is not None and kind is not None and not isinstance(made, kind):
            self._misfit(path, node["_target_"], kind)
            return None
        return made

    def _misfit(self, path: str, name: str, kind: type) -> None:
        self.problems.append(Problem(f"{path}._target_", f"{name!r} makes no {kind.__module__}.{kind.__name__}"))

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


class DataAreNext(Exception):
    """All that is known before the data are read is right."""


class FactoryWithoutData(Factory):
    """Makes parts until the data are to be read."""

    def prepare(self, train: TrainConfig, shape: tuple[int, ...], device: torch.device) -> None:
        """Nothing: there will be no run."""

    def stream(self, data: Any, train: TrainConfig, settings: Settings, device: torch.device) -> Stream:
        """Stop."""
        if self.problems:
            raise report(self.problems)
        raise DataAreNext


def _overlap(a: str, b: str) -> bool:
    """Whether one dotted path is the other or lies below it."""
    return f"{a}.".startswith(f"{b}.") or f"{b}.".startswith(f"{a}.")

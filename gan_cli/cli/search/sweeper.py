"""Hydra's side of a search: the plug-in that `hydra/sweeper=optuna` names."""

from collections.abc import Callable
from typing import Any, ClassVar, Protocol

from hydra.core.plugins import Plugins
from hydra.plugins.sweeper import Sweeper
from hydra.types import HydraContext, TaskFunction
from omegaconf import DictConfig

from gan_cli.cli.search.settings import TARGET


class Searches(Protocol):
    """What has prepared a search."""

    def search(self, launch: Callable[..., Any]) -> None:
        """Run all jobs that it thinks of."""


class Optuna(Sweeper):
    """Hands the launcher to the search that the sweep has prepared; the settings were read there."""

    search: ClassVar["Searches | None"] = None

    def __init__(self, **_: Any) -> None:
        super().__init__()

    def setup(self, *, hydra_context: HydraContext, task_function: TaskFunction, config: DictConfig) -> None:
        """Hydra tells what it knows."""
        self.config, self.hydra_context = config, hydra_context
        launcher = Plugins.instance().instantiate_launcher(
            hydra_context=hydra_context, task_function=task_function, config=config
        )
        self._launch = launcher.launch

    def sweep(self, arguments: list[str]) -> None:
        """Run all trials."""
        assert self.search is not None
        self.search.search(self._launch)


def register(searches: Searches) -> None:
    """Let Hydra find it: it would look in packages of one name alone, which would be there for every program."""
    Optuna.search = searches
    Plugins.instance().class_name_to_class[TARGET] = Optuna

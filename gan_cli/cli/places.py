"""The directories that Hydra makes before a run starts, and their removal where no run came of them."""

from contextlib import suppress
from pathlib import Path
from typing import Any

from hydra.core.hydra_config import HydraConfig
from hydra.experimental.callback import Callback
from omegaconf import DictConfig, OmegaConf
from omegaconf.errors import OmegaConfBaseException

_there: set[Path] = set()  # what existed before Hydra made anything
_noted: list[Path] = []


class Places(Callback):
    """Hydra calls this before it makes a directory."""

    OVERRIDE = "++hydra.callbacks.gan_places._target_=gan_cli.cli.places.Places"

    def on_run_start(self, config: DictConfig, **_: Any) -> None:
        """Note what of a run directory exists."""
        _note(config, "hydra.run.dir")

    def on_multirun_start(self, config: DictConfig, **_: Any) -> None:
        """Note what of a sweep directory exists."""
        _note(config, "hydra.sweep.dir")


def _note(config: DictConfig, key: str) -> None:
    with suppress(OmegaConfBaseException, OSError):  # Hydra meets the same, and says so
        note(resolved(config, key))


def resolved(config: DictConfig, key: str) -> Path:
    """A directory as Hydra will name it in a moment; Hydra is left as it was."""
    hydra, before = HydraConfig.instance(), HydraConfig.instance().cfg
    hydra.set_config(config)
    try:
        return Path(str(OmegaConf.select(config, key)))
    finally:
        hydra.cfg = before
        OmegaConf.set_readonly(config.hydra, None)


def forget() -> None:
    """A new command begins."""
    _there.clear()
    _noted.clear()


def note(directory: Path) -> None:
    """Remember which directories above, at and below this one are there already."""
    directory = directory.absolute()
    _noted.append(directory)
    below = directory.iterdir() if directory.is_dir() else ()
    _there.update(path for path in (directory, *directory.parents, *below) if path.exists())


def remove_empty(directory: Path) -> None:
    """Take away a directory, and those above it, as far as this command made them and nothing is in them."""
    with suppress(OSError):  # not empty: something of a run is in it
        for path in (directory.absolute(), *directory.absolute().parents):
            if path in _there:
                return
            path.rmdir()
            if not _there:  # a sweep's worker process: it was told of no directory, and takes away its own alone
                return


def tidy() -> None:
    """At the end of the command: of a sweep without a single run nothing stays, not even Hydra's record of it."""
    for directory in _noted:
        record = directory / "multirun.yaml"
        with suppress(OSError):
            if record not in _there and [*directory.iterdir()] == [record]:
                record.unlink()
        remove_empty(directory)

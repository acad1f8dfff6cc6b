"""What a run's config says that the files of `conf/` do not."""

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any, NamedTuple

from gan_cli.check import leaves
from gan_cli.paths import CONF_DIR
from gan_cli.settings import OF_THE_COMMAND

UNSET = "not set"


class Difference(NamedTuple):
    """A key, its value in the run, and what it is where nobody says."""

    key: str
    value: Any
    default: Any


def differences(config: Mapping[str, Any], choices: Mapping[str, str]) -> tuple[list[Difference], list[Difference]]:
    """The choices of a run that are not the usual ones, and the settings that its choices alone do not explain.

    Args:
        config: as its `config.yaml` has it.
        choices: from the groups of `conf/`; others are somebody's own, and all that came with them is a difference.
    """
    from hydra import compose, initialize_config_dir
    from hydra.errors import HydraException
    from omegaconf import OmegaConf
    from omegaconf.errors import OmegaConfBaseException

    known = [f"{group}={name}" for group, name in choices.items() if _is_ours(group, name)]
    defaults: Any = {}
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        usual = compose("train", return_hydra_config=True).hydra.runtime.choices
        for overrides in (known, []):  # choices that do not go together are of another version
            try:
                defaults = OmegaConf.to_container(compose("train", overrides), resolve=True)
                break
            except (HydraException, OmegaConfBaseException):
                continue
    chosen = [
        Difference(group, name, usual.get(group)) for group, name in sorted(choices.items()) if name != usual.get(group)
    ]
    return chosen, [*_apart(config, defaults)]


def _apart(config: Mapping[str, Any], defaults: Mapping[str, Any]) -> Iterator[Difference]:
    here, there = dict(leaves(config)), dict(leaves(defaults))
    for key in sorted(here.keys() | there.keys()):
        if key not in OF_THE_COMMAND and here.get(key, UNSET) != there.get(key, UNSET):
            yield Difference(key, here.get(key, UNSET), there.get(key, UNSET))


def _is_ours(group: str, name: str) -> bool:
    """A choice out of a stranger's file may be any path; ours are words."""
    parts: list[str] = [group, *name.split("/")]
    return all(part.isidentifier() for part in parts) and Path(CONF_DIR, *parts).with_suffix(".yaml").is_file()

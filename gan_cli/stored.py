"""The config that lies in a run directory, read as what it is: plain data that somebody else may have written.

Nothing in it is resolved, imported or called before it was looked at. What a resume then reads outside the run
directory is what `dataset` names, and it writes nothing there: data sets are not downloaded to where a stranger says.
"""

import copy
from collections.abc import Container, Iterator
from pathlib import Path
from typing import Any

from gan_cli import bounds
from gan_cli.check import GROUPS, PLAYERS, TRACKERS, leaves
from gan_cli.checkpoint import available
from gan_cli.errors import ConfigError, RunError
from gan_cli.reading import is_hollow, read_yaml
from gan_cli.record import read_or_empty
from gan_cli.targets import locate, refuse_foreign

# Where the class of each part lies. A logbook as a loss would be one of ours too, and would empty somebody's logs.
_HOMES = {
    "dataset": "gan_cli.data",
    "model": "gan_cli.models",
    "prior": "gan_cli.priors",
    "optimizer": "torch.optim",
    "penalty": "gan_cli.penalties",
    "loss": "gan_cli.losses",
    "train": "gan_cli.settings",
    "aids": "gan_cli.aids",
    "health": "gan_cli.health",
    TRACKERS: "gan_cli.trackers",
}
_PAIRS = ("model", "optimizer")  # of two nodes, one for each player
_ALWAYS = 1 << 28  # bytes of a network of which there may be no checkpoint yet
SHOWN = 5  # mistakes named


def stored_config(directory: Path, trust: bool, remedy: str = "add trust=true") -> dict[str, Any]:
    """A run's config as plain data.

    Args:
        directory: of the run, looked through (`real_run`).
        trust: let it name any code and any sizes.
        remedy: how the user says that.

    Raises:
        RunError: it cannot be read, or is not as gan-train writes it.
        ConfigError: it names code outside gan_cli and torch.optim, or absurd sizes, and the user does not trust it.
    """
    path = directory / "config.yaml"
    config = read_yaml(path)
    if open_ones := [key for key, value in leaves(config) if "${" in str(value)]:
        # ours are stored resolved; somebody else's could read this machine's environment
        raise RunError(f"{path}: is not a stored config: {open_ones[0][:60]} still has an interpolation")
    missing = [group for group in GROUPS if group not in config]
    if missing:
        made_by = read_or_empty(directory / "run.json").get("versions")
        version = made_by.get("gan-cli") if isinstance(made_by, dict) else None
        raise RunError(
            f"{path}: has no {', '.join(missing)}: another version of gan-cli made this run"
            f"{f', {version!s:.20}' if version else ''}; go on with it in that version"
        )
    if not trust:
        refuse_foreign(config, str(path), remedy)
        if odd := list(_odd(config)):
            raise ConfigError(
                "\n  ".join([f"{path}: is not a config that gan-train wrote:", *odd[:SHOWN]])
                + (f"\n  and {len(odd) - SHOWN} more" if len(odd) > SHOWN else "")
                + f"\nIf it is yours or you have read it: {remedy}"
            )
    return config


def tame(config: dict[str, Any], given: Container[str], trust: bool) -> dict[str, Any]:
    """What a stored config is built as: where on this machine to write is for its user to say, and not for a run.

    Args:
        given: the keys on the command line, which stay.
        trust: whether all stays as it is.
    """
    built = copy.deepcopy(config)
    data = built.get("dataset")
    for key, harmless in (("download", False), ("cache", "auto")):
        if not trust and isinstance(data, dict) and data.get(key) and f"dataset.{key}" not in given:
            data[key] = harmless
    return built


def weights_limit(directory: Path, trust: bool) -> int | None:
    """Bytes that a network of a run may have at most: no more than its largest checkpoint. None: any number."""
    files = [path.stat() for path in available(directory / "checkpoints")]
    return None if trust else max([_ALWAYS, *(file.st_size for file in files if not is_hollow(file))])


def _odd(config: dict[str, Any]) -> Iterator[str]:
    """What no config of ours has, a line each."""
    for group, node in config.items():
        if group in _HOMES:
            yield from _out_of_place(node, group, group)
    try:
        bounds.refuse_absurd(config["model"], "model")  # all other sizes have limits where they are used
    except ValueError as error:
        yield f"model: {error}"


def _out_of_place(node: Any, path: str, group: str) -> Iterator[str]:
    """Classes where none stand, those of another part, and what else Hydra would obey."""
    if isinstance(node, list):
        for item in node:
            yield from _out_of_place(item, path, group)
    elif isinstance(node, dict):
        places = [f"{group}.{player}" for player in PLAYERS] if group in _PAIRS else [group]
        if group == TRACKERS:
            places = [path] if path.count(".") == 1 else []
        for key, value in node.items():
            if key == "_target_" and (path not in places or not _lives_in(_HOMES[group], str(value))):
                yield f"{path}: {str(value)[:60]!r} is no {group}"
            elif key.startswith("_") and key not in ("_target_", "_partial_"):
                yield f"{path}: {key[:60]!r} is no argument"
            yield from _out_of_place(value, f"{path}.{key[:60]}", group)


def _lives_in(home: str, name: str) -> bool:
    return f"{getattr(locate(name), '__module__', '')}.".startswith(f"{home}.")

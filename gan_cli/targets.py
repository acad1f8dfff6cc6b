"""Which classes a config may name with `_target_`.

Whoever types a command trusts the configs it composes: their own code may be named. A config that came *with a run* is
somebody else's file: it may name what is inside `gan_cli` and `torch.optim`, unless the user says otherwise.
"""

import importlib
from collections.abc import Iterator
from typing import Any

from gan_cli.errors import ConfigError

TRUSTED = ("gan_cli", "torch.optim")


def locate(name: str) -> Any:
    """Import what a dotted name names.

    Raises:
        ConfigError: nothing has that name; the message says which part of it was not found.
    """
    parts = name.split(".")
    if not all(part.isidentifier() for part in parts):
        raise ConfigError(f"{name!r} is not a dotted name such as gan_cli.losses.Hinge")
    found: Any = None
    for i, part in enumerate(parts):
        path = ".".join(parts[: i + 1])
        if found is not None and hasattr(found, part):
            found = getattr(found, part)
            continue
        try:
            found = importlib.import_module(path)
        except ModuleNotFoundError as error:
            if error.name and not path.startswith(error.name):  # the module is there and misses one of its own
                raise ConfigError(f"{name!r} cannot be imported: {error}") from error
            raise ConfigError(
                f"{name!r} was not found: there is no {path!r}. A module of your own must lie in the working directory "
                "or be installed"
            ) from error
        except (Exception, SystemExit) as error:  # whatever the user's module raises while it is imported
            raise ConfigError(f"{name!r} cannot be imported: {type(error).__name__}: {error}") from error
    return found


def is_trusted(name: str) -> bool:
    """Whether a name stays inside `gan_cli` and `torch.optim`, also after following what the name resolves to."""

    def inside(module: str) -> bool:
        return any(module == root or module.startswith(root + ".") for root in TRUSTED)

    if not inside(name):
        return False  # without importing anything
    found = locate(name)
    return isinstance(found, type) and inside(found.__module__)  # gan_cli.x.os.system is not ours


def named_in(config: Any) -> Iterator[str]:
    """Every `_target_` in a plain config, at any depth."""
    if isinstance(config, dict):
        if "_target_" in config:
            yield str(config["_target_"])
        for value in config.values():
            yield from named_in(value)
    elif isinstance(config, list | tuple):
        for value in config:
            yield from named_in(value)


def refuse_foreign(config: Any, source: str, remedy: str) -> None:
    """Stop unless every class that a foreign config names is one of ours.

    Args:
        config: the plain config.
        source: where it came from, for the message.
        remedy: how the user says that they trust it.

    Raises:
        ConfigError: it names something else; nothing of it was imported or run.
    """
    foreign = sorted({name for name in named_in(config) if not is_trusted(name)})
    if foreign:
        raise ConfigError(
            f"{source} names code outside gan_cli and torch.optim: {', '.join(map(repr, foreign))}.\n"
            f"If it is yours or you have read it: {remedy}"
        )

"""What TensorBoard's HParams tab compares runs by: the choices, the seed and all else that somebody said."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from gan_cli.cli.overrides import key_of
from gan_cli.record import read_or_empty

_NOWHERE = object()


def hparams(directory: Path, config: Mapping[str, Any]) -> dict[str, Any]:
    """A value for each column.

    What was said is read from `run.json`, where a resumed run has it too. A key that was set to nothing is "null":
    among the jobs of a sweep others have a value there, and all have the same columns.

    Args:
        directory: of the run.
        config: plain containers, resolved.
    """
    about = read_or_empty(directory / "run.json")
    choices, overrides = about.get("choices"), about.get("overrides")
    chosen = choices if isinstance(choices, dict) else {}
    found = {group: choice for group, choice in chosen.items() if choice is not None}
    found["seed"] = config["seed"]
    for key in map(key_of, filter(_is_text, overrides if isinstance(overrides, list) else ())):
        value = chosen[key] if key in chosen else _value(config, key)
        if value is not _NOWHERE and not isinstance(value, dict):
            found[key] = "null" if value is None else value
    return found


def _is_text(value: object) -> bool:
    return isinstance(value, str)


def _value(config: Any, key: str) -> Any:
    for name in key.split("."):
        config = config.get(name, _NOWHERE) if isinstance(config, Mapping) else _NOWHERE
    return config

"""`sweep=NAME`: a line that lies in conf/sweep, or in a directory of one's own, written out in full.

Such a file is one of Hydra's: choices under `defaults`, settings, values to be combined under `hydra.sweeper.params`.
Written out, every job of it is a line that says all of itself, and stays what it is when the file is changed.
"""

from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import yaml
from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException
from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from gan_cli.check import did_you_mean, leaves
from gan_cli.cli.overrides import LENGTHS, key_of
from gan_cli.errors import ConfigError

KEY = "sweep"
_LARGEST = 1 << 16  # bytes of a file
_FORM = "expected 'override /group: choice' lines under defaults, settings, and values under hydra.sweeper.params"


def written_out(overrides: Sequence[str], directories: Sequence[Path]) -> tuple[list[str], str | None]:
    """A line with what its `sweep=` stands for in the place of that; what the line says besides has the last word.

    Args:
        overrides: as typed.
        directories: of configs, ours first.

    Returns:
        The overrides, and the name of the sweep; None where the line names none.

    Raises:
        ConfigError: there is no such file, or it cannot be read.
    """
    named = [text for text in overrides if key_of(text) == KEY and "=" in text]
    rest = [text for text in overrides if text not in named]
    if not named:
        return [*overrides], None
    name = named[0].partition("=")[2]
    if len(named) > 1 or "," in name:
        raise ConfigError(f"{KEY}: {' '.join(named)} names several; one at a time")
    if name in ("", "null"):
        return rest, None
    path = next((path for path in (folder / KEY / f"{name}.yaml" for folder in directories) if _is_file(path)), None)
    if path is None or ".." in Path(name).parts:
        known = sorted(file.stem for folder in directories for file in (folder / KEY).glob("*.yaml"))
        raise ConfigError(f"{KEY}: there is no choice {name!r:.60}{did_you_mean(name, known)}")
    said = {key_of(text) for text in rest}
    if not said.isdisjoint(LENGTHS):  # one length takes the place of another
        said |= set(LENGTHS)
    return [*(text for text in _overrides(path) if key_of(text) not in said), *rest], name


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # a name that no file can have
        return False


def _overrides(path: Path) -> Iterator[str]:
    """The overrides that a file stands for."""
    content = _content(path)
    for entry in content.pop("defaults", None) or []:
        if entry == "_self_":
            continue
        if not isinstance(entry, Mapping) or len(entry) != 1:
            raise ConfigError(f"{path}: defaults: {entry!r:.60}; {_FORM}")
        ((group, chosen),) = entry.items()
        words = str(group).split()
        if len(words) != 2 or words[0] != "override" or not words[1].startswith("/"):
            raise ConfigError(f"{path}: defaults: {group!r:.60}; {_FORM}")
        yield f"{words[1].lstrip('/')}={_text(chosen)}"
    hydra = content.pop("hydra", None) or {}
    params = (hydra.get("sweeper") or {}).pop("params", None) or {} if isinstance(hydra, Mapping) else {}
    if not isinstance(params, Mapping) or not isinstance(hydra, Mapping):
        raise ConfigError(f"{path}: hydra.sweeper.params is no mapping; {_FORM}")
    for key, value in leaves({**content, "hydra": hydra}):
        if value != {}:
            yield f"{key}={_text(value)}"
    for key, value in params.items():
        text = f"{key}={value if isinstance(value, str) else _text(value)}"
        try:
            OverridesParser.create().parse_override(text)
        except HydraException as error:
            raise ConfigError(f"{path}: hydra.sweeper.params: {text!r:.80} cannot be read as on a line") from error
        yield text


def _content(path: Path) -> dict[str, Any]:
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST + 1)
        if len(data) > _LARGEST:
            raise ValueError(f"is larger than {_LARGEST:,} bytes")
        text = data.decode("utf-8-sig")
        if any(isinstance(token, yaml.AliasToken) for token in yaml.scan(text)):
            raise ValueError("has aliases (*name); write what they stand for")
        content = OmegaConf.to_container(OmegaConf.create(text), resolve=False)
        if not isinstance(content, dict):
            raise ValueError(f"is a list; {_FORM}")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read: {error.strerror}") from error
    except RecursionError as error:
        raise ConfigError(f"{path}: is nested too deeply") from error
    except (ValueError, yaml.YAMLError, OmegaConfBaseException) as error:
        raise ConfigError(f"{path}: {(str(error).splitlines() or ['?'])[0]:.200}; {_FORM}") from error
    return {str(key): value for key, value in content.items()}


def _text(value: Any) -> str:
    """A value of YAML as it is typed."""
    if value is None or isinstance(value, bool):
        return {None: "null", True: "true", False: "false"}[value]
    if isinstance(value, list):
        return f"[{','.join(map(_text, value))}]"
    if not isinstance(value, str):
        return repr(value)
    plain = value.replace("/", "").replace(".", "").replace("-", "").replace("_", "")
    return value if plain.isalnum() or "${" in value else QuotedString(value, Quote.single).with_quotes()

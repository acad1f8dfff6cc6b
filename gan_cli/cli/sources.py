"""How Hydra reads a YAML file of one's own: what is wrong with it is told with its name, and memory is bounded."""

import copy
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Self

import yaml
from hydra._internal.core_plugins import file_config_source, structured_config_source
from hydra._internal.sources_registry import SourcesRegistry
from hydra.plugins.config_source import ConfigResult
from omegaconf.errors import OmegaConfBaseException

from gan_cli.errors import ConfigError
from gan_cli.paths import CONF_DIR

LARGEST = 1 << 18  # bytes of a file
MOST = 100_000  # values in it, each alias counted as what it stands for: OmegaConf copies that
DEEPEST = 50

_read: dict[tuple[str, str, int, int], ConfigResult] = {}  # Hydra reads each file twice for a run, and for every job


class FileConfigSource(file_config_source.FileConfigSource):
    """Hydra's reader of YAML files, behind a look at the file.

    It bears the name of Hydra's: a reader of that name is not registered a second time.
    """

    def load_config(self, config_path: str) -> ConfigResult:
        """Read a file.

        Raises:
            ConfigError: it cannot be read as a mapping of bounded size.
        """
        path = Path(os.path.realpath(os.path.join(self.path, self._normalize_file_name(config_path))))
        shown = os.path.relpath(path)
        shown = str(path) if shown.startswith("..") else shown
        try:
            state = path.stat()
            key = (self.provider, str(path), state.st_mtime_ns, state.st_size)
            if key not in _read:
                if CONF_DIR not in path.parents:  # ours are as they should be
                    _look_at(path)
                _read[key] = super().load_config(config_path)
            return copy.deepcopy(_read[key])  # Hydra takes parts out of it
        except RecursionError as error:
            raise ConfigError(f"{shown}: is nested too deeply; {DEEPEST} levels are allowed") from error
        except yaml.MarkedYAMLError as error:
            line = f", line {error.problem_mark.line + 1}" if error.problem_mark is not None else ""
            raise ConfigError(f"{shown}{line}: {error.problem or error.context}; correct it there") from error
        except OSError as error:
            raise ConfigError(f"{shown}: cannot be read: {error.strerror}") from error
        except (ValueError, yaml.YAMLError, OmegaConfBaseException) as error:  # UnicodeDecodeError is a ValueError
            raise ConfigError(f"{shown}: is no config: {(str(error).splitlines() or ['?'])[0]}") from error


class StructuredConfigSource(structured_config_source.StructuredConfigSource):
    """Hydra's reader of its own configs, which are in memory.

    Hydra copies its readers for every group that --help and Tab list, and with this one all configs of its own, which
    is more than half of what --help takes. Nothing is changed in a reader, nor in what it reads: `load_config` copies.
    """

    def __deepcopy__(self, _: dict[int, Any]) -> Self:
        return self


def install() -> None:
    """Let Hydra read in this way, from the next config on."""
    for source in (FileConfigSource, StructuredConfigSource):
        SourcesRegistry.instance().types[source.scheme()] = source  # also where Hydra's own is there already


@contextmanager
def installed() -> Iterator[None]:
    """Read in this way for the time of the context: in a process that may have uses of its own for Hydra."""
    theirs = (file_config_source.FileConfigSource, structured_config_source.StructuredConfigSource)
    before = [SourcesRegistry.instance().types.get(source.scheme(), source) for source in theirs]
    install()
    try:
        yield
    finally:
        for source in before:
            SourcesRegistry.instance().types[source.scheme()] = source


def _look_at(path: Path) -> None:
    """Refuse what would not fit in memory, or is no mapping.

    Raises:
        ValueError: what is wrong.
    """
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"it is larger than {LARGEST:,} bytes")
    node = yaml.compose(data.decode("utf-8-sig"), Loader=yaml.SafeLoader)
    if node is None:
        return
    if not isinstance(node, yaml.MappingNode):
        found = "list" if isinstance(node, yaml.SequenceNode) else "value"
        raise ValueError(f"expected lines of key: value, found a single {found}")
    if _size(node, {}, 0) > MOST:
        raise ValueError(f"its aliases (*name) stand for more than {MOST:,} values")


def _size(node: yaml.Node, known: dict[int, int], depth: int) -> int:
    """The values under a node, those of its aliases counted wherever they stand."""
    if depth > DEEPEST:
        raise ValueError(f"it has more than {DEEPEST} levels, or an alias in what it stands for")
    if id(node) not in known:
        parts = []
        if isinstance(node, yaml.MappingNode):
            parts = [part for pair in node.value for part in pair]
        elif isinstance(node, yaml.SequenceNode):
            parts = node.value
        known[id(node)] = 1 + sum(_size(part, known, depth + 1) for part in parts)
    return known[id(node)]

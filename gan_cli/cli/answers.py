"""Hydra's and OmegaConf's own errors as a user needs them: what they say, without their innards."""

import re
from collections.abc import Sequence

import yaml
from hydra.errors import HydraException
from omegaconf.errors import OmegaConfBaseException

from gan_cli.errors import GanError

_INNARDS = re.compile(r"^(See https://hydra\.cc\S*.*|\s+(full_key|reference_type|object_type)[:=].*|)$")
_PLUGIN = re.compile(r"'hydra/(launcher|sweeper)/([a-z]+)")


def answer(error: Exception, overrides: Sequence[str]) -> str:
    """The words of an error for the screen.

    Args:
        error: as it came out of Hydra.
        overrides: of the command line; where Hydra stumbles without words of its own, it is over one of its settings.
    """
    if isinstance(error, GanError):
        return str(error)
    text = str(error).partition("Config search path:")[0]
    if isinstance(error.__cause__, OmegaConfBaseException):
        text += f"\n{error.__cause__}"
    text = re.sub(r":\n((?:\t.*\n?)+)", lambda found: f": {', '.join(found[1].split())}\n", text)
    lines = [line.strip() for line in text.splitlines() if not _INNARDS.match(line)]
    if plugin := _PLUGIN.search(text):
        lines.append(f"others come as plug-ins, such as: pip install hydra-{plugin[2]}-{plugin[1]}")
    if isinstance(error, HydraException | OmegaConfBaseException | yaml.YAMLError):
        return "\n".join(dict.fromkeys(lines))
    if isinstance(error, RecursionError):
        return "a defaults list of one of your configs leads back to itself, or a value is nested too deeply"
    settings = " ".join(text for text in overrides if "hydra" in text)
    over = f"; look at {settings}" if settings else ""
    return f"Hydra cannot run this command line: {': '.join([type(error).__name__, *lines])}{over}"

"""The options of `gan-train`, those with dashes: Hydra's, and what is wrong with them before Hydra sees them."""

import os
from collections.abc import Mapping, Sequence

from gan_cli.check import did_you_mean

COMPLETION = frozenset({"-sc", "--shell-completion"})
SHOW = frozenset({"--help", "-h", "--hydra-help", "--cfg", "-c", "--info", "-i", *COMPLETION})  # nothing runs
OWN_CONFIG = frozenset({"--config-name", "-cn", "--config-path", "-cp"})  # our main config is not the one

_EXCLUSIVE = {"--run", "-r", "--multirun", "-m", "--cfg", "-c", "--info", "-i", *COMPLETION}  # what to do
_ALONE = ("--help", "-h", "--hydra-help", "--version", "--resolve", "--run", "-r", "--multirun", "-m", *COMPLETION)
_OPTIONAL = ("--info", "-i")  # they may stand without a value
_SHELLS = ("bash", "zsh", "fish")

# With a value: what it may be; None where it is free.
_VALUES: Mapping[tuple[str, ...], Sequence[str] | None] = {
    ("--cfg", "-c"): ("job", "hydra", "all"),
    ("--info", "-i"): ("all", "config", "defaults", "defaults-tree", "plugins", "searchpath"),
    ("--package", "-p"): None,
    ("--config-name", "-cn"): None,
    ("--config-dir", "-cd"): None,
    ("--config-path", "-cp"): None,
    ("--experimental-rerun",): None,
}
VALUED = tuple(name for names in _VALUES for name in names)
_LISTED = tuple(name for name in (*_ALONE, *VALUED) if name.startswith("--") and name != "--experimental-rerun")


def full_name(flag: str) -> str | None:
    """An option's name, without `=value`; also where it is cut short, as argparse allows. None: there is none.

    >>> full_name("--config-dir=mine"), full_name("--multi"), full_name("--seed=1")
    ('--config-dir', '--multirun', None)
    """
    name = flag.split("=")[0]
    known = (*_ALONE, *VALUED)
    if name in known:
        return name
    return next((option for option in known if len(name) > 3 and option.startswith(name)), None)


def mistake(flags: Sequence[str], overrides: Sequence[str]) -> str | None:
    """What is wrong with the options of a command line; None where nothing is.

    Args:
        flags: with their values.
        overrides: the other arguments.
    """
    waiting, names = list(flags), []
    while waiting:
        flag = waiting.pop(0)
        name = full_name(flag)
        if flag == "--":
            continue
        if name is None:
            setting = flag.lstrip("-").partition("=")[0]
            wanted = f"settings have no dashes, such as {setting or 'key'}=value; options: {', '.join(_LISTED)}"
            return f"{flag}: there is no such option; {wanted}"
        names.append(name)
        if name == "--experimental-rerun":
            return "--experimental-rerun runs a pickle; resume a run with resume=DIRECTORY"
        if name in _ALONE:
            if "=" in flag:
                return f"{flag}: {name} takes no value"
            continue
        allowed = next(values for options, values in _VALUES.items() if name in options)
        if "=" in flag:
            value: str | None = flag.partition("=")[2]
        else:
            value = waiting.pop(0) if waiting else None
        if value is None and name in _OPTIONAL:
            continue
        if not value:
            return f"{name} needs a value" + (did_you_mean("", allowed) if allowed else "")
        if allowed is not None and value not in allowed:
            return f"{name} {value}: there is no such thing to show{did_you_mean(value, allowed)}"
        if name in ("--config-dir", "-cd") and not os.path.isdir(value):
            found = "a file" if os.path.exists(value) else "not there"
            return f"{name} {value}: expected a directory of configs, and it is {found}"
    return _together(names, overrides)


def _together(names: Sequence[str], overrides: Sequence[str]) -> str | None:
    """What options say to each other and to the other arguments."""
    kinds = [name for name in names if name in _EXCLUSIVE]
    shows = {"--cfg", "-c"}.intersection(names)
    if len({*kinds}) > 1:
        return f"{' '.join(kinds)}: one of them at a time"
    for name in ("--resolve", "--package", "-p"):
        if name in names and not shows:
            return f"{name} goes with --cfg"
    if COMPLETION.intersection(names):
        what, _, shell = overrides[0].partition("=") if len(overrides) == 1 else ("", "", "")
        if what not in ("install", "uninstall", "query") or shell not in _SHELLS:
            return f"{kinds[0]}: expected install=SHELL or uninstall=SHELL; shells: {', '.join(_SHELLS)}"
        if what == "query" and "COMP_LINE" not in os.environ:
            return f"{kinds[0]} query={shell} is what Tab calls; you want install={shell}"
    return None

"""The command line, made ready for Hydra: so that our own check, and not Hydra's parser, answers a wrong key."""

import hashlib
import itertools
import re
from collections.abc import Container, Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from gan_cli.cli.flags import VALUED, full_name

LENGTHS = ("train.steps", "train.epochs", "train.images")
PATHS = ("resume", "dataset.path", "dataset.root")


def split_arguments(arguments: Sequence[str]) -> tuple[list[str], list[str]]:
    """Flags (with their values) and overrides of a command line.

    >>> split_arguments(["-m", "loss=hinge", "--config-dir", "mine"])
    (['-m', '--config-dir', 'mine'], ['loss=hinge'])
    """
    flags: list[str] = []
    overrides: list[str] = []
    takes_value = False
    for argument in arguments:
        if takes_value or argument.startswith("-"):
            flags.append(argument)
            takes_value = not takes_value and _takes_value(argument)
        else:
            overrides.append(argument)
    return flags, overrides


def _takes_value(flag: str) -> bool:
    """Also for a long flag that is cut short, as argparse allows."""
    return "=" not in flag and full_name(flag) in VALUED


def key_of(override: str) -> str:
    """The key that an override sets, without its prefix.

    >>> key_of("++train.steps=10"), key_of("~optimizer"), key_of("loss=hinge")
    ('train.steps', 'optimizer', 'loss')
    """
    return override.lstrip("+~").split("=")[0].split("@")[0]


def unfold(override: str, groups: Container[str]) -> str:
    """A choice in a folder of a group, as --help and Tab write it, as a choice of the group.

    >>> unfold("experiment/dirac=r1,hinge", {"experiment"})
    'experiment=dirac/r1,dirac/hinge'
    """
    key, equals, value = override.partition("=")
    group, slash, folder = key.partition("/")
    if not equals or not slash or "@" in key or group not in groups or group == "hydra":
        return override
    return f"{group}=" + ",".join(f"{folder}/{choice}" for choice in value.split(","))


def prepare(overrides: Sequence[str], groups: Iterable[str]) -> list[str]:
    """Overrides as Hydra gets them.

    A plain `key=value` becomes `++key=value`: Hydra then takes keys that it does not know, and our check names all
    wrong ones at once, each with what was meant. (Its own answer to `train.step=10` is to try `+train.step=10`, which
    it accepts and nobody reads.) And the three ways to say how long a run is replace each other.

    Args:
        overrides: from the command line.
        groups: names of the config groups, whose choices stay as they are.

    Raises:
        HydraException: one cannot be read; `examine` says so first.
    """
    known = set(groups)
    parser = OverridesParser.create()
    prepared: list[str] = []
    for text in map(quoted, overrides):
        override = parser.parse_override(text)
        key = override.key_or_group
        plain = override.type is not None and not text.startswith(("+", "~"))
        is_choice = key in known or "/" in key or key.split(".")[0] == "hydra"
        prepared.append(f"++{text}" if plain and not is_choice else text)
    keys = {key_of(text) for text in overrides}
    given = [key for key in LENGTHS if key in keys]
    if len(given) == 1:
        prepared += [f"++{key}=null" for key in LENGTHS if key not in given]
    return prepared


def quoted(override: str) -> str:
    """An override of a path, quoted where Hydra's grammar would take the path for something else.

    Tab and a shell's own quotes give names with spaces, `=`, `(`, `,`: what is the name of something that exists is
    meant as that name.
    """
    key, _, value = override.partition("=")
    try:
        if key not in PATHS or not value or not Path(value).expanduser().exists():
            return override
        parsed = OverridesParser.create().parse_override(override)
        if not parsed.is_sweep_override() and parsed.value() in (value, None):
            return override
        if value[0] in "'\"" and not parsed.is_sweep_override():
            return override  # quoted by hand
    except (HydraException, RecursionError):
        pass  # unreadable as it stands, which is what the quotes are for
    except (OSError, RuntimeError, ValueError):  # no name that the file system takes, no home directory
        return override
    return f"{key}={QuotedString(value, Quote.single).with_quotes()}"


def as_typed(prepared: Iterable[str]) -> list[str]:
    """Prepared overrides as a user types them.

    >>> as_typed(prepare(["train.epochs=3", "loss=hinge"], ["loss"]))
    ['train.epochs=3', 'loss=hinge']
    """
    added = {f"++{key}=null" for key in LENGTHS}
    return [text.removeprefix("++") for text in prepared if text not in added]


def groups_below(*directories: Path) -> set[str]:
    """The config groups in some config directories: their sub-directories."""
    return {p.name for directory in directories if directory.is_dir() for p in directory.iterdir() if p.is_dir()}


def config_dirs(flags: Sequence[str]) -> list[Path]:
    """The directories named by --config-dir."""
    found = [
        Path(flag.partition("=")[2] if "=" in flag else value)
        for flag, value in itertools.pairwise([*flags, ""])
        if full_name(flag) in ("--config-dir", "-cd")
    ]
    return [path for path in found if path != Path()]


def swept_keys(overrides: Iterable[str]) -> frozenset[str]:
    """The keys that have several values on a command line.

    >>> sorted(swept_keys(["loss=hinge,minimax", "seed=range(3)", "model=mlp"]))
    ['loss', 'seed']
    """
    parser = OverridesParser.create()
    found = set()
    for text in overrides:
        with suppress(Exception):  # it cannot be read, and that is told elsewhere
            if parser.parse_override(text).is_sweep_override():
                found.add(key_of(text))
    return frozenset(found)


def job_dir(number: object, overrides: Iterable[str], swept: Container[str]) -> str:
    """A sweep job's directory: its number and what differs, in characters that every file system and Hydra take.

    >>> job_dir(0, ["loss=hinge", "++train.steps=9", "model=mlp"], {"loss", "model"})
    '0_loss-hinge_model-mlp'
    >>> job_dir(1, ["optimizer.lr=1e+20", "dataset.shift=-1"], {"optimizer.lr", "dataset.shift"})
    '1_optimizer.lr-1e20_dataset.shift--1'
    >>> len(job_dir(3, ["dataset.path=" + "x/" * 200], {"dataset.path"}))
    82
    """
    typed = as_typed(overrides)
    name = ",".join([text for text in typed if key_of(text) in swept] or typed)
    name = re.sub(r"(?<=\de)\+(?=\d)", "", name)  # 1e+20 is 1e20, and not 1e-20
    safe = re.sub(r"[^\w.-]+", "-", name.replace(",", "_"), flags=re.ASCII).replace("-_", "_").strip("-")
    if len(safe) > 80:  # names of more than 255 bytes fail; cut ones stay distinct by their digest
        safe = f"{safe[:71]}-{hashlib.sha256(name.encode()).hexdigest()[:8]}"
    return f"{number}_{safe}" if safe else str(number)

"""The line that makes a sweep: what of it tells one sweep from another, and how `resume=` brings one back."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Quote, QuotedString
from hydra.errors import HydraException

from gan_cli.cli.overrides import key_of, quoted, split_arguments
from gan_cli.cli.search.settings import CHOICE, is_setting
from gan_cli.cli.sweep import record
from gan_cli.errors import ConfigError

# How a sweep is gone on with: of no run, and no part of what makes a line the same.
OWN = ("retry", "timeout_minutes")
_UNSAID = (*OWN, "trust", "other_data")
_SIDE_BY_SIDE = "hydra/launcher=joblib"
_MORE = "hydra.sweeper.n_trials"  # of a search, which that makes longer and no other one
_BESIDE = (*_UNSAID, "dry_run", "resume", _MORE)  # what may stand beside resume=
MULTIRUN = ("--multirun", "-m")


@dataclass(frozen=True)
class Line:
    """A command line.

    Args:
        overrides: as they are to be read.
        flags: with their values.
        stored: it came out of a sweep's directory.
    """

    overrides: list[str]
    flags: list[str]
    stored: bool = False

    @property
    def command(self) -> list[str]:
        """What makes a sweep this one, wherever it lies."""
        said = [text for text in of_the_job(self.overrides) if key_of(text) != "hydra.sweep.dir"]
        return ["gan-train", *said, *(flag for flag in self.flags if flag not in MULTIRUN), "-m"]


def same(command: Iterable[str], other: Iterable[str]) -> bool:
    """Whether two commands make the same sweep."""
    return [text for text in command if key_of(text) != _MORE] == [text for text in other if key_of(text) != _MORE]


def of_the_job(overrides: Iterable[str]) -> list[str]:
    """Overrides without those that concern the sweep alone.

    >>> of_the_job(["loss=hinge", "retry=true", "++timeout_minutes=5"])
    ['loss=hinge']
    """
    return [text for text in overrides if key_of(text) not in _UNSAID]


def take_up(overrides: Sequence[str], flags: Sequence[str], multirun: bool) -> Line:
    """The line as typed; where `resume=` names the directory of a sweep, the one that is written there.

    Raises:
        ConfigError: what else stands on the line does not go with that, or what is written there has to be trusted.
        RunError: the directory's `sweep.json` cannot be read.
    """
    typed = Line([*overrides], [*flags])
    named = _value(overrides, "resume")
    directory = Path(named).expanduser() if isinstance(named, str) and named.strip() else None
    if directory is None or not record.is_there(directory) or (directory / "config.yaml").exists():
        return typed
    if not multirun:
        raise ConfigError(f"resume: {named} is a sweep; go on with it with: gan-train -m resume={named}")
    others = [text for text in overrides if key_of(text) not in _BESIDE]
    others += [flag for flag in flags if flag not in MULTIRUN]
    if others:
        raise ConfigError(
            f"resume: {named} is a sweep and brings its own line; only {'=, '.join(_UNSAID)}= go with it, "
            f"and not {' '.join(others)}"
        )
    old_flags, old = split_arguments(record.read(directory).command[1:])
    foreign = [flag for flag in old_flags if flag not in MULTIRUN]
    foreign += [text for text in old if _reaches_beyond(text)]
    if foreign and _value(overrides, "trust") is not True:
        raise ConfigError(
            f"resume: the line of {named} reaches beyond the sweep: {' '.join(foreign)}\n"
            "If it is yours or you have read it: add trust=true, or type the line again"
        )
    place = QuotedString(str(directory), Quote.single).with_quotes()
    beside = [text for text in overrides if key_of(text) != "resume"]
    said = {key_of(text) for text in beside}
    kept = [text for text in of_the_job(old) if key_of(text) not in said]
    return Line([*kept, *beside, f"hydra.sweep.dir={place}"], [*old_flags], stored=True)


def _reaches_beyond(text: str) -> bool:
    """Whether an override may do more than choose what a run is made of. Settings of a search are numbers and names,
    and jobs side by side are those of any sweep.

    >>> [_reaches_beyond(text) for text in ("loss=hinge", "hydra/launcher=joblib", "hydra.launcher.n_jobs=2")]
    [False, False, False]
    >>> [_reaches_beyond(text) for text in ("hydra/launcher=submitit_slurm", "hydra.launcher.n_jobs=${oc.env:HOME}")]
    [True, True]
    """
    key = key_of(text)
    if text in (CHOICE, _SIDE_BY_SIDE) or key == "hydra.launcher.n_jobs" or (is_setting(key) and "params" not in key):
        return "${" in text
    return key.startswith(("hydra", "resume")) or "${" in text


def _value(overrides: Iterable[str], key: str) -> Any:
    """The one value that a line gives a key; None where it gives none or several."""
    for text in overrides:
        if key_of(text) == key:
            try:
                override = OverridesParser.create().parse_override(quoted(text))
            except HydraException:
                return None
            return None if override.is_sweep_override() or override.is_delete() else override.value()
    return None

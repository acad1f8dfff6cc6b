"""What is wrong with a whole search, told before its first trial: corners of its space are composed and built."""

import functools
from collections.abc import Collection, Sequence
from typing import Any

from omegaconf import DictConfig

from gan_cli.check import did_you_mean
from gan_cli.cli.answers import answer
from gan_cli.cli.apart import apart
from gan_cli.cli.search.settings import Settings
from gan_cli.cli.signals import NOTHING_TO_SAVE
from gan_cli.cli.sweep.combinations import Combination, compose
from gan_cli.errors import ConfigError, DataError, GanError, RunError, Stopped
from gan_cli.scores import SCORES
from gan_cli.targets import refuse_foreign

_BUILT = 8  # corners, in the search for one that logs the metric: each reads the data
_LONG = 10**9  # steps: no run is longer
_CLASSES = {kind.exit_code: kind for kind in (ConfigError, DataError, RunError)}


def refuse_hopeless(config: DictConfig, corners: Sequence[Sequence[str]], settings: Settings) -> None:
    """Stop at a search of which no corner can run, or none logs what it is to search by.

    Args:
        config: of the sweep, as Hydra hands it to callbacks.
        corners: overrides of each, without what tells the jobs of a trial apart.
        settings: of the search.

    Raises:
        GanError: why.
        Stopped: a signal.
    """
    ready: list[Combination] = []
    refusal: GanError | None = None
    for number, overrides in enumerate(corners):
        try:
            ready.append(compose(config, number, " ".join(overrides), overrides))
        except Exception as error:  # Hydra's, OmegaConf's and our own
            refusal = refusal or (error if isinstance(error, GanError) else ConfigError(answer(error, overrides)))
    ending = apart(functools.partial(_look, ready, refusal, settings))
    if ending.signals:
        raise Stopped(NOTHING_TO_SAVE, 128 + ending.signals[0])
    if ending.message:
        raise _CLASSES.get(ending.code, ConfigError)(ending.message)


def refuse_strangers(config: DictConfig, corners: Sequence[Sequence[str]], source: str) -> None:
    """A line that came with a directory names no code but ours, unless it is trusted.

    Args:
        config, corners: as for `refuse_hopeless`; every choice of the space is in one of them.
        source: where the line is from.

    Raises:
        GanError: it does, or a corner cannot be composed.
    """
    for overrides in corners:
        composed = compose(config, 0, "", overrides).config
        if composed.get("trust") is not True:
            refuse_foreign(composed, source, "add trust=true")


def _look(ready: Sequence[Combination], refusal: GanError | None, settings: Settings) -> None:
    """Build corners until one logs the metric."""
    from gan_cli.builder import build, examine
    from gan_cli.cli.figures import figures

    good = []
    for corner in ready:
        try:
            examine(corner.config, corner.written, corner.given)
            good.append(corner)
        except GanError as error:
            refusal = refusal or error
    if not good:
        assert refusal is not None
        told = f"so it is at every edge of the space ({len(ready)} were looked at)" if len(ready) > 1 else ""
        raise type(refusal)("\n".join(filter(None, [str(refusal), f"{told}: no trial was started".lstrip(": ")])))
    known: list[str] = []
    for corner in good[:_BUILT]:
        try:
            logged = figures(build(corner.config, corner.written, corner.given))
        except GanError as error:
            refusal = refusal or error
            continue
        if settings.tag in logged:
            return
        known = known or logged
    if not known and refusal:
        raise refusal
    raise ConfigError(f"hydra.sweeper.metric: no trial would log {settings.metric!r}{_hint(settings, known)}")


def _hint(settings: Settings, known: Sequence[str]) -> str:
    if settings.short in SCORES and settings.evaluates:
        measured = ", ".join(name for name in known if name.startswith("eval/"))
        return f"; evaluations of these data give {measured}; for it add 'train.eval_metrics=[{settings.short}]'"
    return did_you_mean(settings.tag, known)


def added(config: DictConfig, settings: Settings, keys: Collection[str]) -> list[str]:
    """Overrides that a search gives its trials where nobody said otherwise.

    Args:
        config: of the sweep, as Hydra hands it to callbacks.
        settings: of the search.
        keys: those of the command line.
    """
    train: Any = config.train
    found = []
    if settings.stop_on and "train.stop_on" not in keys and not train.stop_on:
        found.append(f"++train.stop_on=[{','.join(settings.stop_on)}]")
    if settings.evaluates and "train.eval_every" not in keys and train.eval_every is None:
        # The last step is always evaluated, whatever its number.
        once = train.steps if isinstance(train.steps, int) and train.steps > 0 else _LONG
        found.append(f"++train.eval_every={once if settings.value == 'last' else train.checkpoint_every}")
    return found

"""All combinations of a sweep, composed and checked before the first job starts."""

import copy
import functools
import itertools
import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, NamedTuple

from hydra.core.global_hydra import GlobalHydra
from hydra.core.hydra_config import HydraConfig
from hydra.core.override_parser.overrides_parser import OverridesParser
from omegaconf import DictConfig, OmegaConf, open_dict

from gan_cli.cli.answers import answer
from gan_cli.cli.apart import apart
from gan_cli.cli.overrides import as_typed, key_of
from gan_cli.cli.signals import NOTHING_TO_SAVE
from gan_cli.errors import BusyError, ConfigError, DataError, Diverged, GanError, RunError, Stopped
from gan_cli.settings import OF_THE_COMMAND

_CLASSES = {kind.exit_code: kind for kind in (ConfigError, Diverged, DataError, RunError, BusyError)}
_MOST = 20  # mistakes in one message


class Combination(NamedTuple):
    """A job before it runs: number, what differs, config, the same as it was written, keys on the command line, and
    its directory inside that of the sweep.
    """

    number: int
    label: str
    config: dict[str, Any]
    written: dict[str, Any]
    given: Sequence[str]
    place: str


class Mistake(NamedTuple):
    """What is wrong with a job."""

    number: int
    label: str
    error: GanError


class Equal:
    """Jobs that are the same run: every key of their configs is the same, whatever their lines say."""

    def __init__(self) -> None:
        self._first: dict[str, int] = {}
        self._again: dict[int, int] = {}

    def earlier(self, job: Combination) -> int | None:
        """The number of an earlier job that is the same run; jobs come in their order."""
        if job.config.get("resume") is not None:  # what it is the run itself says
            return None
        content = {key: value for key, value in job.config.items() if key not in OF_THE_COMMAND}
        first = self._first.setdefault(json.dumps(content, sort_keys=True, default=str), job.number)
        if first == job.number:
            return None
        self._again[job.number] = first
        return first

    def told(self, labels: Sequence[str]) -> str | None:
        """Which they are, in words."""
        shown = [
            f"#{again} {labels[again]} is the same run as #{first} {labels[first]}, and is not run a second time"
            for again, first in self._again.items()
        ]
        more = [f"and {len(shown) - _MOST} more are the same as others"] if len(shown) > _MOST else []
        return "\n".join([*shown[:_MOST], *more]) or None


def is_known(sweeper: str) -> bool:
    """Whether a sweeper tells all of its jobs before the first: Hydra's own does."""
    return sweeper.endswith(".BasicSweeper")


def is_search(sweeper: str) -> bool:
    """Whether a sweeper is our own search, which goes on where it ended though it decides as it goes."""
    return sweeper.startswith("hydra_plugins.gan_cli.")


def every(config: DictConfig) -> list[list[str]]:
    """The overrides of every job, in the order of Hydra's own sweeper; none where another one decides as it goes."""
    if not is_known(str(config.hydra.sweeper._target_)):
        return []
    parameters = [f"{key}={value}" for key, value in (config.hydra.sweeper.params or {}).items()]
    parser = OverridesParser.create(config_loader=GlobalHydra.instance().config_loader())
    values: dict[str, list[str]] = {}  # the last word on a key counts
    typed: Any = OmegaConf.to_container(config.hydra.overrides.task, resolve=False)  # ${...} means each job's own
    for override in parser.parse_overrides([*parameters, *typed]):
        key = override.get_key_element()
        if override.is_sweep_override():
            values[key] = [f"{key}={value}" for value in override.sweep_string_iterator()]
        else:
            values[key] = [f"{key}={override.get_value_element_as_str()}"]
    return [list(job) for job in itertools.product(*values.values())]


def labels(jobs: Sequence[Sequence[str]]) -> list[str]:
    """What tells jobs apart: the overrides that not all of them have; those of a job that is alone.

    >>> labels([["loss=hinge", "seed=0"], ["loss=hinge", "seed=1"]])
    ['seed=0', 'seed=1']
    """
    shared = set(jobs[0]).intersection(*jobs[1:]) if len(jobs) > 1 else set()
    return [" ".join(as_typed(text for text in job if text not in shared)) for job in jobs]


def refuse_bad(
    config: DictConfig,
    jobs: Sequence[tuple[int, str, Sequence[str]]],
    whole: int,
    look: Callable[[Combination], bool] = lambda job: True,
) -> list[Combination]:
    """Compose jobs and build what they are made of, without reading data, in a process of its own.

    Args:
        config: of the sweep, as Hydra hands it to callbacks.
        jobs: number, label and overrides of each.
        whole: how many jobs the sweep has.
        look: at each job before anything that it names is imported, and says whether it is to be built; may raise a
            `GanError`.

    Returns:
        The jobs to be built.

    Raises:
        GanError: the mistakes of all.
    """
    composed, mistakes = [], []
    for number, label, overrides in jobs:
        try:
            job = compose(config, number, label, overrides)
            if look(job):
                composed.append(job)
        except Exception as error:  # Hydra's, OmegaConf's and our own
            wrong = error if isinstance(error, GanError) else ConfigError(answer(error, overrides))
            mistakes.append(Mistake(number, label, wrong))
    if not composed and not mistakes:
        return []
    ending = apart(functools.partial(_examine, composed, mistakes, whole))
    if ending.code in _CLASSES and ending.message:
        raise _CLASSES[ending.code](ending.message)  # where it ended in another way, the job that does so will say it
    if ending.signals:
        raise Stopped(NOTHING_TO_SAVE, 128 + ending.signals[0])
    return composed


def compose(config: DictConfig, number: int, label: str, overrides: Sequence[str]) -> Combination:
    """A job, as its launcher will compose it."""
    from gan_cli.builder import plain

    job = GlobalHydra.instance().config_loader().load_sweep_config(config, list(overrides))
    task = copy.deepcopy(job)
    with open_dict(task):
        del task["hydra"]
    with open_dict(job):
        job.hydra.job.num = job.hydra.job.id = number
    hydra, before = HydraConfig.instance(), HydraConfig.instance().cfg
    hydra.set_config(job)
    try:
        place = str(OmegaConf.select(job, "hydra.sweep.subdir"))
        return Combination(number, label, *plain(task), [key_of(text) for text in overrides], place)
    finally:
        hydra.cfg = before


def _examine(composed: Sequence[Combination], mistakes: Sequence[Mistake], whole: int) -> None:
    found = sorted([*mistakes, *_built(composed)], key=lambda mistake: mistake.number)
    if found:
        raise merged(found, whole)


def _built(composed: Sequence[Combination]) -> Iterator[Mistake]:
    from gan_cli.builder import examine

    for job in composed:
        if job.config.get("resume") is not None:  # the config that counts lies with the run
            continue
        try:
            examine(job.config, job.written, job.given)
        except GanError as error:
            yield Mistake(job.number, job.label, error)
        except Exception:  # ours: the job ends with it, and shows where it comes from
            continue


def merged(mistakes: Sequence[Mistake], whole: int) -> GanError:
    """The mistakes of all jobs as one error; what several have wrong is said once.

    Args:
        mistakes: one at least.
        whole: how many jobs the sweep has.
    """
    same: dict[str, list[Mistake]] = {}
    for mistake in mistakes:
        same.setdefault(str(mistake.error), []).append(mistake)
    codes = {mistake.error.exit_code for mistake in mistakes}
    kind = _CLASSES.get(codes.pop(), ConfigError) if len(codes) == 1 else ConfigError
    if len(same) == 1:
        (text,) = same
        return kind(f"{text}\n{_where(mistakes, whole)}: no job was started")
    listed = [f"{_where(those, whole)}: {text}" for text, those in same.items()]
    more = [f"and {len(listed) - _MOST} more"] if len(listed) > _MOST else []
    head = f"{len(mistakes)} of the {whole} jobs cannot run, and none was started:"
    return kind("\n  ".join([head, *(text.replace("\n", "\n      ") for text in listed[:_MOST]), *more]))


def _where(mistakes: Sequence[Mistake], whole: int) -> str:
    if len(mistakes) == whole > 1:
        return f"in all {whole} jobs"
    first, *others = mistakes
    return f"in #{first.number} {first.label}" + (f" and {len(others)} more" if others else "")

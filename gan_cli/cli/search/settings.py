"""`hydra.sweeper` of a search: what is searched for, in how many trials, and how they are chosen."""

import typing
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from gan_cli.check import Problem, describe, did_you_mean, matches, report, shown
from gan_cli.scores import PREFIX, SCORES, direction, tag

TARGET = "hydra_plugins.gan_cli.Optuna"  # Hydra takes plug-ins by names of this kind alone; the class is registered
CHOICE = "hydra/sweeper=optuna"
_PATH = "hydra.sweeper"
_MOST = 10_000  # runs, as of any sweep
_ELSEWHERE = {"storage": "the study lies in the directory of the sweep", "study_name": "hydra.sweep.dir names it"}


@dataclass(frozen=True)
class Sampler:
    """Who chooses the next trial."""

    name: Literal["tpe", "gp", "random"] = "tpe"
    seed: int = 0
    n_startup_trials: int = 10

    def __post_init__(self) -> None:
        if not 0 <= self.seed < 2**63:
            raise ValueError(f"sampler.seed must be in [0, 2**63), got {self.seed}")
        if self.n_startup_trials < 1:
            raise ValueError(f"sampler.n_startup_trials must be positive, got {self.n_startup_trials}")


@dataclass(frozen=True)
class Settings:
    """The keys of conf/hydra/sweeper/optuna.yaml.

    Raises:
        ValueError: a value is out of range, or it is not said what is to be searched for.
    """

    metric: str | None = None
    direction: Literal["auto", "minimize", "maximize"] = "auto"
    value: Literal["last", "best"] = "last"
    n_trials: int = 20
    seeds: int = 1
    n_jobs: int = 1
    sampler: Sampler = field(default_factory=Sampler)
    stop_on: Sequence[str] = ()
    params: Mapping[str, Any] | None = None

    def __post_init__(self) -> None:
        for name in ("n_trials", "seeds", "n_jobs"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be positive, got {getattr(self, name)}")
        if self.n_trials * self.seeds > _MOST:
            raise ValueError(f"n_trials x seeds make {self.n_trials * self.seeds:,} runs; {_MOST:,} are the most")
        if not self.metric:
            raise ValueError("metric says what to search by; set hydra.sweeper.metric=theory/js, eval/cfd, ...")
        if self.direction == "auto" and self.short in SCORES and direction(self.metric) is None:
            near = SCORES[self.short].better
            raise ValueError(f"metric={self.metric} is best {near}; say direction=minimize or direction=maximize")

    @property
    def short(self) -> str:
        """The metric's name as an evaluation's, if it is one."""
        return (self.metric or "").removeprefix(PREFIX)

    @property
    def tag(self) -> str:
        """The name under which the metric is logged."""
        return tag(self.metric or "")

    @property
    def evaluates(self) -> bool:
        """Whether the metric is found by evaluating, `train.eval_every`."""
        return self.tag.startswith(PREFIX)

    @property
    def maximizes(self) -> bool:
        """Whether a larger value of the metric is better."""
        if self.direction == "auto":
            return direction(self.metric or "") == "largest"
        return self.direction == "maximize"


def read(node: Mapping[str, Any]) -> Settings:
    """The settings in a resolved config's `hydra.sweeper`.

    Raises:
        ConfigError: all mistakes at once.
    """
    values = {key: value for key, value in node.items() if key != "_target_"}
    sampler = values.get("sampler")
    problems = [*_mistakes(values, Settings, _PATH)]
    if isinstance(sampler, Mapping):
        problems += _mistakes(sampler, Sampler, f"{_PATH}.sampler")
    if not problems:
        try:
            return Settings(**values | {"sampler": Sampler(**sampler) if isinstance(sampler, Mapping) else Sampler()})
        except ValueError as error:
            problems = [Problem(_PATH, str(error))]
    raise report(problems)


def _mistakes(values: Mapping[str, Any], kind: type, path: str) -> Iterator[Problem]:
    hints = typing.get_type_hints(kind)
    for key, value in values.items():
        hint = hints.get(key)
        if hint is None:
            yield unknown(f"{path}.{key}")
        elif hint is Sampler:
            if not isinstance(value, Mapping):
                yield Problem(f"{path}.sampler", f"has parts; write {path}.sampler.name={value}")
        elif key == "params":
            if value is not None and not isinstance(value, Mapping):
                yield Problem(f"{path}.params", f"expected settings and what each may be; got {shown(value)}")
        elif not matches(value, hint):
            yield Problem(f"{path}.{key}", f"expected {describe(hint)}; got {shown(value)}")


def unknown(key: str) -> Problem:
    """What to say of a key below `hydra.sweeper` that no search has."""
    parent, _, name = key.rpartition(".")
    known = [f.name for f in fields(Sampler if parent == f"{_PATH}.sampler" else Settings)]
    return Problem(key, f"a search has no such setting{_ELSEWHERE.get(name) or did_you_mean(name, known)}")


def is_setting(key: str) -> bool:
    """Whether a key is one of a search: `hydra.sweeper.n_trials`."""
    prefix, _, name = key.rpartition(".")
    if key.startswith(f"{_PATH}.params."):
        return True
    kinds = {_PATH: Settings, f"{_PATH}.sampler": Sampler}
    return prefix in kinds and name in {f.name for f in fields(kinds[prefix])}

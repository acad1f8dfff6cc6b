"""The trials of a search, kept in a file that survives a kill: Optuna's journal, which its own tools read as well."""

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from gan_cli.cli.search.journal import NAME, journal
from gan_cli.cli.search.settings import Settings
from gan_cli.cli.search.space import Space, Values
from gan_cli.cli.search.trial import Trial, from_optuna
from gan_cli.errors import ConfigError, GanError, RunError
from gan_cli.seeds import derive

if TYPE_CHECKING:
    import optuna

_STUDY = "search"
_TRIES = 16  # suggestions that were made before, until the next one is taken from the list


def require_optuna() -> None:
    """Optuna is an extra.

    Raises:
        ConfigError: it is not installed.
    """
    try:
        import optuna  # noqa: F401
    except ImportError as error:
        raise ConfigError(
            "hydra/sweeper=optuna: Optuna is not installed; get it with: pip install 'gan-cli[sweep]'"
        ) from error


class Study:
    """All trials of a search.

    Suggestions are a pure function of the sampler's seed and of the trials before: each is made by a sampler of its
    own, whose seed is that of the search and the trial's number. So a search that was killed goes on as if it had not.

    Args:
        directory: of the sweep; None keeps the trials in memory alone.
        settings: of the search.
        space: what may be chosen.

    Raises:
        RunError: what lies in the directory is not of such a search.
    """

    def __init__(self, directory: Path | None, settings: Settings, space: Space) -> None:
        import optuna
        from optuna.distributions import BaseDistribution

        optuna.logging.set_verbosity(optuna.logging.ERROR)
        self._settings, self.space = settings, space
        self._distributions: dict[str, BaseDistribution] = {k: part.distribution() for k, part in space.parts.items()}
        self._direction: Literal["maximize", "minimize"] = "maximize" if settings.maximizes else "minimize"
        try:
            self._storage = journal(directory / NAME) if directory else optuna.storages.InMemoryStorage()
            if _STUDY in optuna.get_all_study_names(self._storage):
                self._study = optuna.load_study(storage=self._storage, study_name=_STUDY)
            else:
                self._study = optuna.create_study(storage=self._storage, study_name=_STUDY, direction=self._direction)
            self.trials = [from_optuna(trial) for trial in self._study.get_trials(deepcopy=False)]
        except GanError:
            raise
        except Exception as error:  # whatever a damaged or foreign file makes of Optuna
            raise RunError(f"{directory}: {NAME} cannot be read: {type(error).__name__}: {error}") from error
        for trial in self.trials:
            if not space.holds(trial.values) or self._study.direction.name.lower() != self._direction:
                raise RunError(f"{directory}: {NAME} is of another search; make another one with hydra.sweep.dir=...")

    def ask(self) -> Trial | None:
        """A trial that was not made before; None where all were."""
        import optuna

        tried = [trial.values for trial in self.trials]
        if len(tried) >= self.space.size:
            return None
        number = len(self.trials)
        for attempt in range(_TRIES):
            values = self._suggest(derive(self._settings.sampler.seed, "trial", number, attempt))
            if values not in tried:
                break
        else:
            values = self.space.untried(tried) or values
        state = optuna.trial.TrialState.RUNNING
        frozen = optuna.trial.create_trial(state=state, params=values, distributions=self._distributions)
        self._study.add_trial(frozen)  # in one line of the journal: it is there whole or not at all
        self.trials.append(Trial(number, values))
        return self.trials[-1]

    def _suggest(self, seed: int) -> Values:
        import optuna

        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what Optuna calls experimental is what was asked for
            sampler = _sampler(self._settings, seed % 2**32)
            study = optuna.create_study(sampler=sampler, direction=self._direction)
            study.add_trials(self._study.get_trials(deepcopy=False))
            params: Mapping[str, Any] = study.ask(self._distributions).params
        return {key: self.space.parts[key].short(params[key]) for key in self.space.parts}

    def tell(self, trial: Trial) -> None:
        """Write down how a trial ended."""
        import optuna

        states = {
            "complete": optuna.trial.TrialState.COMPLETE,
            "pruned": optuna.trial.TrialState.PRUNED,
            "failed": optuna.trial.TrialState.FAIL,
        }
        (identity,) = (t._trial_id for t in self._study.get_trials(deepcopy=False) if t.number == trial.number)
        for key, value in (("found", trial.found), ("why", trial.why), ("seconds", trial.seconds)):
            self._storage.set_trial_user_attr(identity, key, value)
        self._study.tell(trial.number, trial.mean, state=states[trial.state])

    def ranked(self) -> list[Trial]:
        """All trials, the best first; then those without a value."""
        order = ("complete", "running", "pruned", "failed")
        sign = -1 if self._settings.maximizes else 1

        def place(trial: Trial) -> tuple[int, float, int]:
            return order.index(trial.state), 0.0 if trial.mean is None else sign * trial.mean, trial.number

        return sorted(self.trials, key=place)

    @property
    def best(self) -> Trial | None:
        """The best trial so far."""
        first = self.ranked()[:1]
        return first[0] if first and first[0].state == "complete" else None


def _sampler(settings: Settings, seed: int) -> "optuna.samplers.BaseSampler":
    from optuna import samplers

    startup = settings.sampler.n_startup_trials
    match settings.sampler.name:
        case "random":
            return samplers.RandomSampler(seed=seed)
        case "gp":
            return samplers.GPSampler(seed=seed, n_startup_trials=startup)
        case "tpe":
            return samplers.TPESampler(seed=seed, n_startup_trials=startup, constant_liar=settings.n_jobs > 1)

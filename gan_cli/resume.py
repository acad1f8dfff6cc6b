"""Going on with a run: its own config, the few changes that do not make it another run, its newest checkpoint."""

import copy
import os
import typing
from collections.abc import Callable, Mapping, Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import torch

from gan_cli import checkpoint
from gan_cli.check import TRACKERS, Problem, describe, leaves, matches, report
from gan_cli.errors import ConfigError, RunError
from gan_cli.health import Thresholds
from gan_cli.machine import machine
from gan_cli.paths import real_run
from gan_cli.reading import is_directory
from gan_cli.record import read_or_empty
from gan_cli.settings import OF_THE_COMMAND, Settings
from gan_cli.stored import stored_config

# What may change: how long, how often something is written, where things are. All else would make another run.
ALLOWED = frozenset(
    {
        "train.steps",
        "train.epochs",
        "train.images",
        "train.log_every",
        "train.sample_every",
        "train.checkpoint_every",
        "train.keep",
        "train.keep_best",
        "train.best_is",
        "train.patience",
        "train.eval_every",
        "train.eval_metrics",
        "train.devices",
        "train.restarts",
        "train.threads",
        "train.compile",
        "train.profile",
        "train.stop_on",
        "dataset.root",
        "dataset.path",
        "dataset.download",
        "dataset.cache",
        "device",
        "dry_run",
        "resume",
        "trust",
        "other_data",
        *(f"health.{field.name}" for field in fields(Thresholds)),  # who watches does not touch
    }
)
MOST_THREADS = 1024  # that a checkpoint may ask for


def top_settings(config: Mapping[str, Any]) -> Settings:
    """The keys at the top of a config; the rest of it is not that of the run and not looked at.

    Raises:
        ConfigError: all that are of a wrong type or out of range.
    """
    hints = typing.get_type_hints(Settings)
    given = {field.name: config[field.name] for field in fields(Settings) if field.name in config}
    problems = [
        Problem(key, f"expected {describe(hints[key])}; got {value!r}")
        for key, value in given.items()
        if not matches(value, hints[key])
    ]
    if problems:
        raise report(problems)
    try:
        return Settings(**given)
    except ValueError as error:
        raise report([Problem("", str(error))]) from error


def run_directory(path: str) -> Path:
    """The directory of an existing run.

    Raises:
        RunError: there is none.
    """
    directory = Path(os.path.expanduser(path))  # pathlib's own raises where there is no such user
    if not is_directory(directory):
        raise RunError(f"resume: there is no directory {path!r:.200}; give a run directory, such as outputs/latest")
    if not (directory / "config.yaml").is_file():
        raise RunError(f"resume: {path!r} holds no run (no config.yaml); gan-runs lists the runs there are")
    return real_run(directory)


def config_to_resume(
    asked: dict[str, Any], given: Sequence[str], choices: Mapping[str, Any]
) -> tuple[dict[str, Any], Path]:
    """The config to go on with, and the run's directory.

    Args:
        asked: what was composed from conf/ and the command line, resolved; only what the user gave is taken from it.
        given: the keys on the command line.
        choices: of the config groups, as composed.

    Returns:
        The stored config with the allowed changes, and the run directory.

    Raises:
        ConfigError: a change that would make another run, with all differences.
        RunError: the directory holds no run.
    """
    settings = top_settings(asked)
    assert settings.resume is not None
    directory = run_directory(settings.resume)
    stored = stored_config(directory, settings.trust)
    merged = copy.deepcopy(stored)
    # An experiment sets keys of every group: then the whole of what was composed is what the user asked for.
    for key in [key for key in asked if key not in OF_THE_COMMAND] if "experiment" in given else given:
        _put(merged, key.split("."), _get(asked, key.split(".")))
    before, after = dict(leaves(stored)), dict(leaves(merged))
    if not any(key.split(".")[0] == TRACKERS for key in given):  # nor of an experiment is it a part
        merged[TRACKERS] = stored.get(TRACKERS, {})
    for key in ALLOWED & before.keys() - set(given):  # a whole group sets them to its defaults, which nobody asked for
        _put(merged, key.split("."), before[key])
    merged |= {key: getattr(settings, key) for key in ("dry_run", "resume", "trust", "other_data")}
    # Two choices may have one class and differ in what they bring along.
    chosen = read_or_empty(directory / "run.json").get("choices")
    problems = [
        Problem(key, f"the run was made with {key}={chosen[key]}, this command says {key}={choices[key]}")
        for key in given
        if key in choices and isinstance(chosen, dict) and key in chosen and chosen[key] != choices[key]
    ]
    problems += [
        Problem(key, f"the run has {before.get(key, 'no such key')!r}, this command says {after.get(key)!r}")
        for key in sorted(before.keys() | after.keys())
        if key not in ALLOWED and not key.startswith(f"{TRACKERS}.") and before.get(key) != after.get(key)
    ]
    if problems:
        advice = "These would make another run: start one without resume=, or leave them out."
        raise ConfigError(f"{report(problems)}\n{advice}")
    return merged, directory


def newest_state(
    directory: Path, warn: Callable[[str], None], threads: int | None = None, limit: int | None = None
) -> dict[str, Any]:
    """The state of the newest good checkpoint, the thread count set as it was.

    Args:
        threads: the count that the user asked for instead.
        limit: bytes of tensors at most.

    Raises:
        RunError: there is no good checkpoint.
    """
    state = checkpoint.load_newest(directory / "checkpoints", warn, limit=limit)
    step, then = state.get("step"), state.get("machine")
    if type(step) is not int or not isinstance(then, Mapping):
        raise RunError(f"{directory}: the newest checkpoint was not written by this version: its step is {step!r:.40}")
    count = then.get("threads")
    torch.set_num_threads(threads or (count if type(count) is int and 0 < count <= MOST_THREADS else 1))
    now = machine()
    changed = [f"{key} {then.get(key)!s:.40} -> {now[key]}" for key in now if then.get(key, now[key]) != now[key]]
    if changed:
        warn(f"another machine or version than before ({', '.join(changed)}): the last bits of results may differ")
    return state


def never_began(directory: Path) -> bool:
    """Whether a run was ended before its first checkpoint, which is that of step 0: there is none, damaged or whole,
    and nothing says that a step was taken.
    """
    if any((directory / "checkpoints").glob("step-*")) or read_or_empty(directory / "status.json").get("step"):
        return False
    metrics = directory / "metrics.jsonl"
    return not metrics.exists() or metrics.stat().st_size == 0


def is_finished(directory: Path) -> bool:
    """Whether the run says that it reached its end."""
    return read_or_empty(directory / "status.json").get("status") == "finished"


def _get(config: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        config = config.get(key) if isinstance(config, Mapping) else None
    return config


def _put(config: dict[str, Any], keys: Sequence[str], value: Any) -> None:
    for key in keys[:-1]:
        if not isinstance(config.get(key), dict):
            config[key] = {}
        config = config[key]
    config[keys[-1]] = value

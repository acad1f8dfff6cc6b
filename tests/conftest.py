"""What many tests share: a config composed as gan-train composes it, and a small run."""

import copy
import functools
import signal
import sys
from pathlib import Path
from typing import Any

import hypothesis  # noqa: F401  now: its plug-ins warn where a command has frozen what is collectable before them
import pytest
import torch
from hydra import compose, initialize_config_dir

from gan_cli.builder import build, plain
from gan_cli.cli import train as command
from gan_cli.cli.overrides import groups_below, key_of, prepare
from gan_cli.cli.sweep.launchers import hide_others
from gan_cli.loop import train
from gan_cli.paths import CONF_DIR
from gan_cli.run import Run

torch.set_num_threads(1)  # networks of a few units gain nothing from more, and tests that run side by side lose

# A shell that runs tests in the background, or `nohup`, has them ignore these, and gan-train leaves that as it is.
for _number in (getattr(signal, _name) for _name in ("SIGINT", "SIGHUP", "SIGTERM") if hasattr(signal, _name)):
    if signal.getsignal(_number) == signal.SIG_IGN:
        signal.signal(_number, signal.default_int_handler if _number == signal.SIGINT else signal.SIG_DFL)

ROOT = Path(__file__).resolve().parent.parent
TINY = ("model=mlp", "model.width=8", "dataset=gaussian", "prior.dim=2", "train.steps=6", "train.batch_size=16")


def choices(group: str) -> list[str]:
    """Every choice of a config group, by glob, those in folders too: a new YAML is tested by the tests there are."""
    folder = CONF_DIR / group
    return sorted(path.relative_to(folder).with_suffix("").as_posix() for path in folder.rglob("*.yaml"))


def once(*overrides: str) -> list[str]:
    """Arguments of a command, of those with one key the last: a command line that says a thing twice is refused.

    >>> once("-m", "seed=1", "loss=hinge", "seed=2")
    ['-m', 'loss=hinge', 'seed=2']
    """
    keys = [text.partition("=")[0] for text in overrides]
    return [text for i, text in enumerate(overrides) if "=" not in text or keys[i] not in keys[i + 1 :]]


def ended_with(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    """The exit code of a line of gan-train, run in this process."""
    monkeypatch.setattr(sys, "argv", ["gan-train", *arguments])
    monkeypatch.setattr(sys, "path", [*sys.path])
    try:
        command.main()
    except SystemExit as error:
        return int(error.code or 0)
    return 0


def compose_plain(*overrides: str) -> tuple[dict[str, Any], dict[str, Any]]:
    """A config as gan-train composes it: resolved, and as written."""
    return copy.deepcopy(_composed(overrides))


@functools.cache  # Hydra takes a tenth of a second, and many tests want the same run
def _composed(overrides: tuple[str, ...]) -> tuple[dict[str, Any], dict[str, Any]]:
    hide_others()
    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        return plain(compose("train", overrides=prepare(overrides, groups_below(CONF_DIR))))


def make_run(*overrides: str) -> Run:
    """A run built from the config that these overrides compose; on the CPU, whatever there is, unless they say else."""
    given = {key_of(override) for override in overrides}
    there = () if "device" in given else ("device=cpu",)
    return build(*compose_plain(*overrides, *there), given=given)


def train_in(directory: Path, *overrides: str, state: dict[str, Any] | None = None) -> Run:
    """Build a run and train it in a directory, as the command does."""
    directory.mkdir(parents=True, exist_ok=True)
    run = make_run(*overrides)
    with run.open(directory, state):
        train(run)
    run.log.close()
    return run

"""What the tests of hostile files share: one warm process, and a good run that each test gets a copy of."""

import shutil
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from conftest import TINY
from hostile.warm import Warm
from hostile.world import COMMANDS, OUTSIDE, World

if sys.platform != "linux":  # they fork, and set limits to memory
    collect_ignore_glob = ["test_*"]


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    with Warm() as process:
        yield process


@pytest.fixture(scope="session")
def good(warm, tmp_path_factory) -> tuple[Path, dict[str, int]]:
    """A working directory with a finished run, and how much memory each command takes for it."""
    here = tmp_path_factory.mktemp("good") / "here"
    here.mkdir()
    made = warm.run(here, ["gan-train", *TINY, "hydra.run.dir=run", "train.checkpoint_every=3"])
    assert made.code == 0, made.err
    base = {}
    for command, words in COMMANDS.items():
        copy = here.with_name(command)
        shutil.copytree(here, copy)
        outcome = warm.run(copy, [command, *words])
        assert outcome.code == 0, outcome.err
        base[command] = outcome.peak
    return here, base


@pytest.fixture
def world(warm, good, tmp_path) -> World:
    """A copy of the good run, and a place outside."""
    here, outside = tmp_path / "here", tmp_path / "outside"
    shutil.copytree(good[0], here)
    outside.mkdir()
    (outside / "secret.txt").write_text(f"{OUTSIDE}\n")
    return World(here, outside, warm, good[1])

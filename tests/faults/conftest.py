"""What the tests of kills share: one warm process, and of each recipe the run that was not killed."""

import sys
from collections.abc import Iterator

import pytest
from faults.harness import Warm
from faults.torn import RECIPES, Run

if sys.platform != "linux":  # they fork, and look in /proc which file a descriptor is
    collect_ignore_glob = ["test_*"]


@pytest.fixture(scope="session")
def warm() -> Iterator[Warm]:
    with Warm() as process:
        yield process


@pytest.fixture(scope="session")
def whole(warm, tmp_path_factory):
    """The uninterrupted run of a recipe, made once."""
    made: dict[str, Run] = {}

    def of(recipe: str) -> Run:
        if recipe not in made:
            run = made[recipe] = Run(warm, tmp_path_factory.mktemp(f"whole-{recipe}"), RECIPES[recipe])
            run.finish()
            assert not run.problems
        return made[recipe]

    return of

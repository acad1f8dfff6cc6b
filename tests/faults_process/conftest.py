"""What the tests of signals, full disks and ended memory share: one run to be disturbed, and its undisturbed twin."""

import signal
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from conftest import ended_with
from faults.same import facts

# An average of G, batch norm, dropout from the global generator, a lazy penalty, two updates of D a step.
RUN = (
    "model=mlp", "model.width=8", "model.generator.norm=batch", "model.discriminator.dropout=0.3",
    "dataset=digits", "dataset.size=8", "prior.dim=4", "penalty=r1", "penalty.every=7",
    "train.d_steps=2", "train.batch_size=16", "train.steps=20", "train.samples=4",
    "train.log_every=3", "train.sample_every=8", "train.checkpoint_every=5", "hydra.run.dir=run",
)  # fmt: skip

Command = Callable[..., tuple[int, str, str]]


def with_(*overrides: str) -> list[str]:
    """RUN with other values of some of its keys."""
    keys = {override.partition("=")[0] for override in overrides}
    return [*(override for override in RUN if override.partition("=")[0] not in keys), *overrides]


@pytest.fixture(autouse=True)
def _a_signal_that_nobody_handles_is_an_error() -> Iterator[None]:
    """And not the end of all tests."""

    def unexpected(number: int, _: Any) -> None:
        raise AssertionError(f"nobody handled {signal.Signals(number).name}")

    before = {number: signal.signal(number, unexpected) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.fixture
def gan_train(tmp_path, monkeypatch, capfd) -> Command:
    """Runs the command in an empty working directory, in this process; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        with monkeypatch.context() as patch:
            code = ended_with(patch, *arguments)
        return code, *capfd.readouterr()

    return call


@pytest.fixture(scope="session")
def whole(tmp_path_factory) -> dict[str, Any]:
    """All that can be told of the run that nothing disturbed."""
    place = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        assert ended_with(patch, *RUN) == 0
    return facts(place / "run")


@pytest.fixture
def nothing_is_lost(gan_train, whole) -> Callable[[], None]:
    """Goes on with the run, and holds it against its twin: every bit, point and picture, and no file too many."""

    def check() -> None:
        code, _, err = gan_train("resume=run")
        assert code == 0
        assert err in ("", "run is complete at step 20: nothing is left to train, only the generator to be written\n")
        assert facts(Path("run")) == whole
        assert [str(path) for path in Path("run").rglob(".*")] == []

    return check


def is_clean(err: str) -> bool:
    """Whether a message is one that a user should see."""
    lines = err.splitlines()
    return bool(lines and lines[0]) and len(lines) <= 24 and "Traceback" not in err and "Exception ignored" not in err

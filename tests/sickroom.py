"""Sweeps for tests: losses that fall ill in the middle of a run, and what is left of the sweep then."""

import json
import multiprocessing
from pathlib import Path

import pytest
from conftest import TINY, ended_with, once
from hydra._internal.hydra import Hydra

from gan_cli import checkpoint, loop
from gan_cli.cli import apart
from gan_cli.state import digest as state_digest

SHORT = (*TINY, "train.checkpoint_every=2", "train.log_every=1")
FIXED = "hydra.sweep.dir=sweep"

SICK = '''
import os, signal, time
from pathlib import Path
from gan_cli.losses import NonSaturating

def once():
    """Whether this is the first time, over all processes."""
    try:
        Path("fell").touch(exist_ok=False)
    except FileExistsError:
        return False
    return True

class Sick(NonSaturating):
    """Falls ill in a step of the training."""

    def __init__(self, how: str, step: int = 4, minutes: float | None = None):
        super().__init__()
        self.how, self.left = how, step

    def generator(self, fake, real=None):
        self.left -= fake.requires_grad and len(fake) == 16  # a batch, and no try before the first step
        return super().generator(fake, real) if self.left else getattr(self, self.how)(fake)

    def raises(self, fake): raise ArithmeticError("sick")
    def exits(self, fake): raise SystemExit(0)
    def leaves(self, fake): os._exit(7)
    def kills(self, fake): os.kill(os.getpid(), signal.SIGKILL)
    def diverges(self, fake): return fake.mean() * float("nan")
    def hangs(self, fake):
        while True: time.sleep(1)
    def falls(self, fake):
        if once(): raise ArithmeticError("sick")
        return super().generator(fake)
    def interrupts(self, fake):
        if once(): os.kill(os.getppid(), signal.SIGINT); time.sleep(0.5)
        return super().generator(fake)
    def terminates(self, fake):
        if once(): os.kill(os.getppid(), signal.SIGTERM); time.sleep(0.5)
        return super().generator(fake)
    def kills_all(self, fake):
        if once(): os.kill(os.getppid(), signal.SIGKILL); os.kill(os.getpid(), signal.SIGKILL)
        return super().generator(fake)
    def orphans(self, fake):
        if once(): os.kill(os.getppid(), signal.SIGKILL); time.sleep(0.5)
        return super().generator(fake)
'''
WAYS = ("raises", "exits", "leaves", "kills", "diverges", "hangs", "falls", "interrupts", "terminates", "kills_all")
WAYS += ("orphans",)


@pytest.fixture
def gan_train(tmp_path, monkeypatch, capfd):
    """Runs the command in an empty working directory with losses that fall ill; gives exit code, output and errors."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(apart, "GRACE", 1.0)
    monkeypatch.setattr(Hydra, "get_mode", lambda *_, **__: None)  # which composes everything once more
    monkeypatch.setattr(loop, "look", lambda run: {})  # pictures take most of the time of such short runs
    Path("sick.py").write_text(SICK)
    Path("mine/loss").mkdir(parents=True)
    for way in WAYS:
        limit = "minutes: 0.06\n" if way == "hangs" else ""
        Path(f"mine/loss/{way}.yaml").write_text(f"_target_: sick.Sick\nhow: {way}\n{limit}")

    def call(*arguments: str, flags: tuple[str, ...] = ("-m", "--config-dir=mine")) -> tuple[int, str, str]:
        code = ended_with(monkeypatch, *once(*arguments), *flags)
        out, err = capfd.readouterr()
        return code, out, err

    return call


def killed(gan_train, *arguments: str) -> int:
    """The command in a process that is killed; its exit code."""
    process = multiprocessing.get_context("fork").Process(target=gan_train, args=arguments)
    process.start()
    process.join()
    return process.exitcode


def sweeps() -> list[Path]:
    return sorted(Path("outputs/sweeps").iterdir())


def jobs(sweep: Path) -> list[dict]:
    return json.loads((sweep / "sweep.json").read_text())["jobs"]


def statuses(sweep: Path) -> list[str]:
    return [job["status"] for job in jobs(sweep)]


def content(sweep: Path) -> dict[str, object]:
    """What must be equal, to the bit, in two sweeps of one line: the figures and the last state of each job."""
    found: dict[str, object] = {}
    for path in sweep.glob("*/metrics.jsonl"):
        state = checkpoint.load(checkpoint.available(path.parent / "checkpoints")[0])
        told = state_digest({key: value for key, value in state.items() if key not in ("machine", "offsets")})
        found[path.parent.name] = (path.read_bytes(), state["step"], told)
    return dict(sorted(found.items()))


_undisturbed: list[object] = []


def undisturbed(gan_train) -> list[object]:
    """What the jobs of seeds 0 and 1 come to that nobody disturbs."""
    if not _undisturbed:
        Path("fell").touch()
        assert gan_train(*SHORT, "loss=falls", "seed=0,1", "hydra.sweep.dir=whole")[0] == 0
        Path("fell").unlink()
        _undisturbed.extend(content(Path("whole")).values())
    return _undisturbed

"""Runs of two processes as a user starts them: killed, stopped, started anew, under torchrun and in a sweep."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import ROOT, TINY, once

from gan_cli.listing import read

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(sys.platform != "linux", reason="finds processes in /proc"),
]

STEPS, EVERY = 60, 10
SETTINGS = once(*TINY, f"train.steps={STEPS}", "train.log_every=1", "train.sample_every=1000", "device=cpu")
SETTINGS += [f"train.checkpoint_every={EVERY}", "train.devices=2"]
TORCHRUN = ("-m", "torch.distributed.run", "--nproc-per-node=2")
SPOIL = """
import sys, torch
from gan_cli.losses import NonSaturating
from torch import distributed

class Spoiled(NonSaturating):
    left = 20  # calls, some of them while it is looked at before the first step
    def generator(self, fake, real=None):
        self.left -= 1
        if not self.left and distributed.is_initialized() and distributed.get_rank() == 1:
            {}
        return super().generator(fake)
"""


def start(*arguments: str) -> "subprocess.Popen[str]":
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
    env = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT)}
    return subprocess.Popen([sys.executable, *arguments], env=env, **pipes)  # type: ignore[call-overload]


def command(*overrides: str) -> tuple[str, ...]:
    return ("-m", "gan_cli.cli.train", *overrides)


def digest(out: str) -> str:
    (line,) = [line for line in out.splitlines() if line.startswith("final state")]
    return line


def ended(process: "subprocess.Popen[str]") -> tuple[int, str, str]:
    """The exit code and what was said; nobody is left hanging."""
    try:
        out, err = process.communicate(timeout=120)
    except subprocess.TimeoutExpired:
        process.kill()
        raise
    return process.returncode, out, err


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


def wait_for_step(run: Path, step: int, process: "subprocess.Popen[str]") -> None:
    until = time.monotonic() + 120
    while not run.exists() or (read(run).step or 0) < EVERY or last_logged(run) < step:
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < until
        time.sleep(0.02)


def last_logged(run: Path) -> int:
    text = (run / "metrics.jsonl").read_text()
    lines = text[: text.rfind("\n") + 1].splitlines()
    return int(json.loads(lines[-1])["step"]) if lines else 0


@pytest.fixture(scope="module")
def whole(tmp_path_factory) -> tuple[str, bytes]:
    """The digest and the log of the run that nobody disturbs."""
    folder = tmp_path_factory.mktemp("whole")
    code, out, err = ended(start(*command(*SETTINGS, f"hydra.run.dir='{folder / 'run'}'")))
    assert code == 0, err
    return digest(out), (folder / "run" / "metrics.jsonl").read_bytes()


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)


def same(out: str, run: Path, whole: tuple[str, bytes]) -> bool:
    return (digest(out), (run / "metrics.jsonl").read_bytes()) == whole


@pytest.mark.parametrize("rank", [0, 1])
def test_a_killed_rank_ends_the_run_and_a_resume_is_exact(whole, rank):
    run = Path("run")
    process = start(*command(*SETTINGS, "hydra.run.dir=run"))
    wait_for_step(run, 15, process)
    os.kill(children(process.pid)[rank], signal.SIGKILL)
    code, _, err = ended(process)
    assert code == 7
    assert err.splitlines()[0].startswith(f"rank {rank} of 2 was killed by SIGKILL")
    assert err.splitlines()[-1].strip() == "gan-train resume=run"
    assert "Traceback" not in err
    entry = read(run)
    assert entry.status == "failed"
    assert str(entry.reason).startswith(f"rank {rank} of 2 was killed")
    code, out, err = ended(start(*command("resume=run")))
    assert code == 0, err
    assert same(out, run, whole)


@pytest.mark.parametrize(("number", "to"), [("SIGTERM", 0), ("SIGTERM", 1), ("SIGTERM", None), ("SIGINT", None)])
def test_a_signal_to_any_process_saves_once_and_a_resume_is_exact(whole, number, to):
    run = Path("run")
    process = start(*command(*SETTINGS, "hydra.run.dir=run"))
    wait_for_step(run, 15, process)
    os.kill(process.pid if to is None else children(process.pid)[to], getattr(signal, number))
    code, _, err = ended(process)
    assert code == 128 + getattr(signal, number)
    step = read(run).step
    assert err == f"stopped after step {step}; go on with: gan-train resume=run\n"
    code, out, err = ended(start(*command("resume=run")))
    assert code == 0, err
    assert same(out, run, whole)


def test_the_processes_save_and_end_when_their_command_is_killed():
    run = Path("run")
    process = start(*command(*SETTINGS, "hydra.run.dir=run"))
    wait_for_step(run, 15, process)
    ranks = children(process.pid)
    process.kill()
    until = time.monotonic() + 60
    while any(Path(f"/proc/{pid}").exists() and "Z" not in state(pid) for pid in ranks):
        assert time.monotonic() < until
        time.sleep(0.1)
    assert read(run).status in ("stopped", "finished")
    process.communicate()


def state(pid: int) -> str:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rsplit(")", 1)[1].split()[0]
    except OSError:
        return "Z"


@pytest.mark.parametrize("rank", [0, 1])
def test_train_restarts_brings_a_killed_run_back(whole, rank):
    run = Path("run")
    process = start(*command(*SETTINGS, "train.restarts=1", "hydra.run.dir=run"))
    wait_for_step(run, 15, process)
    os.kill(children(process.pid)[rank], signal.SIGKILL)
    code, out, err = ended(process)
    assert code == 0, err
    assert err.splitlines()[-1] == "restart 1 of 1, from the checkpoint of step 10"
    assert same(out, run, whole)
    assert read(run).status == "finished"


def test_torchrun_makes_the_same_run(whole):
    settings = [text for text in SETTINGS if "devices" not in text]
    code, out, err = ended(start(*TORCHRUN, *command(*settings, "hydra.run.dir=run")))
    assert code == 0, err
    assert same(out, Path("run"), whole)


def test_the_processes_save_and_end_when_torchrun_is_killed():
    process = start(*TORCHRUN, *command(*once(*SETTINGS, "train.steps=100000"), "hydra.run.dir=run"))
    wait_for_step(Path("run"), 15, process)
    process.kill()
    process.communicate(timeout=60)  # the end of what all of them write to
    assert read(Path("run")).status == "stopped"


@pytest.mark.parametrize("rank", [0, 1])
def test_max_restarts_of_torchrun_goes_on_with_the_run_that_it_began(whole, rank):
    process = start(*TORCHRUN, "--max-restarts=1", *command(*SETTINGS))
    until = time.monotonic() + 120
    while not [*Path().glob("outputs/2*/*/metrics.jsonl")]:
        assert time.monotonic() < until
        time.sleep(0.05)
    run = next(Path().glob("outputs/2*/*"))
    wait_for_step(run, 15, process)
    os.kill(children(process.pid)[rank], signal.SIGKILL)
    code, out, err = ended(process)
    assert code == 0, err
    assert same(out, run, whole)
    assert [*Path().glob("outputs/2*/*")] == [run], "it made no other one"


@pytest.mark.parametrize("rank", [0, 1])
def test_a_rank_that_torchrun_loses_is_named(rank):
    process = start(*TORCHRUN, *command(*SETTINGS, "hydra.run.dir=run"))
    wait_for_step(Path("run"), 15, process)
    os.kill(children(process.pid)[rank], signal.SIGKILL)
    code, _, err = ended(process)
    assert code != 0
    assert f"rank {rank} of 2 is gone" in err
    assert "the last checkpoint is of step" in err
    assert "gan-train resume=run" in err
    assert read(Path("run")).status == "failed"


@pytest.mark.parametrize(
    ("act", "code", "says"),
    [
        ("raise ValueError('what is this')", 1, "rank 1: ValueError: what is this"),
        ("raise torch.OutOfMemoryError('CUDA out of memory')", 2, "rank 1: out of memory in step 1"),
        ("sys.exit(5)", 1, "rank 1"),
    ],
)
def test_what_fails_on_one_rank_is_told_with_its_number(act, code, says):
    Path("mine/loss").mkdir(parents=True)
    Path("mine/loss/spoiled.yaml").write_text("_target_: spoiled.Spoiled\n")
    Path("spoiled.py").write_text(SPOIL.format(act))
    found, _, err = ended(start(*command("--config-dir", "mine", *SETTINGS, "loss=spoiled", "hydra.run.dir=run")))
    assert found == code, err
    assert says in " ".join(err.split())
    assert "gan-train resume=run" in err
    assert err.count("Traceback") == ("ValueError" in act)
    assert read(Path("run")).status == "failed"


def test_a_loss_that_is_not_finite_is_said_once_and_rolled_back_by_all():
    Path("mine/loss").mkdir(parents=True)
    Path("mine/loss/spoiled.yaml").write_text("_target_: spoiled.Spoiled\n")
    Path("spoiled.py").write_text(SPOIL.format("return fake.sum() * float('nan')"))
    line = ("--config-dir", "mine", *SETTINGS, "loss=spoiled")
    code, _, err = ended(start(*command(*line, "hydra.run.dir=stop")))
    assert code == 3, err
    assert err.count("not finite in step 1") == 1, "said once"
    assert "Traceback" not in err
    code, out, err = ended(start(*command(*line, "train.on_not_finite=rollback", "hydra.run.dir=back")))
    assert code == 0, err
    assert out.count("rollback 1 of 3: back to step 10") == 1
    assert read(Path("back")).status == "finished"


def test_a_sweep_of_such_runs_is_killed_and_gone_on_with(whole):
    line = command("-m", *SETTINGS, "seed=0,1", "hydra.sweep.dir=sweep")
    process = start(*line)
    run = Path("sweep/0_seed-0")
    wait_for_step(run, 15, process)
    process.kill()
    process.communicate()
    until = time.monotonic() + 60
    while read(run).status == "running":
        assert time.monotonic() < until
        time.sleep(0.2)
    time.sleep(1)
    code, out, err = ended(start(*line))
    assert code == 0, err
    assert out.count("final state sha256") == 2
    assert whole[0] in out
    assert "2 of 2 finished" in out

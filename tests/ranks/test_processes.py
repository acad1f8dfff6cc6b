"""Several processes of one run: they meet, fail alike, and whoever started them knows what became of each."""

import json
import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from conftest import TINY, once

from gan_cli import checkpoint, state
from gan_cli.cli import train as command
from gan_cli.cli.devices import workers
from gan_cli.cli.devices.company import Company
from gan_cli.cli.devices.place import Place, under_torchrun
from gan_cli.cli.devices.workers import together
from gan_cli.errors import ConfigError, DataError, GanError, LostError, Stopped
from gan_cli.listing import read

forks = pytest.mark.skipif(sys.platform != "linux", reason="functions of a test cannot be sent to a fresh process")

TORCHRUN = {"RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "TORCHELASTIC_RUN_ID": "mine"}
TORCHRUN |= {"MASTER_ADDR": "localhost", "MASTER_PORT": "29500", "TORCHELASTIC_RESTART_COUNT": "2"}
TWO = ("train.devices=2", "device=cpu", "train.log_every=1", "train.sample_every=2", "train.checkpoint_every=2")


def test_torchrun_says_who_is_who(monkeypatch):
    assert under_torchrun() is None
    monkeypatch.setattr(os, "environ", os.environ | TORCHRUN)
    assert under_torchrun() == Place(rank=3, size=4, local=1, here=2, restart=2, start="mine")


@pytest.mark.parametrize(("name", "value"), [("RANK", "4"), ("WORLD_SIZE", "many"), ("LOCAL_RANK", "-1")])
def test_an_environment_that_is_not_torchruns_is_refused(monkeypatch, name, value):
    monkeypatch.setattr(os, "environ", os.environ | TORCHRUN | {name: value})
    with pytest.raises(ConfigError, match=f"{name}={value}"):
        under_torchrun()


def test_torchrun_starts_no_sweep(monkeypatch, tmp_path, capsys):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "environ", os.environ | TORCHRUN | {"RANK": "0"})
    monkeypatch.setattr(sys, "argv", ["gan-train", "-m", "seed=0,1"])
    with pytest.raises(SystemExit) as ended:
        command.main()
    assert ended.value.code == 2
    assert "torchrun starts one run" in capsys.readouterr().err
    assert [*tmp_path.iterdir()] == []


def on(rank: int, act: Callable[[], object]) -> Callable[[Company], None]:
    """Work that one rank begins with, and that then waits for all."""
    def work(company: Company) -> None:
        company.meet("cpu")
        if company.place.rank == rank:
            act()
        for _ in range(100):
            company.ranks.barrier()

    return work


def refuse() -> None:
    raise DataError("no data\nbut advice")


@forks
@pytest.mark.parametrize("rank", [0, 1])
def test_an_error_on_one_rank_is_that_of_the_run(rank, capfd):
    with pytest.raises(DataError) as told:
        together(2, on(rank, refuse))
    assert str(told.value).splitlines() == ["no data" if rank == 0 else "rank 1: no data", "but advice"]
    with pytest.raises(GanError, match="ZeroDivisionError"):
        together(2, on(rank, lambda: 1 // 0))
    err = capfd.readouterr().err
    assert err.count("Traceback") == 1, "of a bug there is one, where it is"
    assert "1 // 0" in err


@forks
def test_the_same_error_on_all_ranks_is_said_once_and_names_none():
    def work(company: Company) -> None:
        with company.alike():
            refuse()

    with pytest.raises(DataError) as told:
        together(3, work)
    assert str(told.value) == "no data\nbut advice"


@forks
@pytest.mark.parametrize("rank", [0, 1, 2])
def test_a_rank_that_is_killed_ends_the_run_and_is_named(rank):
    with pytest.raises(LostError) as told:
        together(3, on(rank, lambda: os.kill(os.getpid(), signal.SIGKILL)))
    assert str(told.value).startswith(f"rank {rank} of 3 was killed by SIGKILL")
    assert told.value.exit_code == 7


@forks
def test_a_rank_that_waits_for_nobody_is_ended_when_another_one_is_killed(monkeypatch):
    monkeypatch.setattr(workers, "LEAVE", 0.2)

    def work(company: Company) -> None:
        if company.place.rank == 1:
            os.kill(os.getpid(), signal.SIGKILL)
        time.sleep(600)

    with pytest.raises(LostError, match="rank 1 of 2 was killed"):
        together(2, work)


@forks
@pytest.mark.parametrize("rank", [0, 1])
def test_a_signal_to_any_rank_stops_all(rank):
    with pytest.raises(Stopped) as stop:
        together(2, on(rank, lambda: os.kill(os.getpid(), signal.SIGTERM)))
    assert stop.value.exit_code == 143


@forks
def test_one_rank_of_a_machine_goes_first(tmp_path):
    def make() -> int:
        there = len([*tmp_path.iterdir()])
        time.sleep(0.05)
        (tmp_path / f"{os.getpid()}").touch()
        return there

    def work(company: Company) -> None:
        found = company.in_turn(make)
        if (found > 0) != (company.place.rank > 0):
            raise GanError(f"found {found}")

    together(3, work)


@forks
def test_rank_0_tells_and_a_process_alone_needs_no_other():
    def work(company: Company) -> None:
        said = company.from_lead("of rank 0" if company.place.leads else "")
        if said != "of rank 0" or (company.first(lambda: 1) is None) == company.place.leads:
            raise GanError("not told")

    together(2, work)
    work(Company())


@forks
def test_a_rank_with_other_data_is_named():
    with pytest.raises(DataError) as told:
        together(3, lambda company: company.same_data("10 examples" if company.place.rank < 2 else "9 examples"))
    first, there, here = str(told.value).splitlines()
    assert first == "rank 2: the data here are not those of rank 0"
    assert (there.split(), here.split()) == (["there", "10", "examples"], ["here", "9", "examples"])
    together(2, lambda company: company.same_data(None))
    Company().same_data("10 examples")


def train(monkeypatch, *overrides: str) -> int:
    monkeypatch.setattr(sys, "argv", ["gan-train", *overrides])
    monkeypatch.setattr(sys, "path", [*sys.path])
    try:
        command.main()
    except SystemExit as ended:
        return int(ended.code or 0)
    return 0


def content(run: str) -> str:
    """Digest of what the newest checkpoint says of the run, but for the machine."""
    found = checkpoint.load_newest(Path(run) / "checkpoints", warn=lambda line: pytest.fail(line))
    found["machine"].pop("processes", None)
    return state.digest(found | {"offsets": None})


@forks
def test_two_processes_leave_one_run_that_goes_on_with_two_or_one(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert train(monkeypatch, *TINY, *TWO, "hydra.run.dir=whole") == 0
    out, err = capfd.readouterr()
    assert out.count("final state sha256") == 1
    assert err == ""
    assert read(Path("whole")).status == "finished"
    assert [path.name for path in tmp_path.iterdir()] == ["whole"], "no other rank makes a directory"

    assert train(monkeypatch, *once(*TINY, *TWO, "hydra.run.dir=part", "train.steps=4")) == 0
    assert train(monkeypatch, "resume=part", "train.steps=6") == 0
    assert content("part") == content("whole")
    assert Path("part/metrics.jsonl").read_bytes() == Path("whole/metrics.jsonl").read_bytes()

    assert train(monkeypatch, "resume=part", "train.steps=7", "train.devices=1") == 0
    assert train(monkeypatch, "resume=part", "train.steps=8", "train.devices=2") == 0
    out, err = capfd.readouterr()
    assert "processes was 2 and is 1: other bits" in out
    assert "processes was 1 and is 2: other bits" in out
    assert (read(Path("part")).step, err) == (8, "")


@forks
def test_mistakes_and_dry_runs_of_two_processes_leave_nothing(tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    assert train(monkeypatch, *TINY, *TWO, "dry_run=true") == 0
    out, _ = capfd.readouterr()
    assert out.count("nothing was written") == 1
    assert "2 processes" in out
    assert train(monkeypatch, *TINY, *TWO, "train.keep_best=theory/w") == 2
    err = capfd.readouterr().err
    assert err.count("this run logs no 'theory/w'") == 1
    assert train(monkeypatch, *once(*TINY, *TWO, "device=cuda:0")) == 2
    err = capfd.readouterr().err
    assert err.startswith("device: "), err
    assert err.count("\n") == 1, err
    assert [*tmp_path.iterdir()] == []


@pytest.mark.parametrize(
    ("devices", "says"),
    [(3, "train.batch_size: 16 samples for 3 processes"), (1024, "train.devices: 1,024 processes are more than")],
)
def test_processes_that_cannot_be_are_not_started(devices, says, tmp_path, monkeypatch, capfd):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os, "cpu_count", lambda: 2)
    monkeypatch.setattr(workers, "Process", lambda *_: pytest.fail("one was started"))
    assert train(monkeypatch, *once(*TINY, *TWO, f"train.devices={devices}")) == 2
    assert capfd.readouterr().err.startswith(says)
    assert [*tmp_path.iterdir()] == []


@forks
def test_two_processes_that_are_out_of_patience_take_no_further_step(tmp_path, monkeypatch, capfd):
    """Killed behind the checkpoint that ended the run, and before it said so."""
    monkeypatch.chdir(tmp_path)
    patience = ("train.eval_every=1", "train.keep_best=eval/energy", "train.patience=1")
    settings = once(*TINY, *TWO, *patience, "train.eval_samples=100", "optimizer.lr=1e-12", "train.steps=50")
    assert train(monkeypatch, *settings, "hydra.run.dir=run") == 0
    step = read(Path("run")).step
    assert step < 50
    status = json.loads(Path("run/status.json").read_text())
    Path("run/status.json").write_text(json.dumps(status | {"status": "running", "step": step}))
    assert train(monkeypatch, "resume=run") == 0
    assert read(Path("run")).step == step
    assert f"finished {step} of 50 steps" in capfd.readouterr().out

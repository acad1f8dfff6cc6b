"""Ctrl-C, SIGTERM and a terminal that is gone, at every moment: a run is saved, and goes on to the same bits."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
from faults_process.conftest import RUN, with_
from PIL import Image

from gan_cli import checkpoint, logbook, loop
from gan_cli.cli import places, signals
from gan_cli.errors import Stopped

INT, TERM, HUP = signal.SIGINT, signal.SIGTERM, signal.SIGHUP


def at(monkeypatch, owner, name, nth, *numbers):
    """Signals in the middle of a function: before its nth call is done."""
    really, calls = getattr(owner, name), []

    def patched(*args, **kwargs):
        calls.append(1)
        if len(calls) == nth:
            for number in numbers:
                os.kill(os.getpid(), number)
        return really(*args, **kwargs)

    monkeypatch.setattr(owner, name, patched)


@pytest.mark.parametrize(
    ("number", "owner", "name", "nth", "step"),
    [
        pytest.param(TERM, loop, "turn", 1, 1, id="first step", marks=pytest.mark.slow),
        pytest.param(TERM, loop, "turn", 12, 12, id="steady state", marks=pytest.mark.slow),
        pytest.param(TERM, logbook, "png_bytes", 2, 8, id="grid", marks=pytest.mark.slow),
        pytest.param(TERM, checkpoint, "to_bytes", 3, 10, id="checkpoint write"),
        pytest.param(INT, os, "replace", 9, None, id="a rename", marks=pytest.mark.slow),
        pytest.param(HUP, loop, "turn", 7, 7, id="terminal gone"),
    ],
)
def test_a_signal_in_training_ends_the_step_and_saves(
    gan_train, nothing_is_lost, monkeypatch, number, owner, name, nth, step
):
    with monkeypatch.context() as patch:
        at(patch, owner, name, nth, number)
        code, _, err = gan_train(*RUN)
    assert code == 128 + number, err
    status = json.loads(Path("run/status.json").read_text())
    assert err == f"stopped after step {status['step']}; go on with: gan-train resume=run\n"
    assert status["status"] == "stopped" and step in (status["step"], None)
    assert checkpoint.step_of(checkpoint.available(Path("run/checkpoints"))[0]) == status["step"]
    nothing_is_lost()


def test_a_signal_in_the_last_step_lets_the_run_finish(gan_train, whole, monkeypatch):
    from faults.same import facts

    with monkeypatch.context() as patch:
        at(patch, loop, "turn", 20, TERM)
        code, out, err = gan_train(*RUN)
    assert (code, err) == (143, "stopped; this run was finished before\n")
    assert "finished 20 steps" in out
    assert facts(Path("run")) == whole


def test_a_signal_while_data_are_read_leaves_nothing(gan_train, monkeypatch):
    Path("images").mkdir()
    for i in range(40):
        Image.fromarray(np.full((8, 8, 3), i, np.uint8)).save(f"images/{i}.png")
    from gan_cli.data import decode

    at(monkeypatch, decode, "read_picture", 5, TERM)
    code, _, err = gan_train(*with_("dataset=folder", "dataset.path=images", "dataset.size=8"))
    assert (code, err) == (143, f"{signals.NOTHING_TO_SAVE}\n")
    assert [path.name for path in Path().iterdir()] == ["images"]


def test_a_signal_between_two_jobs_of_a_sweep_ends_it(gan_train, monkeypatch):
    at(monkeypatch, places, "remove_empty", 1, TERM)  # after the first job
    settings = with_("train.steps=3", "hydra.run.dir=unused")
    code, out, err = gan_train(*settings, "seed=0,1,2", "hydra.sweep.dir=sweep", "-m")
    assert (code, err) == (143, "the sweep was stopped\n")
    assert out.count("finished 3 steps") == 1
    (run,) = Path("sweep").glob("*/run.json")
    assert json.loads(run.with_name("status.json").read_text())["status"] == "finished"


def test_a_second_ctrl_c_stops_now_and_the_last_checkpoint_holds(gan_train, nothing_is_lost, monkeypatch):
    with monkeypatch.context() as patch:
        at(patch, loop, "turn", 12, INT, INT)
        code, _, err = gan_train(*RUN)
    status = json.loads(Path("run/status.json").read_text())
    assert (code, err) == (130, "stopped at once; nothing was saved after the last checkpoint\n")
    assert (status["status"], status["reason"], status["step"]) == ("stopped", "interrupted twice", 11)
    assert checkpoint.step_of(checkpoint.available(Path("run/checkpoints"))[0]) == 10
    nothing_is_lost()


@pytest.mark.parametrize(
    "numbers", [(HUP, HUP), *(pytest.param(pair, marks=pytest.mark.slow) for pair in ((TERM, TERM), (INT, HUP)))]
)
def test_only_a_ctrl_c_is_impatient(gan_train, monkeypatch, numbers):
    at(monkeypatch, loop, "turn", 2, *numbers)
    code, _, err = gan_train(*RUN)
    assert (code, err) == (128 + numbers[0], "stopped after step 2; go on with: gan-train resume=run\n")


def test_what_was_to_be_ignored_is_ignored(gan_train, monkeypatch):
    """`nohup` ignores SIGHUP, and a shell Ctrl-C for what it starts in the background."""
    signal.signal(HUP, signal.SIG_IGN)
    signal.signal(INT, signal.SIG_IGN)
    at(monkeypatch, loop, "turn", 2, HUP, INT)
    assert gan_train(*with_("train.steps=3"))[0] == 0
    assert signal.getsignal(HUP) == signal.getsignal(INT) == signal.SIG_IGN


def test_a_signal_inside_an_import_waits_for_its_end(tmp_path, monkeypatch):
    """An exception in an import becomes another one, or none: `numpy` makes an ImportError of it."""
    (tmp_path / "slow.py").write_text("import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\ndone = True\n")
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(Stopped) as stop, signals.stopped_by_signal():
        import slow

        late = time.monotonic() + 30
        while time.monotonic() < late:
            time.sleep(0.01)
    assert slow.done
    assert stop.value.exit_code == 143


HOOK = """
import os, signal, sys
class Hook:
    def find_spec(self, name, path=None, target=None):
        if name == {name!r}:
            os.kill(os.getpid(), {number})
sys.meta_path.insert(0, Hook())
sys.argv = ["gan-train", "hydra.run.dir=outputs/run"]
from gan_cli.cli.entry import train
train()
"""


@pytest.mark.parametrize(("name", "number"), [("hydra", INT), ("torch", TERM), ("torch", HUP)])
def test_a_signal_while_modules_are_imported_is_a_line_and_leaves_nothing(tmp_path, name, number):
    code = HOOK.format(name=name, number=int(number))
    done = subprocess.run([sys.executable, "-c", code], cwd=tmp_path, capture_output=True, text=True, timeout=120)
    assert (done.returncode, done.stdout, done.stderr) == (128 + number, "", f"{signals.NOTHING_TO_SAVE}\n")
    assert [*tmp_path.iterdir()] == []


def test_a_run_whose_terminal_goes_away_is_saved(tmp_path):
    """A real terminal: the system sends the signal, and what is printed after it has nowhere to go."""
    ours, theirs = os.openpty()
    own_terminal = "import fcntl, termios; fcntl.ioctl(0, termios.TIOCSCTTY, 0); "
    command = own_terminal + "from gan_cli.cli.entry import train; train()"
    process = subprocess.Popen(
        [sys.executable, "-c", command, *with_("train.steps=1000000", "train.checkpoint_every=1000000")],
        cwd=tmp_path,
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        env={**os.environ, "OMP_NUM_THREADS": "1", "COLUMNS": "80"},
    )
    os.close(theirs)
    late, seen = time.monotonic() + 120, b""
    while b"loss D" not in seen:  # reading keeps the terminal from filling up
        assert time.monotonic() < late and process.poll() is None, seen
        seen += os.read(ours, 65536)
    os.close(ours)
    assert process.wait(60) == 129
    status = json.loads((tmp_path / "run/status.json").read_text())
    assert status["status"] == "stopped" and status["step"] > 0
    assert checkpoint.step_of(checkpoint.available(tmp_path / "run/checkpoints")[0]) == status["step"]

"""The lock of a run directory, taken and given back by processes that hurry."""

import subprocess
import sys
import threading

import pytest

from gan_cli.cli import lock
from gan_cli.errors import BusyError

fcntl = pytest.importorskip("fcntl")

PROGRAM = """
import os, sys, time
from pathlib import Path
from gan_cli.cli import lock
from gan_cli.cli.lock import locked
from gan_cli.errors import BusyError

lock.PATIENCE = 0.0  # they are to meet
directory, held, refused = Path("."), 0, 0
end = time.monotonic() + 2
while time.monotonic() < end:
    try:
        with locked(directory):
            os.close(os.open("inside", os.O_CREAT | os.O_EXCL))  # fails where another one is inside
            os.unlink("inside")
            held += 1
    except BusyError:
        refused += 1
print(held, refused)
"""


def test_no_two_processes_are_ever_inside(tmp_path):
    """A holder removes the file of the lock, and the next one must not take a file that is no longer there."""
    command = [sys.executable, "-c", PROGRAM]
    processes = [
        subprocess.Popen(command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    told = [process.communicate(timeout=120) for process in processes]
    assert [err for _, err in told] == ["", "", ""]
    assert all(process.returncode == 0 for process in processes)
    assert sum(int(out.split()[0]) for out, _ in told) > 100, "they took it in turns"
    assert sum(int(out.split()[1]) for out, _ in told) > 0, "and met"
    assert [*tmp_path.iterdir()] == []


def test_a_reader_that_tries_the_lock_for_an_instant_keeps_no_run_from_starting(tmp_path, monkeypatch):
    monkeypatch.setattr(lock, "PATIENCE", 60.0)
    with open(tmp_path / ".lock", "w") as reader:
        fcntl.flock(reader, fcntl.LOCK_SH)
        threading.Timer(0.05, fcntl.flock, [reader, fcntl.LOCK_UN]).start()
        with lock.locked(tmp_path):
            pass


def test_a_lock_that_stays_is_told(tmp_path):
    with lock.locked(tmp_path), pytest.raises(BusyError, match="is being trained by another process"):
        lock.locked(tmp_path).__enter__()

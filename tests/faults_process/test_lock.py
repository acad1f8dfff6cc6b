"""The lock of a run directory, taken and given back by processes that hurry."""

import subprocess
import sys

PROGRAM = """
import os, sys, time
from pathlib import Path
from gan_cli.cli.lock import locked
from gan_cli.errors import BusyError

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

"""Nobody reads, or nothing can be written: what is on the screen is a view of a run, and no reason to lose it."""

import json
import os
import stat
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
from conftest import ROOT
from faults_process.conftest import RUN

from gan_cli import checkpoint
from gan_cli.cli import entry

PRINTS = """
from gan_cli.cli.streams import prepare, outlive_reader
prepare()
outlive_reader()
import sys
for stream in (sys.stdout, sys.stderr):
    for _ in range(3):
        print("x" * 100_000, file=stream, flush=True)
print("left in the buffer")
sys.exit(7)
"""


def full(tmp_path: Path) -> int:
    """A device on which no byte has room, as a descriptor."""
    path = Path("/dev/full")
    if not path.exists() or not stat.S_ISCHR(path.stat().st_mode):
        path = tmp_path / "full"
        try:
            os.mknod(path, 0o666 | stat.S_IFCHR, os.makedev(1, 7))
        except OSError:
            pytest.skip("there is no /dev/full, and none may be made")
    return os.open(path, os.O_WRONLY)


def broken(_: Path) -> int:
    """A pipe that nobody reads."""
    read, write = os.pipe()
    os.close(read)
    return write


def hung_up(_: Path) -> int:
    """A terminal that is gone."""
    ours, theirs = os.openpty()
    os.close(ours)
    return theirs


@pytest.mark.parametrize("stream", [full, broken, hung_up])
def test_what_cannot_be_printed_is_dropped(tmp_path, stream):
    handle = stream(tmp_path)
    done = subprocess.run([sys.executable, "-c", PRINTS], stdout=handle, stderr=handle, timeout=60)
    os.close(handle)
    assert done.returncode == 7, "that of the program, and not the interpreter's 1 or 120"


def test_closed_streams_take_no_number_from_a_file(tmp_path):
    """Otherwise the next file has number 2, and a warning of a library lands in the middle of a checkpoint."""
    code = "from gan_cli.cli.streams import prepare; prepare(); import os, sys; file = open('mine', 'wb'); "
    code += "print('seen'); print('seen', file=sys.stderr); os.write(2, b'seen'); file.write(b'mine')"
    command = f'"{sys.executable}" -c "{code}" <&- >&- 2>&-'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, timeout=60)
    assert done.returncode == 0
    assert (tmp_path / "mine").read_bytes() == b"mine"


def test_a_name_that_the_terminal_cannot_show_is_shown_escaped():
    code = "from gan_cli.cli.streams import prepare; prepare(); print('\\u00b7 \\udc80')"
    environment = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, env=environment, timeout=60)
    assert (done.returncode, done.stdout) == (0, b"\\xb7 \\udc80\n")


def test_a_list_that_cannot_be_written_is_an_error(tmp_path):
    """Of `gan-runs` the output is the product."""
    command = [sys.executable, "-c", "from gan_cli.cli.entry import runs; runs()", "."]
    handle = full(tmp_path)
    done = subprocess.run(command, cwd=tmp_path, stdout=handle, stderr=subprocess.PIPE, text=True, timeout=60)
    os.close(handle)
    assert (done.returncode, done.stderr) == (5, "standard output cannot be written: No space left on device\n")


def test_every_console_script_begins_where_streams_and_signals_are_put_in_order():
    scripts = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]
    assert scripts.keys() >= {"gan-train", "gan-sample", "gan-runs"}
    for name, place in scripts.items():
        module, _, function = place.partition(":")
        assert module == entry.__name__, name
        assert callable(getattr(entry, function))


@pytest.mark.slow
@pytest.mark.parametrize("redirection", [">&- 2>&-", "<&- >&- 2>&-", "2>&-", "| head -1", "2>&1 | head -1"])
def test_a_run_goes_on_without_a_screen(tmp_path, redirection):
    command = f'"{sys.executable}" -m gan_cli.cli.train {" ".join(RUN)} {redirection}'
    done = subprocess.run(["sh", "-c", command], cwd=tmp_path, capture_output=True, text=True, timeout=300)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads((tmp_path / "run/status.json").read_text())["status"] == "finished"
    assert checkpoint.step_of(checkpoint.available(tmp_path / "run/checkpoints")[0]) == 20

"""The same with the commands that a user types: `gan-train`, a kill, `gan-train resume=`."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from faults.torn import RECIPES

COMMAND = [sys.executable, "-c", "import sys; from gan_cli.cli.train import main; sys.exit(main())"]


def gan_train(place: Path, *arguments: str) -> subprocess.Popen:
    env = os.environ | {"OMP_NUM_THREADS": "1"}
    return subprocess.Popen([*COMMAND, *arguments], cwd=place, env=env, stdout=subprocess.PIPE, text=True)


def final_state(process: subprocess.Popen) -> str:
    out, _ = process.communicate(timeout=120)
    assert process.returncode == 0
    found = re.search(r"^final state sha256: ([0-9a-f]{64})$", out, re.MULTILINE)
    assert found, out
    return found[1]


@pytest.mark.faults
def test_a_killed_and_resumed_run_tells_the_same_final_digest(tmp_path):
    for name in ("whole", "torn"):
        (tmp_path / name).mkdir()
    whole = final_state(gan_train(tmp_path / "whole", *RECIPES["mlp"]))
    process = gan_train(tmp_path / "torn", *RECIPES["mlp"])
    while len([*tmp_path.glob("torn/outputs/*/*/samples/step-*.png")]) < 2:  # at 8 and 16 of 46
        assert process.poll() is None
        time.sleep(0.005)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert process.returncode == -signal.SIGKILL
    assert final_state(gan_train(tmp_path / "torn", "resume=outputs/latest")) == whole

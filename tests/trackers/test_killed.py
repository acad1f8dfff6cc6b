"""The command with trackers: killed at any time and gone on with, each step is there once."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from conftest import TINY, once
from trackers import wandb_file

pytestmark = pytest.mark.filterwarnings("ignore:The ``noload`` loader strategy is deprecated")

LINE = once(*TINY, "train.steps=400", "train.log_every=10", "train.checkpoint_every=50", "train.sample_every=100")


def gan_train(*words: str) -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "gan_cli.cli.train", *words]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT)


def wait_for(run: Path, rows: int, process: subprocess.Popen[bytes]) -> None:
    path = run / "metrics.jsonl"
    while process.poll() is None and (not path.exists() or path.read_bytes().count(b"\n") < rows):
        time.sleep(0.01)


@pytest.mark.slow
def test_killed_twice_and_gone_on_with_each_step_is_there_once(home):
    run, words = home / "run", [*LINE, f"hydra.run.dir={home / 'run'}", "logger=[csv,wandb,mlflow]"]
    for rows in (8, 23):
        process = gan_train(*words)
        wait_for(run, rows, process)
        os.kill(process.pid, signal.SIGKILL)
        process.communicate()
        words = [f"resume={run}"]
    process = gan_train(*words)
    out, _ = process.communicate()
    assert process.returncode == 0, out.decode()
    steps = [json.loads(line)["step"] for line in (run / "metrics.jsonl").read_text().splitlines()]
    assert steps == list(range(10, 401, 10))
    table = (run / "metrics.csv").read_text().splitlines()
    assert [int(line.split(",")[0]) for line in table[1:]] == steps

    from mlflow import MlflowClient

    client = MlflowClient(tracking_uri=f"sqlite:///{home / 'outputs' / 'mlflow.db'}")
    (found,) = client.search_runs([client.get_experiment_by_name("gan-cli").experiment_id])
    told = [point.step for point in client.get_metric_history(found.info.run_id, "loss/d")]
    assert found.info.status == "FINISHED" and len(told) == len(set(told)) >= len(steps) - 2  # a kill can cost a step

    files = sorted((run / "wandb").glob("offline-run-*/*.wandb"), key=lambda path: path.parent.name)
    assert len(files) == 3 and len({path.name for path in files}) == 1
    told = [row["_step"] for path in files for row in wandb_file.rows(path) if "loss/d" in row]
    assert told == sorted(set(told)) and told[-1] == 400
    assert len(told) >= len(steps) // 2, "W&B itself had not written the last 32 kB of each process that was killed"

"""A report of runs that gan-train made: nothing in it is what only our own made-up directories have."""

import csv
import json
import shlex
import subprocess
import sys

import pytest

LINE = (
    *("dataset=ring", "model=mlp", "model.width=8", "prior.dim=2", "train.steps=20", "train.batch_size=16"),
    *("train.log_every=5", "train.sample_every=10", "train.eval_every=10", "train.eval_samples=64", "device=cpu"),
)


@pytest.mark.slow
def test_a_sweep_with_a_job_that_cannot_train(tmp_path):
    command = [sys.executable, "-m", "gan_cli.cli.train", "-m", *LINE, "loss=hinge,wgan_gp", "seed=1,2"]
    command += ["optimizer.lr=1e-3,1e30", "hydra.sweep.dir=sweep"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr  # the jobs of a rate that no network survives
    jobs = json.loads((tmp_path / "sweep/sweep.json").read_text())["jobs"]
    failed = {job["directory"] for job in jobs if job["status"] == "failed"}
    assert 0 < len(failed) <= 4

    command = [sys.executable, "-m", "gan_cli.cli.report", "sweep", "--metric", "energy", "--metric", "samples/energy"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("8 runs of 4 configurations\n")
    runs = list(csv.DictReader((tmp_path / "report.csv").read_text().splitlines()))
    assert {run["run"] for run in runs if run["status"] == "failed"} == failed
    assert all(run["reason"] for run in runs if run["status"] == "failed")
    assert {run["configuration"] for run in runs} == {
        f"loss={loss}, lr={lr}" for loss in ("hinge", "wgan_gp") for lr in ("0.001", "1e+30")
    }
    for run in (run for run in runs if run["status"] == "finished"):
        log = (tmp_path / "sweep" / run["run"] / "metrics.jsonl").read_text().splitlines()
        last = json.loads(log[-1])
        assert float(run["eval/energy"]) == last["eval/energy"] and float(run["loss/d"]) == last["loss/d"]
        assert run["step"] == run["steps"] == "20"
    text = (tmp_path / "report.md").read_text()
    assert "2 of 2 did not finish" in text and "seed 1, Normal, dim 2, 64 samples; seed 2" in text


@pytest.mark.slow
def test_the_line_in_the_report_makes_the_run_again(tmp_path):
    first = [sys.executable, "-m", "gan_cli.cli.train", *LINE, "loss=hinge", "hydra.run.dir=outputs/first"]
    subprocess.run(first, cwd=tmp_path, capture_output=True, check=True)
    report = [sys.executable, "-m", "gan_cli.cli.report"]
    subprocess.run([*report, "outputs/latest", "--format", "csv"], cwd=tmp_path, capture_output=True, check=True)
    (run,) = csv.DictReader((tmp_path / "report.csv").read_text().splitlines())
    assert run["run"] == "first" and run["command"].startswith("gan-train dataset=ring ")
    again = [sys.executable, "-m", "gan_cli.cli.train", *shlex.split(run["command"])[1:], "hydra.run.dir=outputs/again"]
    subprocess.run(again, cwd=tmp_path, capture_output=True, check=True)
    one, other = ((tmp_path / f"outputs/{name}/metrics.jsonl").read_bytes() for name in ("first", "again"))
    assert one == other
    subprocess.run([*report, "outputs"], cwd=tmp_path, capture_output=True, check=True)
    assert "`again`" in (tmp_path / "report.md").read_text()
    told = "are of one configuration and seed 0, and have the same figures, to the bit"
    assert told in (tmp_path / "report.md").read_text()

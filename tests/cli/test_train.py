"""`gan-train` as a user types it: runs, resumes, sweeps, stops, refuses."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import yaml
from conftest import TINY

from gan_cli import checkpoint
from gan_cli.cli import train as command

FILES = {"config.yaml", "run.json", "status.json", "metrics.jsonl", "timing.jsonl"}


@pytest.fixture
def gan_train(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty working directory, in this process; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["gan-train", *arguments])
        monkeypatch.setattr(sys, "path", [*sys.path])
        try:
            command.main()
            code = 0
        except SystemExit as error:
            code = int(error.code or 0)
        out, err = capsys.readouterr()
        return code, out, err

    return call


def runs(root: Path = Path("outputs")) -> list[Path]:
    return sorted(path.parent for path in root.rglob("run.json") if not path.is_symlink())


def test_a_run_leaves_a_directory_that_says_all_about_it(gan_train):
    code, out, _ = gan_train(*TINY, "seed=3")
    (run,) = runs()
    assert code == 0
    assert {path.name for path in run.iterdir()} >= FILES
    assert len(list(run.glob("events.out.tfevents.*"))) == 2, "the run and its end"
    status = json.loads((run / "status.json").read_text())
    assert (status["status"], status["reason"], status["step"], status["steps"]) == ("finished", None, 6, 6)
    about = json.loads((run / "run.json").read_text())
    assert about["command"] == ["gan-train", *TINY, "seed=3"]
    assert about["choices"]["model"] == "mlp"
    assert about["seed"] == 3
    assert {"torch", "gan-cli", "python"} <= about["versions"].keys()
    assert yaml.safe_load((run / "config.yaml").read_text())["train"]["batch_size"] == 16
    assert [path.name for path in (run / "samples").iterdir()] == ["step-000000006.png"]
    assert {path.name for path in (run / "generator").iterdir()} == {
        "generator.json",
        "ema.safetensors",
        "raw.safetensors",
    }
    assert f"run          {run}" in out
    assert "tensorboard --logdir outputs" in out


def test_latest_shows_the_newest_run_and_hides_its_events_from_tensorboard(gan_train):
    gan_train(*TINY)
    gan_train(*TINY, "seed=1")
    older, newest = runs()
    latest = Path("outputs/latest")
    assert (latest / "run.json").resolve().parent == newest.resolve()
    assert (latest / "metrics.jsonl").read_bytes() == (newest / "metrics.jsonl").read_bytes()
    assert not list(latest.glob("events*"))
    assert older != newest


def test_two_equal_runs_have_equal_files(gan_train):
    gan_train(*TINY)
    gan_train(*TINY)
    a, b = runs()
    for name in ("metrics.jsonl", "config.yaml", "samples/step-000000006.png", "generator/ema.safetensors"):
        assert (a / name).read_bytes() == (b / name).read_bytes(), name


def test_resume_goes_on_to_the_bits_of_the_longer_run(gan_train):
    gan_train(*TINY, "train.steps=12")
    gan_train(*TINY)
    code, out, _ = gan_train("resume=outputs/latest", "train.steps=12")
    assert code == 0
    whole, grown = runs()
    assert f"run          {grown}" in out
    same = lambda name: (whole / "generator" / name).read_bytes() == (grown / "generator" / name).read_bytes()  # noqa: E731
    assert same("raw.safetensors")
    assert same("ema.safetensors")
    assert json.loads((grown / "status.json").read_text())["status"] == "finished"


def test_resume_refuses_what_would_make_another_run(gan_train):
    gan_train(*TINY)
    before = {path: path.read_bytes() for path in runs()[0].rglob("*") if path.is_file()}
    code, _, err = gan_train("resume=outputs/latest", "train.steps=9", "loss=hinge", "seed=4", "train.batch_size=32")
    assert code == 2
    assert "loss._target_: the run has 'gan_cli.losses.NonSaturating', this command says 'gan_cli.losses.Hinge'" in err
    assert "seed: the run has 0, this command says 4" in err
    assert "train.batch_size: the run has 16, this command says 32" in err
    assert "train.steps" not in err, "that one may change"
    assert {path: path.read_bytes() for path in runs()[0].rglob("*") if path.is_file()} == before


@pytest.mark.parametrize(
    ("arguments", "code", "line"),
    [
        (["resume=nowhere"], 5, "there is no directory 'nowhere'"),
        (["resume=."], 5, "'.' holds no run"),
        (["train.step=10"], 2, "did you mean 'steps'?"),
        (["seed=${nosuch}"], 2, "seed: Interpolation key 'nosuch' not found"),
        (["loss=nosuch"], 2, "Could not find 'loss/nosuch'"),
        (["loss=hinge,minimax"], 2, "--multirun"),
        (["dataset=folder", "dataset.path=nowhere"], 4, "nowhere"),
        (["seed==1"], 2, "seed==1"),
    ],
)
def test_a_mistake_has_a_message_an_exit_code_and_leaves_nothing(gan_train, arguments, code, line):
    found, _, err = gan_train(*arguments)
    assert found == code
    assert line in err
    assert "Traceback" not in err
    assert not [path for path in Path().rglob("*") if "outputs/2" in str(path) and not path.is_dir()]
    assert not runs()


def test_a_finished_run_is_not_run_again(gan_train):
    gan_train(*TINY)
    code, _, err = gan_train("resume=outputs/latest")
    assert code == 5
    assert "is finished at step 6 of 6; ask for more with train.steps=..." in err


def test_a_directory_that_holds_another_run_is_refused(gan_train):
    gan_train(*TINY, "hydra.run.dir=here")
    code, _, err = gan_train(*TINY, "hydra.run.dir=here")
    assert code == 6
    assert "here holds another run" in err


def test_a_dry_run_tells_sizes_and_writes_nothing(gan_train):
    code, out, _ = gan_train("dry_run=true", "model.base_channels=4", "dataset.size=8", "train.batch_size=64")
    assert code == 0
    for told in ("ConvTranspose2d", "64 x 4 x 4 x 4", "1,797 examples of 1 x 8 x 8", "parameters", "a step", "MiB"):
        assert told in out
    assert not Path("outputs").exists()


def test_a_sweep_trains_every_combination_and_a_bad_one_does_not_end_it(gan_train):
    code, out, err = gan_train(*TINY, "loss=minimax,hinge", "loss.real_label=1.0", "-m")
    assert code == 1, "the hinge loss has no labels"
    assert "loss.real_label: gan_cli.losses.Hinge has no such argument" in err
    (run,) = runs()
    assert run.name == "0_loss-minimax"
    assert "#1  " in out
    code, _, _ = gan_train(*TINY, "loss=minimax,hinge", "seed=0,1", "-m")
    assert code == 0
    assert len(runs()) == 5


def test_a_stored_config_is_plain_data_and_reads_no_environment(gan_train, monkeypatch):
    gan_train(*TINY)
    (run,) = runs()
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: ${oc.env:HOME}"))
    code, _, err = gan_train(f"resume={run}", "train.steps=8")
    assert code == 5
    assert "seed still has an interpolation" in err


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_step_saves_and_says_how_to_go_on(tmp_path, number, code):
    arguments = [*TINY, "train.steps=1000000", "train.checkpoint_every=1000000", "hydra.run.dir=outputs/a/run"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gan_cli.cli.train", *arguments],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "OMP_NUM_THREADS": "1"},
    )
    run = tmp_path / "outputs/a/run"
    deadline = time.monotonic() + 120
    while not (run / "metrics.jsonl").exists() or not (run / "metrics.jsonl").stat().st_size:
        assert time.monotonic() < deadline, "no step was logged"
        assert process.poll() is None, process.communicate()
        time.sleep(0.1)
    process.send_signal(number)
    _, err = process.communicate(timeout=60)
    assert process.returncode == code
    status = json.loads((run / "status.json").read_text())
    assert status["status"] == "stopped"
    assert "go on with: gan-train resume=outputs/a/run" in err
    assert "Traceback" not in err
    assert checkpoint.step_of(checkpoint.available(run / "checkpoints")[0]) == status["step"] > 0

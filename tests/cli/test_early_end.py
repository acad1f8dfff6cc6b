"""`train.patience` from the command line: a run that ends early is finished, says why, and is left as a whole."""

import json
from pathlib import Path

import pytest
from conftest import TINY, ended_with, once

from gan_cli.cli import evaluate, runs, sample

PATIENT = (*TINY, "dataset=ring", "train.steps=20", "train.eval_every=1", "train.eval_samples=50", "device=cpu")
PATIENT += ("train.keep_best=energy", "train.patience=2", "train.keep=1", "hydra.run.dir=run")


@pytest.fixture
def gan_train(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty working directory; the evaluation finds the best at step 3."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("gan_cli.loop.assess", lambda run: {"eval/energy": abs(run.step - 3.0)})

    def call(*arguments: str) -> tuple[int, str, str]:
        code = ended_with(monkeypatch, *once(*arguments))
        out, err = capsys.readouterr()
        return code, " ".join(out.split()), " ".join(err.split())

    return call


def test_a_run_out_of_patience_is_finished_and_says_why(gan_train, capsys):
    code, out, err = gan_train(*PATIENT)
    why = "energy was no better in 2 evaluations: the best, 0, was at step 3 (train.patience)"
    assert (code, err) == (0, "")
    assert f"ended early: {why}" in out and "finished 5 of 20 steps" in out
    status = json.loads(Path("run/status.json").read_text())
    assert (status["status"], status["reason"], status["step"], status["steps"]) == ("finished", why, 5, 20)
    assert json.loads(Path("run/generator/generator.json").read_text())["step"] == 5
    assert len([*Path("run").glob("*.end")]) == 1, "TensorBoard has it as a success"
    runs.main(["run"])
    assert "finished" in (listed := capsys.readouterr().out) and "no better in 2 evaluations" in listed
    sample.main(["run", "--checkpoint", "best", "-n", "3", "--npy", "--out", "drawn"])
    assert "of step 3 " in capsys.readouterr().out
    evaluate.main(["run", "--checkpoint", "best", "--metrics", "hq", "-n", "20", "--device", "cpu"])
    assert "run: step 3" in capsys.readouterr().out


def test_it_goes_on_with_more_patience_and_not_without(gan_train):
    assert gan_train(*PATIENT)[0] == 0
    code, _, err = gan_train("resume=run")
    assert code == 5
    assert "finished early at step 5, after 2 evaluations without a better energy" in err
    assert "larger train.patience=..., or train.patience=null" in err
    assert gan_train("resume=run", "train.patience=4")[0] == 0
    assert json.loads(Path("run/status.json").read_text())["step"] == 7
    code, out, _ = gan_train("resume=run", "train.patience=null")
    assert code == 0 and "finished 20 steps" in out and "early" not in out


def test_patience_that_nothing_counts_is_refused(gan_train):
    code, _, err = gan_train(*TINY, "train.patience=2")
    assert code == 2 and "patience=2 counts evaluations without a better keep_best" in err
    assert not Path("outputs").exists()
    code, _, err = gan_train(*TINY, "train.keep_best=cfd")
    assert code == 2 and "eval_every is null; set eval_every=500, say" in err
    code, _, err = gan_train(*TINY, "train.keep_best=cfd", "train.eval_every=2")
    assert code == 2 and "train.keep_best: this run logs no 'cfd'" in err and "eval/energy" in err

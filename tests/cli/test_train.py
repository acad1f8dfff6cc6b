"""`gan-train` as a user types it: runs, resumes, sweeps, stops, refuses."""

import json
import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from types import SimpleNamespace

import pytest
import yaml
from conftest import TINY, ended_with, once

from gan_cli import checkpoint
from gan_cli.cli import job
from gan_cli.cli.lock import locked
from gan_cli.logbook import Logbook
from gan_cli.penalties import R1

FILES = {"config.yaml", "run.json", "status.json", "metrics.jsonl", "timing.jsonl"}


@pytest.fixture
def gan_train(tmp_path, monkeypatch, capsys):
    """Runs the command in an empty working directory, in this process; returns exit code, output and errors."""
    monkeypatch.chdir(tmp_path)

    def call(*arguments: str) -> tuple[int, str, str]:
        code = ended_with(monkeypatch, *once(*arguments))
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
    assert {path.name for path in (run / "samples").iterdir()} == {"step-000000006.png", "optimum.png"}
    assert {path.name for path in (run / "generator").iterdir()} == {
        "generator.json",
        "ema.safetensors",
        "raw.safetensors",
    }
    assert f"run          {run}" in out
    assert "tensorboard --logdir outputs" in out


def test_a_run_says_where_its_own_choices_lie(gan_train):
    """Without the option the line would not make it again: there is no such loss."""
    place = Path("my conf/loss")
    place.mkdir(parents=True)
    (place / "mine.yaml").write_text("_target_: gan_cli.losses.Hinge\n")
    code, _, error = gan_train("--config-dir", "my conf", *TINY, "loss=mine")
    (run,) = runs()
    assert code == 0, error
    about = json.loads((run / "run.json").read_text())
    assert about["command"] == ["gan-train", *TINY, "loss=mine", "--config-dir", str(place.parent.absolute())]


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


def test_the_end_of_a_run_says_its_digest_and_what_checkpoints_cost(gan_train):
    outs = [gan_train(*TINY)[1] for _ in range(2)]
    digests = [next(line for line in out.splitlines() if line.startswith("final state sha256: ")) for out in outs]
    assert digests[0] == digests[1]
    assert len(digests[0].split()[-1]) == 64
    assert "% of it for checkpoints" in outs[0]


def test_a_figure_to_keep_the_best_of_must_be_one_that_is_logged(gan_train):
    code, _, err = gan_train(*TINY, "train.keep_best=theory/jss")
    assert (code, "train.keep_best: this run logs no 'theory/jss'; did you mean 'theory/js'?" in err) == (2, True)
    assert [*Path().iterdir()] == []


def test_a_run_does_not_begin_without_room_for_two_checkpoints(gan_train, monkeypatch):
    monkeypatch.setattr(checkpoint.shutil, "disk_usage", lambda _: SimpleNamespace(free=2_000_000))
    code, _, err = gan_train(*TINY)
    assert code == 5
    assert re.search(r"two checkpoints.* needs? 2\.1 MB, 2\.0 MB are free; nothing was overwritten", err)
    assert [*Path().iterdir()] == []


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
    said = "loss._target_: the run has 'gan_cli.losses.NonSaturating', this command says 'gan_cli.losses.Hinge'"
    assert said in " ".join(err.split())
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
        (["loss=nosuch"], 2, "loss: there is no choice 'nosuch'"),
        (["loss=hinge,minimax"], 2, "--multirun"),
        (["dataset=folder", "dataset.path=nowhere"], 4, "nowhere"),
        (["-m", "--cfg", "job"], 2, "-m --cfg: one of them at a time"),
        (["--resolve"], 2, "--resolve goes with --cfg"),
        (["seed==1"], 2, "seed==1"),
        (["resume=1"], 2, "resume: expected text or null; got 1"),
        (["resume=true", "~dry_run"], 2, "resume: expected text or null; got True"),
        (["resume=nowhere", "~dry_run", "~trust"], 5, "there is no directory 'nowhere'"),
        (["resume=.", "trust=2"], 2, "trust: expected true or false; got 2"),
        (["hydra.run.dir=/proc/x"], 5, "/proc/x: "),
        (["hydra.sweep.dir=/proc/x/y", "seed=0,1", "-m"], 5, "/proc/x: "),
        (["hydra.run.dir=outputs/latest"], 6, "outputs/latest shows the newest run"),
        (["--experimental-rerun", "some.pickle"], 2, "runs a pickle"),
        (["loss=nosuch,hinge", "-m"], 2, "loss: there is no choice 'nosuch'"),
        (["train.step=1,2", "-m"], 2, "did you mean 'steps'?"),
        (["loss=wgan,nosuch,hinge", "-m"], 2, "loss: there is no choice 'nosuch'"),
        (["retry=true"], 2, "retry: is for the jobs of a sweep; add --multirun (-m)"),
    ],
)
def test_a_mistake_has_a_message_an_exit_code_and_leaves_nothing(gan_train, arguments, code, line):
    found, _, err = gan_train(*arguments)
    assert found == code
    assert line in err
    assert "Traceback" not in err
    assert [*Path().iterdir()] == [], "not even a directory"


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
    data = "1,618 examples and 179 held out, each 1 x 8 x 8"
    for told in ("ConvTranspose2d", "64 x 4 x 4 x 4", data, "parameters", "a step", "MiB"):
        assert told in out
    assert not Path("outputs").exists()


def test_a_sweep_trains_every_combination(gan_train):
    code, out, _ = gan_train(*TINY, "loss=minimax,hinge", "seed=0,1", "-m")
    assert code == 0
    assert [run.name.split("_")[0] for run in runs()] == ["0", "1", "2", "3"]
    assert "#3  loss=hinge seed=1" in out


SICK = ("model=mlp", "model.width=8", "train.batch_size=16", "train.steps=6", "health.grace=0", "health.evaluations=2")
SICK += ("health.patience=1", "health.span=0", "train.sample_every=1", "train.checkpoint_every=100")


def test_a_run_that_an_alarm_ends_says_why_and_goes_on_when_asked_to(gan_train):
    code, out, err = gan_train(*SICK, "train.stop_on=[mode_collapse]")
    (run,) = runs()
    status = json.loads((run / "status.json").read_text())
    assert code == 3
    assert "alarm mode_collapse at step 2" in out
    assert err.startswith("stopped by alarm mode_collapse at step 2 (train.stop_on): the samples are far more alike")
    assert f"gan-train resume={run}" in err
    assert "Traceback" not in err
    assert (status["status"], status["step"]) == ("stopped", 2)
    assert status["reason"] == "alarm mode_collapse at step 2 (train.stop_on)"
    code, out, _ = gan_train(f"resume={run}")
    assert (code, out.count("alarm mode_collapse")) == (0, 0)
    status = json.loads((run / "status.json").read_text())
    assert (status["status"], status["step"], len(status["alarms"])) == ("finished", 6, 1)


def test_an_alarm_that_ends_one_job_of_a_sweep_leaves_the_others(gan_train):
    code, _, _ = gan_train(*SICK, "train.stop_on=[mode_collapse]", "health.grace=0,99", "-m")
    assert code == 1
    status = [json.loads((run / "status.json").read_text())["status"] for run in runs()]
    assert status == ["stopped", "finished"]


def test_who_watches_may_change_on_resume_and_judges_the_whole_run(gan_train):
    gan_train(*SICK, "train.stop_on=[mode_collapse]")
    (run,) = runs()
    assert gan_train(f"resume={run}", "health.grace=99", "train.stop_on=[]")[0] == 0
    assert json.loads((run / "status.json").read_text())["alarms"] == []


def test_a_run_that_diverges_says_which_part_it_was_and_keeps_a_good_checkpoint(gan_train):
    code, _, err = gan_train(*SICK, "optimizer=sgd", "optimizer.lr=1e30", "penalty=none", "train.steps=50")
    (run,) = runs()
    status = json.loads((run / "status.json").read_text())
    (alarm,) = status["alarms"]
    assert code == 3
    assert (status["status"], alarm["name"]) == ("failed", "not_finite")
    assert alarm["step"] == status["step"] + 1, "the step that was not done"
    assert "before the update of" in alarm["evidence"]
    assert "the last good checkpoint is of step 0" in alarm["evidence"]
    assert alarm["overrides"][0] == "optimizer.lr=1e+29"
    assert "Traceback" not in err
    state = checkpoint.load(checkpoint.available(run / "checkpoints")[0])
    assert all(weight.isfinite().all() for part in "GD" for weight in state[part].values())


def test_a_stored_config_is_plain_data_and_reads_no_environment(gan_train, monkeypatch):
    gan_train(*TINY)
    (run,) = runs()
    path = run / "config.yaml"
    path.write_text(path.read_text().replace("seed: 0", "seed: ${oc.env:HOME}"))
    code, _, err = gan_train(f"resume={run}", "train.steps=8")
    assert code == 5
    assert "seed still has an interpolation" in err


def test_a_run_of_a_version_that_knew_fewer_groups_is_told_as_such(gan_train):
    gan_train(*TINY)
    (run,) = runs()
    config = yaml.safe_load((run / "config.yaml").read_text())
    (run / "config.yaml").write_text(yaml.safe_dump({k: v for k, v in config.items() if k not in ("aids", "health")}))
    code, _, err = gan_train(f"resume={run}", "train.steps=8")
    assert code == 5
    assert "has no aids, health: another version of gan-cli made this run" in " ".join(err.split())
    assert "choose one" not in err, "no choice of the user's can help"


def test_an_exit_code_does_not_depend_on_hydras_own_setting(gan_train, monkeypatch):
    monkeypatch.setenv("HYDRA_FULL_ERROR", "0")
    assert gan_train("loss=nosuch")[0] == 2


@pytest.mark.parametrize(
    ("text", "line"), [("a: 1\n\tb: 2\n", "tab.yaml, line 2: found character"), ("a: 1\na: 2\n", "duplicate key")]
)
def test_yaml_of_ones_own_that_cannot_be_read_is_named(gan_train, text, line):
    Path("mine/loss").mkdir(parents=True)
    Path("mine/loss/tab.yaml").write_text(text)
    code, _, err = gan_train("--config-dir", "mine", "loss=tab")
    assert code == 2
    assert line in err
    assert "Traceback" not in err


def test_a_place_that_is_a_file_is_named(gan_train):
    Path("file").touch()
    code, _, err = gan_train(*TINY, "hydra.run.dir=file/x")
    assert (code, err.splitlines()[0]) == (5, "file/x: Not a directory")
    assert "hydra.run.dir=" in err


@pytest.mark.parametrize("name", ["config.yaml", "run.json"])
def test_a_directory_with_a_config_of_somebody_else_is_left_alone(gan_train, name):
    Path(name).write_text("mine")
    code, _, err = gan_train(*TINY, "hydra.run.dir=.")
    assert code == 6
    assert "holds another run" in err
    assert {path.name: path.read_text() for path in Path().iterdir()} == {name: "mine"}


@pytest.mark.parametrize("where", ["mine", "mine/deep/er", "../beside-{}/run"])
def test_only_directories_that_were_not_there_before_are_taken_away(gan_train, tmp_path, where):
    Path("mine").mkdir()
    code, _, _ = gan_train("train.step=1", f"hydra.run.dir={where.format(tmp_path.name)}")
    assert code == 2
    assert [*Path().rglob("*")] == [Path("mine")]
    assert not Path(f"../beside-{tmp_path.name}").exists()


def test_a_refused_or_dry_sweep_leaves_nothing(gan_train):
    assert gan_train(*TINY, "dry_run=true", "seed=0,1", "-m")[0] == 0
    assert gan_train(*TINY, "loss.foo=0,1", "-m")[0] == 2
    Path("old").mkdir()
    assert gan_train(*TINY, "loss.foo=0,1", "hydra.sweep.dir=old", "-m")[0] == 2
    assert [*Path().rglob("*")] == [Path("old")]


def test_a_longer_resume_is_remembered(gan_train):
    gan_train(*TINY)
    assert gan_train("resume=outputs/latest", "train.steps=12", "train.keep=3")[0] == 0
    (run,) = runs()
    stored = yaml.safe_load((run / "config.yaml").read_text())
    assert (stored["train"]["steps"], stored["train"]["keep"]) == (12, 3)
    assert not {"resume", "dry_run", "trust"} & stored.keys()
    about = json.loads((run / "run.json").read_text())
    assert about["command"] == ["gan-train", *TINY]
    (again,) = about["resumed"]
    assert again["command"] == ["gan-train", "resume=outputs/latest", "train.steps=12", "train.keep=3"]
    assert again["step"] == 6
    code, _, err = gan_train("resume=outputs/latest")
    assert code == 5
    assert "is finished at step 12 of 12" in err


def test_two_processes_do_not_train_one_run(gan_train):
    gan_train(*TINY)
    (run,) = runs()
    with locked(run):
        code, _, err = gan_train("resume=outputs/latest", "train.steps=8")
        assert (code, "is being trained by another process" in err) == (6, True)
    empty = Path("empty")
    empty.mkdir()
    with locked(empty):
        code, _, err = gan_train(*TINY, "hydra.run.dir=empty", "dataset=folder", "dataset.path=nowhere")
        assert code == 6, "before data are read"
    assert [*empty.iterdir()] == []
    assert gan_train("resume=outputs/latest", "train.steps=8")[0] == 0


def interrupted_at(monkeypatch, place: str) -> None:
    """Ctrl-C right before a function of the job is called, once."""
    original, sent = getattr(job, place), []

    def call(*arguments, **named):
        if not sent:
            sent.append(True)
            signal.raise_signal(signal.SIGINT)
        return original(*arguments, **named)

    monkeypatch.setattr(job, place, call)


@pytest.mark.parametrize("place", ["write_run", "draw_real"])
def test_ctrl_c_before_the_first_step_leaves_a_run_to_go_on_with(gan_train, monkeypatch, place):
    interrupted_at(monkeypatch, place)
    code, _, err = gan_train(*TINY)
    (run,) = runs()
    assert code == 130
    assert f"stopped after step 0; go on with: gan-train resume={run}" in err
    assert json.loads((run / "status.json").read_text())["status"] == "stopped"
    assert gan_train(f"resume={run}")[0] == 0


def test_ctrl_c_at_the_end_finishes_the_run(gan_train, monkeypatch):
    monkeypatch.setattr(job.export, "write", interrupting(job.export.write))
    code, out, err = gan_train(*TINY)
    (run,) = runs()
    assert code == 130
    assert "finished 6 steps" in out
    assert "this run was finished before" in err
    assert json.loads((run / "status.json").read_text())["status"] == "finished"


def interrupting(function):
    """The function, after a Ctrl-C."""

    def call(*arguments):
        signal.raise_signal(signal.SIGINT)
        return function(*arguments)

    return call


def test_a_run_that_was_killed_before_its_generator_was_written_can_be_finished(gan_train, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(job.export, "write", interrupting(interrupting(job.export.write)))
        assert gan_train(*TINY)[0] == 130
    (run,) = runs()
    status = json.loads((run / "status.json").read_text())
    assert (status["status"], status["reason"]) == ("stopped", "interrupted twice")
    assert not (run / "generator/raw.safetensors").exists()
    assert len(list(run.glob("events.out.tfevents.*"))) == 1, "TensorBoard is told of no end"
    code, out, err = gan_train("resume=outputs/latest")
    assert code == 0
    assert "nothing is left to train, only the generator to be written" in " ".join(err.split())
    assert "finished 6 steps" in out
    assert (run / "generator/raw.safetensors").exists()
    assert gan_train("resume=outputs/latest")[0] == 5


@pytest.mark.parametrize("harm", [b"", b"{", None])
def test_a_resume_mends_what_says_how_to_build_the_generator(gan_train, harm):
    gan_train(*TINY)
    about = runs()[0] / "generator/generator.json"
    whole = json.loads(about.read_text())
    about.unlink() if harm is None else about.write_bytes(harm)
    assert gan_train("resume=outputs/latest", "train.steps=9")[0] == 0
    assert json.loads(about.read_text()) == whole | {"step": 9}


def test_resume_tells_two_choices_of_one_class_apart(gan_train):
    gan_train(*TINY, "loss=wasserstein", "penalty=none")
    code, _, err = gan_train("resume=outputs/latest", "train.steps=8", "loss=wgan_gp")
    assert code == 2
    assert "loss: the run was made with loss=wasserstein, this command says loss=wgan_gp" in err
    assert gan_train("resume=outputs/latest", "train.steps=8", "loss=wasserstein")[0] == 0


def test_resume_takes_from_a_whole_group_no_key_that_was_not_typed(gan_train):
    gan_train(*TINY, "train.log_every=3")
    assert gan_train("resume=outputs/latest", "train=default", "train.batch_size=16", "train.steps=8")[0] == 0
    stored = yaml.safe_load(Path("outputs/latest/config.yaml").read_text())
    assert (stored["train"]["steps"], stored["train"]["log_every"]) == (8, 3)


def test_the_line_to_resume_a_sweeps_job_can_be_typed(gan_train):
    gan_train(*TINY, "loss=minimax,hinge", "model.generator.norm=batch,none", "-m")
    for run in runs():
        assert gan_train(f"resume={run}", "train.steps=8")[0] == 0
    odd = runs()[0].rename("odd (old) = run, 1")
    assert gan_train(f"resume={odd}", "train.steps=9")[0] == 0


@pytest.mark.parametrize(
    ("settings", "warned"),
    [
        (["train.lr_schedule=cosine"], True),
        (["penalty.gamma_final=0.5"], True),
        (["optimizer=sgd", "optimizer.lr=1e-3", "train.momentum_final=0.7"], True),
        (["train.lr_schedule=constant"], False),
    ],
)
def test_a_schedule_with_another_end_is_another_run_and_says_so(gan_train, settings, warned):
    gan_train(*TINY, *settings)
    _, _, err = gan_train("resume=outputs/latest", "train.steps=12")
    assert (f"{settings[-1]} led to an end at step 6 and now leads to 12" in " ".join(err.split())) == warned


def test_warnings_are_not_markup_and_no_output(gan_train):
    gan_train(*TINY, "hydra.run.dir='[/b]x'", "train.checkpoint_every=3")
    newest = checkpoint.available(Path("[/b]x/checkpoints"))[0]
    newest.write_bytes(b"torn")
    Path("[/b]x/status.json").write_text("")
    code, out, err = gan_train("resume=[/b]x")
    assert code == 0
    assert "[/b]x/checkpoints" in err
    assert "damaged" not in out


def test_a_stored_config_that_holds_itself_is_refused(gan_train):
    gan_train(*TINY)
    Path("outputs/latest/config.yaml").resolve().write_text("a: &a {b: *a}")
    code, _, err = gan_train("resume=outputs/latest")
    assert code == 5
    assert "line 1 has an anchor or alias" in " ".join(err.split())


def test_a_dry_run_times_a_lazy_penalty_with_its_share(gan_train, monkeypatch):
    called = []
    monkeypatch.setattr(R1, "__call__", lambda self, D, real, fake: called.append(1) or real.new_zeros(()))
    assert gan_train(*TINY, "penalty=r1", "penalty.every=4", "dry_run=true")[0] == 0
    assert len(called) == 2, "one while it warms up, one in the four steps that are timed"


def test_hparams_are_the_choices_the_seed_and_what_was_typed(gan_train, monkeypatch):
    seen = {}
    monkeypatch.setattr(Logbook, "open_session", lambda self, hparams, tags: seen.update(hparams))
    gan_train(*TINY, "optimizer.lr=1e-3")
    assert None not in seen.values()
    assert (seen["seed"], seen["model"], seen["model.width"], seen["optimizer.lr"]) == (0, "mlp", 8, 0.001)
    assert "train.epochs" not in seen


def test_training_goes_on_where_nobody_reads_the_screen(tmp_path):
    read, write = os.pipe()
    os.close(read)
    command = [sys.executable, "-m", "gan_cli.cli.train", *TINY, "seed=0,1", "-m"]
    environment = {**os.environ, "OMP_NUM_THREADS": "1"}
    done = subprocess.run(command, cwd=tmp_path, stdout=write, stderr=subprocess.PIPE, text=True, env=environment)
    os.close(write)
    assert (done.returncode, done.stderr) == (0, "")
    finished = [json.loads((run / "status.json").read_text())["status"] for run in runs(tmp_path / "outputs")]
    assert finished == ["finished"] * 2


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_a_signal_ends_the_step_saves_and_says_how_to_go_on(tmp_path, number, code):
    arguments = [*TINY, "train.steps=1000000", "train.checkpoint_every=1000000", "hydra.run.dir=outputs/a/run"]
    process = subprocess.Popen(
        [sys.executable, "-m", "gan_cli.cli.train", *once(*arguments)],
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

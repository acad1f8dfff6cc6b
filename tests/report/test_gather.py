"""Runs from their directories, whoever made these: what went well, what did not, why; the line to do it again."""

import fcntl
import json
import os
import shlex

import pytest
from report.made import make_run, scored

from gan_cli.report.gather import gather


def runs(*roots):
    found, older = gather([*roots], pytest.fail, most=100)
    assert older == 0
    return {run.name: run for run in found}


def write_sweep(directory, *jobs):
    filled = [
        {"number": i, "directory": None, "exit_code": None, "step": None, "steps": None, "seconds": None, "error": None}
        | {"status": "waiting", "overrides": []}
        | job
        for i, job in enumerate(jobs)
    ]
    (directory / "sweep.json").write_text(json.dumps({"command": [], "status": "failed", "pid": 1, "jobs": filled}))


def test_a_run_says_all_about_itself(tmp_path):
    alarm = {"name": "mode_collapse", "step": 10, "saw": "all alike", "evidence": "0.01"}
    path = make_run(tmp_path / "a", seed=7, rows=scored("loss/d", 1.0, 2.0, 3.0), grids=[10, 20], alarms=[alarm])
    (path / "samples" / "real.png").write_bytes(b"")
    (run,) = runs(tmp_path).values()
    assert (run.name, run.path, run.status, run.reason) == ("a", path, "finished", None)
    assert (run.seed, run.step, run.steps, run.seconds, run.images_per_second) == (7, 30, 20, 2.0, 100.0)
    assert run.config["optimizer.generator.lr"] == 0.001 and run.config["seed"] == 7
    assert [(a.name, a.step, a.words) for a in run.alarms] == [("mode_collapse", 10, "all alike: 0.01")]
    assert run.grids == [(10, path / "samples/step-000000010.png"), (20, path / "samples/step-000000020.png")]
    assert run.real == path / "samples/real.png"
    assert run.command == "gan-train loss=nonsaturating optimizer.lr=0.001 seed=7"
    assert run.resume_command is None and run.log is None


def test_the_command_says_the_seed_that_nobody_chose_and_quotes_the_rest(tmp_path):
    make_run(tmp_path / "a", seed=0, overrides=["loss=hinge", "dataset.path='a b; rm -rf $HOME'"])
    (run,) = runs(tmp_path).values()
    assert shlex.split(run.command) == ["gan-train", "loss=hinge", "dataset.path='a b; rm -rf $HOME'", "seed=0"]


def test_a_run_that_stopped_says_how_to_go_on(tmp_path, monkeypatch):
    make_run(tmp_path / "a b", status="stopped", reason="signal")
    monkeypatch.chdir(tmp_path)
    (run,) = runs(tmp_path).values()
    assert (run.status, run.reason, run.resume_command) == ("stopped", "signal", "gan-train resume='a b'")


def test_a_run_whose_process_is_gone_is_lost(tmp_path):
    path = make_run(tmp_path / "a", status="running", pid=2**22 + 1)
    (path / ".lock").write_text("")
    (run,) = runs(tmp_path).values()
    assert run.status == "lost" and "process is gone" in run.reason and run.resume_command
    with (path / ".lock").open() as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        assert runs(tmp_path)["a"].status == "running"


def test_names_are_the_paths_without_what_all_have_in_front(tmp_path):
    for place in ("x/sweep/0_a", "x/sweep/1_b", "x/other"):
        make_run(tmp_path / place)
    assert {*runs(tmp_path)} == {"sweep/0_a", "sweep/1_b", "other"}
    assert {*runs(tmp_path / "x/sweep", tmp_path / "x/other")} == {"sweep/0_a", "sweep/1_b", "other"}


def test_a_run_that_is_given_twice_is_there_once(tmp_path):
    make_run(tmp_path / "a")
    make_run(tmp_path / "b")
    (tmp_path / "link").symlink_to(tmp_path / "a")
    assert {*runs(tmp_path, tmp_path / "a", tmp_path / "link")} == {"a", "b"}


def test_the_newest_are_read_and_the_others_counted(tmp_path):
    for day in (1, 2, 3):
        path = make_run(tmp_path / f"{day}_a", seed=day)
        about = json.loads((path / "run.json").read_text())
        (path / "run.json").write_text(json.dumps(about | {"created": f"2026-01-0{day}T00:00:00+0000"}))
    write_sweep(tmp_path, *({"directory": f"{day}_a", "status": "finished"} for day in (1, 2, 3)), {"status": "failed"})
    found, older = gather([tmp_path], pytest.fail, most=2)
    assert ([run.name for run in found], older) == (["2_a", "3_a", "job 3"], 1)


def test_jobs_are_in_the_order_of_their_numbers(tmp_path):
    for number in (10, 9, 0):
        make_run(tmp_path / f"{number}_x")
    assert [*runs(tmp_path)] == ["0_x", "9_x", "10_x"]


def test_a_job_without_a_directory_is_a_run_that_failed(tmp_path):
    make_run(tmp_path / "0_a")
    write_sweep(
        tmp_path,
        {"directory": "0_a", "status": "finished", "exit_code": 0},
        {"status": "failed", "overrides": ["loss=hinge", "seed=3"], "error": "model: no such width", "exit_code": 2},
        {"directory": "2_c", "status": "waiting", "overrides": ["seed=4"]},
    )
    found = runs(tmp_path)
    assert {*found} == {"0_a", "job 1", "2_c"}
    job = found["job 1"]
    assert (job.path, job.status, job.reason, job.seed) == (None, "failed", "model: no such width", 3)
    assert job.command == "gan-train loss=hinge seed=3"
    assert (found["2_c"].status, found["0_a"].status) == ("waiting", "finished")


def test_the_sweep_knows_why_a_run_ended_that_does_not_know_it_itself(tmp_path):
    (make_run(tmp_path / "0_a", status="running", pid=2**22 + 1) / ".lock").write_text("")
    (tmp_path / "0_a" / "output.log").write_text("what it said\n")
    write_sweep(tmp_path, {"directory": "0_a", "status": "failed", "error": "killed by signal 9"})
    (run,) = runs(tmp_path).values()
    assert (run.status, run.reason, run.log) == ("lost", "killed by signal 9", tmp_path / "0_a/output.log")


def test_a_sweep_cannot_lead_out_of_its_directory(tmp_path):
    write_sweep(tmp_path, {"directory": "../../etc", "status": "failed"}, {"directory": "/etc", "status": "failed"})
    assert runs(tmp_path) == {}


@pytest.mark.parametrize(
    "content", ["", "[]", "{}", '{"jobs": 3}', '{"jobs": [3, null, {"overrides": 5}]}', "{" * 10_000], ids=range(6)
)
def test_a_damaged_record_of_a_sweep_harms_nothing(tmp_path, content):
    make_run(tmp_path / "0_a")
    (tmp_path / "sweep.json").write_text(content)
    assert "0_a" in runs(tmp_path)


def test_damaged_runs_are_told_and_the_others_are_there(tmp_path):
    for name in ("good", "no config", "bomb", "pipe", "link", "torn", "empty"):
        make_run(tmp_path / name, rows=scored("loss/d", 1.0))
    (tmp_path / "no config/config.yaml").unlink()
    (tmp_path / "bomb/config.yaml").write_text("a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n")
    (tmp_path / "pipe/config.yaml").unlink()
    os.mkfifo(tmp_path / "pipe/config.yaml")
    (tmp_path / "link/config.yaml").unlink()
    (tmp_path / "link/config.yaml").symlink_to("/etc/passwd")
    (tmp_path / "torn/run.json").write_text('{"overrides": ["loss=')
    (tmp_path / "empty/config.yaml").write_text("")
    found = runs(tmp_path)
    assert found["good"].config and found["good"].status == "finished"
    for name in ("no config", "bomb", "pipe", "link", "empty"):
        assert not found[name].config and "config.yaml" in found[name].reason, name
    assert found["torn"].status == "unreadable" and "run.json" in found["torn"].reason


def test_a_seed_inside_a_text_is_not_the_run_s(tmp_path):
    path = make_run(tmp_path / "a", seed=5)
    text = (path / "config.yaml").read_text()
    (path / "config.yaml").write_text(f'title: "one\n\nseed: 9\n"\n{text}')
    (run,) = runs(tmp_path).values()
    assert run.seed == 5


def test_runs_of_one_text_but_for_the_seed_are_told_apart(tmp_path):
    for seed in (0, 1, 12345678901234567):
        make_run(tmp_path / f"s{seed}", seed=seed)
    assert [run.config["seed"] for run in runs(tmp_path).values()] == [0, 1, 12345678901234567]


def test_pictures_are_files_with_the_names_that_gan_train_gives(tmp_path):
    path = make_run(tmp_path / "a", grids=[20])
    (path / "samples/step-000000010.png").symlink_to("/etc/passwd")
    (path / "samples/step-9999999999999999999999.png").write_bytes(b"")
    (path / "samples/step-30.png.html").write_bytes(b"")
    (path / "samples/real.png").mkdir()
    (run,) = runs(tmp_path).values()
    assert ([step for step, _ in run.grids], run.real) == ([20], None)


def test_z_is_the_same_for_one_seed_and_prior(tmp_path):
    for name, settings in {"a": {}, "b": {"loss": "hinge", "lr": 1.0}, "c": {"seed": 1}}.items():
        make_run(tmp_path / name, **settings)
    other = make_run(tmp_path / "d")
    (other / "config.yaml").write_text((other / "config.yaml").read_text().replace("dim: 100", "dim: 64"))
    found = runs(tmp_path)
    assert found["a"].z == found["b"].z == "seed 0, Normal, dim 100, 64 samples"
    assert len({found[name].z for name in "acd"}) == 3


def test_the_command_names_the_choices_that_are_not_ours(tmp_path):
    run = make_run(tmp_path / "a", overrides=["loss=mine"])
    about = json.loads((run / "run.json").read_text())
    about["command"] = ["gan-train", "loss=mine", "--config-dir", "/my conf"]
    (run / "run.json").write_text(json.dumps(about))
    make_run(tmp_path / "b", overrides=["--config-dir=/tmp/evil", "loss=mine"])  # nothing that gan-train wrote
    mine, planted = runs(tmp_path).values()
    assert (mine.command, planted.command) == ("gan-train loss=mine seed=0 --config-dir '/my conf'", None)

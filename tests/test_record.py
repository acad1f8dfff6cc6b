"""What a run directory says about its run, and where `outputs/latest` leads."""

import json
import os
import subprocess
from pathlib import Path

import pytest

from gan_cli import files, paths, reading
from gan_cli.errors import RunError
from gan_cli.record import Status, add_resume, git_state, write_run
from gan_cli.resume import is_finished


def test_seconds_add_up_over_the_processes_of_a_run(tmp_path):
    Status(tmp_path, steps=10).write("running", 3)
    content = json.loads((tmp_path / "status.json").read_text())
    content["seconds"] = 100.0
    (tmp_path / "status.json").write_text(json.dumps(content))
    assert 100 <= Status(tmp_path, steps=10).seconds < 101
    assert (content["status"], content["step"], content["steps"]) == ("running", 3, 10)


@pytest.mark.parametrize("text", ["", "{", "[1]", '{"seconds": "long"}', "\x00\x00"])
def test_a_damaged_status_says_nothing_and_keeps_nobody_from_going_on(tmp_path, text):
    (tmp_path / "status.json").write_text(text)
    assert not is_finished(tmp_path)
    assert Status(tmp_path, steps=10).seconds < 1
    Status(tmp_path, steps=10).write("finished", 10)
    assert is_finished(tmp_path)


def test_run_json_tells_every_resume(tmp_path):
    write_run(tmp_path, {"command": ["gan-train"]})
    for step in (3, 5):
        add_resume(tmp_path, ["gan-train", f"train.steps={step + 2}"], step)
    about = json.loads((tmp_path / "run.json").read_text())
    assert about["command"] == ["gan-train"]
    resumes = [(one["command"][1], one["step"]) for one in about["resumed"]]
    assert resumes == [("train.steps=5", 3), ("train.steps=7", 5)]
    assert {"time", "versions", "git"} < about["resumed"][0].keys()
    (tmp_path / "run.json").write_text("{")
    add_resume(tmp_path, ["gan-train"], 7)
    assert len(json.loads((tmp_path / "run.json").read_text())["resumed"]) == 1


def test_a_file_is_on_the_disk_before_it_has_its_name(tmp_path, monkeypatch):
    done = []
    monkeypatch.setattr("os.fsync", lambda handle: done.append("synced"))
    replace = os.replace
    monkeypatch.setattr("os.replace", lambda *names: done.append("named") or replace(*names))
    files.write_text(tmp_path / "a", "b")
    assert done == ["synced", "named"]


def test_the_git_state_names_the_commit_and_whether_it_is_clean(tmp_path):
    assert git_state(tmp_path) is None
    git = ["git", "-C", str(tmp_path), "-c", "user.name=a", "-c", "user.email=a@b.invalid"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "one"], check=True)
    state = git_state(tmp_path)
    assert len(state["commit"]) == 40
    assert state["dirty"] is False
    (tmp_path / "new").touch()
    assert git_state(tmp_path)["dirty"] is True


def test_run_json_keeps_what_the_command_says(tmp_path):
    write_run(tmp_path, {"command": ["gan-train", "seed=1"]})
    content = json.loads((tmp_path / "run.json").read_text())
    assert content["command"] == ["gan-train", "seed=1"]
    assert {"created", "versions", "git"} < content.keys()


def test_json_is_read_or_refused(tmp_path):
    path = tmp_path / "a.json"
    files.write_json(path, {"a": "ü"})
    assert reading.read_json(path) == {"a": "ü"}
    assert [p.name for p in tmp_path.iterdir()] == ["a.json"], "nothing is left beside it"
    for text, message in {"{": "is not JSON", "[1]": "expected an object, found a list"}.items():
        path.write_text(text)
        with pytest.raises(RunError, match=message):
            reading.read_json(path)
    with pytest.raises(RunError, match="cannot be read"):
        reading.read_json(tmp_path / "none.json")
    with pytest.raises(RunError, match="cannot be written"):
        files.write_json(tmp_path / "none" / "a.json", {})


def test_latest_follows_the_newest_run_and_no_run_elsewhere(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    for name in ("outputs/a/one", "outputs/a/two", "elsewhere/three"):
        (tmp_path / name).mkdir(parents=True)
        (tmp_path / name / "run.json").write_text(name)
    for name in ("outputs/a/one", "outputs/a/two"):
        latest = paths.point_latest(tmp_path / name)
        assert latest == tmp_path / "outputs/latest"
        assert paths.real_run(latest) == (tmp_path / name).resolve()
    assert paths.point_latest(tmp_path / "elsewhere/three") is None
    assert paths.real_run(latest) == (tmp_path / "outputs/a/two").resolve()
    assert paths.real_run(tmp_path / "elsewhere/three") == (tmp_path / "elsewhere/three").resolve()
    assert {path.name for path in latest.iterdir()} == set(paths._SHOWN), "nothing unfinished is left"


def test_latest_follows_a_run_behind_the_users_own_link_and_nobody_elses(tmp_path, monkeypatch):
    (tmp_path / "scratch/one").mkdir(parents=True)
    (tmp_path / "scratch/one/run.json").write_text("{}")
    (tmp_path / "here/outputs").mkdir(parents=True)
    (tmp_path / "here/outputs/far").symlink_to(tmp_path / "scratch")
    monkeypatch.chdir(tmp_path / "here")
    latest = paths.point_latest(Path("outputs/far/one"))
    assert latest is not None
    assert paths.real_run(latest) == paths.real_run(Path("outputs/latest")) == (tmp_path / "scratch/one").resolve()
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RunError, match="is a link that gan-train did not make"):
        paths.real_run(latest)  # here it may be somebody else's
    monkeypatch.chdir(tmp_path / "here")
    for target in (tmp_path / "scratch/one/run.json", "../../../scratch/one/run.json", "run.json"):
        (latest / "run.json").unlink()
        (latest / "run.json").symlink_to(target)
        with pytest.raises(RunError, match="is a link that gan-train did not make"):
            paths.real_run(latest)

"""gan-runs --delete: what was named goes, after a question, and nothing else ever does."""

import errno
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from cli.planted import put

from gan_cli.cli import runs_delete
from gan_cli.cli.lock import locked
from gan_cli.cli.runs import main
from gan_cli.paths import point_latest


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch):
    """The working directory, with what has to be there afterwards too: runs, a file, a directory outside."""
    home = tmp_path / "home"
    put(home / "outputs" / "a", 1)
    put(home / "outputs" / "b", 2)
    (home / "notes.txt").write_text("mine")
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "precious.txt").write_text("precious")
    monkeypatch.chdir(home)
    return home


def tree(root: Path) -> list[str]:
    return sorted(str(path.relative_to(root)) for path in root.rglob("*"))


def refused(capsys, *arguments: str) -> tuple[int, str]:
    """That a call changes nothing; its exit code and message."""
    before = tree(Path().absolute().parent)
    with pytest.raises(SystemExit) as end:
        main(["--delete", *map(str, arguments)])
    assert tree(Path().absolute().parent) == before
    error = capsys.readouterr().err
    assert len(error.splitlines()) <= 24 and max(map(len, error.splitlines())) <= 100
    return end.value.code, " ".join(error.split())


def answering(monkeypatch, answer: str) -> list[str]:
    """A terminal with somebody at it; returns the questions."""
    asked: list[str] = []
    monkeypatch.setattr(sys.stdin, "isatty", lambda: True, raising=False)
    monkeypatch.setattr("builtins.input", lambda question: asked.append(question) or answer)
    return asked


def test_a_run_goes_and_nothing_else_does(here, capsys):
    before = tree(here.parent)
    size = sum(path.stat().st_size for path in Path("outputs/a").iterdir())
    main(["--delete", "outputs/a", "--yes"])
    gone = {name for name in before if name == "home/outputs/a" or name.startswith("home/outputs/a/")}
    assert tree(here.parent) == sorted(set(before) - gone)
    told = f"{size} bytes"
    assert capsys.readouterr().out == (
        f"outputs/a: finished, step 1,000/2,000, {told} in 3 files\ndeleted: {told}\n"
    )


@pytest.mark.parametrize("answer", ["y", "YES "])
def test_on_a_terminal_it_asks_what_it_is_about_to_do(monkeypatch, capsys, answer):
    asked = answering(monkeypatch, answer)
    main(["--delete", "outputs/a", "outputs/b"])
    assert len(asked) == 1 and asked[0].startswith("delete these 2 runs, ") and asked[0].endswith(" for good? [y/N] ")
    assert tree(Path("outputs")) == []


@pytest.mark.parametrize("answer", ["", "n", "no", "yeah", "q"])
def test_anything_but_yes_is_no(monkeypatch, capsys, answer):
    answering(monkeypatch, answer)
    before = tree(Path())
    main(["--delete", "outputs/a"])
    assert tree(Path()) == before
    assert capsys.readouterr().out.endswith("nothing was deleted\n")


def test_without_a_terminal_it_takes_a_yes(capsys):
    message = "--delete: there is no terminal to ask on; with --yes it goes without a question"
    assert refused(capsys, "outputs/a") == (2, message)


def test_what_gan_train_did_not_write_is_named_before(capsys):
    for name in ("thesis.tex", "src"):
        (Path("outputs/a") / name).touch()
    main(["--delete", "outputs/a", "--yes"])
    assert "in 5 files; not of gan-train: src, thesis.tex\n" in capsys.readouterr().out


def test_what_loggers_write_is_of_gan_train(capsys):
    for name in ("metrics.csv", "trackers", "wandb", "profile.json.gz"):
        (Path("outputs/a") / name).touch()
    main(["--delete", "outputs/a", "--yes"])
    assert "not of gan-train" not in capsys.readouterr().out


def test_a_run_that_is_on_stays(capsys):
    with locked(Path("outputs/a")):
        code, error = refused(capsys, "outputs/b", "outputs/a", "--yes")
    assert code == 6 and error.startswith("--delete: outputs/a is running; stop it first")
    put(Path("outputs/c"), status="running", pid=os.getpid(), host="another")
    assert refused(capsys, "outputs/c", "--yes")[0] == 6


def test_a_run_that_begins_while_the_question_is_open_stays(monkeypatch, capsys):
    with locked(Path("outputs/a")) as _:
        monkeypatch.setattr(runs_delete, "is_held", lambda _: False)
        code, error = refused(capsys, "outputs/a", "--yes")
    assert code == 6 and "is being trained by another process" in error


def test_a_lost_run_goes(capsys):
    put(Path("outputs/c"), status="running")
    Path("outputs/c/.lock").touch()
    main(["--delete", "outputs/c", "--yes"])
    assert not Path("outputs/c").exists()


def test_saying_no_leaves_a_lost_run_its_lock(monkeypatch):
    """By which it is known to be lost."""
    answering(monkeypatch, "n")
    put(Path("outputs/c"), status="running")
    Path("outputs/c/.lock").touch()
    main(["--delete", "outputs/c"])
    assert Path("outputs/c/.lock").exists()


@pytest.mark.parametrize(
    ("make", "path", "message"),
    [
        ("true", "outputs/nosuch", "--delete: there is no directory 'outputs/nosuch'; gan-runs lists the runs"),
        ("true", "notes.txt", "--delete: notes.txt is a file; give the directory of the run itself"),
        ("true", "outputs", "--delete: outputs holds no run (no run.json); gan-runs lists the runs"),
        ("true", ".", "--delete: . is not inside the working directory, or lies behind a link"),
        ("true", "..", "--delete: .. is not inside the working directory"),
        ("cp -r outputs/a ../outside/a", "../outside/a", "--delete: ../outside/a is not inside the working directory"),
        ("ln -s outputs/a link", "link", "--delete: link is a link; give the directory of the run itself"),
        ("cp -r outputs/a ../outside/a; ln -s ../outside o", "o/a", "--delete: o/a is not inside the working"),
        ("cp outputs/a/run.json .", "outputs/..", "--delete: outputs/.. is not inside the working directory"),
        ("cp outputs/a/*.json outputs", "outputs", "--delete: outputs holds other runs: a, b; delete those first"),
        ("cp -r outputs/a outputs/b/x", "outputs/b", "--delete: outputs/b holds other runs: x; delete those first"),
        ("rm outputs/a/*.json", "outputs/a", "--delete: outputs/a holds no run (no run.json)"),
        ("cd outputs/a; rm *.json; mkdir run.json status.json", "outputs/a", "--delete: outputs/a holds no run"),
        ("mkdir s; ln -s ../outputs/a/run.json s/run.json", "s", "--delete: s shows a run that lies elsewhere"),
        ("mkdir s; echo {} > s/sweep.json; cp -r outputs/a s/0", "s", "--delete: s is a sweep of 1 runs; with --sweep"),
    ],
)  # fmt: skip
def test_what_is_no_run_inside_the_working_directory_is_refused(capsys, make, path, message):
    subprocess.run(["sh", "-c", make], check=True)
    code, error = refused(capsys, "outputs/b" if path != "outputs/b" else "outputs/a", path, "--yes")
    assert code == 5
    assert error.startswith(message), error


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "--delete: name the directories of runs"),
        (["outputs/a", "-n", "3"], "--delete takes directories of runs, and no --where"),
        (["outputs/a", "--where", "loss=hinge"], "--delete takes directories of runs, and no --where"),
    ],
)
def test_a_line_that_says_too_little_or_too_much_is_refused(capsys, arguments, message):
    code, error = refused(capsys, *arguments, "--yes")
    assert code == 2 and error.startswith(message)


def test_a_run_named_twice_is_a_slip(capsys):
    assert refused(capsys, "outputs/a", "outputs/../outputs/a", "--yes")[0] == 5


@pytest.fixture
def sweep(here):
    place = here / "outputs" / "sweeps" / "s"
    for number in range(3):
        put(place / str(number), number)
    (place / "sweep.json").write_text("{}")
    return place


def test_a_sweep_goes_with_all_of_its_runs_if_that_is_asked_for(sweep, capsys):
    main(["--delete", "outputs/sweeps/s", "--sweep", "--yes"])
    assert capsys.readouterr().out.startswith("outputs/sweeps/s: a sweep of 3 runs, ")
    assert tree(sweep.parent) == []
    assert tree(Path("outputs"))[0] == "a"


def test_what_lies_beside_the_runs_of_a_sweep_is_named_before(sweep, capsys):
    for name in ("multirun.yaml", "search.png", "optuna.log", "3_loss-hinge", ".submitit", "thesis", "data.csv"):
        (sweep / name).mkdir()
    main(["--delete", "outputs/sweeps/s", "--sweep", "--yes"])
    assert capsys.readouterr().out.splitlines()[0].endswith("; not of gan-train: data.csv, thesis")


def test_a_sweep_one_run_of_which_is_on_stays_whole(sweep, capsys):
    with locked(sweep / "2"):
        assert refused(capsys, "outputs/sweeps/s", "--sweep", "--yes")[0] == 6
    with locked(sweep):
        assert refused(capsys, "outputs/sweeps/s", "--sweep", "--yes")[0] == 6


def test_one_run_of_a_sweep_goes_alone(sweep):
    main(["--delete", "outputs/sweeps/s/1", "--yes"])
    assert [path.name for path in sorted(sweep.iterdir())] == ["0", "2", "sweep.json"]


def test_links_in_a_run_go_and_what_they_lead_to_stays(here):
    Path("outputs/a/samples").symlink_to(here.parent / "outside")
    Path("outputs/a/precious").symlink_to(here.parent / "outside" / "precious.txt")
    main(["--delete", "outputs/a", "--yes"])
    assert (here.parent / "outside" / "precious.txt").read_text() == "precious"
    assert not Path("outputs/a").exists()


@pytest.mark.parametrize("swap", ["the run", "the directory above"])
def test_what_took_the_place_of_a_run_while_the_question_was_open_stays(here, monkeypatch, capsys, swap):
    """Somebody else may write there."""
    shutil.copytree("outputs/a", here.parent / "outside" / "a")

    def swapped(runs: int, total: str) -> bool:
        if swap == "the run":
            os.rename("outputs/a", "outputs/old")
            os.symlink(here.parent / "outside" / "a", "outputs/a")
        else:
            os.rename("outputs", "old")
            os.symlink(here.parent / "outside", "outputs")
        return True

    monkeypatch.setattr(runs_delete, "_agreed", swapped)
    with pytest.raises(SystemExit) as end:
        main(["--delete", "outputs/a"])
    assert end.value.code == 5
    assert tree(here.parent / "outside") == ["a", "a/metrics.jsonl", "a/run.json", "a/status.json", "precious.txt"]
    assert sorted(os.listdir("old/a" if swap != "the run" else "outputs/old")) == [
        "metrics.jsonl", "run.json", "status.json",
    ]  # fmt: skip


def test_a_deletion_that_is_killed_leaves_no_half_run_and_the_next_one_clears_up(here):
    for number in range(200):
        Path(f"outputs/a/{number}").touch()
    code = "import os, sys, shutil; from gan_cli.cli import runs_delete; "
    code += "runs_delete.shutil.rmtree = lambda *a, **k: os.kill(os.getpid(), 9); "
    code += "from gan_cli.cli.runs import main; main(['--delete', 'outputs/a', '--yes'])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == -signal.SIGKILL, done.stderr
    (left,) = (path for path in Path("outputs").iterdir() if path.name != "b")
    assert left.name.startswith(".gan-runs-deleted-a-") and len(os.listdir(left)) == 204, "hidden, and whole"
    main(["--delete", "outputs/b", "--yes"])
    assert tree(Path("outputs")) == []


def test_the_leftover_of_a_deletion_that_is_on_is_its_own(here):
    mine = Path(f"outputs/.gan-runs-deleted-x-{os.getpid()}")
    mine.mkdir()
    main(["--delete", "outputs/b", "--yes"])
    assert mine.is_dir()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may remove anything")
def test_what_may_not_be_removed_is_an_error_and_stays_whole(capsys):
    Path("outputs").chmod(0o500)
    try:
        code, error = refused(capsys, "outputs/a", "--yes")
    finally:
        Path("outputs").chmod(0o700)
    assert (code, error) == (5, "--delete: outputs/a cannot be removed: Permission denied")


def test_what_the_system_refuses_is_told(monkeypatch, capsys):
    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(runs_delete.os, "rename", refuse)
        code, error = refused(capsys, "outputs/a", "--yes")
    assert (code, error) == (5, "--delete: outputs/a cannot be removed: Permission denied")
    with monkeypatch.context() as patch, pytest.raises(SystemExit) as end:
        patch.setattr(runs_delete.shutil, "rmtree", refuse)
        main(["--delete", "outputs/a", "--yes"])
    assert end.value.code == 5
    left = f".gan-runs-deleted-a-{os.getpid()}"
    assert f"; what is left is in {left}" in " ".join(capsys.readouterr().err.split())
    assert sorted(os.listdir("outputs")) == [left, "b"]


def test_the_directory_that_shows_the_newest_run_shows_the_newest_one_that_is_left(capsys):
    point_latest(Path("outputs/b"))
    assert refused(capsys, "outputs/latest", "--yes")[0] == 5
    main(["--delete", "outputs/b", "--yes"])
    assert Path("outputs/latest/run.json").resolve() == Path("outputs/a/run.json").resolve()
    main(["--delete", "outputs/a", "--yes"])
    assert tree(Path("outputs")) == []


def test_a_directory_that_shows_another_run_is_left_alone(capsys):
    point_latest(Path("outputs/b"))
    before = {path.name: os.readlink(path) for path in Path("outputs/latest").iterdir()}
    main(["--delete", "outputs/a", "--yes"])
    assert {path.name: os.readlink(path) for path in Path("outputs/latest").iterdir()} == before


def test_a_status_that_lies_about_a_terminal_is_escaped(capsys):
    status = json.loads(Path("outputs/a/status.json").read_text())
    Path("outputs/a/status.json").write_text(json.dumps(status | {"status": "\x1b[2J"}))
    Path("outputs/a/\x1b[31mx").touch()
    main(["--delete", "outputs/a", "--yes"])
    out = capsys.readouterr().out
    assert "\x1b" not in out and out.startswith("outputs/a: unreadable, ")


def test_the_command_itself_on_a_terminal(here):
    """Through a pseudo-terminal, as a person would."""
    pty = pytest.importorskip("pty")
    pid, terminal = pty.fork()
    if pid == 0:
        os.execv(sys.executable, [sys.executable, "-m", "gan_cli.cli.runs", "--delete", "outputs/a"])
    said = b""
    until = time.monotonic() + 60
    while b"[y/N] " not in said and time.monotonic() < until:
        said += os.read(terminal, 4096)
    os.write(terminal, b"y\n")
    while b"deleted: " not in said and time.monotonic() < until:
        said += os.read(terminal, 4096)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    os.close(terminal)
    assert not Path("outputs/a").exists()

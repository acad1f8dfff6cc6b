"""gan-runs: what lies on the disk is what is listed, and no file can break the list."""

import errno
import io
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path

import pytest
from cli.planted import CHOICES, FIGURES, put
from rich.console import Console

from gan_cli import liveness
from gan_cli.cli.lock import locked
from gan_cli.cli.runs import main
from gan_cli.cli.runs_keys import paths_shown
from gan_cli.cli.runs_table import drawn
from gan_cli.listing import newest_first

LINE = "loss D 0.900 · G 0.700 · D(x) 0.750 · D(G(z)) 0.250"


@pytest.fixture
def listed(tmp_path, capsys):
    """The list of tmp_path as other programs get it."""

    def call(*arguments: str) -> list[dict[str, object]]:
        main([str(tmp_path), "--json", *arguments])
        return json.loads(capsys.readouterr().out)

    return call


def shown(root: Path, width: int) -> str:
    """The table as a terminal of this width gets it."""
    terminal = Console(file=io.StringIO(), force_terminal=True, no_color=True, width=width)
    entries = newest_first(root, warn=pytest.fail)
    return re.sub(r"\x1b\[\d*m", "", drawn(entries, paths_shown(entries, [root]), [], terminal))


def test_a_run_takes_one_line_in_a_pipe(tmp_path, capsys):
    put(tmp_path / "day" / "a", overrides=["loss=hinge", "train.steps=2000", "hydra.run.dir=x", "+seed=3"])
    main([str(tmp_path)])
    heading, line = capsys.readouterr().out.splitlines()
    assert heading.split() == ["run", "status", "step", "time", "choices", "last", "figures"]
    assert line.split("  ") == [
        "day/a", "finished", "1,000/2,000", "1:15", "digits dcgan hinge normal adam train.steps=2000 +seed=3", LINE,
    ]  # fmt: skip


def test_newest_come_first_whatever_their_names(listed, tmp_path):
    for name, minute in (("b", 2), ("c", 1), ("a", 3)):
        put(tmp_path / name, minute)
    assert [row["run"] for row in listed()] == ["a", "b", "c"]


def test_a_limit_keeps_the_newest_and_says_what_it_left_out(listed, tmp_path, capsys):
    for minute in range(5):
        put(tmp_path / str(minute), minute)
    assert [row["run"] for row in listed("-n", "2")] == ["4", "3"]
    main([str(tmp_path), "-n", "2"])
    assert capsys.readouterr().out.endswith("\nthe newest 2 of 5 runs\n")


def test_a_link_to_a_run_is_not_a_second_run(listed, tmp_path):
    put(tmp_path / "a")
    (tmp_path / "latest").symlink_to("a")
    (tmp_path / "loop").symlink_to(".")
    assert [row["run"] for row in listed()] == ["a"]


def test_nothing_inside_a_run_or_a_hidden_directory_is_a_run(listed, tmp_path):
    put(put(tmp_path / "a") / "copies" / "of" / "a")
    put(tmp_path / ".trash" / "b")
    assert [row["run"] for row in listed()] == ["a"]


def test_json_is_everything_unrounded(listed, tmp_path):
    put(tmp_path / "a", status="failed", reason="loss/g is nan\nat step 1000")
    assert listed() == [
        {
            "run": "a",
            "path": str(tmp_path / "a"),
            "status": "failed",
            "reason": "loss/g is nan\nat step 1000",
            "problem": None,
            "alarms": [],
            "step": 1000,
            "steps": 2000,
            "seconds": 75.2,
            "created": "2026-05-04T03:00:00+0200",
            "seed": 0,
            "choices": {group: choice for group, choice in CHOICES.items() if choice},
            "overrides": ["loss=hinge"],
            "metrics": FIGURES,
        }
    ]


def test_a_failed_run_says_why_in_its_first_line(tmp_path, capsys):
    put(tmp_path / "a", status="failed", reason="loss/g is nan\nand more")
    main([str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[1].endswith(f"{LINE}  loss/g is nan")


@pytest.mark.parametrize(
    ("file", "content", "problem"),
    [
        ("status.json", '{"status": "fini', "status.json: is not JSON"),
        ("status.json", "", "status.json: is not JSON"),
        ("status.json", "[1]", "status.json: is not JSON as gan-train writes it: expected an object, found a list"),
        ("status.json", "[" * 100_000, "status.json: is not JSON"),
        ("status.json", '{"status": "[red]"}', "status.json: status is '[red]'"),
        ("status.json", '{"status": ["finished"]}', "status.json: status is \"['finished']\""),
        ("status.json", '{"status": "finished", "step": "1"}', "status.json: step, steps or seconds is not a number"),
        (
            "status.json",
            '{"status": "finished", "step": 1, "steps": 2, "seconds": NaN}',
            "status.json: is not JSON as gan-train writes it: NaN is no number",
        ),
        ("status.json", None, "status.json is missing"),
        ("run.json", "\0\0\0\0", "run.json: is not JSON"),
        ("run.json", "\udc80", "run.json: is not JSON"),
        ("run.json", " " * (1 << 23), "run.json: is larger than the 4,194,304 bytes"),
        ("run.json", '{"created": "yesterday"}', "run.json: created is not a time"),
        ("run.json", '{"choices": []}', "run.json: choices or overrides are not as gan-train writes them"),
        ("run.json", None, "run.json is missing"),
        ("metrics.jsonl", None, "metrics.jsonl is missing"),
        ("metrics.jsonl", '{"step": 1', "metrics.jsonl has no whole line"),
        ("metrics.jsonl", "no json\n", "metrics.jsonl: is not JSON"),
    ],
)
def test_a_damaged_file_makes_an_unreadable_row_and_harms_no_other(listed, tmp_path, file, content, problem):
    put(tmp_path / "good", 1)
    path = put(tmp_path / "bad", 2) / file
    path.unlink()
    if content is not None:
        path.write_bytes(content.encode(errors="surrogateescape"))
    rows = {row["run"]: row for row in listed()}
    assert rows["bad"]["status"] == "unreadable"
    assert rows["bad"]["problem"].startswith(problem)
    assert (rows["good"]["status"], rows["good"]["problem"]) == ("finished", None)


@pytest.mark.parametrize("file", ["run.json", "status.json", "metrics.jsonl"])
def test_a_pipe_or_a_directory_in_a_file_s_place_is_not_opened(listed, tmp_path, file):
    for name, make in (("pipe", os.mkfifo), ("directory", os.mkdir), ("link", lambda path: os.symlink(path, path))):
        path = put(tmp_path / name) / file
        path.unlink()
        make(path)
    assert {row["problem"] for row in listed()} == {f"{file} is missing"}


def test_a_run_that_has_not_logged_yet_has_no_figures(listed, tmp_path):
    put(tmp_path / "a", status="running", metrics=())
    assert [(row["status"], row["metrics"]) for row in listed()] == [("running", {})]


def test_a_run_whose_process_is_gone_without_a_word_is_lost(listed, tmp_path):
    """A kill leaves "running" in its status, and its lock, which nobody holds any more."""
    directory = put(tmp_path / "a", status="running")
    with locked(directory):
        assert [row["status"] for row in listed()] == ["running"]
    (directory / ".lock").touch()
    assert [row["status"] for row in listed()] == ["lost"]
    assert "lost" in shown(tmp_path, 200)


@pytest.fixture
def gone() -> int:
    """The number of a process that there is no more."""
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


@pytest.mark.parametrize("lock", ["missing", "unknown to the file system", "unknown to the system"])
def test_where_no_lock_can_tell_it_the_number_of_the_process_does(listed, tmp_path, monkeypatch, gone, lock):
    def refuse(*_: object) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    here = socket.gethostname()
    places = [
        put(tmp_path / "alive", status="running", pid=os.getpid(), host=here),
        put(tmp_path / "gone", status="running", pid=gone, host=here),
        put(tmp_path / "elsewhere", status="running", pid=gone, host=f"{here}-2"),
    ]
    if lock != "missing":
        for place in places:
            (place / ".lock").touch()
        monkeypatch.setattr(liveness.fcntl, "flock", refuse)
    if lock == "unknown to the system":
        monkeypatch.setattr(liveness, "fcntl", None)
    assert {row["run"]: row["status"] for row in listed()} == {
        "alive": "running",
        "gone": "lost",
        "elsewhere": "running",
    }


def test_a_lock_that_is_held_counts_more_than_a_number(listed, tmp_path, gone):
    """In a container the process has another one."""
    directory = put(tmp_path / "a", status="running", pid=gone, host=socket.gethostname())
    with locked(directory):
        assert [row["status"] for row in listed()] == ["running"]


def test_a_run_that_ends_while_it_is_looked_at_is_not_lost(listed, tmp_path, monkeypatch, gone):
    directory = put(tmp_path / "a", status="running", pid=gone, host=socket.gethostname())
    content = json.loads((directory / "status.json").read_text())

    def ends(*_: object) -> bool:
        (directory / "status.json").write_text(json.dumps(content | {"status": "finished"}))
        return True

    monkeypatch.setattr("gan_cli.listing.is_lost", ends)
    assert [row["status"] for row in listed()] == ["finished"]


def test_the_last_whole_line_is_read_from_the_end_of_the_file(listed, tmp_path):
    metrics = put(tmp_path / "a") / "metrics.jsonl"
    with metrics.open("wb") as file:
        file.truncate(1 << 30)  # a gigabyte of zeros, which takes no room and would take long to read
        file.seek(0, os.SEEK_END)
        file.write(b'\n{"loss/d": 1.5}\n{"loss/d": 2.5, "loss/g": "nan", "note": []}\n{"loss/d": 3')
    assert [row["metrics"] for row in listed()] == [{"loss/d": 2.5, "loss/g": "nan"}]


ALARM = {"name": "mode_collapse", "step": 1200, "evidence": "samples/distance 0.1"}


def test_alarms_have_a_column_where_there_are_any(listed, tmp_path, capsys):
    put(tmp_path / "well")
    main([str(tmp_path)])
    assert "alarms" not in capsys.readouterr().out
    put(tmp_path / "sick", minute=1, alarms=[ALARM, {"name": "oscillating", "step": 1500}], reason="signal")
    main([str(tmp_path)])
    heading, sick, well = capsys.readouterr().out.splitlines()
    assert heading.split()[-2:] == ["alarms", "reason"]
    assert sick.split()[-3:] == ["mode_collapse@1200", "oscillating@1500", "signal"]
    assert well.endswith(LINE)
    assert "mode_collapse@1200 oscillating@1500" in shown(tmp_path, 80)
    assert [row["alarms"] for row in listed()] == [[ALARM, {"name": "oscillating", "step": 1500}], []]


@pytest.mark.parametrize("alarms", ["many", [1], [{"name": 1, "step": 2}], [{"name": "x", "step": "soon"}]])
def test_alarms_that_are_none_are_a_damaged_status(listed, tmp_path, alarms):
    put(tmp_path / "a", alarms=alarms)
    (row,) = listed()
    assert (row["status"], row["problem"]) == ("unreadable", "status.json: alarms are not as gan-train writes them")


def test_a_figure_that_is_not_finite_is_shown_as_what_it_is(tmp_path, capsys):
    put(tmp_path / "a", metrics=[{"step": 1, "loss/d": "nan", "loss/g": "-inf"}])
    main([str(tmp_path)])
    assert capsys.readouterr().out.splitlines()[1].endswith("loss D nan · G -inf")


def test_what_a_terminal_would_obey_is_shown_escaped(tmp_path, capsys):
    hostile = "\x1b[2J[bold]\u202e\x9b\r"
    put(tmp_path / "\x1b[31m[red]x", status="failed", reason=hostile, overrides=[f"a={hostile}"])
    main([str(tmp_path)])
    out = capsys.readouterr().out
    assert r"\x1b[31m[red]x" in out
    assert r"a=\x1b[2J[bold]\u202e\x9b\r" in out
    assert all(character.isprintable() for character in out.replace("\n", ""))


def test_eighty_columns_get_a_few_lines_a_run_and_nothing_cut(tmp_path):
    name = "2026-11-22/02-36-18-013205_dcgan-nonsaturating"
    put(tmp_path / name, status="stopped", reason="signal", overrides=["train.steps=2000", "dataset.path=" + "X" * 90])
    text = shown(tmp_path, 80)
    assert max(map(len, text.splitlines())) <= 80
    assert "…" not in text
    first, *others = text.splitlines()
    assert first.split() == ["stopped", name]
    assert others[0].split() == ["1,000/2,000", *["digits", "dcgan", "hinge", "normal", "adam", "train.steps=2000"]]
    assert text.count("X") == 90
    assert LINE in text
    assert others[-1].split() == ["signal"]


def test_a_wide_terminal_gets_one_line_a_run(tmp_path):
    put(tmp_path / "a", 1)
    put(tmp_path / "b", 2)
    assert [line.split()[0] for line in shown(tmp_path, 200).splitlines()] == ["run", "b", "a"]


def test_no_runs_are_no_error(tmp_path, capsys):
    main([str(tmp_path)])
    assert capsys.readouterr().out == f"no runs in {tmp_path} yet; start one with: gan-train train.steps=300\n"
    main([str(tmp_path), "--json"])
    assert json.loads(capsys.readouterr().out) == []


def test_a_directory_that_is_not_there_is_one(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as end:
        main([])
    assert end.value.code == 5
    assert capsys.readouterr().err.startswith("there is no directory 'outputs'; ")


@pytest.mark.parametrize("argument", ["0", "-1", "many", "1.5"])
def test_a_limit_is_a_number_of_runs(argument, capsys):
    with pytest.raises(SystemExit) as end:
        main([f"-n={argument}"])
    assert end.value.code == 2
    assert "must be a whole number of at least 1" in capsys.readouterr().err


def test_the_list_needs_no_torch(tmp_path):
    put(tmp_path / "a")
    code = f"import sys; from gan_cli.cli.runs import main; main([{str(tmp_path)!r}]); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "False"


def test_a_reader_that_leaves_gets_no_traceback(tmp_path):
    put(tmp_path / "a")
    code = f"from gan_cli.cli.runs import main; main([{str(tmp_path)!r}])"
    reading, writing = os.pipe()
    os.close(reading)
    with os.fdopen(writing, "wb") as closed:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=closed, stderr=subprocess.PIPE, text=True, check=False
        )
    assert (done.returncode, done.stderr) == (141, "")


def test_ctrl_c_is_no_traceback_either(tmp_path, capsys, monkeypatch):
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("gan_cli.cli.runs.begun_last", interrupted)
    with pytest.raises(SystemExit) as end:
        main([str(tmp_path)])
    assert end.value.code == 130
    assert capsys.readouterr().err == "\nstopped\n"


def test_the_directory_of_links_that_shows_the_newest_run_is_not_a_second_run(tmp_path, capsys):
    run = put(tmp_path / "a")
    (tmp_path / "latest").mkdir()
    for name in ("run.json", "status.json", "metrics.jsonl"):
        (tmp_path / "latest" / name).symlink_to(run / name)
    main([str(tmp_path)])
    assert "latest" not in capsys.readouterr().out
    main([str(tmp_path / "latest")])
    assert "finished" in capsys.readouterr().out


def test_a_row_of_samples_alone_does_not_hide_the_last_losses(listed, tmp_path):
    """`train.sample_every` and `train.log_every` need not fall on the same steps."""
    drawn = [{"step": step, "samples/energy": 0.1, "samples/text": "x" * 4000} for step in range(51, 90)]
    put(tmp_path / "near", metrics=[FIGURES, *drawn[:3]])
    put(tmp_path / "far", metrics=[FIGURES, *drawn])
    near, far = sorted((row["metrics"] for row in listed()), key=len, reverse=True)
    assert near["loss/d"] == 0.9
    assert (near["step"], near["samples/energy"]) == (53, 0.1)
    assert far == {"step": 89, "samples/energy": 0.1}

"""gan-theory: the table on a screen, in a pipe and as JSON, the picture, and what is refused."""

import io
import json
import os
import re
import shlex
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from conftest import ROOT
from PIL import Image
from rich.console import Console

from gan_cli import measure
from gan_cli.cli import theory as command
from gan_cli.cli.theory import SHIFTS, main
from gan_cli.theory import optimum

TRAIN, MEASURE = measure.train, measure.measure
DOCUMENTS = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


@pytest.fixture(autouse=True)
def _train_for_a_moment(monkeypatch):
    monkeypatch.setattr(measure, "train", lambda mu, seed: TRAIN(mu, seed, steps=5))
    monkeypatch.setattr(measure, "measure", lambda D, mu, seed: MEASURE(D, mu, seed, n=1000))


def fails(*arguments: str) -> int:
    with pytest.raises(SystemExit) as end:
        main(arguments)
    return end.value.code


def test_the_exact_table_is_the_table_of_theory(capsys):
    main(["--exact-only"])
    lines = capsys.readouterr().out.splitlines()
    assert re.split(" {2,}", lines[0].strip())[:4] == ["mu", "V(D, G)", "D's loss", "JS, nats"]
    assert [line.split() for line in lines[1:8]] == [
        ["0", "-1.3863", "1.3863", "0.0000", "0.5000", "0.5000", "0.0000", "0.0000"],
        ["0.5", "-1.3257", "1.3257", "0.0303", "0.5987", "0.4705", "0.2353", "0.2647"],
        ["1", "-1.1635", "1.1635", "0.1114", "0.6915", "0.3980", "0.3980", "0.6020"],
        ["2", "-0.7126", "0.7126", "0.3368", "0.8413", "0.2248", "0.4496", "1.5504"],
        ["3", "-0.3327", "0.3327", "0.5268", "0.9332", "0.0986", "0.2959", "2.7041"],
        ["4", "-0.1209", "0.1209", "0.6327", "0.9772", "0.0343", "0.1372", "3.8628"],
        ["8", "-0.0002", "0.0002", "0.6931", "1.0000", "0.0000", "0.0004", "7.9996"],
    ]
    assert lines[8] == ""
    assert "trained" not in "".join(lines)


def test_in_a_pipe_exact_and_trained_stand_side_by_side(capsys):
    main(["--mu", "2", "0.25", "2"])
    lines = capsys.readouterr().out.splitlines()
    assert lines[1].split() == ["mu", *["exact", "trained"] * 6]
    first, second = (line.split() for line in lines[2:4])
    assert (first[0], second[0]) == ("2", "0.25")  # in the order given, each once
    assert first[1::2] == ["-0.7126", "0.3368", "0.8413", "0.2248", "0.4496", "1.5504"]
    found, errors = MEASURE(TRAIN(2.0, 0, steps=5), 2.0, n=1000)
    assert first[2::2][0] == f"{found.value:.4f}"
    assert first[2::2][5] == f"{found.slope_nonsaturating:.4f}"
    other = MEASURE(TRAIN(0.25, 0, steps=5), 0.25, n=1000)[1]
    assert lines[4].split()[:2] == ["+-", f"{max(errors.value, other.value):.4f}"]
    assert max(map(len, lines)) <= 108
    assert lines == [line.rstrip() for line in lines]


def test_on_a_terminal_of_80_columns_they_stand_one_above_the_other(capsys, monkeypatch):
    terminal = Console(file=io.StringIO(), force_terminal=True, no_color=True, width=80, highlight=False)
    monkeypatch.setattr(
        command, "Console", lambda **settings: Console(file=io.StringIO()) if settings.get("stderr") else terminal
    )
    main(["--mu", "1"])
    lines = re.sub(r"\x1b\[\d*m", "", capsys.readouterr().out).splitlines()
    assert lines[1].split()[:3] == ["1", "exact", "-1.1635"]
    assert lines[2].split()[0] == "trained"
    assert max(map(len, lines)) <= 80


def test_json_has_all_digits_and_the_standard_errors(capsys):
    main(["--mu", "1", "--json"])
    [row] = json.loads(capsys.readouterr().out)
    assert row["mu"] == 1
    assert row["exact"]["js"] == optimum(1.0).js
    assert row["trained"].keys() == row["standard_error"].keys() == row["exact"].keys()
    found, errors = MEASURE(TRAIN(1.0, 0, steps=5), 1.0, n=1000)
    assert (row["trained"]["value"], row["standard_error"]["value"]) == (found.value, errors.value)
    main(["--json", "--exact-only"])
    rows = json.loads(capsys.readouterr().out)
    assert [row["mu"] for row in rows] == [*SHIFTS]
    assert rows[0].keys() == {"mu", "exact"}


def test_the_seed_is_that_of_the_trained_columns(capsys):
    shown = []
    for seed in "0", "0", "1":
        main(["--mu", "1", "--json", "--seed", seed])
        shown.append(json.loads(capsys.readouterr().out)[0])
    assert shown[0] == shown[1]
    assert shown[0]["exact"] == shown[2]["exact"]
    assert shown[0]["trained"] != shown[2]["trained"]


def test_where_no_D_can_know_it_the_table_says_so(capsys):
    main(["--mu", "5"])
    near = capsys.readouterr().out
    main(["--mu", "5", "8"])
    assert "nothing tells D the slope" in capsys.readouterr().out
    assert "nothing tells D the slope" not in near


def test_the_picture_is_written_and_named(tmp_path, capsys, monkeypatch):
    monkeypatch.chdir(tmp_path)
    main(["--mu", "1", "2", "--plot", "a.png"])
    assert capsys.readouterr().out.endswith("\nwrote a.png\n")
    main(["--mu", "1", "2", "--plot", "b.png", "--exact-only", "--json"])
    json.loads(capsys.readouterr().out)  # and nothing beside
    with Image.open("a.png") as trained, Image.open("b.png") as exact:
        assert trained.size == (1440, 1020)
        assert not np.array_equal(np.asarray(trained), np.asarray(exact))


def test_a_place_that_cannot_be_written_is_told_before_anything_is_trained(tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(measure, "train", lambda *_: pytest.fail("trained"))
    assert fails("--plot", str(tmp_path / "no" / "a.png")) == 5
    assert f"there is no directory {str(tmp_path / 'no')!r}" in " ".join(capsys.readouterr().err.split())


def test_a_picture_that_cannot_be_written_is_a_line_and_no_traceback(tmp_path, capsys):
    (tmp_path / "a.png").mkdir()
    assert fails("--exact-only", "--plot", str(tmp_path / "a.png")) == 5
    assert " ".join(capsys.readouterr().err.split()) == f"{tmp_path / 'a.png'}: cannot be written: Is a directory"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--mu", "two"], "must be a number, got 'two'"),
        (["--mu", "nan"], "must be in [0, 20], got nan"),
        (["--mu", "-1"], "must be in [0, 20], got -1"),
        (["--mu", "1", "21"], "must be in [0, 20], got 21"),
        (["--mu"], "expected at least one argument"),
        (["--seed", "-1"], "must be a whole number of at least 0, got '-1'"),
        (["--plot", "a.pdf"], "must end in .png, got 'a.pdf'"),
    ],
)
def test_what_is_not_understood_is_refused(arguments, said, capsys):
    assert fails(*arguments) == 2
    assert said in capsys.readouterr().err


def test_help_and_version_load_nothing_heavy(tmp_path):
    for name in ("torch", "numpy", "matplotlib", "PIL"):
        (tmp_path / f"{name}.py").write_text(f"raise AssertionError('{name} was imported')\n")
    for word in ("--help", "--version"):
        done = subprocess.run(
            [sys.executable, "-m", "gan_cli.cli.theory", word],
            env=os.environ | {"PYTHONPATH": f"{tmp_path}{os.pathsep}{ROOT}"},
            capture_output=True,
            text=True,
        )
        assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("document", [*DOCUMENTS, Path(command.__file__)], ids=lambda path: path.name)
def test_every_command_that_is_shown_is_understood(document, capsys, monkeypatch):
    monkeypatch.setattr(command, "_theory", lambda *_: None)
    monkeypatch.chdir(ROOT)
    for line in re.findall(r"^ {2,}(gan-theory\b.*?)(?: {2,}.*)?$", document.read_text(), re.MULTILINE):
        main(shlex.split(line.split(" | ")[0], comments=True)[1:])

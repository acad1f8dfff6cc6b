"""What is typed wrong for the other commands: usage or a line, an exit code, and nothing is made."""

import importlib
import os
from pathlib import Path

import pytest

from gan_cli.cli.command import COLUMNS, LINES

LONG, HUGE = "x" * 5000, "9" * 400
NOWHERE = ("nosuch", LONG, "a\0b", "~nosuchuser/x", "\x1b[31mred", "[bold]", "file")

BAD = [
    *((command, [path], 5, "there is no directory") for command in ("runs", "sample", "probe") for path in NOWHERE),
    ("runs", ["--nosuch"], 2, "unrecognized arguments"),
    ("runs", [".", "a"], 5, "there is no directory 'a'"),
    ("sample", [], 2, "the following arguments are required: RUN"),
    ("probe", [], 2, "the following arguments are required: RUN"),
    ("sample", ["."], 5, "holds no generator"),
    ("probe", ["."], 5, "holds no run"),
    *(("sample", [".", "-n", n], 2, "must be a whole number of at least 1") for n in ("0", "-1", "1e3", "", HUGE)),
    *(("sample", [".", "--seed", n], 2, "must be a whole number of at least 0") for n in ("x", "-1", "1_0", HUGE)),
    *(("sample", [".", "--checkpoint", n], 2, "must be a whole number") for n in ("last", "-1", "1.0", HUGE)),
    *(("probe", [".", "--steps", n], 2, "must be a whole number of at least 1") for n in ("0", "x", "1e2", HUGE)),
    *(("theory", ["--mu", n], 2, "argument --mu") for n in ("nan", "-1", "x", "1e9", "")),
    *(("theory", ["--seed", n], 2, "argument --seed") for n in ("x", "-1", HUGE)),
    ("sample", [".", "--steps", "3"], 2, "--steps belongs to --interpolate"),
    ("sample", [".", "--interpolate", "cubic"], 2, "invalid choice: 'cubic'"),
    ("sample", [".", "--interpolate", LONG], 2, "invalid choice: 'xxx"),
    ("sample", [".", "--nosuch", LONG], 2, "unrecognized arguments: --nosuch xxx"),
    ("sample", [".", "-n"], 2, "expected one argument"),
    ("theory", ["x"], 2, "unrecognized arguments: x"),
    ("theory", ["--plot", "nosuch/x.png"], 5, "nosuch"),
    ("probe", ["--nosuch"], 2, "required: RUN"),
]


@pytest.mark.parametrize(("command", "arguments", "code", "said"), BAD, ids=lambda value: f"{value!s:.40}")
def test_what_is_typed_wrong_is_answered_on_a_screen_and_leaves_nothing(
    command, arguments, code, said, tmp_path, monkeypatch, capsys
):
    monkeypatch.chdir(tmp_path)
    Path("file").touch()
    with pytest.raises(SystemExit) as end:
        importlib.import_module(f"gan_cli.cli.{command}").main(arguments)
    out, err = capsys.readouterr()
    assert (end.value.code, out) == (code, "")
    assert said in " ".join(err.split())
    assert len(err.splitlines()) <= LINES and max(map(len, err.splitlines())) <= COLUMNS
    assert err.replace("\n", "").isprintable()
    assert os.listdir() == ["file"]

"""What a job prints is kept in its run directory: as lines that stand still, bounded, and in no file but its own."""

import io
import os
import sys
from pathlib import Path

from sickroom import SHORT, jobs, sweeps

from gan_cli.cli.sweep import output
from gan_cli.cli.sweep.output import Log, Tee


def test_every_job_says_in_a_file_what_it_said_on_the_screen(gan_train):
    assert gan_train(*SHORT, "loss=hinge,raises,diverges")[0] == 1
    (sweep,) = sweeps()
    told = [(sweep / job["log"]).read_text() for job in jobs(sweep)]
    assert [job["log"] for job in jobs(sweep)] == [f"{job['directory']}/output.log" for job in jobs(sweep)]
    assert "final state sha256" in told[0]
    assert "Traceback" in told[1]
    assert told[1].endswith("ArithmeticError: sick\n")
    assert "step 4" in told[2].splitlines()[-4:][0] or "step 4" in told[2]
    assert [job["metrics"].get("loss/d") is None for job in jobs(sweep)] == [False] * 3


def test_a_bar_that_is_drawn_again_and_again_leaves_its_last_line(tmp_path):
    log = Log(tmp_path / "log")
    for step in range(50):
        log.add(f"\r\x1b[2K\x1b[36m{step}/50\x1b[0m")
    log.add("\r\x1b[2Kan alarm\r\n50/50\nhalf a line")
    assert (tmp_path / "log").read_text() == "an alarm\n50/50\n"


def test_the_file_is_bounded_and_keeps_what_is_newest(tmp_path, monkeypatch):
    monkeypatch.setattr(output, "LIMIT", 4000)
    log = Log(tmp_path / "log")
    for number in range(2000):
        log.add(f"line {number}\n")
    text = (tmp_path / "log").read_text()
    assert len(text) <= 4000
    assert text.startswith("[...] older lines")
    assert text.endswith("line 1998\nline 1999\n")
    assert {line.split()[0] for line in text.splitlines()[1:]} == {"line"}, "whole lines alone"
    log.add("x" * 100_000 + "\n")
    assert (tmp_path / "log").stat().st_size <= 4000


def test_a_link_or_a_pipe_in_its_place_is_left_alone(tmp_path):
    precious = tmp_path / "precious"
    precious.write_text("as it was")
    (tmp_path / "link").symlink_to(precious)
    os.link(precious, tmp_path / "twin")
    os.mkfifo(tmp_path / "pipe")
    for name in ("link", "twin", "pipe", "no/such/place"):
        output.add(tmp_path / name, "a line")
    assert precious.read_text() == "as it was"


def test_a_stream_that_is_kept_is_the_stream_that_it_was(tmp_path):
    shown = io.StringIO()
    tee = Tee(shown, Log(tmp_path / "log"))
    print("both", file=tee, flush=True)
    assert (shown.getvalue(), (tmp_path / "log").read_text(), tee.isatty()) == ("both\n", "both\n", False)
    hidden = Tee(None, Log(tmp_path / "log"))
    print("one", file=hidden, flush=True)
    assert (tmp_path / "log").read_text() == "both\none\n"
    assert (tee.encoding, hidden.encoding) == ("utf-8", "utf-8")
    assert Tee(sys.__stdout__, Log(Path(tmp_path / "log"))).fileno() == 1

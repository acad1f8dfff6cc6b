"""Whatever is typed behind `gan-train`: it is a run, or a refusal in words. Never a traceback, and nothing is left."""

import os
import sys
import tempfile
from contextlib import chdir, redirect_stderr, redirect_stdout
from io import StringIO

import pytest
import torch
from conftest import compose_plain
from hydra._internal.hydra import Hydra
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gan_cli.builder import examine, plain
from gan_cli.check import GROUPS, leaves
from gan_cli.cli import job
from gan_cli.cli import train as command

CODES = (0, 2, 4, 5, 6)
KEYS = sorted(key for key, _ in leaves(compose_plain()[0]))
NUMBERS = ["0", "-1", "1", "0.5", "1e-400", "1e39", "nan", "-inf", "2", "9223372036854775808", "1" + "0" * 400]
WORDS = ["null", "true", "''", "auto", "???", "a,b", "../x", "/etc", "é", "'\x1b[31m'", "x" * 3_000, "[", "}", "'"]
LISTS = ["[]", "{}", "[1]", "[[1],[a]]", "{a:1}", "[0.5,0.9]", "{_target_: os.getcwd}", "${seed}", "${nosuch}", "${"]
ODD = ["hydra", "hydra.job.name", "hydra.mode", "hydra/launcher", "model.generator", "_target_", "", "a.b"]


def misspelt(key: str, place: int, letter: str) -> str:
    return key[:place] + letter + key[place:]


keys = st.one_of(
    st.sampled_from([*KEYS, *GROUPS, "experiment"]),
    st.builds(misspelt, st.sampled_from(KEYS), st.integers(0, 9), st.sampled_from("._x@/ =")),
    st.sampled_from(ODD),
)
numbers = st.integers().map(str) | st.floats().map(str)
values = st.sampled_from([*NUMBERS, *WORDS, *LISTS]) | numbers | st.text(max_size=8)
prefixes = st.sampled_from(["", "", "", "+", "++", "~"])
overrides = st.builds("{}{}{}{}".format, prefixes, keys, st.sampled_from("=== "), values)
typed = overrides.filter(lambda text: not text.startswith("-") and "\0" not in text)
lines = st.lists(typed, min_size=1, max_size=4)


def meet(arguments: list[str]) -> None:
    """Run a command as far as a run is built, and look at how it ends."""
    out, err, code = StringIO(), StringIO(), 0
    with (
        pytest.MonkeyPatch.context() as patched,
        tempfile.TemporaryDirectory() as directory,
        chdir(directory),
        redirect_stdout(out),
        redirect_stderr(err),
    ):
        patched.setattr(job, "run_job", lambda cfg, directory, given, about: examine(*plain(cfg), given))
        patched.setattr(torch, "set_num_threads", lambda number: None)
        patched.setattr(Hydra, "get_mode", lambda self, config_name, overrides: None)
        patched.setattr(sys, "argv", ["gan-train", *arguments])
        patched.setattr(sys, "path", [*sys.path])
        try:
            command.main()
        except SystemExit as ended:
            code = int(ended.code or 0)
        left = os.listdir()
    lines = err.getvalue().splitlines()
    assert code in CODES, (code, lines)
    assert "Traceback" not in err.getvalue()
    assert left == []
    assert code == 0 or lines, "it says why"
    assert code == 0 or (len(lines) <= 24 and max(map(len, lines)) <= 100), lines


@settings(max_examples=25, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(lines)
def test_nothing_that_is_typed_ends_in_a_traceback(arguments):
    meet(arguments)


@pytest.mark.slow
@settings(max_examples=3_000, derandomize=True, deadline=None, database=None, suppress_health_check=list(HealthCheck))
@given(lines)
def test_nothing_out_of_thousands_ends_in_a_traceback(arguments):
    meet(arguments)

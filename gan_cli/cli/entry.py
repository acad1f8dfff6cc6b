"""Where the console scripts begin: streams and signals are in order before the first slow import.

Python's own answer to Ctrl-C while torch is imported is a traceback; ours is a line and exit code 130, to SIGTERM 143.
"""

import os
import sys
from importlib import import_module

from gan_cli.cli.imports import uncollected
from gan_cli.cli.signals import handling, leave_at_once
from gan_cli.cli.streams import prepare


def train() -> None:
    """`gan-train`."""
    _start("train")


def sample() -> None:
    """`gan-sample`."""
    _start("sample")


def runs() -> None:
    """`gan-runs`."""
    _start("runs")


def report() -> None:
    """`gan-report`."""
    _start("report")


def theory() -> None:
    """`gan-theory`."""
    _start("theory")


def probe() -> None:
    """`gan-probe`."""
    _start("probe")


def reproduce() -> None:
    """`gan-reproduce`."""
    _start("reproduce")


def evaluate() -> None:
    """`gan-eval`."""
    _start("evaluate")


def _start(command: str) -> None:
    with handling(leave_at_once()):
        prepare()
        try:
            os.getcwd()
        except OSError:
            print("the working directory is gone; change to another one and try again", file=sys.stderr)
            sys.exit(5)
        with uncollected():
            module = import_module(f"gan_cli.cli.{command}")
        module.main()

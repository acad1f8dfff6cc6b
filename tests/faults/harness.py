"""Lives of a run, each in a process of its own that may be killed.

A warm process has imported everything and forks one child a life: a life costs what it trains, and no imports. The warm
process never trains and has one thread, so that nothing is held by another thread when it forks.
"""

import functools
import importlib
import json
import os
import signal
import subprocess
import sys
import threading
import time
import traceback
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import gan_cli

TESTS = Path(__file__).resolve().parent.parent
# What a run imports, also where it does so late.
IMPORTED = (
    *("gan_cli.cli.job", "faults.points", "sklearn.datasets", "torch._dynamo", "torch.utils.tensorboard.summary"),
    *("safetensors.torch", "tensorboard.plugins.hparams.api_pb2", "tensorboard.summary.writer.record_writer"),
)
PATIENCE = 120  # seconds until a life is said to hang


@dataclass
class Life:
    """How one life went: -9 for a killed one, else the exit code of the command."""

    code: int
    seconds: float
    output: str
    witness: list[str] = field(default_factory=list)  # `> what where` and `< what where`, see points.py

    def said(self, text: str) -> int:
        """How often it told this, however its lines were broken."""
        return "".join(self.output.split()).count("".join(text.split()))

    def steps(self, what: str) -> list[int]:
        """The steps whose turn, log or save was done."""
        lines = (line.split() for line in self.witness)
        return [int(where) for sign, kind, where in lines if (sign, kind) == ("<", what)]


class Warm:
    """The warm process; use it as a context.

    One line of JSON asks for a life and is answered by the number of its process; another one waits for its end.
    """

    def __enter__(self) -> "Warm":
        paths = [str(Path(gan_cli.__file__).parent.parent), str(TESTS)]  # the very gan_cli that this process has
        env = os.environ | {"PYTHONPATH": os.pathsep.join(paths), "OMP_NUM_THREADS": "1", "OPENBLAS_NUM_THREADS": "1"}
        command = [sys.executable, "-m", "faults.harness"]
        self._server = subprocess.Popen(
            command, env=env, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin and self._server.stdout
        self._server.stdin.close()
        self._server.wait(PATIENCE)
        self._server.stdout.close()

    def start(self, order: dict[str, Any]) -> int:
        """Begin a life; returns the number of its process."""
        return int(self._ask({"start": order}))

    def wait(self, pid: int) -> int:
        """The exit code of a life, or minus the signal that ended it."""
        return int(self._ask({"wait": pid}))

    def _ask(self, question: dict[str, Any]) -> Any:
        assert self._server.stdin and self._server.stdout
        self._server.stdin.write(json.dumps(question) + "\n")
        self._server.stdin.flush()
        answer = self._server.stdout.readline()
        assert answer, f"the warm process ended with {self._server.wait()}"
        return json.loads(answer)


def serve() -> None:
    """Be the warm process."""
    import torch
    from PIL import Image

    for name in IMPORTED:
        importlib.import_module(name)
    Image.init()

    torch.set_num_threads(1)
    alone = threading.active_count()
    for line in sys.stdin:
        question = json.loads(line)
        if "wait" in question:
            answer = _wait(question["wait"])
        else:
            assert threading.active_count() == alone == 1
            order = question["start"]
            composed = _composed(tuple(order.pop("overrides")))
            answer = os.fork()
            if answer == 0:
                _live(*composed, **order)
        print(answer, flush=True)
    os._exit(0)  # to take apart all that was imported takes seconds


def _wait(pid: int) -> int:
    late = time.monotonic() + PATIENCE
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            return os.waitstatus_to_exitcode(status)
        if time.monotonic() > late:
            os.kill(pid, signal.SIGKILL)
            os.waitpid(pid, 0)
            return -signal.SIGALRM  # whoever reads this sees a life that hung
        time.sleep(0.002)


@functools.cache
def _composed(overrides: tuple[str, ...]) -> tuple[Any, list[str], dict[str, Any]]:
    """What the command makes of its arguments before it trains: arguments of `run_job`."""
    from hydra import compose, initialize_config_dir
    from omegaconf import open_dict

    from gan_cli.cli.overrides import groups_below, key_of, prepare
    from gan_cli.paths import CONF_DIR

    with initialize_config_dir(str(CONF_DIR), version_base="1.3"):
        cfg = compose("train", prepare(overrides, groups_below(CONF_DIR)), return_hydra_config=True)
    choices = {name: choice for name, choice in cfg.hydra.runtime.choices.items() if "/" not in name}
    with open_dict(cfg):
        del cfg.hydra
    about = {"command": ["gan-train", *overrides], "overrides": list(overrides), "choices": choices, "sweep": None}
    return cfg, [key_of(override) for override in overrides], about


def _live(
    cfg: Any,
    given: list[str],
    about: dict[str, Any],
    *,
    root: str,
    directory: str,
    output: str,
    witness: str,
    point: dict[str, Any] | None,
    back: float,
    at: int,
) -> None:
    """Do in a forked child what `gan-train` does, from the composed config on, and leave."""
    from faults import points

    from gan_cli.cli.job import run_job

    code = 1
    try:
        for standard in (1, 2):
            os.dup2(os.open(output, os.O_WRONLY | os.O_CREAT | os.O_APPEND, 0o666), standard)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        os.chdir(root)
        os.makedirs(directory, exist_ok=True)  # as Hydra does
        points.watch(Path(root), Path(witness), points.Point(**point) if point else None)
        if back:
            points.turn_back_the_clock(back, at)
        run_job(cfg, Path(directory), given, about)
        code = 0
    except BaseException as error:
        code = getattr(error, "exit_code", 1)
        print(error if code != 1 else traceback.format_exc())
    finally:
        with suppress(OSError):
            sys.stdout.flush()
            sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()

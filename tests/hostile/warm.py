"""Commands in processes of their own, forked from one that has imported everything; their memory is measured.

One line of JSON asks for a command and is answered when it has ended. Linux alone.
"""

import importlib
import json
import os
import resource
import signal
import subprocess
import sys
import time
import traceback
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import gan_cli

TESTS = Path(__file__).resolve().parent.parent
IMPORTED = (
    *("gan_cli.cli.job", "gan_cli.cli.train", "gan_cli.cli.sample", "gan_cli.cli.probe", "gan_cli.cli.runs"),
    *("gan_cli.probe", "gan_cli.cli.verdict", "gan_cli.export", "safetensors.torch", "rich.progress", "PIL.Image"),
    *("sklearn.datasets", "tensorboard.plugins.hparams.api_pb2", "torch.utils.tensorboard.summary", "numpy.lib"),
    *("torch._dynamo", "tensorboard.summary.writer.record_writer", "gan_cli.cli.entry", "gan_cli.data", "torchvision"),
)
PATIENCE = 60  # seconds until a command is said to hang
ROOM = 6 << 30  # bytes of address space that a command may take more than its parent: the machine outlives a bomb
SECRET = "the-secret-of-the-environment"


@dataclass
class Outcome:
    """How a command ended: -9 where it did not end by itself."""

    code: int
    peak: int  # bytes of memory
    out: str
    err: str


class Warm:
    """The process that forks; use it as a context."""

    def __enter__(self) -> "Warm":
        paths = [str(Path(gan_cli.__file__).parent.parent), str(TESTS)]  # the very gan_cli that this process has
        env = os.environ | {
            "PYTHONPATH": os.pathsep.join(paths),
            "OMP_NUM_THREADS": "1",
            "SECRET": SECRET,
            "TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD": "1",  # with it, torch.load runs code again
            "COLUMNS": "100",
        }
        command = [sys.executable, "-m", "hostile.warm"]
        self._server = subprocess.Popen(
            command, env=env, cwd=TESTS, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        return self

    def __exit__(self, *_: object) -> None:
        assert self._server.stdin and self._server.stdout
        self._server.stdin.close()
        self._server.wait(PATIENCE)
        self._server.stdout.close()

    def run(self, directory: Path, words: list[str]) -> Outcome:
        """Run a command in a directory; what it prints goes through files beside it."""
        streams = [directory.with_name(f"{directory.name}.{name}") for name in ("out", "err")]
        order = {"words": words, "cwd": str(directory), "streams": [*map(str, streams)]}
        assert self._server.stdin and self._server.stdout
        self._server.stdin.write(json.dumps(order) + "\n")
        self._server.stdin.flush()
        answer = json.loads(self._server.stdout.readline())
        return Outcome(*answer, *(path.read_text(errors="surrogateescape") for path in streams))


def serve() -> None:
    """Answer until nobody asks any more."""
    for name in IMPORTED:
        importlib.import_module(name)
    answers = os.fdopen(os.dup(1), "w")
    for line in sys.stdin:
        order = json.loads(line)
        pid = os.fork()
        if pid == 0:
            live(order)
        print(json.dumps(ended(pid)), file=answers, flush=True)


def ended(pid: int) -> tuple[int, int]:
    """Wait for a process, not for ever: its exit code and its most memory."""
    until = time.monotonic() + PATIENCE
    while time.monotonic() < until:
        found, status, used = os.wait4(pid, os.WNOHANG)
        if found:
            return os.waitstatus_to_exitcode(status), used.ru_maxrss * 1024
        time.sleep(0.01)
    os.kill(pid, signal.SIGKILL)
    _, _, used = os.wait4(pid, 0)
    return -9, used.ru_maxrss * 1024


def live(order: dict[str, Any]) -> None:
    """Be the command."""
    code = 1
    try:
        os.chdir(order["cwd"])
        for number, path in enumerate(order["streams"], 1):
            os.dup2(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), number)
        os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
        now = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (now + ROOM, now + ROOM))
        sys.argv = order["words"]
        from gan_cli.cli import entry

        getattr(entry, order["words"][0].removeprefix("gan-"))()
        code = 0
    except SystemExit as end:
        code = end.code if isinstance(end.code, int) else 0 if end.code is None else 1
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)


if __name__ == "__main__":
    serve()

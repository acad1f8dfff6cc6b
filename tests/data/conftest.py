"""A web server of this machine, with the files a test gives it; and a process whose memory is measured."""

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Event, Thread
from typing import NamedTuple

import pytest


class Server:
    """Serves `files` (name to bytes) at `url`; those in `cut` break off in the middle, those in `held` stop there until
    `go`, and `halfway` says so; `asked` lists the downloads.
    """

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.cut: set[str] = set()
        self.held: set[str] = set()
        self.halfway, self.go = Event(), Event()
        self.asked: list[str] = []
        self.url = ""


@pytest.fixture
def server() -> Iterator[Server]:
    state = Server()

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self.answer(body=False)

        def do_GET(self) -> None:
            self.answer(body=True)

        def answer(self, body: bool) -> None:
            name = self.path.lstrip("/")
            data = state.files.get(name)
            self.send_response(404 if data is None else 200)
            self.send_header("Content-Length", str(len(data or b"")))
            self.end_headers()
            if body and data is not None:
                state.asked.append(name)
                half = len(data) // 2
                self.wfile.write(data[:half])
                if name in state.held:
                    state.halfway.set()
                    state.go.wait(60)
                if name not in state.cut:
                    with suppress(OSError):  # whoever asked may be gone
                        self.wfile.write(data[half:])

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as http:
        thread = Thread(target=http.serve_forever, args=(0.02,))  # seconds between looks at the end
        thread.start()
        state.url = f"http://127.0.0.1:{http.server_port}/"
        yield state
        state.go.set()
        http.shutdown()
        thread.join()


GROWTH = """
import sys

def peak():  # MB that this process has held at most; what the one that started it held does not count
    try:
        with open("/proc/self/status") as status:
            return int(next(line for line in status if line.startswith("VmHWM")).split()[1]) / 1024
    except OSError:
        import resource
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2 ** (20 if sys.platform == "darwin" else 10)

import numpy, torch, PIL.Image, gan_cli.data
from gan_cli.errors import DataError
torch.set_num_threads(1)
try:
    with open("/proc/self/clear_refs", "w") as refs:
        refs.write("5")  # the imports' own peak would hide what follows
except OSError:
    pass
before = peak()
try:
    {code}
except DataError as error:
    sys.stdout.write(str(error))
sys.stdout.write("\\nMB: %.1f" % (peak() - before))
"""


class Apart(NamedTuple):
    """What a process of its own said, and how many MB it held at most beside what its imports took."""

    message: str
    stderr: str
    growth: float


@pytest.fixture
def apart(tmp_path: Path) -> Callable[..., Apart]:
    """Run code, in which `argv` are the arguments, in a process of its own; a minute, then it fails."""

    def run(code: str, *arguments: str) -> Apart:
        script = GROWTH.replace("{code}", code.replace("\n", "\n    ")).replace("argv", "sys.argv[1:]")
        command = [sys.executable, "-c", script, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, timeout=60, cwd=tmp_path)
        assert done.returncode == 0, done.stderr
        message, growth = done.stdout.rsplit("\nMB: ", 1)
        return Apart(message, done.stderr, float(growth))

    return run

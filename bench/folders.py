"""`python -m bench folders`: an image folder decoded once, the start after that, and the memory of both.

Makes so many images of 64 pixels, PNG and JPEG by turns, in a temporary folder (100,000 take half a minute and 1.7 GB,
their pixels 1.2 GB more), and reads them as `dataset=folder` does, each time in a process of its own: to decode, and
again, when the pixels are mapped. Seconds are those of finding and loading the data, after the imports. Memory is what
the process takes beside its imports: at most (with pages of the file, which the system can take back), and of that the
anonymous part (RssAnon), every 10 ms. Then one epoch in batches of 128; and batches from the file beside batches of the
same pixels in memory, by turns. Linux only.
"""

import argparse
import json
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from bench.clock import now
from bench.race import spread
from bench.startup import judged
from bench.words import RAW, numbers
from gan_cli.data import Examples, Folder, Stream

SIDE, BATCH, TURNS = 64, 128, 20
GOAL = 1.0  # s of the start after the first, at the most


class InMemory:
    """Pixels that lie in memory."""

    flip = False

    def __init__(self, x: torch.Tensor) -> None:
        self.x, self.shape = x, tuple(x.shape[1:])

    def load(self) -> Examples:
        """All of them."""
        return Examples(self.x, None)


def make(folder: Path, n: int) -> None:
    """n images in ten classes, each another one, of 60 to 70 pixels a side."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (64, 8, 8, 3), dtype=np.uint8)
    large = [
        Image.fromarray(s).resize((60 + i % 11, 60 + i % 7), Image.Resampling.BICUBIC) for i, s in enumerate(small)
    ]
    for label in range(10):
        (folder / str(label)).mkdir(parents=True)
    for i in range(n):
        pixels = np.array(large[i % 64])
        pixels[:4, :4] = (i & 255, i >> 8 & 255, i >> 16)
        path, image = folder / str(i % 10) / f"{i:07}", Image.fromarray(pixels)
        image.save(f"{path}.jpg", quality=80) if i % 2 else image.save(f"{path}.png", compress_level=1)


def status(name: str) -> float:
    """MB of one line of what Linux says of this process."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return int(next(line.split()[1] for line in lines if line.startswith(name))) / 1024


@contextmanager
def memory(found: dict[str, float]) -> Iterator[None]:
    """Notes the MB taken at most inside, beside those before."""
    Path("/proc/self/clear_refs").write_text("5")  # forgets the peak so far
    whole, anonymous, ended = status("VmRSS"), status("RssAnon"), threading.Event()
    most = anonymous

    def look() -> None:
        nonlocal most
        while not ended.wait(0.01):
            most = max(most, status("RssAnon"))

    watcher = threading.Thread(target=look)
    watcher.start()
    try:
        yield
    finally:
        ended.set()
        watcher.join()
        found |= {"peak": status("VmHWM") - whole, "anonymous": most - anonymous}


def start(folder: str, cache: str) -> None:
    """In a process of its own: find and load the data, and go through them once; figures as JSON."""
    torch.set_num_threads(1)
    found: dict[str, float] = {}
    with memory(found):
        begin = now()
        stream = Stream(Folder(folder, SIDE, cache=cache), BATCH, seed=0, held_out="auto")
        taken = now() - begin
        assert stream.size is not None
        for _ in range(stream.size // BATCH):
            next(stream)
    found |= {"wall": taken.wall, "cpu": taken.cpu}
    examples = stream.examples
    assert examples is not None
    ways = {"file": stream, "memory": Stream(InMemory(examples.x.clone()), BATCH, seed=0)}
    cost: dict[str, list[float]] = {name: [] for name in ways}
    for turn in range(TURNS + 1):
        for name, way in ways.items():
            begin = now()
            for _ in range(50):
                next(way)
            if turn:
                cost[name].append((now() - begin).per(50).cpu * 1e3)
    print(json.dumps(found | {"cost": cost}))


def main(arguments: list[str]) -> None:
    """Make folders, measure, remove them."""
    parser = argparse.ArgumentParser("python -m bench folders", description=__doc__, formatter_class=RAW)
    parser.add_argument("--images", type=numbers, default=[25_000, 100_000], help="how many: 25000,100000")
    told = parser.parse_args(arguments)
    print("| images | start | s, wall | s, CPU | MB at most | anonymous | ms a batch, CPU: mapped | in memory | goal |")
    print("|---|---|---|---|---|---|---|---|---|")
    for n in told.images:
        with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
            folder, cache = Path(temporary, "images"), Path(temporary, "cache")
            make(folder, n)
            for name in ("first", "second", "third"):
                words = [sys.executable, "-c", "import sys; from bench.folders import start; start(*sys.argv[1:])"]
                done = subprocess.run([*words, str(folder), str(cache)], stdout=subprocess.PIPE, check=True)
                found = json.loads(done.stdout)
                goal = "" if name == "first" else judged(found["wall"], GOAL)
                cells = [f"{n:,}", name, f"{found['wall']:.2f}", f"{found['cpu']:.2f}"]
                cells += [f"{found['peak']:.0f}", f"{found['anonymous']:.0f}"]
                print(f"| {' | '.join([*cells, *map(spread, found['cost'].values()), goal])} |", flush=True)

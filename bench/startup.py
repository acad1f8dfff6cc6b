"""`python -m bench startup`: from the start of a process to the end of its first step; `gan-train --help` and Tab.

The contenders are whole processes that take turns, on the same images of 32 pixels with the same DCGAN (64 base
channels, batch 128): the tutorial as a script, and gan-train. The script says the time and its CPU seconds when its
first step is done. gan-train is not asked to: with train.log_every=1 it writes a row to timing.jsonl, with the time in
it, after its first step (and after the read-outs of that row, which count against it); its CPU seconds are read from
the system when the row is seen. That is its way of starting with everything on: config checked, run directory, first
checkpoint, TensorBoard. The end of a whole gan-train of one step is beside it.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from bench import data
from bench.clock import Seconds
from bench.race import spread
from bench.sets import SETS
from bench.words import RAW

GOAL = 0.5  # of the tutorial script's time to its first step, at the most
HELP = 1.0  # CPU seconds of --help and of Tab, at the most
SET = SETS["dcgan32-1"]
_TICK = os.sysconf("SC_CLK_TCK")


def gan_train() -> str:
    """The console script beside this Python."""
    return str(Path(sys.executable).parent / "gan-train")


def tutorial(path: Path, folder: Path) -> Seconds:
    """The script, up to its first step."""
    begin = time.time()
    script = [sys.executable, "-m", "bench.tutorial", str(path)]
    done = subprocess.run(script, capture_output=True, text=True, check=True)
    moment, cpu = map(float, done.stdout.split()[-2:])
    return Seconds(moment - begin, cpu)


def command(path: Path, folder: Path, steps: int) -> list[str]:
    """gan-train, told what the script does."""
    told = [*SET.overrides, "dataset=array", f"dataset.path='{path}'", f"train.batch_size={SET.batch}"]
    return [gan_train(), *told, f"train.steps={steps}", "train.log_every=1", f"hydra.run.dir='{folder}'"]


def first_row(path: Path, folder: Path) -> Seconds:
    """gan-train, up to the row of its first step."""
    begin, log = time.time(), folder / "timing.jsonl"
    with subprocess.Popen(command(path, folder, 2), stdout=subprocess.DEVNULL, stderr=subprocess.PIPE) as process:
        while process.poll() is None and not (log.exists() and log.stat().st_size):
            time.sleep(0.005)
        if process.poll():
            assert process.stderr is not None
            raise RuntimeError(process.stderr.read().decode())
        fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
        process.wait()
    row = json.loads(log.read_text().splitlines()[0])
    return Seconds(row["time"] - begin, (int(fields[11]) + int(fields[12])) / _TICK)


def whole(path: Path, folder: Path) -> Seconds:
    """gan-train of one step, to its end: with its grid, two checkpoints and the generator written."""
    return spent(command(path, folder, 1))


def spent(words: list[str], **environment: str) -> Seconds:
    """Seconds of a process, from start to end."""
    begin = time.perf_counter()
    with subprocess.Popen(words, stdout=subprocess.DEVNULL, env=os.environ | environment) as process:
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join(words)} ended with {process.returncode}")
    return Seconds(time.perf_counter() - begin, used.ru_utime + used.ru_stime)


def main(arguments: list[str]) -> None:
    """Measure, after one round that is not counted: it reads all files into the machine's memory."""
    parser = argparse.ArgumentParser("python -m bench startup", description=__doc__, formatter_class=RAW)
    parser.add_argument("--rounds", type=int, default=5)
    told = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        path = data.write(SET, folder)
        ways: dict[str, Callable[[Path, Path], Seconds]] = {
            "tutorial script, first step": tutorial,
            "gan-train, first step": first_row,
            "gan-train of one step, whole": whole,
            "gan-train --help": lambda path, folder: spent([gan_train(), "--help"]),
            "Tab": lambda path, folder: spent([gan_train(), "-sc", "query=bash"], COMP_LINE="gan-train loss="),
        }
        found: dict[str, list[Seconds]] = {name: [] for name in ways}
        for number in range(told.rounds + 1):
            for name, way in ways.items():
                taken = way(path, folder / f"{number}-{name.replace(' ', '-').replace(',', '')}")
                if number:
                    found[name].append(taken)
    slow = found["tutorial script, first step"]
    print("| what | s, wall | s, CPU | of the script's, wall | CPU | goal |\n|---|---|---|---|---|---|")
    for name, own in found.items():
        wall = [a.wall / b.wall for a, b in zip(own, slow, strict=True)]
        cpu = [a.cpu / b.cpu for a, b in zip(own, slow, strict=True)]
        goal, short = "", name in ("gan-train --help", "Tab")
        if name == "gan-train, first step":
            goal = judged(max(statistics.median(wall), statistics.median(cpu)), GOAL)
        elif short:
            goal = judged(statistics.median(s.cpu for s in own), HELP)
        shares = ["", ""] if short else [spread(wall), spread(cpu)]
        cells = [name, spread([s.wall for s in own]), spread([s.cpu for s in own]), *shares, goal]
        print(f"| {' | '.join(cells)} |")


def judged(found: float, most: float) -> str:
    """Whether a goal is reached.

    >>> judged(0.4, 0.5)
    'at most 0.5: reached'
    """
    return f"at most {most:g}: {'reached' if found <= most else 'missed'}"

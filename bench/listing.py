"""`python -m bench listing`: gan-runs over thousands of runs, beside what a few lines of Python would do.

Makes so many runs as gan-train leaves them (50 rows of 30 figures, 0.5 GB at 10,000), in days of a thousand, and has
each way look at all of them, by turns, after one round that is not counted: it reads the files into the machine's
memory. `names` walks through the directories and opens nothing: no list can take less. `script` parses the three files
of each run whole, which is what a user would write. The others are gan-runs itself, without the start of a process
(that is in `startup`'s --help) and with its output thrown away. CPU seconds; their ratios are of the same round.
"""

import argparse
import contextlib
import io
import json
import os
import random
import tempfile
from collections.abc import Callable
from pathlib import Path

from omegaconf import OmegaConf

from bench.clock import now
from bench.race import spread
from bench.startup import judged
from bench.words import RAW, numbers
from gan_cli.cli.runs import main as gan_runs

ROWS, A_DAY = 50, 1000
GOALS = {"newest 20": 0.2, "all": 0.5, "by a figure, 20": 0.4}  # of the script's CPU seconds, at the most
FIGURES = [f"{group}/{name}" for group in ("logit", "theory", "samples", "grad_norm", "lr") for name in "abcde"]


def make(root: Path, runs: int) -> None:
    """Runs of two losses, twenty seeds and figures of their own."""
    draw = random.Random(0)
    for number in range(runs):
        day, second = divmod(number, A_DAY)
        place = root / f"2026-{1 + day // 28:02}-{1 + day % 28:02}" / f"{second:06}_mlp-hinge"
        place.mkdir(parents=True)
        created = f"2026-{1 + day // 28:02}-{1 + day % 28:02}T{second // 60:02}:{second % 60:02}:00+0000"
        loss, seed = ("hinge", "wgan_gp")[number % 2], number % 20
        overrides = ["dataset=ring", "model=mlp", f"loss={loss}", f"seed={seed}", "train.steps=5000"]
        about = {"command": ["gan-train", *overrides], "overrides": overrides, "created": created, "seed": seed}
        about["choices"] = {"loss": loss, "dataset": "ring", "model": "mlp", "prior": "normal", "experiment": None}
        about["versions"] = {"python": "3.11.7", "torch": "2.15.0", "numpy": "2.4.6", "tensorboard": "2.21.0"}
        status = {"status": "finished", "reason": None, "step": 5000, "steps": 5000, "seconds": 75.2}
        rows = [
            {"step": 100 * (row + 1), "loss/d": draw.random(), "loss/g": draw.random(), "prob/d_x": draw.random()}
            | {name: draw.random() for name in FIGURES}
            for row in range(ROWS)
        ]
        (place / "run.json").write_text(json.dumps(about, indent=2))
        (place / "status.json").write_text(json.dumps(status, indent=2))
        (place / "metrics.jsonl").write_text("".join(f"{json.dumps(row)}\n" for row in rows))
        config = {"train": {"steps": 5000, "d_steps": 1 + number % 3}, "loss": {"_target_": "x"}, "seed": seed}
        (place / "config.yaml").write_text(OmegaConf.to_yaml(OmegaConf.create(config)))


def names(root: Path) -> None:
    """Every directory, and what is in it."""
    found = sum("run.json" in files for _, _, files in os.walk(root))
    assert found


def script(root: Path) -> None:
    """All of the three files of every run."""
    for directory, _, files in os.walk(root):
        if "run.json" in files:
            json.loads(Path(directory, "run.json").read_text())
            json.loads(Path(directory, "status.json").read_text())
            [json.loads(line) for line in Path(directory, "metrics.jsonl").read_text().splitlines()]


def listed(*words: str) -> Callable[[Path], None]:
    """gan-runs with these words."""

    def way(root: Path) -> None:
        with contextlib.redirect_stdout(io.StringIO()) as out:
            gan_runs([str(root), *words])
        assert out.getvalue().count("\n") > 1

    return way


WAYS: dict[str, Callable[[Path], None]] = {
    "names": names,
    "script": script,
    "newest 20": listed("-n", "20"),
    "all": listed(),
    "all, as JSON": listed("--json"),
    "one choice, 20": listed("--where", "loss=hinge", "-n", "20"),
    "by a figure, 20": listed("--sort", "loss/g", "-n", "20"),
    "one setting, 20": listed("--where", "train.d_steps=2", "-n", "20"),
}


def main(arguments: list[str]) -> None:
    """Make runs, measure, remove them."""
    parser = argparse.ArgumentParser("python -m bench listing", description=__doc__, formatter_class=RAW)
    parser.add_argument("--runs", type=numbers, default=[1000, 10_000], help="how many: 1000,10000")
    parser.add_argument("--rounds", type=int, default=3)
    told = parser.parse_args(arguments)
    print("| runs | what | s, CPU | times names | of the script | goal |\n|---|---|---|---|---|---|")
    for runs in told.runs:
        with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
            root = Path(temporary)
            make(root, runs)
            found: dict[str, list[float]] = {name: [] for name in WAYS}
            for number in range(told.rounds + 1):
                for name, way in WAYS.items():
                    begin = now()
                    way(root)
                    if number:
                        found[name].append((now() - begin).cpu)
            for name, own in found.items():
                beside = [[a / b for a, b in zip(own, found[base], strict=True)] for base in ("names", "script")]
                goal = judged(sorted(beside[1])[len(own) // 2], GOALS[name]) if name in GOALS else ""
                cells = [f"{runs:,}", name, spread(own), *map(spread, beside), goal]
                print(f"| {' | '.join(cells)} |", flush=True)

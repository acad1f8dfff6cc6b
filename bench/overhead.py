"""`python -m bench overhead`: all that gan-cli adds to its own turns, as a share of them.

Bare turns of `gan_cli.loop.turn` (updates of both players, with the guard, nothing else) race against the loop as users
run it: EMA, rows in TensorBoard and metrics.jsonl with their read-outs, alarms, grids and durable checkpoints at the
default cadences. Each round has one overhead; the median is shown, least and most. Below it, what is due now and then,
each timed by itself and divided by its cadence, and their sum: on a busy machine it is what can be trusted.
"""

import argparse
import statistics
import tempfile
from dataclasses import replace
from pathlib import Path

from bench import data
from bench.case import Case
from bench.clock import Seconds
from bench.contenders import make_contender
from bench.race import Entry, race, slices
from bench.sets import DEFAULT, SETS
from bench.words import RAW, numbers, several

GOAL = 0.03  # of the bare turns, at the most
NAMES = ("bare", "gan-cli", "gan-cli, no EMA")


def measure(case: Case, rounds: int, seconds: float) -> str:
    """The overheads of one set, as rows of a table."""
    entries: list[Entry] = []
    try:
        for name in NAMES:
            own = replace(case, folder=case.folder / name.replace(", ", "-").replace(" ", "-"))
            entries.append(Entry(name, make_contender, (name, own), case.threads))
        steps = slices(entries, seconds, 500)
        steps["bare"] = max(steps.values())
        found = race(entries, rounds, steps)
        parts = entries[1].ask("parts_due", 5)
        parts["EMA"] = entries[1].ask("average", 50)
    finally:
        for entry in entries:
            entry.close()
    title, lines = f"{case.one.name}, {case.threads} thread(s)", []
    shares: dict[str, list[float]] = {}
    for what, name in (("all", "gan-cli"), ("all but EMA", "gan-cli, no EMA")):
        pairs = list(zip(found[name], found["bare"], strict=True))
        shares[what] = [full.cpu / bare.cpu - 1 for full, bare in pairs]
        wall = [full.wall / bare.wall - 1 for full, bare in pairs]
        word = judged(statistics.median(shares[what]))
        lines.append(f"| {title} | {what} | {percent(shares[what])} | {percent(wall)} | {word} |")
    bare = Seconds(*(statistics.median(clock) for clock in zip(*found["bare"], strict=True)))
    parts["all of these"] = Seconds(sum(p.wall for p in parts.values()), sum(p.cpu for p in parts.values()))
    for what, part in parts.items():
        word = judged(part.cpu / bare.cpu) if what == "all of these" else ""
        lines.append(f"| {title} | of it {what} | {part.cpu / bare.cpu:.1%} | {part.wall / bare.wall:.1%} | {word} |")
    return "\n".join(lines)


def judged(share: float) -> str:
    """Whether the goal is reached."""
    return "reached" if share <= GOAL else "missed"


def percent(values: list[float]) -> str:
    """Median, least and most.

    >>> percent([0.01, 0.03, 0.02])
    '2.0 % (1.0 to 3.0)'
    """
    low, middle, high = (100 * v for v in (min(values), statistics.median(values), max(values)))
    return f"{middle:.1f} % ({low:.1f} to {high:.1f})"


def main(arguments: list[str]) -> None:
    """Measure what is asked for."""
    known = (DEFAULT.name, *SETS)
    parser = argparse.ArgumentParser("python -m bench overhead", description=__doc__, formatter_class=RAW)
    parser.add_argument("--sets", type=several(known), default=list(known), help=", ".join(known))
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=numbers, default=[1])
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=5.0, help="of a contender's turn")
    parser.add_argument("--device", default="cpu")
    told = parser.parse_args(arguments)
    print(f"Goal: at most {GOAL:.0%} of the bare turns, by CPU time.\n")
    print("| run | what | CPU | wall | |\n|---|---|---|---|---|", flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        for threads in told.threads:
            for name in told.sets:
                one = SETS.get(name, DEFAULT)
                path = data.write(one, folder) if one.dataset == "array" else folder
                case = Case(one, path, folder / f"{name}-{threads}", told.precision, threads, told.device)
                print(measure(case, told.rounds, told.seconds), flush=True)

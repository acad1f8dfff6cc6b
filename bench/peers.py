"""`python -m bench peers`: gan-cli against a tutorial-style loop, other packages and the floor, in one run.

Every contender is a process of one tree and they take turns, so that what else the machine does falls on all of them.
A ratio is taken within a round; what is shown is the median over rounds, least and most. CPU time counts user and
system time of the process and of its DataLoader workers, which are left to fill their queues again before the clock is
read; in a short slice the batches that they hold ready cost no wall time, in favour of the loops that have workers.
The precision is gan-cli's and the floor's: the other loops run in fp32, as they come. What is due only now and then
(rows, grids, checkpoints) is in gan-cli's times with its share: see `bench.product.Product`.
"""

import argparse
import json
import platform
import tempfile
from dataclasses import asdict, replace
from pathlib import Path

import torch

from bench import data, peer_torchgan
from bench.case import Case
from bench.contenders import NAMES, make_contender, why_not
from bench.race import Entry, Failed, race, slices
from bench.report import Result, table
from bench.sets import PRECISIONS, QUICK, SETS
from bench.words import RAW, numbers, several


def measure(case: Case, names: list[str], rounds: int, seconds: float) -> Result:
    """Let the contenders of one case race."""
    result = Result(case.one.name, case.precision, case.threads, case.device)
    entries: list[Entry] = []
    peaks: Entry | None = None
    try:
        for name in names:
            own = replace(case, folder=case.folder / name.replace(", ", "-").replace(" ", "-"))
            if name == "torchgan" and (reason := peer_torchgan.missing(case.one)):
                result.notes.append(reason)
                continue
            try:
                entries.append(Entry(name, make_contender, (name, own), case.threads))
            except Failed as error:
                result.notes.append(f"{name} is left out: {str(error).strip().splitlines()[-1]}")
        peaks = Entry("peaks", make_contender, ("peaks", case), case.threads)
        steps = slices(entries, seconds, 500)
        for entry in entries:
            result.flop[entry.name] = entry.ask("flop")
            result.device_seconds[entry.name] = entry.ask("device_seconds", 5)
        found = race(entries, rounds, steps)
        result.peak = peaks.ask("peak")
    finally:
        for entry in (*entries, *([peaks] if peaks else [])):
            entry.close()
    result.seconds = {name: [(s.wall, s.cpu) for s in times] for name, times in found.items()}
    return result


def parse(arguments: list[str]) -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser("python -m bench peers", description=__doc__, formatter_class=RAW)
    parser.add_argument("--sets", type=several(tuple(SETS)), default=list(SETS), help=", ".join(SETS))
    parser.add_argument("--precision", type=several(PRECISIONS), default=list(PRECISIONS))
    parser.add_argument("--threads", type=numbers, default=[1, 2])
    parser.add_argument("--contenders", type=several(NAMES, ";"), default=list(NAMES), help="; ".join(NAMES))
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--seconds", type=float, default=3.0, help="of a contender's turn")
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("--quick", action="store_true", help="five sets, three short rounds")
    parser.add_argument("--out", type=Path, action="append", default=[], help="FILE.md or FILE.json")
    told = parser.parse_args(arguments)
    if told.quick:
        told.rounds, told.seconds = min(told.rounds, 3), min(told.seconds, 1.0)
        told.sets = [name for name in told.sets if name in QUICK] if told.sets == list(SETS) else told.sets
    if told.rounds < 1 or told.seconds <= 0:
        parser.error("--rounds and --seconds must be positive")
    if wrong := [str(path) for path in told.out if path.suffix not in (".md", ".json")]:
        parser.error(f"--out takes FILE.md or FILE.json, got {', '.join(wrong)}")
    return told


def main(arguments: list[str]) -> None:
    """Measure what is asked for; each table is printed as soon as it is there."""
    told = parse(arguments)
    about = f"torch {torch.__version__}, {platform.machine()}, {torch.backends.cpu.get_cpu_capability()}"
    results, said = [], [f"## gan-cli and its peers ({about}; {told.rounds} rounds of {told.seconds:g} s)\n"]
    print(said[0], flush=True)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        for precision in told.precision:
            if reason := why_not(precision):
                said.append(reason)
                print(reason, flush=True)
                continue
            for threads in told.threads:
                for name in told.sets:
                    runs = folder / f"{name}-{precision}-{threads}"
                    path = data.write(SETS[name], folder)
                    case = Case(SETS[name], path, runs, precision, threads, told.device)
                    try:
                        results.append(measure(case, told.contenders, told.rounds, told.seconds))
                        said.append(table(results[-1]))
                    except Failed as error:  # the other measurements are worth having
                        said.append(f"### {name}, {precision}, {threads} thread(s): no result\n\n{error}")
                    print(said[-1], flush=True)
                    for out in told.out:
                        plain = json.dumps([asdict(one) for one in results], indent=1)
                        out.write_text("\n".join(said) if out.suffix == ".md" else plain)

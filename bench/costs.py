"""`python -m bench costs`: where a contender's step spends its time: PyTorch's operations, and Python's functions.

The operations are those of torch.profiler, by the time spent in each alone, beside the same of the floor; the functions
are those of cProfile in steps of their own, because each profiler slows down what the other one measures.
"""

import argparse
import cProfile
import pstats
import tempfile
from pathlib import Path

import torch
from torch.profiler import ProfilerActivity, profile

from bench import data
from bench.case import Case
from bench.contenders import NAMES, Counted, make_contender
from bench.sets import SETS
from bench.words import RAW

Costs = dict[str, tuple[float, float]]  # operation: ms and calls a step


def operations(contender: Counted, steps: int) -> Costs:
    """Time spent in each operation alone, by the profiler."""
    activities = [ProfilerActivity.CPU, *([ProfilerActivity.CUDA] if contender.device.type == "cuda" else [])]
    with profile(activities=activities) as profiler:
        contender.run(steps)
    return {e.key: (e.self_cpu_time_total / 1e3 / steps, e.count / steps) for e in profiler.key_averages()}


def compared(ours: Costs, floor: Costs, lines: int) -> str:
    """The operations that cost ours most above the floor, as Markdown."""
    rows = sorted(ours, key=lambda key: floor.get(key, (0.0, 0.0))[0] - ours[key][0])[:lines]
    total = [sum(ms for ms, _ in costs.values()) for costs in (ours, floor)]
    found = ["| operation | ms a step | of the floor | above it | calls | of the floor |", "|---|---|---|---|---|---|"]
    for key in rows:
        (ms, calls), (least, few) = ours[key], floor.get(key, (0.0, 0.0))
        found.append(f"| {key} | {ms:.3f} | {least:.3f} | {ms - least:+.3f} | {calls:.1f} | {few:.1f} |")
    return "\n".join([*found, f"| all | {total[0]:.3f} | {total[1]:.3f} | {total[0] - total[1]:+.3f} | | |"])


def main(arguments: list[str]) -> None:
    """Profile what is asked for."""
    parser = argparse.ArgumentParser("python -m bench costs", description=__doc__, formatter_class=RAW)
    parser.add_argument("--set", choices=SETS, default="mlp28")
    parser.add_argument("--contender", choices=[*NAMES, "bare"], default="gan-cli")
    parser.add_argument("--precision", default="fp32")
    parser.add_argument("--threads", type=int, default=1)
    parser.add_argument("--steps", type=int, default=500, help="for cProfile; torch.profiler takes a tenth")
    parser.add_argument("--lines", type=int, default=15)
    parser.add_argument("--device", default="cuda" if torch.cuda.is_available() else "cpu")
    parser.add_argument("extra", nargs="*", help="overrides of gan-train, for gan-cli alone")
    told = parser.parse_args(arguments)
    torch.set_num_threads(told.threads)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        path = data.write(SETS[told.set], folder)
        case = Case(SETS[told.set], path, folder / "run", told.precision, told.threads, told.device)
        ours = make_contender(told.contender, case.with_(*told.extra))
        ours.run(min(20, told.steps))
        few = max(1, told.steps // 10)
        costs, python = operations(ours, few), cProfile.Profile()
        python.runcall(ours.run, told.steps)
        ours.close()
        # Only now: it chooses the library of products for the process, and the tutorial is to have PyTorch's choice.
        floor = make_contender("floor", case)
        floor.run(min(20, told.steps))
        print(compared(costs, operations(floor, few), told.lines), flush=True)
        pstats.Stats(python).sort_stats("tottime").print_stats(2 * told.lines)

"""What a race of `python -m bench peers` found, and its table."""

import statistics
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from bench.arithmetic import Peak
from bench.clock import Seconds
from bench.race import ratios, spread
from bench.sets import BUSY, SETS, Goal

Times = Mapping[str, Sequence[Seconds]]  # a step of each contender, by round


@dataclass
class Result:
    """One set, precision, number of threads and device."""

    set: str
    precision: str
    threads: int
    device: str
    seconds: dict[str, list[tuple[float, float]]] = field(default_factory=dict)  # wall, cpu a step, by round
    flop: dict[str, int] = field(default_factory=dict)
    device_seconds: dict[str, float] = field(default_factory=dict)  # a step, of an accelerator
    peak: Peak | None = None
    notes: list[str] = field(default_factory=list)


def table(result: Result) -> str:
    """One result as Markdown."""
    one = SETS[result.set]
    times = {name: [Seconds(*pair) for pair in pairs] for name, pairs in result.seconds.items()}
    parts = [f"### {one.title}; {result.precision}, {result.threads} thread(s), {result.device}", _times(result, times)]
    parts += [
        *_shares(result, times),
        *_judgement(one.goals.get("cuda" if result.device.startswith("cuda") else result.precision), times),
        *result.notes,
    ]
    return "\n\n".join([*parts, ""])


def _times(result: Result, times: Times) -> str:
    """A line for each contender: its seconds, and ratios to the tutorial and to the floor."""
    heads = ["contender", "ms a step, wall", "CPU", "times the tutorial, wall", "CPU", "of the floor's speed, CPU"]
    lines = [f"| {' | '.join([*heads, 'GFLOP a step', 'GFLOP/s, wall'])} |", "|---" * 8 + "|"]
    for name, own in times.items():
        cells = [name, *(spread([1e3 * s[clock] for s in own], 1) for clock in (0, 1))]
        cells += [spread(r) for r in ratios(times["tutorial"], own)] if "tutorial" in times else ["", ""]
        cells.append(spread(ratios(times["floor"], own)[1]) if "floor" in times else "")
        flop = result.flop[name] / 1e9
        lines.append(f"| {' | '.join([*cells, f'{flop:.3g}', f'{flop / middle(own):.3g}'])} |")
    return "\n".join(lines)


def _shares(result: Result, times: Times) -> list[str]:
    """How near each comes to the arithmetic bound, and how busy it keeps an accelerator."""
    said = []
    if peak := result.peak:
        said.append(
            f"Peak here: {peak.gemm / 1e9:.3g} GFLOP/s in large matrix products, {peak.layers / 1e9:.3g} in the best "
            f"layer of these networks ({peak.where}). At that peak a step would take"
        )
        for name, own in times.items():
            bound = result.flop[name] / peak.best
            said[-1] += f" {1e3 * bound:.3g} ms ({name}; it reaches {bound / middle(own):.0%}),"
        said[-1] = said[-1][:-1] + "."
    for name, busy in result.device_seconds.items():
        if busy:
            images = SETS[result.set].batch / middle(times[name])
            share = busy / middle(times[name])
            said.append(
                f"{name}: the device computes {1e3 * busy:.3g} ms of a step, {share:.0%} (goal {BUSY:.0%}); "
                f"{images:,.0f} images/s."
            )
    return said


def _judgement(goal: Goal | None, times: Times) -> list[str]:
    """Whether the goals are reached, by each way of running gan-cli."""
    if goal is None or "tutorial" not in times:
        return []
    said = f"Goal: {goal[0]:g} times the tutorial by wall time{f', {goal[1]:g} by CPU time' if goal[1] else ''}."
    for name in (name for name in times if name.startswith("gan-cli")):
        found = [statistics.median(r) for r in ratios(times["tutorial"], times[name])]
        words = [f"{a:.2f}, {'reached' if a >= b else 'missed'}" for a, b in zip(found, goal, strict=True) if b]
        said += f" {name}: {'; '.join(words)}."
    return [said]


def middle(own: Sequence[Seconds]) -> float:
    """The median of the wall times."""
    return statistics.median(s.wall for s in own)

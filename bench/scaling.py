"""`python -m bench scaling`: seconds a step as one thing grows, beside what the mathematics asks.

Bare turns of gan-cli, each size a process of its own, all sizes of a row racing each other. An exponent is the slope of
the log of the CPU seconds against the log of the size, over the upper half of the sizes, where fixed costs weigh least;
beside it the same of the operations that PyTorch counts. A step that grows faster than its arithmetic has an exponent
well above it. Data sets and threads have no arithmetic: the first should be 0, the second -1 in wall time at best.
"""

import argparse
import math
import statistics
import tempfile
from dataclasses import dataclass
from pathlib import Path

from bench import data
from bench.case import Case
from bench.clock import Seconds
from bench.contenders import make_contender
from bench.race import Entry, race, slices
from bench.sets import Set
from bench.words import RAW, several


@dataclass(frozen=True)
class Row:
    """One thing that grows."""

    what: str
    unit: str
    sizes: tuple[int, ...]
    quick: int = 3  # sizes of a quick run


ROWS = {
    row.what: row
    for row in (
        Row("batch", "images", (16, 32, 64, 128, 256, 512)),
        Row("width", "base channels", (8, 16, 32, 64, 128)),
        Row("mlp-width", "units", (64, 128, 256, 512, 1024, 2048)),
        Row("resolution", "pixels", (16, 32, 64, 128)),
        Row("d_steps", "updates of D", (1, 2, 4, 8)),
        Row("data", "images", (1_000, 10_000, 100_000)),
        Row("threads", "threads", (1, 2)),
    )
}


def case_of(what: str, size: int, folder: Path, device: str) -> Case:
    """DCGAN of 32 base channels, 32 pixels, batch 64, one thread, but for one thing."""
    side = size if what == "resolution" else 32
    shape = (1, 28, 28) if what == "mlp-width" else (1, side, side)
    base = Set(what, "", ("loss=nonsaturating", "penalty=none", "model=dcgan"), shape, 64)
    path = data.write(base, folder, size if what == "data" else 2_000)
    told = {
        "batch": [f"train.batch_size={size}"],
        "width": [f"model.base_channels={size}"],
        "mlp-width": ["model=mlp", f"model.width={size}"],
        "d_steps": [f"train.d_steps={size}"],
    }.get(what, [])
    threads = size if what == "threads" else 1
    return Case(base, path, folder, "fp32", threads, device, tuple(told))


def slope(sizes: list[float], values: list[float]) -> float:
    """The exponent k of values ~ sizes^k, by least squares.

    >>> round(slope([1, 2, 4], [3, 12, 48]), 6)
    2.0
    """
    x, y = [math.log(s) for s in sizes], [math.log(v) for v in values]
    mean_x, mean_y = statistics.fmean(x), statistics.fmean(y)
    return sum((a - mean_x) * (b - mean_y) for a, b in zip(x, y, strict=True)) / sum((a - mean_x) ** 2 for a in x)


@dataclass
class Grown:
    """What one row found: medians over rounds, and operations a step."""

    row: Row
    sizes: list[int]
    seconds: list[Seconds]
    flop: list[int]

    def exponents(self) -> tuple[float, float, float]:
        """Of wall, CPU and operations, over the upper half of the sizes (three at least)."""
        first = min(len(self.sizes) // 2, max(0, len(self.sizes) - 3))
        sizes = [float(s) for s in self.sizes[first:]]
        columns = ([s.wall for s in self.seconds], [s.cpu for s in self.seconds], [float(f) for f in self.flop])
        wall, cpu, flop = (slope(sizes, values[first:]) for values in columns)
        return wall, cpu, flop


def measure(row: Row, folder: Path, device: str, rounds: int, seconds: float, quick: bool) -> Grown:
    """Let the sizes of a row race."""
    sizes = list(row.sizes[: row.quick] if quick else row.sizes)
    entries: list[Entry] = []
    try:
        for size in sizes:
            case = case_of(row.what, size, folder, device)
            entries.append(Entry(str(size), make_contender, ("bare", case), case.threads))
        found = race(entries, rounds, slices(entries, seconds, 500))
        flop = [entry.ask("flop") for entry in entries]
    finally:
        for entry in entries:
            entry.close()
    middle = [Seconds(*(statistics.median(c) for c in zip(*found[str(size)], strict=True))) for size in sizes]
    return Grown(row, sizes, middle, flop)


HEAD = "| what | size | ms a step, wall | ms, CPU | GFLOP | GFLOP a CPU second |\n|---|---|---|---|---|---|"


def lines(one: Grown) -> str:
    """A line for each size."""
    found = []
    for size, s, flop in zip(one.sizes, one.seconds, one.flop, strict=True):
        cells = [one.row.what, f"{size:,} {one.row.unit}", f"{1e3 * s.wall:.3g}", f"{1e3 * s.cpu:.3g}"]
        found.append(f"| {' | '.join([*cells, f'{flop / 1e9:.3g}', f'{flop / s.cpu / 1e9:.3g}'])} |")
    return "\n".join(found)


def exponents(grown: list[Grown]) -> str:
    """A line for each row."""
    found = ["| what | exponent, wall | CPU | of the operations |", "|---|---|---|---|"]
    found += [f"| {one.row.what} | {' | '.join(f'{value:.2f}' for value in one.exponents())} |" for one in grown]
    return "\n".join(found)


def plot(grown: list[Grown], path: Path) -> None:
    """A panel for each row: CPU (of threads: wall) time, and a line that grows as the mathematics asks."""
    import matplotlib

    matplotlib.use("agg")
    from matplotlib import pyplot

    columns = min(4, len(grown))
    rows = math.ceil(len(grown) / columns)
    figure, axes = pyplot.subplots(rows, columns, figsize=(3.2 * columns, 2.8 * rows), squeeze=False)
    for ax in axes.flat[len(grown) :]:
        ax.axis("off")
    for ax, one in zip(axes.flat, grown, strict=False):
        by_wall = one.row.what == "threads"
        times = [1e3 * (s.wall if by_wall else s.cpu) for s in one.seconds]
        asked = [times[-1] * flop / one.flop[-1] for flop in one.flop]
        if by_wall:  # the same work, shared out
            asked = [times[0] * one.sizes[0] / size for size in one.sizes]
        ax.loglog(one.sizes, times, "o-", label=f"a step, {'wall' if by_wall else 'CPU'}")
        ax.loglog(one.sizes, asked, "--", color="grey", label="in equal shares" if by_wall else "as its operations")
        ax.set_ylim(min(*times, *asked) / 2, 2 * max(*times, *asked))
        ax.set(title=one.row.what, xlabel=one.row.unit, ylabel="ms")
        ax.set_xticks(one.sizes, [f"{size:,}" for size in one.sizes], fontsize=7)
        ax.minorticks_off()
        ax.legend(fontsize=7)
    figure.tight_layout()
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)
    pyplot.close(figure)


def main(arguments: list[str]) -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser("python -m bench scaling", description=__doc__, formatter_class=RAW)
    parser.add_argument("--what", type=several(tuple(ROWS)), default=list(ROWS), help=", ".join(ROWS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=1.0, help="of a size's turn")
    parser.add_argument("--device", default="cpu")
    parser.add_argument("--quick", action="store_true", help="three sizes, three short rounds")
    parser.add_argument("--out", type=Path, help="FILE.png of the plot, such as docs/images/scaling.png")
    told = parser.parse_args(arguments)
    rounds, seconds = (min(told.rounds, 3), min(told.seconds, 0.3)) if told.quick else (told.rounds, told.seconds)
    with tempfile.TemporaryDirectory(prefix="bench-") as temporary:
        folder = Path(temporary)
        grown = []
        print(HEAD, flush=True)
        for what in told.what:
            grown.append(measure(ROWS[what], folder, told.device, rounds, seconds, told.quick))
            print(lines(grown[-1]), flush=True)
    print(f"\n{exponents(grown)}")
    if told.out:
        plot(grown, told.out)

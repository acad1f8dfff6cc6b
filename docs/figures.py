"""The figures of docs/results.md, from run directories: python docs/figures.py OUT.png TAG[,TAG...] RUN=LABEL..."""

import json
import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure


def curves(out: Path, tags: list[str], runs: dict[str, Path]) -> None:
    """Draw each logged figure of each run over the steps, one panel a tag."""
    figure = Figure(figsize=(3.6 * len(tags), 2.8), dpi=110, layout="constrained")
    FigureCanvasAgg(figure)
    for panel, tag in zip(figure.subplots(1, len(tags), squeeze=False)[0], tags, strict=True):
        for colour, (label, directory) in zip(("#D55E00", "#0072B2", "#009E73"), runs.items(), strict=False):
            rows = [json.loads(line) for line in (directory / "metrics.jsonl").read_text().splitlines()]
            shown = [(row["step"], row[tag]) for row in rows if tag in row]
            panel.plot(*zip(*shown, strict=True), label=label, color=colour, linewidth=1.4)
        panel.set(title=tag, xlabel="step")
        panel.grid(alpha=0.3)
    figure.axes[0].legend(frameon=False)
    figure.savefig(out)


if __name__ == "__main__":
    out, tags, *named = sys.argv[1:]
    curves(Path(out), tags.split(","), {label: Path(run) for run, label in (item.rsplit("=", 1) for item in named)})

"""Reports made up for the tests of the page: as many runs as wanted, with curves and pictures."""

import math
import random
from pathlib import Path
from typing import Any

import torch

from gan_cli.grid import save_png, tile
from gan_cli.report.model import Alarm, Band, Comparison, Group, Metric, Report, RunInfo, Summary

STEPS = range(0, 301, 10)
TAGS = ("eval/cfd", "eval/precision", "loss/d", "loss/g", "eval/cfd_floor")


def picture(path: Path, seed: int, images: int = 16) -> Path:
    """A grid of noise images, 8 x 8 pixels each, enlarged as runs enlarge them."""
    path.parent.mkdir(parents=True, exist_ok=True)
    save_png(path, tile(torch.rand(images, 1, 8, 8, generator=torch.Generator().manual_seed(seed)) * 2 - 1))
    return path


def value(tag: str, group: int, seed: int, step: int) -> float:
    """Falls with the steps, lower for later groups; a floor is the same everywhere."""
    if tag.endswith("_floor"):
        return 7.25
    noise = random.Random(f"{tag} {group} {seed} {step}").uniform(-1, 1)
    return 100 * math.exp(-step / 150) + 10 / (1 + group) + 2 * noise + 12


def fake(
    folder: Path, groups: int = 2, seeds: int = 3, steps: int = 3, tags: tuple[str, ...] = TAGS, **changes: Any
) -> Report:
    """A report of groups x seeds runs, each with so many grids; the second failed, the third raised an alarm."""
    runs, bands = [], []
    for group in range(groups):
        for seed in range(seeds):
            place = len(runs)
            curves = {tag: [(step, value(tag, group, seed, step)) for step in STEPS] for tag in tags}
            runs.append(
                RunInfo(
                    *(f"{place}_loss-{group}_seed-{seed}", folder / f"{place}", "failed" if place == 1 else "finished"),
                    reason="RuntimeError: out of memory" if place == 1 else None,
                    config={"loss.name": f"loss{group}", "optimizer.lr": 0.001 * (group + 1)},
                    seed=seed,
                    step=300,
                    steps=300,
                    seconds=7.0 + place,
                    images_per_second=2000.0 + place,
                    alarms=[Alarm("mode_collapse", 120, "the samples are all alike")] if place == 2 else [],
                    command=f"gan-train loss=loss{group} seed={seed}",
                    curves=curves,
                    grids=[(100 * k, picture(folder / f"{place}" / f"{k}.png", 100 * place + k)) for k in range(steps)],
                    z=f"seed {seed}, Normal",
                    group=group,
                )
            )
        for tag in tags:
            rows = [[value(tag, group, seed, step) for seed in range(seeds)] for step in STEPS]
            means = [sum(row) / seeds for row in rows]
            bands.append(Band(tag, group, list(STEPS), means, [*map(min, rows)], [*map(max, rows)], seeds))
    report = Report(
        *("Two losses", "gan-report outputs", "2026-11-22 17:30", runs),
        groups=[
            Group(
                f"loss=loss{g}",
                {"loss.name": f"loss{g}", "optimizer.lr": str(0.001 * (g + 1))},
                runs[g * seeds : (g + 1) * seeds],
            )
            for g in range(groups)
        ],
        differing=["loss.name", "optimizer.lr"],
        metrics=[Metric(tag, "smallest", f"what {tag} means", chosen=tag.startswith("eval")) for tag in tags],
        bands=bands,
        failed=[run for run in runs if run.status == "failed"],
        real=picture(folder / "real.png", 9999),
        same_z="Runs of one seed show the same z.",
        notes=["Nothing was left out."],
        method=["Intervals are Student's."],
    )
    for tag in tags[:2]:
        _compare(report, tag, seeds)
    for name, changed in changes.items():
        setattr(report, name, changed)
    return report


def _compare(report: Report, tag: str, seeds: int) -> None:
    """Summaries and comparisons with the last group, whose mean is the smallest."""
    last = len(report.groups) - 1
    rows = []
    for group, _ in enumerate(report.groups):
        values = [(run.name, value(tag, group, seed, 300)) for seed, run in enumerate(report.groups[group].runs)]
        mean = sum(v for _, v in values) / seeds
        rows.append(Summary(tag, group, seeds, mean, 1.0, mean - 2.5, mean + 2.5, values, best=group == last))
    pairs = [
        Comparison(
            *(tag, group, last, 1.5, -0.5, 3.5, 2.0, 3.9, 0.04, 0.08),
            verdict="more than noise" if group == 0 else "not more than noise",
            words=f"loss{group} and loss{last}",
            runs_needed=9,
        )
        for group in range(last)
    ]
    report.summaries = [*report.summaries, *rows]
    report.comparisons = [*report.comparisons, *pairs]

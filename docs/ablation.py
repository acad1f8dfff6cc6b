"""What each part of the recipe for points is worth: every row of the table of docs/results.md leaves one out.

    python docs/ablation.py --out outputs/ablation
    python docs/ablation.py --out outputs/short --data grid --seeds 3 --all train.steps=3000

Each run is a `gan-train` in a directory of its own; those that are there are not run again. The table is Markdown: the
mean over seeds, and its standard error.
"""

import argparse
import subprocess
import sys
from pathlib import Path
from statistics import mean, stdev

from gan_cli.evaluation import Options
from gan_cli.scoring import of_run

SAMPLES = 2500  # VEEGAN's and PacGAN's
ROWS: dict[str, tuple[str, ...]] = {
    "the recipe": (),
    "no average of G": ("train.ema_half_life_images=null",),
    "constant learning rate": ("train.lr_schedule=constant",),
    "gamma stays at its start": ("penalty.gamma_final=null",),
    "gamma is at its end from the start": ("penalty.gamma=${penalty.gamma_final}",),
    "not standardised": ("model.standardise=false",),
    "no Fourier features": ("model.discriminator.fourier=0",),
    "non-saturating loss": ("loss=nonsaturating", "penalty=r1r2"),
    "R1 alone": ("penalty=r1", "penalty.every=1"),
    "no penalty": ("penalty=none", "~penalty.gamma", "~penalty.gamma_final"),
}
COLUMNS = {"modes": "modes", "hq": "HQ %", "reverse_kl": "reverse KL", "std_ratio": "std ratio"}


def train(experiment: str, overrides: tuple[str, ...], seed: int, directory: Path) -> bool:
    """Run gan-train, unless it was run before. False: it failed, as a run that diverges does."""
    if (directory / "generator" / "raw.safetensors").is_file():
        return True
    words = [f"experiment={experiment}", f"seed={seed}", f"hydra.run.dir={directory}", "device=cpu", *overrides]
    program = "import sys; from gan_cli.cli.entry import train; sys.argv[0] = 'gan-train'; train()"
    return subprocess.run([sys.executable, "-c", program, *words], stdout=subprocess.DEVNULL).returncode == 0


def score(directory: Path) -> dict[str, float]:
    """The figures of a run's averaged generator, or of its last one where there is no average."""
    options = Options(metrics=list(COLUMNS), n_fake=SAMPLES)
    return {figure.metric: figure.value for figure in of_run(directory, options, write=False).record.figures}


def cell(name: str, values: list[float]) -> str:
    """Mean and standard error; a share in per cent."""
    scaled = [100 * value for value in values] if name == "hq" else values
    digits = {"modes": 1, "hq": 1}.get(name, 3 if name == "reverse_kl" else 2)
    error = stdev(scaled) / len(scaled) ** 0.5 if len(scaled) > 1 else 0.0
    return f"{mean(scaled):.{digits}f} ± {error:.{digits}f}"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--out", type=Path, required=True, help="the runs' directory")
    parser.add_argument("--data", nargs="+", default=["ring", "grid"], help="experiments")
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--rows", nargs="+", default=list(ROWS), choices=list(ROWS))
    parser.add_argument("--all", nargs="+", default=[], metavar="KEY=VALUE", help="of every run")
    options = parser.parse_args()
    for experiment in options.data:
        print(f"\n| {experiment} | " + " | ".join(COLUMNS.values()) + " |\n|---|" + "---:|" * len(COLUMNS), flush=True)
        for row in options.rows:
            places = [options.out / f"{experiment}_{row.replace(' ', '_')}_{seed}" for seed in range(options.seeds)]
            done = [train(experiment, (*ROWS[row], *options.all), seed, place) for seed, place in enumerate(places)]
            figures = [score(place) for place, well in zip(places, done, strict=True) if well]
            cells = [cell(name, [found[name] for found in figures]) if figures else "–" for name in COLUMNS]
            failed = f" ({done.count(False)} of {len(done)} diverged)" if False in done else ""
            print(f"| {row}{failed} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()

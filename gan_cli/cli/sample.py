"""`gan-sample RUN`: draw from the generator of a run. Nothing here imports torch before there is something to draw."""

from __future__ import annotations

import os
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_cli.cli.command import add_weights, as_command, at_least, new_parser, printable
from gan_cli.cli.imports import uncollected
from gan_cli.cli.sample_files import is_image, write_interpolation, write_samples
from gan_cli.errors import ConfigError, RunError

if TYPE_CHECKING:
    from gan_cli.export import Sampler

IMAGES, POINTS, ENDS = 64, 2000, 8  # drawn where -n does not say how many
STEPS = 16
IN_A_PICTURE = 10_000  # images: a larger grid takes more memory than anybody looks at

ABOUT = """\
Draw samples from the generator of a run.

RUN is a run directory, finished or not, such as outputs/latest, or a generator/ folder on its own.
Sample i depends on the seed and on i alone: the first 5 of 70 are the 5 that -n 5 draws. A conditional generator
draws sample i of each class from the same noise.
"""
FILES = """\
files in the output directory:
  grid.png             all samples in one picture (points: a scatter plot, numbers: a histogram); a row for each class
  sample-000000.png    one image a file, at its own size; class-3-000000.png where there are classes
  samples.npy          images: uint8 [N, C, H, W], 0 to 255; points: float32 [N, D]; class after class
  labels.npy           int64 [N], where there are classes
  interpolation.png    one row from each sample to the next, and from the last to the first
  interpolation.gif    the same way as an endless film
Files of these names are replaced; everything else in the directory stays as it is.

examples:
  gan-sample outputs/latest
  gan-sample outputs/latest -n 10000 --png --out fakes
  gan-sample outputs/latest --interpolate spherical --seed 3
  gan-sample outputs/latest --class 3,7 -n 20
  gan-sample outputs/latest --checkpoint best
"""


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    parser = _parser()
    options = parser.parse_args(argv)
    if options.interpolate is None and options.steps is not None:
        parser.error("--steps belongs to --interpolate; add --interpolate spherical or --interpolate linear")
    if options.interpolate and options.number == 1:
        parser.error("--interpolate goes from one sample to the next and needs -n 2 or more")
    with as_command():
        _sample(options)


def _parser() -> ArgumentParser:
    parser = new_parser("gan-sample", ABOUT, FILES)
    parser.add_argument("run", metavar="RUN", type=Path, help="a run directory or a generator/ folder")
    parser.add_argument(
        "-n",
        "--number",
        type=at_least(1),
        metavar="N",
        help=f"samples of each class (default: {IMAGES} images or {POINTS} points in all; {ENDS} with --interpolate)",
    )
    parser.add_argument(
        "--class",
        dest="classes",
        type=lambda text: text.split(","),
        metavar="C[,C...]",
        help="of a conditional generator: the classes to draw, by name or number (default: all)",
    )
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="S", help="of the noise (default: 0)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: samples-S)")
    add_weights(parser)
    what = parser.add_argument_group("what to write (one or more; default: --grid)")
    what.add_argument("--grid", action="store_true", help="one picture of all samples")
    what.add_argument("--png", action="store_true", help="a PNG for each image")
    what.add_argument("--npy", action="store_true", help="a NumPy array")
    what.add_argument(
        "--interpolate",
        choices=("linear", "spherical"),
        help="the ways between the samples: spherical for a normal or sphere prior, linear for a uniform one",
    )
    parser.add_argument(
        "--steps", type=at_least(1), metavar="K", help=f"from one sample to the next (default: {STEPS})"
    )
    parser.add_argument("--trust", action="store_true", help="run code outside gan_cli that the generator names")
    return parser


def _sample(options: Namespace) -> None:
    if options.trust:
        sys.path.append(os.getcwd())  # a console script does not find the modules beside it by itself
    with uncollected():
        from gan_cli import export  # torch comes in here

    def warn(line: str) -> None:
        print(printable(line), file=sys.stderr)

    sampler = export.load(options.run, options.ema, options.trust, warn, options.at)
    options.grid |= not (options.png or options.npy or options.interpolate)
    options.steps = options.steps or STEPS
    options.labels = _labels(options, sampler)
    if options.number is None:
        in_all = IMAGES if is_image(sampler) else POINTS
        options.number = ENDS if options.interpolate else max(1, in_all // len(options.labels))
    _check(options, sampler)

    out: Path = options.out or Path(f"samples-{options.seed}")
    weights = "averaged weights" if sampler.averaged else "weights of the last step"
    try:
        out.mkdir(parents=True, exist_ok=True)
        written = write_samples(options, sampler, out)
        if options.interpolate:
            written |= write_interpolation(options, sampler, out)
    except OSError as error:
        raise RunError(f"{out}: cannot be written: {error.strerror or error}") from error
    number = f"{options.number * len(options.labels):,} samples"
    if sampler.labels:
        number += f", {options.number:,} of each of {len(options.labels)} classes," if len(options.labels) > 1 else ""
        number += f" of class {options.classes[0]}," if options.classes and len(options.labels) == 1 else ""
    print(f"drew {number} of step {sampler.step:,} with seed {options.seed} ({weights})")
    for what, where in written.items():
        print(f"  {what:<6} {where}")


def _labels(options: Namespace, sampler: Sampler) -> list[int | None]:
    """The labels of the classes to draw; a single None where there are no classes.

    Raises:
        ConfigError: a class that is not there, or none for a way through samples.
    """
    known = sampler.labels
    if known is None:
        if options.classes:
            raise ConfigError(
                "--class needs a conditional generator, and this one knows no classes; "
                "gan-train model.conditional=true trains one"
            )
        return [None]
    if options.interpolate and len(options.classes or ()) != 1:
        raise ConfigError(f"--interpolate stays in one class; add --class with one of {', '.join(known)}")
    numbers = {str(label): label for label in known.values()} | known  # a name comes first
    unknown = [name for name in options.classes or () if name not in numbers]
    if unknown:
        raise ConfigError(f"--class: there is no class {', '.join(map(repr, unknown))}; there are: {', '.join(known)}")
    return [numbers[name] for name in dict.fromkeys(options.classes or known)]


def _check(options: Namespace, sampler: Sampler) -> None:
    """Refuse what cannot be drawn before anything is written.

    Raises:
        ConfigError: what, and what to do.
    """
    if is_image(sampler):
        total = options.number * len(options.labels)
        frames = options.number * (options.steps + 1) if options.interpolate else 0
        for images, option in ((total * options.grid, "--grid"), (frames, "--interpolate")):
            if images > IN_A_PICTURE:
                raise ConfigError(
                    f"{option}: {images:,} images in one picture are too many; at most {IN_A_PICTURE:,}. "
                    "Take a smaller -n, or --png or --npy instead"
                )
        return
    sort = f"samples of shape {list(sampler.shape)}"
    for option in ("png", "interpolate"):
        if getattr(options, option):
            raise ConfigError(f"--{option} is for images, and this generator makes {sort}; use --grid or --npy")
    if options.grid and sampler.shape not in ((1,), (2,)):
        raise ConfigError(f"{sort} have no picture; use --npy")


if __name__ == "__main__":
    main()

"""`gan-sample RUN`: draw from the generator of a run. Nothing here imports torch before there is something to draw."""

from __future__ import annotations

import os
import re
import sys
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction, Namespace, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

from gan_cli import __version__
from gan_cli.cli.command import as_command
from gan_cli.errors import ConfigError, RunError

if TYPE_CHECKING:
    from torch import Tensor

    from gan_cli.export import Sampler
    from gan_cli.grid import Picture

IMAGES, POINTS, ENDS = 64, 2000, 8  # drawn where -n does not say how many
STEPS = 16
IN_A_PICTURE = 10_000  # images: a larger grid takes more memory than anybody looks at
FILM_SIDE, ROW_WIDTH = 256, 1200  # pixels that smaller images are enlarged to, each pixel a square

ABOUT = """\
Draw samples from the generator of a run.

RUN is a run directory, finished or not, such as outputs/latest, or a generator/ folder on its own.
Sample i depends on the seed and on i alone: the first 5 of 70 are the 5 that -n 5 draws.
"""
FILES = """\
files in the output directory:
  grid.png             all samples in one picture (points: a scatter plot, numbers: a histogram)
  sample-000000.png    one image a file, at its own size
  samples.npy          images: uint8 [N, C, H, W], 0 to 255; points: float32 [N, D]
  interpolation.png    one row from each sample to the next, and from the last to the first
  interpolation.gif    the same way as an endless film
Files of these names are replaced; everything else in the directory stays as it is.

examples:
  gan-sample outputs/latest
  gan-sample outputs/latest -n 10000 --png --out fakes
  gan-sample outputs/latest --interpolate spherical --seed 3
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
    parser = ArgumentParser(
        "gan-sample",
        description=ABOUT,
        epilog=FILES,
        formatter_class=RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("run", metavar="RUN", type=Path, help="a run directory or a generator/ folder")
    parser.add_argument(
        "-n",
        "--number",
        type=_at_least(1),
        metavar="N",
        help=f"samples (default: {IMAGES} images or {POINTS} points; {ENDS} with --interpolate)",
    )
    parser.add_argument("--seed", type=_at_least(0), default=0, metavar="S", help="of the noise (default: 0)")
    parser.add_argument("--out", type=Path, metavar="DIR", help="where to write (default: samples-S)")
    parser.add_argument(
        "--ema",
        action=BooleanOptionalAction,
        help="weights: the average over training, or those of the last step (default: the average, if there is one)",
    )
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
        "--steps", type=_at_least(1), metavar="K", help=f"from one sample to the next (default: {STEPS})"
    )
    parser.add_argument("--trust", action="store_true", help="run code outside gan_cli that the generator names")
    parser.add_argument("--version", action="version", version=f"gan-cli {__version__}")
    return parser


def _at_least(low: int) -> Callable[[str], int]:
    def whole(text: str) -> int:
        try:
            value = int(text)
        except ValueError:
            raise ArgumentTypeError(f"must be a whole number, got {text!r}") from None
        if value < low:
            raise ArgumentTypeError(f"must be at least {low}, got {value}")
        return value

    return whole


def _sample(options: Namespace) -> None:
    if options.trust:
        sys.path.append(os.getcwd())  # a console script does not find the modules beside it by itself
    from gan_cli import export  # torch comes in here

    sampler = export.load(options.run, options.ema, options.trust, warn=lambda line: print(line, file=sys.stderr))
    options.grid |= not (options.png or options.npy or options.interpolate)
    options.steps = options.steps or STEPS
    if options.number is None:
        options.number = ENDS if options.interpolate else IMAGES if _is_image(sampler) else POINTS
    _check(options, sampler)

    out: Path = options.out or Path(f"samples-{options.seed}")
    weights = "averaged weights" if sampler.averaged else "weights of the last step"
    try:
        out.mkdir(parents=True, exist_ok=True)
        written = _write_samples(options, sampler, out)
        if options.interpolate:
            written |= _write_interpolation(options, sampler, out)
    except OSError as error:
        raise RunError(f"{out}: cannot be written: {error.strerror or error}") from error
    print(f"drew {options.number:,} samples of step {sampler.step:,} with seed {options.seed} ({weights})")
    for what, where in written.items():
        print(f"  {what:<6} {where}")


def _is_image(sampler: Sampler) -> bool:
    return len(sampler.shape) == 3 and sampler.shape[0] <= 4


def _check(options: Namespace, sampler: Sampler) -> None:
    """Refuse what cannot be drawn before anything is written.

    Raises:
        ConfigError: what, and what to do.
    """
    if _is_image(sampler):
        frames = options.number * (options.steps + 1) if options.interpolate else 0
        for images, option in ((options.number * options.grid, "--grid"), (frames, "--interpolate")):
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


def _write_samples(options: Namespace, sampler: Sampler, out: Path) -> dict[str, Path]:
    """Draw once and write every kind that was asked for.

    Returns:
        Kinds and places of what was written.
    """
    import torch

    from gan_cli.grid import save_png, tile, to_uint8

    if not (options.grid or options.png or options.npy):
        return {}
    n, kept, broken = options.number, [], 0
    with ExitStack() as files:
        array = files.enter_context(_array(out / "samples.npy", sampler, n)) if options.npy else None
        for first, x in _drawn(sampler, options.seed, n):
            broken += int((~x.isfinite()).flatten(1).any(1).sum())
            if array:
                array.write((to_uint8(x) if _is_image(sampler) else x.float()).numpy().tobytes())
            if options.png:
                for i, image in enumerate(to_uint8(x).permute(0, 2, 3, 1).numpy(), first):
                    save_png(out / f"sample-{i:06}.png", image[..., 0] if image.shape[-1] == 1 else image)
            if options.grid:
                kept.append(x)
    if options.grid:
        x = torch.cat(kept)
        save_png(out / "grid.png", tile(x) if _is_image(sampler) else _points(x, f"step {sampler.step:,}"))
    if broken:
        print(f"{broken:,} of {n:,} samples are not finite; this generator has diverged", file=sys.stderr)
    if options.png:
        _say_what_is_older(out, n)
    last = f" to sample-{n - 1:06}.png" if n > 1 else ""
    places = {"grid": out / "grid.png", "png": out / f"sample-000000.png{last}", "npy": out / "samples.npy"}
    return {kind: place for kind, place in places.items() if getattr(options, kind)}


def _drawn(sampler: Sampler, seed: int, n: int) -> Iterator[tuple[int, Tensor]]:
    """Samples 0 to n in parts, each with the number of its first; a bar on a terminal while it takes long."""
    from rich.console import Console
    from rich.progress import track

    from gan_cli.export import CHUNK

    screen = Console(stderr=True)
    firsts = range(0, n, CHUNK)
    quiet = not screen.is_terminal or len(firsts) < 8
    for first in track(firsts, "drawing", console=screen, transient=True, disable=quiet):
        yield first, sampler(sampler.noise(seed, first, min(CHUNK, n - first)))


@contextmanager
def _array(path: Path, sampler: Sampler, n: int) -> Iterator[IO[bytes]]:
    """A file for n samples in NumPy's format, behind its header; it gets its name when all are in."""
    import numpy as np

    unfinished = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        with unfinished.open("xb") as file:
            dtype = np.dtype(np.uint8 if _is_image(sampler) else np.float32)
            head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (n, *sampler.shape)}
            np.lib.format.write_array_header_1_0(file, head)
            yield file
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _say_what_is_older(out: Path, n: int) -> None:
    found = [re.fullmatch(r"sample-(\d{6,})\.png", path.name) for path in out.iterdir()]
    older = sum(int(match[1]) >= n for match in found if match)
    if older:
        print(f"{out} also holds {older:,} sample-*.png of an earlier call, from number {n:,} on", file=sys.stderr)


def _write_interpolation(options: Namespace, sampler: Sampler, out: Path) -> dict[str, Path]:
    """A closed way through all samples: a row from each to the next, and the film of it."""
    import torch

    from gan_cli import interpolate
    from gan_cli.grid import gif, save_png, tile

    way = {"linear": interpolate.linear, "spherical": interpolate.spherical}[options.interpolate]
    ends = sampler.noise(options.seed, 0, options.number)
    z = way(ends, ends.roll(-1, 0), torch.linspace(0, 1, options.steps + 1))  # [N, T, D]
    x = sampler(z.flatten(0, 1))
    columns, (_, height, width) = z.shape[1], sampler.shape
    rows = tile(x, columns, scale=max(1, ROW_WIDTH // (columns * width)))
    save_png(out / "interpolation.png", rows)

    frames = x.unflatten(0, z.shape[:2])[:, :-1].flatten(0, 1)  # the end of a row is the start of the next
    scale = max(1, FILM_SIDE // max(height, width))
    gif(out / "interpolation.gif", [tile(frame[None], padding=0, scale=scale) for frame in frames])
    return {"rows": out / "interpolation.png", "film": out / "interpolation.gif"}


def _points(x: Tensor, title: str) -> Picture:
    """A scatter plot of points [N, 2] or a histogram of numbers [N, 1]: 640 x 560 pixels."""
    import numpy as np
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    from gan_cli.plots.canvas import DPI, FAKE, HEIGHT, WIDTH

    shown = x[x.isfinite().all(1)]
    figure = Figure(figsize=(WIDTH / DPI, HEIGHT / DPI), dpi=DPI, layout="constrained")
    canvas, axes = FigureCanvasAgg(figure), figure.add_subplot()
    if x.shape[1] == 2:
        axes.scatter(shown[:, 0], shown[:, 1], s=10, c=FAKE, edgecolors="white", linewidths=0.3)
        axes.set_aspect("equal", adjustable="datalim")
        axes.set(xlabel="$x_1$", ylabel="$x_2$")
    else:
        axes.hist(shown[:, 0], bins=max(10, min(80, len(shown) // 25)), density=len(shown) > 0, color=FAKE)
        axes.set(xlabel="$x$", ylabel="density")
    axes.spines[:].set_linewidth(0.6)
    axes.set_title(f"{len(shown):,} samples of {title}", fontsize=12)
    canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


if __name__ == "__main__":
    main()

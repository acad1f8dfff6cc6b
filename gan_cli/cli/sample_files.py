"""What `gan-sample` writes: grids, single images, arrays, ways through samples. Importing it does not import torch."""

from __future__ import annotations

import os
import re
import sys
from argparse import Namespace
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING

if TYPE_CHECKING:
    from torch import Tensor

    from gan_cli.export import Sampler
    from gan_cli.grid import Picture

FILM_SIDE, ROW_WIDTH = 256, 1200  # pixels that smaller images are enlarged to, each pixel a square


def is_image(sampler: Sampler) -> bool:
    """Whether samples can be shown as images."""
    return len(sampler.shape) == 3 and sampler.shape[0] <= 4


def write_samples(options: Namespace, sampler: Sampler, out: Path) -> dict[str, Path]:
    """Draw once and write every kind that was asked for, class after class.

    Returns:
        Kinds and places of what was written.
    """
    import torch

    from gan_cli.grid import save_png, tile, to_uint8

    if not (options.grid or options.png or options.npy):
        return {}
    n, labels, kept, broken = options.number, options.labels, [], 0
    with ExitStack() as files:
        array = files.enter_context(_array(out / "samples.npy", sampler, n * len(labels))) if options.npy else None
        for label, first, x in _drawn(sampler, options.seed, n, labels):
            broken += int((~x.isfinite()).flatten(1).any(1).sum())
            if array:
                array.write((to_uint8(x) if is_image(sampler) else x.float()).numpy().tobytes())
            if options.png:
                for i, image in enumerate(to_uint8(x).permute(0, 2, 3, 1).numpy(), first):
                    save_png(out / _name(label, i), image[..., 0] if image.shape[-1] == 1 else image)
            if options.grid:
                kept.append(x)
    if options.npy and sampler.labels:
        _save_labels(out / "labels.npy", labels, n)
    if options.grid:
        x, columns = torch.cat(kept), n if len(labels) > 1 else None  # a row for each class: a column is one z
        save_png(out / "grid.png", tile(x, columns) if is_image(sampler) else _points(x, f"step {sampler.step:,}"))
    if broken:
        total = n * len(labels)
        print(f"{broken:,} of {total:,} samples are not finite; this generator has diverged", file=sys.stderr)
    if options.png:
        _say_what_is_older(out, n, labels)
    end = (labels[-1], n - 1)
    last = f" to {_name(*end)}" if end != (labels[0], 0) else ""
    places = {"grid": out / "grid.png", "png": out / f"{_name(labels[0], 0)}{last}", "npy": out / "samples.npy"}
    return {kind: place for kind, place in places.items() if getattr(options, kind)}


def _name(label: int | None, number: int) -> str:
    """The file of one image."""
    return f"sample-{number:06}.png" if label is None else f"class-{label}-{number:06}.png"


def _drawn(sampler: Sampler, seed: int, n: int, labels: list[int | None]) -> Iterator[tuple[int | None, int, Tensor]]:
    """Samples 0 to n of each class in parts, each with its class and the number of its first; a bar on a terminal while
    it takes long.
    """
    from rich.console import Console
    from rich.progress import track

    from gan_cli.export import CHUNK

    screen = Console(stderr=True)
    parts = [(label, first) for label in labels for first in range(0, n, CHUNK)]
    quiet = not screen.is_terminal or len(parts) < 8
    for label, first in track(parts, "drawing", console=screen, transient=True, disable=quiet):
        yield label, first, sampler(sampler.noise(seed, first, min(CHUNK, n - first)), label)


@contextmanager
def _array(path: Path, sampler: Sampler, n: int) -> Iterator[IO[bytes]]:
    """A file for n samples in NumPy's format, behind its header; it gets its name when all are in."""
    import numpy as np

    unfinished = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        with unfinished.open("xb") as file:
            dtype = np.dtype(np.uint8 if is_image(sampler) else np.float32)
            head = {"descr": np.lib.format.dtype_to_descr(dtype), "fortran_order": False, "shape": (n, *sampler.shape)}
            np.lib.format.write_array_header_1_0(file, head)
            yield file
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _save_labels(path: Path, labels: list[int | None], n: int) -> None:
    import numpy as np

    unfinished = path.with_name(f".tmp-{path.name}-{os.getpid()}")
    try:
        with unfinished.open("xb") as file:
            np.save(file, np.repeat(np.array(labels, np.int64), n))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)


def _say_what_is_older(out: Path, n: int, labels: list[int | None]) -> None:
    found = [re.fullmatch(r"(?:sample|class-(\d+))-(\d{6,})\.png", path.name) for path in out.iterdir()]
    written = {None if label is None else str(label) for label in labels}
    kind = "sample" if labels == [None] else "class"
    older = sum(int(match[2]) >= n for match in found if match and match[1] in written)
    if older:
        print(f"{out} also holds {older:,} {kind}-*.png of an earlier call, from number {n:,} on", file=sys.stderr)


def write_interpolation(options: Namespace, sampler: Sampler, out: Path) -> dict[str, Path]:
    """A closed way through all samples: a row from each to the next, and the film of it."""
    import torch

    from gan_cli import interpolate
    from gan_cli.grid import gif, save_png, tile

    way = {"linear": interpolate.linear, "spherical": interpolate.spherical}[options.interpolate]
    ends = sampler.noise(options.seed, 0, options.number)
    z = way(ends, ends.roll(-1, 0), torch.linspace(0, 1, options.steps + 1))  # [N, T, D]
    x = sampler(z.flatten(0, 1), options.labels[0])
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

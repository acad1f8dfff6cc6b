"""The films of docs/results.md, from the pictures of a run: python docs/film.py OUT.gif RUN [WIDTH]

A run with `train.sample_every=100` has a picture every hundred steps, and the same weights at its end.
"""

import sys
from pathlib import Path

from PIL import Image

FRAMES = 30  # at most: closer together at the start, where more happens
SHOWN, LAST = 160, 2500  # milliseconds of a picture, and of the last one
COLOURS = 64  # of the whole film: a palette for each picture would make the points change theirs


def film(out: Path, run: Path, width: int) -> None:
    """Join the pictures of a run, scaled to a width in pixels, to an endless GIF."""
    paths = sorted((run / "samples").glob("step-*.png"))
    chosen = sorted({round((len(paths) - 1) * (k / (FRAMES - 1)) ** 1.7) for k in range(FRAMES)})
    pictures = [_scaled(Image.open(paths[k]).convert("RGB"), width) for k in chosen]
    size = pictures[-1].size
    strip = Image.new("RGB", (size[0], size[1] * len(pictures)))
    for k, picture in enumerate(pictures):
        strip.paste(picture.resize(size), (0, k * size[1]))
    palette = strip.quantize(COLOURS)
    frames = [picture.resize(size).quantize(palette=palette, dither=Image.Dither.NONE) for picture in pictures]
    times = [SHOWN] * (len(frames) - 1) + [LAST]
    frames[0].save(out, save_all=True, append_images=frames[1:], duration=times, loop=0, optimize=True)


def _scaled(picture: Image.Image, width: int) -> Image.Image:
    return picture.resize((width, round(width * picture.height / picture.width)), Image.Resampling.LANCZOS)


if __name__ == "__main__":
    film(Path(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]) if len(sys.argv) > 3 else 340)

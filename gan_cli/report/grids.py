"""The pictures of the page: grids of samples and of real data, small enough that those of hundreds of runs fit."""

import base64
import functools
import io
import math
import struct
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from gan_cli.errors import RunError
from gan_cli.reading import read_bytes
from gan_cli.report.model import Report

Picture = npt.NDArray[np.uint32]  # RGBA as one number, [H, W]

BUDGET = 20_000_000  # characters of all pictures in the page
COUNT = 3000  # pictures in the page: each takes about 15 ms to make
FEW = 8  # steps that a slider should have before pictures lose detail
FILE_LIMIT, SIDE_LIMIT = 1 << 24, 4096  # bytes and pixels of a picture that is read
GREY, PADDING = 0x7F7F7F | 255 << 24, 2  # colour and pixels between the images of a grid, as gan_cli.grid draws it
SIDES = (640, 640, 360, 200, 120)  # the longer side at each level of detail; only the first is without loss


@dataclass
class Pictures:
    """WebP files in base64.

    Args:
        runs: place of the run in the report -> step -> picture.
        real: place of the run -> real data; under -1 those of all runs.
        steps: of the slider.
        note: what was left out, in words; empty where nothing was.
    """

    runs: dict[int, dict[int, str]] = field(default_factory=dict)
    real: dict[int, str] = field(default_factory=dict)
    steps: list[int] = field(default_factory=list)
    note: str = ""


def pictures(report: Report, budget: int = BUDGET, count: int = COUNT) -> Pictures:
    """The grids of all runs at steps that they share, in at most `budget` characters."""
    drawn = {place: dict(run.grids) for place, run in enumerate(report.runs) if run.grids}
    real = {-1: report.real} if report.real else {i: run.real for i, run in enumerate(report.runs) if run.real}
    every = sorted({step for grids in drawn.values() for step in grids})
    level, amount = _level(drawn, len(every), budget * 9 // 10, count)
    steps = [every[i] for i in evenly(len(every), amount)]
    found, left, unreadable, cut = Pictures(), budget, 0, False
    known: dict[bytes, str] = {}  # real data are the same in many runs
    wanted: list[tuple[int, int | None, Path]] = [(place, None, path) for place, path in sorted(real.items()) if path]
    wanted += [(i, step, drawn[i][step]) for step in reversed(steps) for i in drawn if step in drawn[i]]
    for place, step, path in wanted:
        try:
            content = read_bytes(path, FILE_LIMIT)
            if content not in known:
                picture = encode(content, level)
                known |= {content: picture} if step is None else {}
            else:
                picture = known[content]
        except (RunError, ValueError):
            unreadable += 1
            continue
        if len(picture) > left:
            cut = True
            continue
        left -= len(picture)
        if step is None:
            found.real[place] = picture
        else:
            found.runs.setdefault(place, {})[step] = picture
    found.steps = sorted({step for grids in found.runs.values() for step in grids})
    found.note = _note(len(found.steps), len(every), level, unreadable, cut)
    return found


def _level(drawn: dict[int, dict[int, Path]], steps: int, budget: int, count: int) -> tuple[int, int]:
    """How much detail the pictures keep, and of how many steps they are; judged by some of the last."""
    last = [grids[max(grids)] for grids in drawn.values()]
    probes = [last[i] for i in evenly(len(last), 6)]
    affordable = max(1, count // max(1, len(drawn)))
    for level in range(len(SIDES)):
        sizes = []
        for path in probes:
            try:
                sizes.append(len(encode(read_bytes(path, FILE_LIMIT), level)))
            except (RunError, ValueError):
                continue
        amount = int(budget / (len(drawn) * max(sizes))) if sizes else steps
        if amount >= min(FEW, steps, affordable):
            break
    return level, max(1, min(steps, amount, affordable)) if steps else 0


def _note(steps: int, every: int, level: int, unreadable: int, cut: bool) -> str:
    said = [f"pictures of {steps} of {every} steps"] if steps < every else []
    said += ["with loss of detail, so that the page stays small"] if level else []
    said += ["some left out for want of room"] if cut else []
    said += [f"{unreadable} could not be read"] if unreadable else []
    return "; ".join(said)


def evenly(n: int, amount: int) -> list[int]:
    """Places of so many of n, the first and the last among them; the last alone where it is one.

    >>> evenly(9, 3), evenly(2, 5), evenly(9, 1)
    ([0, 4, 8], [0, 1], [8])
    """
    if amount >= n:
        return list(range(n))
    return [n - 1] if amount == 1 else sorted({round(i * (n - 1) / (amount - 1)) for i in range(amount)})


def encode(content: bytes, level: int) -> str:
    """A PNG file as WebP in base64.

    Raises:
        ValueError: it is no PNG file, or a huge one.
    """
    from PIL import Image

    size = struct.unpack(">II", content[16:24].rjust(8, b"\xff"))  # before Pillow looks: it warns of large ones
    if max(size) > SIDE_LIMIT:
        raise ValueError("no PNG file, or a huge one")
    try:
        with Image.open(io.BytesIO(content), formats=["PNG"]) as file:
            picture = shrink(np.asarray(file.convert("RGBA")).view("<u4")[..., 0])
    except (OSError, SyntaxError) as error:  # how Pillow says that it is no PNG
        raise ValueError(str(error)) from error
    image: Any = Image.fromarray(picture.view(np.uint8).reshape(*picture.shape, 4), "RGBA").convert("RGB")
    side = SIDES[level]
    if max(image.size) > side:
        ratio = side / max(image.size)
        image = image.resize([max(1, round(s * ratio)) for s in image.size], Image.Resampling.BOX)
    versions = [_webp(image, lossless=True, method=4)]
    if level:
        versions.append(_webp(image, quality=70 - 10 * level, method=4))
    return base64.b64encode(min(versions, key=len)).decode()


def _webp(image: Any, **how: Any) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, "WEBP", **how)
    return buffer.getvalue()


def shrink(picture: Picture) -> Picture:
    """A grid of enlarged images at their own size, one pixel of grey between them; others as they are.

    The browser enlarges it again: 8 x 8 digits take a fifth of the bytes.
    """
    grey_rows, distinct, enlarged_rows = _lines(picture)
    grey_columns, _, enlarged_columns = _lines(distinct.T)
    factor = math.gcd(enlarged_rows, enlarged_columns)
    if factor < 2:
        return picture
    return picture[np.ix_(_places(grey_rows.tobytes(), factor), _places(grey_columns.tobytes(), factor))]


def _lines(picture: Picture) -> tuple[npt.NDArray[np.bool_], Picture, int]:
    """Which rows are grey; of the others those that differ from the one above, and how many times each is repeated."""
    grey = (picture == GREY).all(axis=1)
    inside = picture[~grey]
    changes = np.flatnonzero((inside[1:] != inside[:-1]).any(axis=1)) + 1
    return grey, inside[[0, *changes][: len(inside)]], math.gcd(len(inside), *changes.tolist())


@functools.lru_cache  # the grids of a sweep have one layout
def _places(lines: bytes, factor: int) -> list[int]:
    """One line of each enlarged one, and one of the padding; the rest of a stretch of grey is part of an image.

    Args:
        lines: 1 for each line that is grey, and else 0.
    """
    places, since = [], 0
    for i, is_grey in enumerate(lines):
        since = since + 1 if i and is_grey == lines[i - 1] else 0
        if (since == 0 or (since >= PADDING and (since - PADDING) % factor == 0)) if is_grey else since % factor == 0:
            places.append(i)
    return places

"""Where an evaluation of a run lies: `evaluation/` in its directory, a file for each way to measure."""

import hashlib
import json
from dataclasses import replace
from pathlib import Path

import torch

from gan_cli.evaluation.families import Memorised
from gan_cli.evaluation.figure import Record
from gan_cli.files import write_json
from gan_cli.grid import Picture, save_png, tile
from gan_cli.room import refused

FOLDER = "evaluation"
SHOWN, COLUMNS = 24, 12  # samples in the picture of nearest training images


def store(directory: Path, record: Record, memory: Memorised | None) -> dict[str, Path]:
    """Write a record and the pictures that go with it; the same evaluation comes to the same file.

    Returns:
        Kinds and places of what was written.

    Raises:
        RunError: the file system refuses.
    """
    folder = directory / FOLDER
    name = f"step-{record.step or 0:09d}-{record.weights}-{_digest(record)}"
    written = {"record": folder / f"{name}.json"}
    try:
        folder.mkdir(exist_ok=True)
        if (picture := nearest(memory)) is not None:
            written["nearest"] = folder / f"{name}-nearest.png"
            save_png(written["nearest"], picture)
    except OSError as error:
        raise refused(folder, error) from error
    write_json(written["record"], record.plain())
    return written


def nearest(memory: Memorised | None) -> Picture | None:
    """The samples that are nearest to training images, each above its own: rows of samples and rows of training images.
    """
    if memory is None or memory.found is None or memory.x is None:
        return None
    order = memory.found.distances.argsort(stable=True)[:SHOWN]
    samples = memory.x[order]
    images = memory.reals.shown[memory.found.nearest[order]]
    rows = [part for pair in zip(samples.split(COLUMNS), images.split(COLUMNS), strict=True) for part in pair]
    shown = torch.cat(rows).float() / 127.5 - 1
    return tile(shown, min(COLUMNS, len(order)))


def _digest(record: Record) -> str:
    """Of how it was measured, whatever came out."""
    how = [replace(figure, value=0.0, std=None, floor=0.0) for figure in record.figures]
    text = json.dumps(replace(record, figures=tuple(how), memory=None).plain(), sort_keys=True)
    return hashlib.sha256(text.encode(), usedforsecurity=False).hexdigest()[:8]

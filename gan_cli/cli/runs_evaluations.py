"""What was measured of a run: at its evaluations (`evaluations.jsonl`) and by gan-eval (`evaluation/`)."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from gan_cli.errors import RunError
from gan_cli.reading import JSON_LIMIT, is_regular, open_regular, parse_json, read_json

LOG, FOLDER = "evaluations.jsonl", "evaluation"
MOST = 5  # of each kind: the newest
_END = 1 << 20  # bytes of the log


def evaluations(directory: Path) -> list[dict[str, Any]]:
    """The newest of each kind as plain data: step, weights, file, and by the name of each figure its value, std over
    the evaluation's seeds, floor and which way is better. What cannot be read is left out.
    """
    found = [(LOG, record) for record in _logged(directory)]
    found += [(f"{FOLDER}/{name}", record) for name, record in _stored(directory)]
    return [told for file, record in found if (told := _plain(file, record))]


def _logged(directory: Path) -> Iterator[dict[str, Any]]:
    if not is_regular(directory / LOG):
        return
    try:
        with open_regular(directory / LOG) as file:
            start = max(0, file.seek(0, os.SEEK_END) - _END)
            file.seek(start)
            lines = file.read(_END).split(b"\n")[1 if start else 0 : -1]
        for line in lines[-MOST:]:
            yield parse_json(line, LOG)
    except RunError:
        return


def _stored(directory: Path) -> Iterator[tuple[str, dict[str, Any]]]:
    if (directory / FOLDER).is_symlink():  # of a stranger's run it leads anywhere
        return
    try:
        names = sorted(name for name in os.listdir(directory / FOLDER) if name.endswith(".json"))
    except OSError:
        return
    for name in names[-MOST:]:
        try:
            yield name, read_json(directory / FOLDER / name, JSON_LIMIT)
        except RunError:
            continue


def _plain(file: str, record: dict[str, Any]) -> dict[str, Any] | None:
    step, figures = record.get("step"), record.get("figures")
    if type(step) is not int or not isinstance(figures, list):
        return None
    kept = {}
    for one in figures:
        if isinstance(one, dict) and isinstance(one.get("metric"), str):
            numbers = {key: one.get(key) for key in ("value", "std", "floor")}
            if all(type(v) in (int, float) or (v is None and key == "std") for key, v in numbers.items()):
                kept[one["metric"]] = {**numbers, "better": str(one.get("better"))}
    return {"file": file, "step": step, "weights": str(record.get("weights")), "figures": kept}

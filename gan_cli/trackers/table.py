"""`logger=csv`: all figures of a run in one table, a row a step and a column a figure."""

import csv
import io
import os
from collections.abc import Mapping
from pathlib import Path

from gan_cli.reading import TABLE
from gan_cli.trackers.tracker import About


class CSV:
    """Writes `metrics.csv` in the run directory: what `metrics.jsonl` and `timing.jsonl` hold, for a spreadsheet.

    A figure that comes up late, such as one of an evaluation, gets a column at the right end; a cell is empty where the
    figure was not logged. The table is written anew on a resume, from the logs.
    """

    rewinds = True

    def begin(self, about: About) -> None:
        """An empty table."""
        self._path = about.directory / TABLE
        self._path.unlink(missing_ok=True)
        self._columns: list[str] = ["step"]
        self._row: dict[str, float] = {}

    def scalars(self, step: int, values: Mapping[str, float]) -> None:
        """A row; it is written when its step is over."""
        if self._row and self._row["step"] != step:
            self._write()
        self._row |= {"step": step, **values}

    def picture(self, step: int, tag: str, png: bytes) -> None:
        """Not in a table."""

    def end(self, success: bool | None) -> None:
        """Write the last row."""
        if self._row:
            self._write()

    def _write(self) -> None:
        if new := [name for name in self._row if name not in self._columns]:
            self._widen(new)
        with self._path.open("a", encoding="utf-8", newline="") as file:
            csv.writer(file).writerow([self._row.get(name, "") for name in self._columns])
        self._row = {}

    def _widen(self, new: list[str]) -> None:
        """More columns: every row so far gets empty cells."""
        self._columns += new
        header = io.StringIO(newline="")
        csv.writer(header).writerow(self._columns)
        unfinished = self._path.with_name(f".tmp-{TABLE}-{os.getpid()}")
        with unfinished.open("w", encoding="utf-8", newline="") as file:
            file.write(header.getvalue())
            for line in _lines(self._path):
                file.write(line.rstrip("\r\n") + "," * len(new) + "\r\n")
        os.replace(unfinished, self._path)


def _lines(path: Path) -> list[str]:
    """The rows of a table, without its header; none where there is no table."""
    return path.read_text(encoding="utf-8").splitlines()[1:] if path.exists() else []

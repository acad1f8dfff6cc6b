"""What `gan-reproduce --list` shows: a line for each row of the suite, or all about some of them. No torch in here."""

import shutil
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from gan_cli.cli.command import printable
from gan_cli.suite import reached
from gan_cli.suite.outcome import Outcome
from gan_cli.suite.rows import Row
from gan_cli.suite.tables import band_words, published_words

COLUMNS = 130  # of a line that leads nowhere but to a file
ABOUT = (24, 48)  # columns of what a row is, at least and at most
REST = 44  # of its name and its numbers
HEADINGS = ("row", "what", "seeds", "minutes", "last figures")


def overview(rows: Sequence[Row], out: Path) -> str:
    """A line a row, those of one cost together: its minutes are of all seeds and variants."""
    known, columns = reached.shipped(), shutil.get_terminal_size((COLUMNS, 0)).columns
    about = min(max(ABOUT[0], (columns - REST) // 2), ABOUT[1])
    lines = [[*HEADINGS]]
    for row in rows:
        own = reached.own(out, row.name)
        here = ("yours: " if own else "") + reached.headline(row, own or known.get(row.name))
        cells = [row.name, _cut(row.about, about), str(row.seeds or 1), _minutes(row, known.get(row.name))]
        lines.append([*cells, printable(here)])
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]

    def drawn(cells: Sequence[str]) -> str:
        sides = (str.ljust, str.ljust, str.rjust, str.rjust, str.ljust)
        line = "  ".join(side(cell, width) for side, cell, width in zip(sides, cells, widths, strict=True))
        return _cut(f"  {line}".rstrip(), columns)

    text, behind = [drawn(lines[0])], iter(lines[1:])
    for cost, group in groupby(rows, lambda row: row.cost):
        text += [cost, *(drawn(next(behind)) for _ in group)]
    ends = "gan-reproduce --list ROW... says all about rows; gan-reproduce ROW... runs them"
    return "\n".join([*text, f"{len(rows)} rows; {ends}"])


def details(rows: Sequence[Row], out: Path) -> str:
    """All about rows: what is run, what papers have, the bands, and the last figures."""
    known, text = reached.shipped(), []
    for row in rows:
        kind = row.cost + (f", {row.seeds} seed{'s' * (row.seeds > 1)}" if row.seeds else "")
        text += [f"{row.name}  ({kind})", f"    {row.about}"]
        told = [("experiment", " ".join([row.experiment, *row.overrides]))] if row.experiment else []
        told += [("paper", words) for words in published_words(row)] + [("band", words) for words in band_words(row)]
        told.append(("here", reached.in_short(row, known.get(row.name))))
        if own := reached.own(out, row.name):
            told.append(("yours", printable(reached.in_short(row, own))))
        text += [*(f"    {name:<12} {words}" for name, words in told), ""]
    return "\n".join([*text, f"{len(rows)} row{'s' * (len(rows) != 1)}; gan-reproduce ROW... runs them"])


def _minutes(row: Row, known: Outcome | None) -> str:
    """Of all its runs: as the shipped ones took, or as the row says."""
    each = known.seconds / len(known.samples) / 60 if known and not known.failed else row.minutes
    minutes = (row.seeds or 1) * len(row.variants) * each
    return f"{minutes:,.0f}" if minutes >= 1 else "< 1"


def _cut(text: str, width: int) -> str:
    """
    >>> _cut("a long sentence", 10), _cut("short", 10)
    ('a long...', 'short')
    """
    return text if len(text) <= width else f"{text[: width - 3].rstrip()}..."

"""HTML from text that strangers wrote: escaped, without what a terminal or a reader would obey, and tables of it."""

import html
import json
import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

LONG = 4000  # characters of a text: the longest reason of a failure is shorter


def text(value: object) -> str:
    """Text as HTML; what cannot be printed is shown escaped, so that no sign turns a line around or hides a part of it.

    >>> text("<b> & \\x1b[31m")
    '&lt;b&gt; &amp; \\\\x1b[31m'
    """
    return html.escape(printable(value))


def printable(value: object) -> str:
    """Text of bounded length without control characters; line ends stay."""
    given = str(value)
    if len(given) > LONG:
        given = f"{given[:LONG]}..."
    return "".join(c if c.isprintable() or c == "\n" else c.encode("unicode_escape").decode() for c in given)


def embed(name: str, content: Any) -> str:
    """JSON in the page, under an id: pure ASCII in which nothing ends a script."""
    plain = json.dumps(content, separators=(",", ":"), allow_nan=False)
    for sign in "<>&":
        plain = plain.replace(sign, f"\\u{ord(sign):04x}")
    return f'<script type="application/json" id="{html.escape(name)}">{plain}</script>\n'


def number(value: float | None, digits: int = 4) -> str:
    """
    >>> number(1234567.8), number(0.000123456), number(None), number(float("nan"))
    ('1,234,568', '0.0001235', '–', 'not finite')
    """
    if value is None:
        return "–"
    if not math.isfinite(value):
        return "not finite"
    if 10 ** (digits - 1) <= abs(value) < 1e9:
        return f"{value:,.0f}"
    return f"{value:.{digits}g}"


def spread(mean: float | None, half: float | None) -> str:
    """A mean and half its interval, both to the place of the second digit of the half.

    >>> spread(661.234, 12.34), spread(0.98761, 0.00123), spread(3.14159, None)
    ('661 ± 12', '0.9876 ± 0.0012', '3.142')
    """
    if mean is None or half is None or not math.isfinite(mean + half) or half <= 0:
        return number(mean)
    places = max(0, 1 - math.floor(math.log10(half)))
    return f"{mean:,.{places}f} ± {half:,.{places}f}" if places < 8 else f"{mean:.4g} ± {half:.2g}"


def count(n: int, noun: str) -> str:
    """
    >>> count(1, "run"), count(2000, "run")
    ('1 run', '2,000 runs')
    """
    return f"{n:,} {noun}" if n == 1 else f"{n:,} {noun}s"


def duration(seconds: float | None) -> str:
    """
    >>> duration(None), duration(7.2), duration(3725)
    ('–', '0:07', '1:02:05')
    """
    if seconds is None or not math.isfinite(seconds):
        return "–"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02}:{rest:02}" if hours else f"{minutes}:{rest:02}"


@dataclass
class Cell:
    """What stands in a table: HTML, and the number it is sorted by where it is one."""

    html: str
    value: float | None = None
    numeric: bool = False


def word(value: object) -> Cell:
    return Cell(short(str(value)))


def short(words: str) -> str:
    """Text that stays on one line where it is short."""
    return f'<span class="short">{text(words)}</span>' if 0 < len(words) <= 40 else text(words)


def figure(value: float | None, shown: str | None = None) -> Cell:
    return Cell(number(value) if shown is None else shown, value, numeric=True)


def table(name: str, caption: str, heads: Sequence[str], bodies: dict[str, list[list[Cell]]]) -> str:
    """A table that sorts and filters; of several bodies the page shows one at a time.

    Args:
        name: its id.
        caption: for those who do not see it, and the label of its filter.
        heads: of the columns, as text.
        bodies: the rows of each metric; under "" those of a table without one.
    """
    rows = sum(map(len, bodies.values()))
    if not rows:
        return ""
    first = next(rows for rows in bodies.values() if rows)[0]
    columns = "".join(
        f'<th scope="col"{_numeric(cell)}><button type="button">{text(head)}</button></th>'
        for head, cell in zip(heads, first, strict=True)
    )
    parts = "".join(_body(key, rows, hidden=i > 0) for i, (key, rows) in enumerate(bodies.items()))
    return (
        f'<div class="table" id="{name}"><div class="tools">'
        f'<label>Filter <input type="search" placeholder="any text" aria-label="Filter: {text(caption)}"></label>'
        '<output aria-live="polite"></output></div>'
        f'<div class="scroll" tabindex="0" role="region" aria-label="{text(caption)}"><table>'
        f'<caption class="unseen">{text(caption)}</caption>'
        f"<thead><tr>{columns}</tr></thead>{parts}</table></div></div>\n"
    )


def _body(key: str, rows: Iterable[list[Cell]], hidden: bool) -> str:
    metric = f' data-metric="{text(key)}"' if key else ""
    lines = "".join(f"<tr>{''.join(map(_cell, row))}</tr>\n" for row in rows)
    return f"<tbody{metric}{' hidden' if hidden else ''}>{lines}</tbody>"


def _cell(cell: Cell) -> str:
    finite = cell.value is not None and math.isfinite(cell.value)
    value = f' data-value="{cell.value!r}"' if finite else ""
    return f"<td{_numeric(cell)}{value}>{cell.html}</td>"


def _numeric(cell: Cell) -> str:
    return ' class="number"' if cell.numeric else ""


def copied(command: str | None) -> str:
    """A command with a button that copies it."""
    if not command:
        return "–"
    button = '<button type="button" class="copy">Copy</button>'
    return f'<span class="command">{button}<code title="{text(command)}">{text(command)}</code></span>'


def badge(kind: str, words: str | None = None) -> str:
    return f'<span class="badge" data-kind="{text(kind)}">{text(words or kind)}</span>'


def swatch(group: int | None) -> str:
    """The colour of a configuration, the same in every chart and table; after eight the mark has another form."""
    if group is None:
        return ""
    return f'<i class="swatch c{group % 8} r{group // 8 % 4}" aria-hidden="true"></i>'

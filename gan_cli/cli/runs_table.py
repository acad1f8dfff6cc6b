"""The list of runs as a table: a line each, or a few where the terminal is too narrow for that."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import zip_longest
from pathlib import Path

from rich.cells import cell_len
from rich.console import Console
from rich.table import Table
from rich.text import Text

from gan_cli.cli.command import printable
from gan_cli.cli.runs_keys import value_of
from gan_cli.cli.runs_where import as_text
from gan_cli.console import duration, figures
from gan_cli.listing import Entry
from gan_cli.scores import tag

COLOURS = {"finished": "green", "running": "cyan", "stopped": "yellow", "failed": "red"}
COLOURS |= {"lost": "red", "unreadable": "magenta"}  # what a run does not say of itself
GROUPS = ("dataset", "model", "loss", "prior", "optimizer", "penalty", "aids", "train", "experiment")
UNSAID = ("none", "default", "tensorboard")  # choices that tell nothing

Names = Mapping[Path, str]


def drawn(entries: Sequence[Entry], names: Names, keys: Sequence[str], terminal: Console) -> str:
    """The table as it is printed: in colour on a terminal only, and there no wider than it.

    Args:
        names: of the runs.
        keys: that were asked for, and have a column each.
    """
    rows = _one_line_each(entries, names, keys)
    widths = [max(map(_width, column)) for column in zip(*rows, strict=True)]
    if not terminal.is_terminal:
        return "".join(f"{_line(row, widths)}\n" for row in rows)
    terminal.width, narrow = max(terminal.width, 20), terminal.width
    with terminal.capture() as captured:
        if sum(widths) + 2 * (len(widths) - 1) > narrow:
            terminal.print(_few_lines_each(entries, names, keys))
        else:
            for i, row in enumerate(rows):
                text = Text(_line(row, widths), "" if i else "bold")
                start = widths[0] + 2
                text.stylize(COLOURS.get(row[1], ""), start, start + len(row[1]))
                terminal.print(text, no_wrap=True, crop=False)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())  # rich fills up to the edge


def _one_line_each(entries: Sequence[Entry], names: Names, keys: Sequence[str]) -> list[list[str]]:
    """The cells, with a row of headings: rich's own tables take a second for two thousand runs."""
    facts: dict[str, Callable[[Entry], str]] = {"step": step_of, "time": _time}
    facts |= {tag(key): lambda entry, key=key: fact(entry, key) for key in keys}  # type: ignore[misc]
    facts |= {"choices": choices_of, "last figures": _figures}
    optional = {"alarms": alarms_of, "reason": reason_of}
    facts |= {heading: told for heading, told in optional.items() if any(map(told, entries))}
    rows = [["run", "status", *map(printable, facts)]]
    for entry in entries:
        rows.append([printable(names[entry.path]), entry.status, *(told(entry) for told in facts.values())])
    return rows


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """Step and time stand to the right."""
    cells = []
    for i, (cell, width) in enumerate(zip(row, widths, strict=True)):
        space = " " * (width - _width(cell))
        cells.append(space + cell if i in (2, 3) else cell + space)
    return "  ".join(cells).rstrip()


def _width(text: str) -> int:
    return len(text) if text.isascii() else cell_len(text)


def _few_lines_each(entries: Sequence[Entry], names: Names, keys: Sequence[str]) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for i, entry in enumerate(entries):
        if i:
            table.add_row()
        table.add_row(Text(entry.status, COLOURS[entry.status]), Text(printable(names[entry.path]), "bold"))
        asked = " · ".join(f"{printable(tag(key))} {value}" for key in keys if (value := fact(entry, key)))
        left = filter(None, (step_of(entry), _time(entry)))
        right = filter(None, (asked, choices_of(entry), _figures(entry), alarms_of(entry), reason_of(entry)))
        for cells in zip_longest(left, right, fillvalue=""):
            table.add_row(*map(Text, cells))
    return table


def fact(entry: Entry, key: str) -> str:
    """A fact about a run as a cell."""
    value = value_of(entry, key)
    return f"{value:.4g}" if type(value) is float else printable(as_text(value))


def step_of(entry: Entry) -> str:
    """How far it is, and how far it is to go."""
    return "" if entry.step is None else f"{entry.step:,}/{entry.steps:,}"


def _time(entry: Entry) -> str:
    return "" if entry.seconds is None else duration(entry.seconds)


def choices_of(entry: Entry) -> str:
    """Choices in a fixed order, then the overrides that choose from no group."""
    groups = [*GROUPS, *sorted(entry.choices.keys() - set(GROUPS))]
    chosen = [entry.choices[group] for group in groups if entry.choices.get(group) not in (None, *UNSAID)]
    keys = (override.lstrip("+~").split("=")[0].split("@")[0] for override in entry.overrides)
    other = [
        override
        for key, override in zip(keys, entry.overrides, strict=True)
        if key not in entry.choices and not key.startswith("hydra.")
    ]
    return printable(" ".join(chosen + other))


def _figures(entry: Entry) -> str:
    return figures({key: value if value == "n/a" else float(value) for key, value in entry.metrics.items()})


def alarms_of(entry: Entry) -> str:
    """Which were raised, and when.

    >>> alarms_of(Entry(Path(), alarms=[{"name": "mode_collapse", "step": 1200}, {"name": "oscillating", "step": 9}]))
    'mode_collapse@1200 oscillating@9'
    """
    return printable(" ".join(f"{alarm['name']}@{alarm['step']}" for alarm in entry.alarms))


def reason_of(entry: Entry) -> str:
    """Why it is not finished: the first line of what it says."""
    lines = (entry.problem or entry.reason or "").strip().splitlines()
    return printable(lines[0]) if lines else ""

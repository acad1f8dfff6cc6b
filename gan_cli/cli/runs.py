"""`gan-runs [DIR]`: what was run, with which choices, and how it went. Never imports torch."""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from itertools import zip_longest
from pathlib import Path

from rich.console import Console
from rich.measure import Measurement
from rich.table import Table
from rich.text import Text

from gan_cli.cli.command import as_command, at_least, new_parser, printable
from gan_cli.console import duration, figures
from gan_cli.errors import RunError
from gan_cli.listing import Entry, newest_first
from gan_cli.reading import is_directory

COLOURS = {"finished": "green", "running": "cyan", "stopped": "yellow", "failed": "red"}
COLOURS |= {"killed": "red", "unreadable": "magenta"}  # what a run does not say of itself
GROUPS = ("dataset", "model", "loss", "prior", "optimizer", "penalty", "aids", "train", "experiment")
UNSAID = ("none", "default")  # choices that tell nothing

ABOUT = """\
List the runs at and below DIR, newest first.

On a terminal that is too narrow for one line a run, each takes a few; in a pipe it is always one.
"""
EXAMPLES = """\
examples:
  gan-runs
  gan-runs outputs/sweeps -n 20
  gan-runs --json | jq -r '.[] | select(.status == "failed") | .path'
"""


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    parser = new_parser("gan-runs", ABOUT, EXAMPLES)
    parser.add_argument("directory", metavar="DIR", type=Path, nargs="?", default=Path("outputs"), help="(outputs)")
    parser.add_argument("-n", "--number", metavar="N", type=at_least(1), help="only the newest N (default: all)")
    parser.add_argument("--json", action="store_true", help="a JSON list for other programs, figures unrounded")
    options = parser.parse_args(argv)
    with as_command():
        _list(options.directory, options.number, options.json)


def _list(root: Path, number: int | None, as_json: bool) -> None:
    if not is_directory(root):
        raise RunError(
            f"there is no directory {str(root)!r}; runs land in outputs, give another place with gan-runs DIR"
        )
    entries = newest_first(root, warn=lambda line: print(printable(line), file=sys.stderr))
    shown = entries[:number]
    if as_json:
        print(json.dumps([_plain(entry, root) for entry in shown], indent=2))
    elif not shown:
        print(f"no runs in {printable(str(root))} yet; start one with: gan-train train.steps=300")
    else:
        print(_drawn(shown, root, Console(highlight=False)), end="")
        if len(shown) < len(entries):
            print(f"\nthe newest {len(shown)} of {len(entries)} runs")


def _plain(entry: Entry, root: Path) -> dict[str, object]:
    kept = ["status", "reason", "problem", "alarms", "step", "steps", "seconds", "created"]
    kept += ["choices", "overrides", "metrics"]
    return {"run": _name(entry, root), "path": str(entry.path)} | {key: getattr(entry, key) for key in kept}


def _drawn(entries: Sequence[Entry], root: Path, terminal: Console) -> str:
    """The table as it is printed: in colour on a terminal only, and there no wider than it."""
    table = _one_line_each(entries, root)
    width = Measurement.get(terminal, terminal.options.update(max_width=10**6), table).maximum
    if terminal.is_terminal and width > terminal.width:
        table = _few_lines_each(entries, root)
    else:
        terminal.width = width  # in a pipe rich takes 80 columns and would cut
    with terminal.capture() as captured:
        terminal.print(table)
    return "".join(f"{line.rstrip()}\n" for line in captured.get().splitlines())  # rich fills up to the edge


def _one_line_each(entries: Sequence[Entry], root: Path) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    headings = ["run", "status", "step", "time", "choices", "last figures"]
    optional = {"alarms": _alarms, "reason": _reason}
    shown = {heading: fact for heading, fact in optional.items() if any(map(fact, entries))}
    headings += shown
    for heading in headings:
        table.add_column(heading, no_wrap=True, justify="right" if heading in ("step", "time") else "left")
    for entry in entries:
        facts = (_step, _time, _choices, _figures, *shown.values())
        table.add_row(Text(_name(entry, root)), _status(entry), *(Text(fact(entry)) for fact in facts))
    return table


def _few_lines_each(entries: Sequence[Entry], root: Path) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(overflow="fold")
    for i, entry in enumerate(entries):
        if i:
            table.add_row()
        table.add_row(_status(entry), Text(_name(entry, root), "bold"))
        left = filter(None, (_step(entry), _time(entry)))
        right = filter(None, (_choices(entry), _figures(entry), _alarms(entry), _reason(entry)))
        for cells in zip_longest(left, right, fillvalue=""):
            table.add_row(*map(Text, cells))
    return table


def _name(entry: Entry, root: Path) -> str:
    name = str(entry.path.relative_to(root))
    return printable(str(root) if name == "." else name)


def _status(entry: Entry) -> Text:
    return Text(entry.status, COLOURS[entry.status])


def _step(entry: Entry) -> str:
    return "" if entry.step is None else f"{entry.step:,}/{entry.steps:,}"


def _time(entry: Entry) -> str:
    return "" if entry.seconds is None else duration(entry.seconds)


def _choices(entry: Entry) -> str:
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


def _alarms(entry: Entry) -> str:
    """Which were raised, and when.

    >>> _alarms(Entry(Path(), alarms=[{"name": "mode_collapse", "step": 1200}, {"name": "oscillating", "step": 1500}]))
    'mode_collapse@1200 oscillating@1500'
    """
    return printable(" ".join(f"{alarm['name']}@{alarm['step']}" for alarm in entry.alarms))


def _reason(entry: Entry) -> str:
    """Why it is not finished: the first line of what it says."""
    lines = (entry.problem or entry.reason or "").strip().splitlines()
    return printable(lines[0]) if lines else ""


if __name__ == "__main__":
    main()

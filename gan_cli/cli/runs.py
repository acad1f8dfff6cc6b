"""`gan-runs [DIR]`: what was run, with which choices, and how it went. Never imports torch."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from gan_cli.cli.command import as_command, at_least, new_parser, printable
from gan_cli.cli.runs_delete import delete
from gan_cli.cli.runs_keys import is_plain, paths_shown, require_known
from gan_cli.cli.runs_order import ordered, way
from gan_cli.cli.runs_table import drawn
from gan_cli.cli.runs_where import Condition, condition
from gan_cli.errors import ConfigError, RunError
from gan_cli.listing import RUN, STATUS, Entry, begun_last, fill
from gan_cli.reading import is_directory

ABOUT = """\
List the runs at and below each DIR, newest first; of a DIR that is a run itself, show all about it.

On a terminal that is too narrow for one line a run, each takes a few; in a pipe it is always one.
"""
EXAMPLES = """\
A KEY is a choice (loss), a setting (train.d_steps, seed), a figure (loss/g, eval/cfd, cfd), or one of run, status,
reason, step, steps, time, created, alarm. Of a figure the last value counts. A VALUE may have * and ?, and several
stand with commas between them. A figure that has a better way is sorted by it, the best first.

examples:
  gan-runs
  gan-runs outputs/latest
  gan-runs outputs/sweeps --where loss=hinge,wgan_gp --where 'eval/cfd<20' --sort cfd -n 20
  gan-runs --where status=failed,lost --where 'created>=2026-11-22'
  gan-runs --delete outputs/2026-11-22/18-30-00-123456_mlp-hinge
  gan-runs --json | jq -r '.[] | select(.status == "failed") | .path'
"""


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    parser = new_parser("gan-runs", ABOUT, EXAMPLES)
    parser.add_argument("directories", metavar="DIR", type=Path, nargs="*", help="(outputs)")
    parser.add_argument(
        "--where", metavar="KEY=VALUE", action="append", default=[], help="only such runs; or != < <= > >=; repeatable"
    )
    parser.add_argument("--sort", metavar="KEY", help="by this, and not the newest first")
    parser.add_argument("--reverse", action="store_true", help="the other way round")
    parser.add_argument("-n", "--number", metavar="N", type=at_least(1), help="only the first N (default: all)")
    parser.add_argument("--json", action="store_true", help="for other programs, figures unrounded")
    parser.add_argument("--delete", action="store_true", help="remove each DIR, which is a run; asks before")
    parser.add_argument("--sweep", action="store_true", help="with --delete: of a DIR that is a sweep all runs go")
    parser.add_argument("--yes", action="store_true", help="with --delete: do not ask")
    options = parser.parse_args(argv)
    with as_command():
        roots, listing = options.directories, (options.where, options.sort, options.reverse, options.number)
        if options.delete:
            if any(listing) or options.json:
                raise ConfigError("--delete takes directories of runs, and no --where, --sort, --reverse, -n or --json")
            delete(roots, options.sweep, options.yes)
        elif options.sweep or options.yes:
            raise ConfigError("--sweep and --yes are of --delete")
        elif len(roots) == 1 and not any(listing) and _is_run(roots[0]):
            from gan_cli.cli.runs_detail import show

            show(roots[0], options.json)
        else:
            _list(roots or [Path("outputs")], *listing, options.json)


def _is_run(directory: Path) -> bool:
    return any(os.path.lexists(directory / name) for name in (RUN, STATUS))


def _list(
    roots: Sequence[Path], where: Sequence[str], sort: str | None, turned: bool, number: int | None, as_json: bool
) -> None:
    for root in roots:
        if not is_directory(root):
            raise RunError(
                f"there is no directory {str(root)!r}; runs land in outputs, give another place with gan-runs DIR"
            )
    conditions = [condition(text) for text in where]
    found: dict[Path, Entry] = {}
    for root in roots:
        found |= {entry.path: entry for entry in begun_last(root, _warn)}
    entries = sorted(found.values(), key=lambda entry: (entry.time, str(entry.path)), reverse=True)
    chosen = _chosen(entries, conditions)
    if sort is not None:
        require_known(sort, chosen, "--sort")
        chosen = ordered(chosen, sort, turned)
    elif turned:
        chosen.reverse()
    shown = [fill(entry) for entry in chosen[:number]]
    names = paths_shown(shown, roots)
    if as_json:
        print(json.dumps([plain(entry, names[entry.path]) for entry in shown], indent=2))
    elif not entries:
        print(f"no runs in {printable(' '.join(map(str, roots)))} yet; start one with: gan-train train.steps=300")
    elif not shown:
        print(f"none of the {len(entries):,} runs is {printable(' and '.join(where))}")
    else:
        asked = [key for key in (*(one.key for one in conditions), sort) if key is not None and not is_plain(key)]
        print(drawn(shown, names, list(dict.fromkeys(asked)), Console(highlight=False)), end="")
        if len(shown) < len(entries):
            print(f"\n{_which(len(shown), len(chosen), len(entries), sort, turned)}")


def _chosen(entries: Sequence[Entry], conditions: Sequence[Condition]) -> list[Entry]:
    """The runs that meet all conditions: what a run is not asked for is not read."""
    chosen = [*entries]
    for one in conditions:
        require_known(one.key, entries, "--where")
        chosen = [entry for entry in chosen if one.holds(entry)]
    return chosen


def _which(shown: int, chosen: int, entries: int, sort: str | None, turned: bool) -> str:
    """What stands below a list that does not hold all runs."""
    order = f", {way(sort, turned)}" if sort else ""
    if shown == chosen:
        return f"{chosen:,} of {entries:,} runs{order}"
    first = "" if sort else "oldest " if turned else "newest "
    match = f"{chosen:,} runs" if chosen == entries else f"the {chosen:,} runs that match, of {entries:,}"
    return f"the {first}{shown:,} of {match}{order}"


def _warn(line: str) -> None:
    print(printable(line), file=sys.stderr)


def plain(entry: Entry, name: str) -> dict[str, object]:
    """A run as JSON has it."""
    kept = ["status", "reason", "problem", "alarms", "step", "steps", "seconds", "created", "seed"]
    kept += ["choices", "overrides", "metrics"]
    return {"run": printable(name), "path": str(entry.path)} | {key: getattr(entry, key) for key in kept}


if __name__ == "__main__":
    main()

"""`gan-reproduce`: rows of the papers' tables, each with one command. Torch comes in late."""

from __future__ import annotations

import shlex
import sys
from argparse import Namespace
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.table import Table

from gan_cli.cli import launch
from gan_cli.cli.command import as_command, at_least, new_parser, printable, screenful
from gan_cli.cli.overrides import key_of
from gan_cli.cli.reproduce_list import details, overview
from gan_cli.cli.reproducing import PICTURE, How, draw, reproduce
from gan_cli.console import duration
from gan_cli.errors import DataError, RunError
from gan_cli.files import write_text
from gan_cli.suite import reached
from gan_cli.suite.catalogue import ROWS, chosen
from gan_cli.suite.outcome import Outcome, verdict
from gan_cli.suite.rows import Row
from gan_cli.suite.tables import APART, HEADINGS, cells, markdown, to_csv

OUT = Path("outputs/reproduce")
MARKDOWN, CSV = "results.md", "figures.csv"
WIDE = 200  # columns in a pipe

ABOUT = """\
Reproduce rows of the papers' tables: train, measure, and hold the figures against the paper's and a band.

ROW is a name of the list. Each row is a sweep of gan-train over its seeds, below the output directory: stopped or
killed, the same line goes on where it was, and runs nothing again that is finished.
"""
EXAMPLES = """\
examples:
  gan-reproduce --list                              the suite, a line a row, with the last figures
  gan-reproduce --list ring                         all about a row: papers, bands, figures here and yours
  gan-reproduce dirac gaussian ring_oracle          seconds
  gan-reproduce ring grid --seeds 10                twenty minutes on one core
  gan-reproduce dcgan_mnist -- dataset.root=data    settings behind -- go to every run
  gan-reproduce lucic_mnist --dry-run               the lines of gan-train, and about how long they take

files below the output directory: results.md, figures.csv (every seed), ROW/result.json, ROW/samples.png, and the runs

exit codes: 0 all rows are in their bands, 1 one is not or a run failed, 2 arguments, 4 for want of data alone,
5 a file cannot be written, 6 another command runs the row
"""


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    words = [*(sys.argv[1:] if argv is None else argv)]
    at = words.index("--") if "--" in words else len(words)
    words, behind = words[:at], words[at + 1 :]
    parser = new_parser("gan-reproduce", ABOUT, EXAMPLES)
    parser.add_argument("rows", metavar="ROW", nargs="*", help="of the suite")
    parser.add_argument("--list", action="store_true", help="show the suite, or all about these rows, and run nothing")
    parser.add_argument("--seeds", type=at_least(1), metavar="N", help="0 to N - 1 (default: as the row says)")
    parser.add_argument("--out", type=Path, default=OUT, metavar="DIR", help=f"where all of it goes ({OUT})")
    parser.add_argument(
        "--set", dest="settings", action="append", default=[], metavar="KEY=VALUE", help="for every run; again for more"
    )
    parser.add_argument("--dry-run", action="store_true", help="print what would be run, and about how long it takes")
    parser.add_argument("--retry", action="store_true", help="run failed jobs again, from their last checkpoint")
    parser.add_argument("--measure-again", action="store_true", help="measure runs that were measured, too")
    parser.add_argument("--record", action="store_true", help="keep the figures as those that are shipped")
    options = parser.parse_args(words)
    options.settings += behind
    if not options.rows and not options.list:
        parser.error("which rows? gan-reproduce --list shows them")
    with as_command():
        rows = chosen(options.rows, ROWS) if options.rows else [*ROWS.values()]
        launch.refuse_settings(options.settings)
        if options.list:
            print((details if options.rows else overview)(rows, options.out))
        elif options.dry_run:
            _dry(rows, options)
        elif code := _run(rows, options):
            sys.exit(code)


def _dry(rows: Sequence[Row], options: Namespace) -> None:
    total, known = 0.0, reached.shipped()
    for row in rows:
        seeds = row.seeds_of(options.seeds)
        each = _seconds(known.get(row.name)) or 60 * row.minutes
        total += seeds * each * len(row.variants)
        for variant in row.variants:
            if row.trains:
                print(printable(launch.command(*How(options.settings, options.out).sweep(row, variant, seeds))))
            else:
                print(f"# {row.name} {variant.name}".rstrip() + ": a function, no training")
        print(f"# {row.name}: about {duration(seeds * each * len(row.variants))} ({row.cost})")
    print(f"# in all about {duration(total)}")


def _seconds(known: Outcome | None) -> float | None:
    """Of a seed and variant."""
    return known.seconds / len(known.samples) if known and known.samples else None


def _run(rows: Sequence[Row], options: Namespace) -> int:
    results: list[tuple[Row, Outcome]] = []
    try:
        options.out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RunError(f"--out {options.out}: cannot be made: {error.strerror}; choose another place") from error
    how = How(options.settings, options.out, options.retry, options.measure_again)
    for row in rows:
        seeds = row.seeds_of(options.seeds)
        command = _command(row, seeds, options)
        found = reproduce(row, seeds, command, how)
        draw(row, seeds, how)
        results.append((row, found))
        _write(options.out)
        if options.record:
            reached.record(found)
    _print(results)
    print(f"\nwrote {printable(str(options.out / MARKDOWN))} and {CSV}")
    return _code(results)


def _command(row: Row, seeds: int, options: Namespace) -> str:
    settings = [text for text in options.settings if key_of(text) != "dataset.root"]  # of one machine alone
    behind = ["--", *settings] if settings else []
    return shlex.join(["gan-reproduce", row.name, "--seeds", str(seeds), *behind])


def _write(out: Path) -> None:
    """The page and the table of all rows that were ever run into this directory."""
    results = [(row, found) for row in ROWS.values() if (found := reached.own(out, row.name))]
    pictures = [f"{row.name}/{PICTURE}" for row, _ in results if (out / row.name / PICTURE).is_file()]
    write_text(out / MARKDOWN, markdown(results, pictures))
    write_text(out / CSV, to_csv(found for _, found in results))


def _print(results: Sequence[tuple[Row, Outcome]]) -> None:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in HEADINGS:
        table.add_column(heading, overflow="fold")
    for row, found in results:
        for cell in cells(row, found):
            table.add_row(*map(printable, cell), style="red" if cell[-1].startswith("no") else "")
    terminal = Console(highlight=False, markup=False)
    if not terminal.is_terminal:
        terminal.width = WIDE
    with terminal.capture() as captured:
        terminal.print(table)
    print("\n" + "\n".join(line.rstrip() for line in captured.get().splitlines()))


def _code(results: Sequence[tuple[Row, Outcome]]) -> int:
    """Say which rows are not reproduced and why; the exit code."""
    codes, said = {0}, []
    for row, found in results:
        if verdict(row, found) != "no":
            continue
        for_data = bool(found.failed) and all(sample.data for sample in found.failed)
        codes.add(DataError.exit_code if for_data else 1)
        if found.failed:
            first = found.failed[0]
            said.append(f"{row.name}: {len(found.failed)} of {len(found.samples)} jobs failed: {first.error}")
        else:
            told = cells(row, found)
            apart = [f"{cell[0]} {cell[1]}" for cell in told if cell[-1] == APART]
            missed = [f"{cell[0]} {cell[1]} {cell[-1].removeprefix('no: ')} ({cell[-2]})" for cell in told
                      if cell[-1].startswith("no") and cell[-1] != APART]
            said += [f"{row.name}: {APART.removeprefix('no: ')}: {', '.join(apart)}"] if apart else []
            said += [f"{row.name}: outside of its band: {'; '.join(missed)}"] if missed else []
    if any(row.trains and found.failed for row, found in results):
        said.append("the same line with --retry runs failed jobs again")
    if said:
        print(screenful("\n".join(said)), file=sys.stderr)
    return 1 if 1 in codes else max(codes)


if __name__ == "__main__":
    main()

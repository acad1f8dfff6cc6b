"""`gan-report DIR...`: what several runs say together. Nothing here imports torch."""

from __future__ import annotations

import os
import shlex
import sys
from argparse import ArgumentTypeError
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from gan_cli.cli.command import as_command, at_least, new_parser, printable
from gan_cli.errors import RunError
from gan_cli.files import write_text
from gan_cli.reading import is_directory, is_regular, open_regular

if TYPE_CHECKING:
    from gan_cli.report.model import Report

ABOUT = """\
Compare runs: one page that opens from disk, and the same as Markdown and CSV.

It says what differs between the configurations, shows curves with the band over seeds and sample grids side by side,
and tells whether a difference is more than seed noise: the mean of each configuration with its 95 % interval, Welch's
t-test with Holm's correction, and how many runs it would take.
"""
MORE = """\
examples:
  gan-report outputs/sweeps/2026-11-22_10-00-00
  gan-report outputs --metric cfd --metric 'samples/*'
  gan-report runs/a runs/b --out results/ab --title 'hinge or not' --format md

files:
  report.html                     the page, with everything in it
  report.md                       tables
  report.csv                      a line a run: settings that differ, all figures, the command
  report-metrics.csv              a line a configuration and metric
  report-tests.csv                a line a comparison
"""
_ENDINGS = {"html": (".html",), "md": (".md",), "csv": (".csv", "-metrics.csv", "-tests.csv")}
_MARKS = {".html": b'content="gan-report"', ".md": b"<!-- gan-report"}  # of what may be replaced
_FAR = 2000  # bytes in which a mark is looked for
SHOWN = 8  # sentences on the screen


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    parser = new_parser("gan-report", ABOUT, MORE)
    parser.add_argument("directories", metavar="DIR", type=Path, nargs="+", help="runs, sweeps, or directories of them")
    parser.add_argument(
        "--out",
        metavar="NAME",
        type=Path,
        default=Path("report"),
        help="of the files, without ending; or a folder (report)",
    )
    parser.add_argument(
        "--metric",
        metavar="M",
        action="append",
        default=[],
        help="to compare: a tag, an evaluation's short name, or a pattern such as 'eval/*' (what evaluations found)",
    )
    parser.add_argument("--best", action="store_true", help="take each run's best value in the place of its last one")
    parser.add_argument("--unfinished", action="store_true", help="count runs that did not come to their end as well")
    parser.add_argument("--title", metavar="T", help="of the page")
    parser.add_argument(
        "--format", metavar="F[,F...]", type=_formats, default=tuple(_ENDINGS), help="html, md and csv (all)"
    )
    parser.add_argument("--max-runs", metavar="N", type=at_least(1), default=2000, help="only the newest N (2000)")
    parser.add_argument("--max-mb", metavar="N", type=at_least(1), help="megabytes of pictures in the page (20)")
    options = parser.parse_args(argv)
    given = sys.argv[1:] if argv is None else argv
    with as_command():
        for directory in options.directories:
            if not is_directory(directory):
                raise RunError(f"there is no directory {str(directory)!r}; give a run, a sweep, or one above them")
        places = _places(options.out, options.format)
        from gan_cli.report.make import Wanted, make  # numpy, and later scipy and plotly

        wanted = Wanted(options.metric, options.best, options.unfinished, options.max_runs, options.title)
        report = make(options.directories, wanted, shlex.join(["gan-report", *given]), _say)
        for path, text in zip(places, _texts(report, options.format, options.max_mb), strict=True):
            write_text(path, text)
        _show(report, places)


def _formats(text: str) -> tuple[str, ...]:
    found = text.split(",")
    if not set(found) <= set(_ENDINGS):
        raise ArgumentTypeError(f"must be some of {', '.join(_ENDINGS)}, got {text!r}")
    return tuple(kind for kind in _ENDINGS if kind in found)


def _places(out: Path, formats: Sequence[str]) -> list[Path]:
    """The files that will be written, looked at before anything is computed.

    Raises:
        RunError: there is no such place, or a file that is somebody's own.
    """
    stem = out / "report" if is_directory(out) else out.with_suffix("") if out.suffix[1:] in _ENDINGS else out
    if not is_directory(stem.parent):
        raise RunError(f"--out: there is no directory {str(stem.parent)!r}")
    found = [stem.with_name(f"{stem.name}{ending}") for kind in formats for ending in _ENDINGS[kind]]
    for path in found:
        if os.path.lexists(path) and not (is_regular(path) and _is_ours(path)):
            raise RunError(f"{path}: is there, and gan-report did not write it; choose another place with --out NAME")
    return found


def _is_ours(path: Path) -> bool:
    """Whether an earlier report may be replaced: a file that says that gan-report wrote it, or a table as it writes."""
    with open_regular(path) as file:
        head = file.read(_FAR)
    if path.suffix == ".csv":
        from gan_cli.report import csvfiles

        return head.decode(errors="replace").startswith(csvfiles.HEADS)
    return _MARKS[path.suffix] in head


def _texts(report: Report, formats: Sequence[str], max_mb: int | None) -> Iterator[str]:
    if "html" in formats:
        from gan_cli.report import page

        yield page.html(report) if max_mb is None else page.html(report, max_mb * 10**6)
    if "md" in formats:
        from gan_cli.report.markdown import markdown

        yield markdown(report)
    if "csv" in formats:
        from gan_cli.report import csvfiles

        yield from (csvfiles.runs(report), csvfiles.summaries(report), csvfiles.tests(report))


def _show(report: Report, places: Sequence[Path]) -> None:
    from gan_cli.report.verdict import findings

    sentences = findings(report)
    print(f"{_count(len(report.runs), 'run')} of {_count(len(report.groups), 'configuration')}")
    for sentence in sentences[:SHOWN]:
        print(f"  {printable(sentence)}")
    if len(sentences) > SHOWN:
        print(f"  and {len(sentences) - SHOWN} more metrics")
    for path in places:
        print(printable(str(path)))


def _count(n: int, word: str) -> str:
    return f"{n:,} {word}" if n == 1 else f"{n:,} {word}s"


def _say(line: str) -> None:
    print(printable(line), file=sys.stderr)


if __name__ == "__main__":
    main()

"""`gan-theory`: what the papers prove of two normal densities, and what a trained D finds. Torch comes in late."""

from __future__ import annotations

import json
import os
from argparse import ArgumentTypeError
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.table import Table

from gan_cli.cli.command import as_command, at_least, new_parser
from gan_cli.cli.imports import uncollected
from gan_cli.errors import RunError

if TYPE_CHECKING:
    from gan_cli.models.mlp import Discriminator
    from gan_cli.theory import Row

SHIFTS = (0.0, 0.5, 1.0, 2.0, 3.0, 4.0, 8.0)
FARTHEST = 20.0  # two normal densities so far apart share 2e-23
APART = 6.0  # from here on the last column no longer agrees: D has no data to learn that slope from
WIDE = 108  # columns of exact and trained side by side

COLUMNS = {  # a field of theory.Row: its heading
    "value": "V(D, G)",
    "d_loss": "D's loss",
    "js": "JS, nats",
    "accuracy": "accuracy",
    "d_g_z": "D(G(z))",
    "slope_minimax": "minimax",
    "slope_nonsaturating": "non-saturating",
}
PAIRS = tuple(name for name in COLUMNS if name != "d_loss")  # beside V, D's loss would say nothing new

ABOUT = """\
The theory of Goodfellow et al. 2014 in numbers: data N(0, 1), samples N(mu, 1), and the best D there is.

Beside each exact number stands that of a D trained with this project's own losses on samples of both. docs/theory.md
explains the columns. The last two are G's gradient |dL/dmu| under both losses, D held fixed.
"""
EXAMPLES = """\
examples:
  gan-theory                             about ten seconds
  gan-theory --mu 0.1 0.2 --seed 3
  gan-theory --exact-only                at once, with D's loss in a column of its own
  gan-theory --plot theory.png           the picture of docs/theory.md
  gan-theory --json | jq '.[].trained.js'

exit codes: 0 done, 2 arguments, 5 the picture cannot be written
"""


def main(argv: Sequence[str] | None = None) -> None:
    """The console script."""
    parser = new_parser("gan-theory", ABOUT, EXAMPLES)
    shown = " ".join(f"{mu:g}" for mu in SHIFTS)
    parser.add_argument("--mu", type=_shift, nargs="+", default=SHIFTS, metavar="MU", help=f"shifts of q ({shown})")
    parser.add_argument("--seed", type=at_least(0), default=0, metavar="S", help="of D's weights and all samples (0)")
    parser.add_argument("--exact-only", action="store_true", help="train nothing")
    parser.add_argument("--plot", type=_png, metavar="FILE", help="draw D, D*, p, q, G's gradients and the distances")
    parser.add_argument("--json", action="store_true", help="all digits and standard errors, for other programs")
    options = parser.parse_args(argv)
    with as_command():
        if options.plot is not None and not os.path.isdir(options.plot.absolute().parent):
            raise RunError(f"--plot: there is no directory {str(options.plot.parent)!r}")
        _theory([*dict.fromkeys(options.mu)], options.seed, options.exact_only, options.plot, options.json)


def _shift(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        raise ArgumentTypeError(f"must be a number, got {text!r}") from None
    if not 0 <= value <= FARTHEST:
        raise ArgumentTypeError(f"must be in [0, {FARTHEST:g}], got {text}")
    return value


def _png(text: str) -> Path:
    if Path(text).suffix != ".png":
        raise ArgumentTypeError(f"must end in .png, got {text!r}")
    return Path(text)


def _theory(shifts: Sequence[float], seed: int, exact_only: bool, plot: Path | None, as_json: bool) -> None:
    with uncollected():
        from gan_cli.theory import optimum  # torch comes in here

    exact = [optimum(mu) for mu in shifts]
    trained, rows, errors = ({}, [], []) if exact_only else _trained(shifts, seed)
    if as_json:
        named = {"exact": exact, "trained": rows, "standard_error": errors}
        plain = [
            {"mu": mu} | {name: _plain(found[i]) for name, found in named.items() if found}
            for i, mu in enumerate(shifts)
        ]
        print(json.dumps(plain, indent=2))
    else:
        _print(exact, rows, errors)
    if plot is not None:
        _draw(plot, shifts, trained, rows)
        if not as_json:
            print(f"\nwrote {plot}")


def _plain(row: Row) -> dict[str, float]:
    return {name: getattr(row, name) for name in COLUMNS}


def _trained(shifts: Sequence[float], seed: int) -> tuple[dict[float, Discriminator], list[Row], list[Row]]:
    """A trained D for each shift, what it says, and the standard errors."""
    import torch

    from gan_cli.measure import measure, train

    torch.set_num_threads(1)  # networks as small as these lose by more
    found, measured = {}, []
    with Console(stderr=True).status("") as status:  # seen on a terminal only
        for mu in shifts:
            status.update(f"training D for mu = {mu:g}")
            found[mu] = train(mu, seed)
            measured.append(measure(found[mu], mu, seed))
    rows, errors = zip(*measured, strict=True)
    return found, [*rows], [*errors]


def _print(exact: Sequence[Row], rows: Sequence[Row], errors: Sequence[Row]) -> None:
    terminal = Console(highlight=False)
    table = _one_kind(exact)
    if rows:
        stacked = terminal.is_terminal and terminal.width < WIDE
        table = (_stacked if stacked else _side_by_side)(exact, rows, errors)
    if not terminal.is_terminal:
        terminal.width = WIDE  # in a pipe rich takes 80 columns and would cut
    with terminal.capture() as captured:
        terminal.print(table)
    print("\n".join(line.rstrip() for line in captured.get().splitlines()))  # rich fills up to the edge
    print(f"\n{_remarks(exact, bool(rows))}")


def _table(*headings: str) -> Table:
    table = Table(box=None, padding=(0, 2, 0, 0), header_style="bold")
    for heading in headings:
        table.add_column(heading, no_wrap=True, justify="right")
    return table


def _one_kind(exact: Sequence[Row]) -> Table:
    table = _table("mu", *COLUMNS.values())
    for row in exact:
        table.add_row(f"{row.mu:g}", *(_number(getattr(row, name)) for name in COLUMNS))
    return table


def _side_by_side(exact: Sequence[Row], rows: Sequence[Row], errors: Sequence[Row]) -> Table:
    table = _table("\nmu", *(f"{COLUMNS[name]:^15}\n  exact trained" for name in PAIRS))
    for row, found in zip(exact, rows, strict=True):
        pairs = (f"{_number(getattr(row, name)):>7} {_number(getattr(found, name)):>7}" for name in PAIRS)
        table.add_row(f"{row.mu:g}", *pairs)
    table.add_row("+-", *_largest(errors), style="dim")
    return table


def _stacked(exact: Sequence[Row], rows: Sequence[Row], errors: Sequence[Row]) -> Table:
    table = _table("mu", "", *(COLUMNS[name] for name in PAIRS))
    for row, found in zip(exact, rows, strict=True):
        table.add_row(f"{row.mu:g}", "exact", *(_number(getattr(row, name)) for name in PAIRS))
        table.add_row("", "trained", *(_number(getattr(found, name)) for name in PAIRS), style="dim")
    table.add_row("+-", "", *_largest(errors), style="dim")
    return table


def _largest(errors: Sequence[Row]) -> list[str]:
    """The largest standard error of each column."""
    return [_number(max(getattr(error, name) for error in errors)) for name in PAIRS]


def _number(value: float) -> str:
    return f"{value:.4f}".replace("-0.0000", "0.0000")


def _remarks(exact: Sequence[Row], trained: bool) -> str:
    lines = [
        "V = -(D's loss) = 2 JS - log 4. minimax, non-saturating: |dL_G/dmu| under each",
        "loss of G, D held fixed.",
    ]
    if trained:
        from gan_cli.measure import BATCH, HELD_OUT, STEPS, UNITS

        lines += [
            f"trained: D is an MLP of {UNITS} maxout units after {STEPS} steps of Adam, each on {BATCH}",
            f"samples of p and of q. Its figures are means over {HELD_OUT:,} new samples of",
            "each; +- is the largest standard error of a column.",
        ]
    if trained and any(row.mu >= APART for row in exact):
        lines += [
            f"From mu = {APART:g} on hardly a sample of p lies where q does: nothing tells D the slope",
            "that the non-saturating G climbs there.",
        ]
    return "\n".join(lines)


def _draw(path: Path, shifts: Sequence[float], trained: dict[float, Discriminator], rows: Sequence[Row]) -> None:
    from gan_cli.grid import save_png
    from gan_cli.theory_plot import picture

    try:
        save_png(path, picture(shifts, trained, rows))
    except OSError as error:
        raise RunError(f"{path}: cannot be written: {error.strerror or error}") from error


if __name__ == "__main__":
    main()

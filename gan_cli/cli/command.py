"""What a command that is not Hydra's owes its user: an error is a message and an exit code, never a traceback."""

import sys
import textwrap
from argparse import ArgumentParser, ArgumentTypeError, BooleanOptionalAction, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from gan_cli import __version__
from gan_cli.cli.signals import stopped_by_signal
from gan_cli.errors import GanError, RunError
from gan_cli.files import silence

LINES, COLUMNS = 24, 100  # of a message on the screen


class _Parser(ArgumentParser):
    """One whose complaints fit on a screen, whatever they quote."""

    def error(self, message: str) -> NoReturn:
        """Say how the command is used and what was wrong with it, and end it with 2."""
        self.print_usage(sys.stderr)
        end(f"{self.prog}: error: {message}", 2)


def new_parser(name: str, about: str, more: str) -> ArgumentParser:
    """A parser with what every command has: text in front of and behind the options, and --version."""
    parser = _Parser(
        name, description=about, epilog=more, formatter_class=RawDescriptionHelpFormatter, allow_abbrev=False
    )
    parser.add_argument("--version", action="version", version=f"gan-cli {__version__}")
    return parser


def at_least(low: int) -> Callable[[str], int]:
    """The type of an argument that is a whole number, as torch can hold it."""
    def whole(text: str) -> int:
        if not text.isdecimal() or not low <= int(text) < 2**63:
            raise ArgumentTypeError(f"must be a whole number of at least {low}, got {text!r}")
        return int(text)

    return whole


def add_weights(parser: ArgumentParser) -> None:
    """The options that say which weights of a run are meant: `ema` and `at`, both None where nothing is said."""
    parser.add_argument(
        "--ema",
        action=BooleanOptionalAction,
        help="weights: the average over training, or those of the last step (default: the average, if there is one)",
    )
    parser.add_argument(
        "--checkpoint",
        dest="at",
        type=lambda text: text if text == "best" else at_least(0)(text),
        metavar="STEP",
        help="a checkpoint that was kept, by its step, or best: that of train.keep_best (default: the newest weights)",
    )


@contextmanager
def as_command() -> Iterator[None]:
    """Around all that a console script does: a user's mistake, a signal and a reader that left end it in good order."""
    try:
        with stopped_by_signal():
            yield
            if sys.stdout is not None:  # as `python -m` has it where the stream was closed
                sys.stdout.flush()  # here, where a closed pipe is still ours to answer
    except GanError as error:
        end(str(error), error.exit_code)
    except KeyboardInterrupt as stop:
        end("\nstopped", getattr(stop, "exit_code", 130))
    except BrokenPipeError:  # `| head -1`: what is left to print has nowhere to go, at the interpreter's exit too
        silence(sys.stdout)
        sys.exit(141)  # 128 + SIGPIPE, as the shell says it of others
    except OSError as error:
        if error.filename is not None:  # of a file, and those are answered where they are written
            raise
        silence(sys.stdout)
        end(f"standard output cannot be written: {error.strerror}", RunError.exit_code)


def end(message: str, code: int) -> NoReturn:
    """Say why, within a screen, and end the command."""
    print(screenful(message), file=sys.stderr)
    sys.exit(code)


def screenful(text: str) -> str:
    """A message as it may come to a screen: printable, at most 24 lines of 100 columns.

    >>> print(screenful("what: " + 30 * "a long sentence goes on below "))  # doctest: +ELLIPSIS
    what: a long sentence goes on below a long sentence ...
      ...
    >>> len(screenful("x" * 10_000).splitlines()), len(screenful("x\\n" * 10_000).splitlines())
    (6, 24)
    """
    lines: list[str] = []
    for line in text.splitlines():
        line = printable(line.expandtabs(2).rstrip())
        indent = " " * (len(line) - len(line.lstrip()) + 2)
        if line.lstrip().startswith("gan-train "):  # to be copied
            lines.append(line)
            continue
        wrapped = textwrap.wrap(line, COLUMNS, subsequent_indent=indent, break_on_hyphens=False) or [""]
        if len(wrapped) > 6:  # what is that long was no message of ours, but something that it quotes
            wrapped = [*wrapped[:5], f"{wrapped[5][: COLUMNS - 3]}..."]
        lines += wrapped
    if len(lines) > LINES:
        lines = [*lines[: LINES - 1], f"and {len(lines) - LINES + 1} more lines"]
    return "\n".join(lines)


def printable(text: str) -> str:
    """Text of somebody else's file for the screen: what a terminal would obey is shown escaped.

    >>> print(printable("fine, \\x1b[31mnot red\\n"))
    fine, \\x1b[31mnot red\\n
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)

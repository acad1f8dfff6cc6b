"""What a command that is not Hydra's owes its user: an error is a message and an exit code, never a traceback."""

import sys
from argparse import ArgumentParser, ArgumentTypeError, RawDescriptionHelpFormatter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import NoReturn

from gan_cli import __version__
from gan_cli.cli.signals import stopped_by_signal
from gan_cli.errors import GanError, RunError
from gan_cli.files import silence


def new_parser(name: str, about: str, more: str) -> ArgumentParser:
    """A parser with what every command has: text in front of and behind the options, and --version."""
    parser = ArgumentParser(
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


@contextmanager
def as_command() -> Iterator[None]:
    """Around all that a console script does: a user's mistake, a signal and a reader that left end it in good order."""
    try:
        with stopped_by_signal():
            yield
            sys.stdout.flush()  # here, where a closed pipe is still ours to answer
    except GanError as error:
        _end("\n".join(printable(line) for line in str(error).splitlines()), error.exit_code)
    except KeyboardInterrupt as stop:
        _end("\nstopped", getattr(stop, "exit_code", 130))
    except BrokenPipeError:  # `| head -1`: what is left to print has nowhere to go, at the interpreter's exit too
        silence(sys.stdout)
        sys.exit(141)  # 128 + SIGPIPE, as the shell says it of others
    except OSError as error:
        if error.filename is not None:  # of a file, and those are answered where they are written
            raise
        silence(sys.stdout)
        _end(f"standard output cannot be written: {error.strerror}", RunError.exit_code)


def _end(message: str, code: int) -> NoReturn:
    print(message, file=sys.stderr)
    sys.exit(code)


def printable(text: str) -> str:
    """Text of somebody else's file for the screen: what a terminal would obey is shown escaped.

    >>> print(printable("fine, \\x1b[31mnot red\\n"))
    fine, \\x1b[31mnot red\\n
    """
    return "".join(c if c.isprintable() else c.encode("unicode_escape", "surrogatepass").decode() for c in text)

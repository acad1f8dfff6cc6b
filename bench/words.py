"""What the command lines of the measurements have in common."""

import argparse
from collections.abc import Callable, Sequence

RAW = argparse.RawDescriptionHelpFormatter


def several(known: Sequence[str], separator: str = ",") -> Callable[[str], list[str]]:
    """A reader of names out of those that are known."""

    def names(text: str) -> list[str]:
        found = [part.strip() for part in text.split(separator)]
        if wrong := [name for name in found if name not in known]:
            raise argparse.ArgumentTypeError(f"no {', '.join(wrong)}; there are {', '.join(known)}")
        return found

    return names


def numbers(text: str) -> list[int]:
    """A reader of positive numbers.

    >>> numbers("1,2")
    [1, 2]
    """
    try:
        found = [int(part) for part in text.split(",")]
    except ValueError:
        found = [0]
    if min(found) < 1:
        raise argparse.ArgumentTypeError(f"expected numbers of at least 1, such as 1,2; got {text!r}")
    return found

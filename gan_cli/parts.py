"""Names for the parts of a step, which a profile shows. While none is made, a name costs a call of a function."""

import functools
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import ParamSpec, TypeVar

P = ParamSpec("P")
R = TypeVar("R")

_named = False  # whether somebody looks at the names


def part(name: str) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """What a function does, in a word."""

    def decorate(function: Callable[P, R]) -> Callable[P, R]:
        @functools.wraps(function)
        def named(*args: P.args, **kwargs: P.kwargs) -> R:
            if not _named:
                return function(*args, **kwargs)
            from torch.profiler import record_function

            with record_function(name):
                return function(*args, **kwargs)

        return named

    return decorate


@contextmanager
def naming() -> Iterator[None]:
    """In here the parts have names."""
    global _named
    _named = True
    try:
        yield
    finally:
        _named = False

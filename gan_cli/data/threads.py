"""What decoding threads share: a bound on what they hold at once, and quiet."""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from threading import Condition, Lock


class Room:
    """So much of something, of which threads take parts and give them back.

    Args:
        size: of it all, in the unit of the parts.
    """

    def __init__(self, size: int) -> None:
        self.size = self.free = size
        self.change = Condition()

    @contextmanager
    def take(self, part: int) -> Iterator[None]:
        """Wait until there is room; a part larger than all of it waits until nobody has any."""
        part = min(part, self.size)
        with self.change:
            self.change.wait_for(lambda: self.free >= part)
            self.free -= part
        try:
            yield
        finally:
            with self.change:
                self.free += part
                self.change.notify_all()


class Quiet:
    """While any thread is inside, what libraries in C write to standard error is dropped.

    libtiff has a line for each thing it does not like; whoever uses this raises an error that says it once.
    """

    def __init__(self) -> None:
        self.lock, self.inside, self.aside = Lock(), 0, -1

    def __enter__(self) -> None:
        with self.lock:
            self.inside += 1
            if self.inside == 1:
                try:
                    self.aside = os.dup(2)
                except OSError:  # there is no standard error
                    self.aside = -1
                    return
                nowhere = os.open(os.devnull, os.O_WRONLY)
                os.dup2(nowhere, 2)
                os.close(nowhere)

    def __exit__(self, *_: object) -> None:
        with self.lock:
            self.inside -= 1
            if self.inside == 0 and self.aside >= 0:
                os.dup2(self.aside, 2)
                os.close(self.aside)
                self.aside = -1

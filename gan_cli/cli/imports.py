"""Imports without Python's garbage collector, which looks through all that is there again and again as more comes in.

What modules define stays until the end: there is no garbage in it to find. Without the search `import torch` takes a
quarter less time, and afterwards the collector leaves alone what was there, in processes forked from this one, too.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def uncollected() -> Iterator[None]:
    """Nothing is looked through for garbage in here, nor ever again what is there at the end."""
    if not gc.isenabled():  # somebody else's wish
        yield
        return
    before = len(sys.modules)
    gc.disable()
    try:
        yield
    finally:
        if len(sys.modules) > before:
            gc.freeze()
        gc.enable()

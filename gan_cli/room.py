"""What to say where there is no room: the file system refuses to write, or memory ends."""

import errno
import os
import shutil
from contextlib import suppress
from pathlib import Path

from gan_cli.errors import RunError

_FULL = (errno.ENOSPC, errno.EDQUOT)
# As PyTorch's CPU allocator (on Linux and Windows), C++, Apple's devices and Nvidia's libraries say it.
_NO_MEMORY = ("can't allocate memory", "not enough memory", "bad_alloc", "out of memory", "_ALLOC_FAILED")


def refused(path: Path, error: OSError) -> RunError:
    """The error of a file that cannot be written: why, and how much room there is where that is the reason."""
    text = f"{path.name} cannot be written: {error.strerror or error}"
    if error.errno == errno.EFBIG:
        text += " for the limit on file sizes that this process has (ulimit -f)"
    if error.errno == errno.ENOENT:
        text += "; was the directory removed or renamed?"
    if error.errno in _FULL:
        with suppress(OSError):
            text += f"; {shutil.disk_usage(path.parent).free / 1e6:,.1f} MB are free"
    return RunError(f"{text}\nin {path.parent}")


def no_place(error: OSError) -> str:
    """What to say of a directory that cannot be made for a run: where, why, and what to do."""
    path, why = Path(str(error.filename)), str(error.strerror)
    if error.errno == errno.EEXIST:
        why = f"is a link to {os.readlink(path)}, where nothing is" if path.is_symlink() else "is a file, no directory"
    name = str(path) if len(str(path)) <= 50 else f"{str(path)[:47]}..."
    return f"{name}: {why}\nchoose another place with hydra.run.dir=..., for a sweep with hydra.sweep.dir=..."


def is_out_of_memory(error: BaseException) -> bool:
    """Whether an error says that memory ended. PyTorch has a class for some devices and words for others."""
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return True
    return isinstance(error, RuntimeError) and any(words in str(error) for words in _NO_MEMORY)

"""What to say where the file system refuses to write."""

import errno
import shutil
from contextlib import suppress
from pathlib import Path

from gan_cli.errors import RunError

_FULL = (errno.ENOSPC, errno.EDQUOT)


def refused(path: Path, error: OSError) -> RunError:
    """The error of a file that cannot be written: why, and how much room there is where that is the reason."""
    text = f"{path}: cannot be written: {error.strerror or error}"
    if error.errno == errno.EFBIG:
        text += " for the limit on file sizes that this process has (ulimit -f)"
    if error.errno == errno.ENOENT:
        text += "; was the directory removed or renamed?"
    if error.errno in _FULL:
        with suppress(OSError):
            text += f"; {shutil.disk_usage(path.parent).free / 1e6:,.1f} MB are free"
    return RunError(text)

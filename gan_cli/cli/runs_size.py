"""How much of the disk a run takes, and what else lies in its directory."""

import os
import re
from dataclasses import dataclass, field
from pathlib import Path

from gan_cli.errors import RunError
from gan_cli.listing import RUN, STATUS
from gan_cli.reading import FILES, FOLDERS, TABLE, TRACKERS

_LOGGED = (TABLE, *TRACKERS, "profile.json.gz")
_NAMES = (*map(re.escape, (*FILES, *FOLDERS, *_LOGGED)), r"\.lock", r"\.tmp-.*", r"events\.out\..*", r".*\.log")
_OURS = re.compile("|".join(_NAMES))
# Beside the runs of a sweep; `3_loss-hinge` of a job that failed before it was one.
_OF_A_SWEEP = re.compile(r"sweep\.json|multirun\.yaml|search\.(csv|md|png)|\.submitit|\.lock|\.tmp-.*|.*\.log|\d+_.+")


@dataclass
class Size:
    """What lies below a directory; links are counted, and not followed.

    Args:
        files: how many.
        bytes: in them; what two names share is counted twice.
        folders: bytes by the first part of the path; of files at the top under "".
        foreign: at the top, what gan-train does not write.
        runs: directories below that are runs, by their paths inside this one.
    """

    files: int = 0
    bytes: int = 0
    folders: dict[str, int] = field(default_factory=dict)
    foreign: list[str] = field(default_factory=list)
    runs: list[str] = field(default_factory=list)

    def __str__(self) -> str:
        """For the screen."""
        return f"{readable(self.bytes)} in {self.files:,} file{'' if self.files == 1 else 's'}"


def size_of(directory: Path, sweep: bool = False) -> Size:
    """Look through the directory of a run, or of a sweep.

    Raises:
        RunError: something in it cannot be opened.
    """
    size, waiting, names = Size(), [""], list[str]()
    while waiting:
        inside = waiting.pop()
        try:
            with os.scandir(directory / inside) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
            if inside and any(entry.name in (RUN, STATUS) for entry in found):
                size.runs.append(inside)
            for entry in found:
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(os.path.join(inside, entry.name))
                else:
                    size.files += 1
                    size.bytes += (length := entry.stat(follow_symlinks=False).st_size)
                    top = inside.split(os.sep)[0]
                    size.folders[top] = size.folders.get(top, 0) + length
            if not inside:
                names = [entry.name for entry in found]
        except FileNotFoundError:  # a run that is on takes away files
            continue
        except OSError as error:
            raise RunError(f"{directory / inside}: cannot be opened: {error.strerror}") from error
    size.runs.sort()
    if sweep:
        runs = {inside.split(os.sep)[0] for inside in size.runs}
        size.foreign = [name for name in names if name not in runs and not _OF_A_SWEEP.fullmatch(name)]
    else:
        size.foreign = [name for name in names if not _OURS.fullmatch(name)]
    return size


def readable(number: int) -> str:
    """Bytes as a person reads them.

    >>> readable(999), readable(12_345), readable(12_345_678)
    ('999 bytes', '12.3 kB', '12.3 MB')
    """
    if number < 1000:
        return f"{number} bytes"
    power = next((power for power in (1, 2, 3) if number < 1000 ** (power + 1)), 4)
    return f"{number / 1000**power:.1f} {('kB', 'MB', 'GB', 'TB')[power - 1]}"

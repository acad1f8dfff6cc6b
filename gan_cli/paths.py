"""Where things are."""

import os
from pathlib import Path

from gan_cli.errors import RunError
from gan_cli.reading import FILES, FOLDERS, require_plain

_PACKAGE = Path(__file__).resolve().parent

# A wheel carries conf/ inside the package; a checkout (also an editable install) has it beside the package.
CONF_DIR = _PACKAGE / "conf" if (_PACKAGE / "conf").is_dir() else _PACKAGE.parent / "conf"


# What `outputs/latest` shows of the newest run: all but the TensorBoard events. TensorBoard follows links, and a link
# to the run itself would give it the newest run twice.
_SHOWN = (*FILES, *FOLDERS)


def point_latest(run_dir: Path) -> Path | None:
    """Make `outputs/latest` show a run directory below `outputs`: a directory of links to its files.

    Returns:
        `outputs/latest`, or None where the run lies elsewhere or the file system has no links.
    """
    outputs, run_dir = Path("outputs").absolute(), run_dir.absolute()
    if outputs not in run_dir.parents:
        return None
    latest = outputs / "latest"
    try:
        latest.mkdir(exist_ok=True)
        for leftover in latest.glob(".tmp-*"):  # of a process that was killed, or of one that points there this moment
            leftover.unlink(missing_ok=True)
        for name in reversed(_SHOWN):  # run.json last: it is the one that `real_run` follows
            fresh = latest / f".tmp-{name}-{os.getpid()}"
            fresh.symlink_to(Path("..") / run_dir.relative_to(outputs) / name)
            os.replace(fresh, latest / name)  # atomic: a reader follows the old run or the new one
    except OSError:
        return None
    return latest


def real_run(path: Path) -> Path:
    """The run directory behind a path that a user gave, looked through before anything in it is read or written.

    Raises:
        RunError: a link in the directory leads elsewhere, or something in it is no file.
    """
    directory = behind_latest(path)
    require_plain(directory)
    return directory


def behind_latest(path: Path) -> Path:
    """Where the links of `outputs/latest` lead; of other directories, themselves.

    A directory of links may be somebody else's work: it is followed as `point_latest` makes it, to a run beside it, and
    nowhere else. Only in the working directory may that run lie behind a link beside it, which the user made.

    Raises:
        RunError: it leads elsewhere.
    """
    directory = path.resolve()
    shown = directory / FILES[0]
    if directory.name != "latest" or not shown.is_symlink():
        return directory
    leads = Path(os.path.normpath(directory / os.readlink(shown)))
    is_beside = directory.parent in leads.parent.parents and leads.parent != directory
    is_own = directory == Path("outputs/latest").resolve()
    if leads.name != shown.name or not is_beside or not (is_own or leads.resolve() == leads):
        raise RunError(f"{shown}: is a link that gan-train did not make; give the run's own directory")
    return leads.parent.resolve()
